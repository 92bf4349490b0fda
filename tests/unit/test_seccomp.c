/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "json/bind.h"
#include "oci/schema.h"
#include "seccomp/compile.h"
#include "seccomp/syscalls.h"

/* What the last test compiled. */
static struct arena arena;
static const struct seccomp_program *program;
static struct hull_error error;

static int teardown(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static int compile_for(const char *json, const char *native)
{
    struct oci_seccomp *s = arena_alloc(&arena, sizeof(*s));
    char *text = arena_strdup(&arena, json);
    memset(&error, 0, sizeof(error));
    if (json_bind(text, strlen(text), &oci_seccomp_type, s, &arena, NULL, &error) < 0)
        fail_msg("%s", error.text);
    return seccomp_compile(s, seccomp_arch_find(native), &arena, NULL, &program, &error);
}

static void compile(const char *json)
{
    if (compile_for(json, "SCMP_ARCH_X86_64") < 0)
        fail_msg("%s", error.text);
}

static uint32_t ask(uint32_t arch, uint32_t nr, uint64_t a0, uint64_t a1)
{
    const struct seccomp_call c = {.nr = nr, .arch = arch, .args = {a0, a1}};
    return seccomp_evaluate(program->v, program->n, &c);
}

static uint32_t ask64(uint32_t nr, uint64_t a0, uint64_t a1)
{
    return ask(AUDIT_ARCH_X86_64, nr, a0, a1);
}

enum { READ = 0, WRITE = 1, SOCKET = 41, GETCWD = 79, MKDIR = 83, PERSONALITY = 135 };
#define ERRNO(n) (SECCOMP_RET_ERRNO | (n))

static void test_actions(void **state)
{
    static const struct {
        const char *word;
        uint32_t ret;
    } rows[] = {
        {"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
        {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
        {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
        {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
        {"SCMP_ACT_ERRNO", ERRNO(EPERM)},
        {"SCMP_ACT_TRACE", SECCOMP_RET_TRACE | EPERM},
        {"SCMP_ACT_LOG", SECCOMP_RET_LOG},
        {"SCMP_ACT_NOTIFY", 0x7fc00000},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        compile(arena_printf(
            &arena,
            "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/a\",\"syscalls\":"
            "[{\"names\":[\"mkdir\"],\"action\":\"%s\"}]}",
            rows[i].word));
        assert_int_equal(ask64(MKDIR, 0, 0), rows[i].ret);
        assert_int_equal(ask64(READ, 0, 0), SECCOMP_RET_ALLOW);
    }
    assert_true(seccomp_word(SECCOMP_WORD_ACTION, 8) && !seccomp_word(SECCOMP_WORD_ACTION, 9));
}

static void test_errno(void **state)
{
    (void)state;
    compile("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":6,\"syscalls\":["
            "{\"names\":[\"mkdir\",\"swapoff\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":100},"
            "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\"},"
            "{\"names\":[\"write\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":0}]}");
    assert_int_equal(ask64(MKDIR, 0, 0), ERRNO(100));
    assert_int_equal(ask64(READ, 0, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(ask64(WRITE, 0, 0), ERRNO(0));
    assert_int_equal(ask64(GETCWD, 0, 0), ERRNO(6));
    assert_int_equal(compile_for("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096}",
                                 "SCMP_ARCH_X86_64"),
                     -HULL_E_CONFIG);
    assert_int_equal(compile_for("{\"defaultAction\":\"SCMP_ACT_KILL\",\"defaultErrnoRet\":1}",
                                 "SCMP_ARCH_X86_64"),
                     -HULL_E_CONFIG);
}

/* A call above the highest number of the profile gets ENOSYS, unless calls pass anyway. */
static void test_newer_calls(void **state)
{
    (void)state;
    compile(
        "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86\"],\"syscalls\":"
        "[{\"names\":[\"read\",\"openat2\",\"no_such_call\"],\"action\":\"SCMP_ACT_ALLOW\"}]}");
    assert_int_equal(ask64(437, 0, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(ask64(436, 0, 0), ERRNO(EPERM));
    assert_int_equal(ask64(438, 0, 0), ERRNO(ENOSYS));
    assert_int_equal(ask(AUDIT_ARCH_I386, 438, 0, 0), ERRNO(ENOSYS));
    assert_int_equal(ask(AUDIT_ARCH_I386, 1, 0, 0), ERRNO(EPERM));
    compile("{\"defaultAction\":\"SCMP_ACT_KILL_PROCESS\",\"syscalls\":"
            "[{\"names\":[\"openat2\"],\"action\":\"SCMP_ACT_KILL_PROCESS\"},{\"names\":[\"read\"],"
            "\"action\":\"SCMP_ACT_ALLOW\"}]}");
    assert_int_equal(ask64(436, 0, 0), SECCOMP_RET_KILL_PROCESS); /* a redundant rule counts too */
    assert_int_equal(ask64(438, 0, 0), ERRNO(ENOSYS));
    compile("{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[{\"names\":[\"read\"],\"action\":"
            "\"SCMP_ACT_TRAP\"}]}");
    assert_int_equal(ask64(438, 0, 0), SECCOMP_RET_LOG);
    compile("{\"defaultAction\":\"SCMP_ACT_ERRNO\"}");
    assert_int_equal(ask64(438, 0, 0), ERRNO(EPERM));
}

static void test_architectures(void **state)
{
    (void)state;
    compile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\"],\"action\":"
            "\"SCMP_ACT_TRAP\"}]}");
    assert_int_equal(program->n_archs, 1);
    assert_int_equal(ask(AUDIT_ARCH_I386, 20, 0, 0), SECCOMP_RET_KILL_THREAD);
    assert_int_equal(ask64(0x40000000 + MKDIR, 0, 0), SECCOMP_RET_KILL_THREAD);
    assert_int_equal(ask64(0xffffffff, 0, 0), SECCOMP_RET_ALLOW); /* a tracer's "skip this call" */
    compile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86\",\"SCMP_"
            "ARCH_X32\",\"SCMP_ARCH_X86_64\"],"
            "\"syscalls\":[{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_TRAP\"}]}");
    assert_int_equal(program->n_archs, 3);
    assert_int_equal(ask(AUDIT_ARCH_I386, 39, 0, 0), SECCOMP_RET_TRAP);
    assert_int_equal(ask(AUDIT_ARCH_I386, 83, 0, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(ask64(MKDIR, 0, 0), SECCOMP_RET_TRAP);
    assert_int_equal(ask64(0x40000000 + MKDIR, 0, 0), SECCOMP_RET_TRAP);
    assert_int_equal(ask64(0x40000000, 0, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(ask(AUDIT_ARCH_ARM, 39, 0, 0), SECCOMP_RET_KILL_THREAD);
}

/* The kernel's checks, and that no jump leaves the program. */
static void check_program(void)
{
    assert_true(program->n > 0 && program->n <= BPF_MAXINSNS);
    for (size_t i = 0; i < program->n; i++) {
        const struct sock_filter *f = &program->v[i];
        if (BPF_CLASS(f->code) == BPF_JMP && BPF_OP(f->code) == BPF_JA)
            assert_true(i + 1 + f->k < program->n);
        else if (BPF_CLASS(f->code) == BPF_JMP)
            assert_true(i + 1 + f->jt < program->n && i + 1 + f->jf < program->n);
    }
    assert_int_equal(BPF_CLASS(program->v[program->n - 1].code), BPF_RET);
}

static void test_every_architecture(void **state)
{
    const struct seccomp_arch *a;
    (void)state;
    for (size_t i = 0; (a = seccomp_arch_at(i)); i++) {
        uint32_t mkdir_nr, openat;
        assert_int_equal(compile_for("{\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":[{"
                                     "\"names\":[\"openat\",\"mkdirat\"],"
                                     "\"action\":\"SCMP_ACT_ALLOW\"}]}",
                                     a->name),
                         0);
        check_program();
        assert_true(seccomp_syscall_number(a, (unsigned)seccomp_syscall_find("openat"), &openat));
        assert_true(
            seccomp_syscall_number(a, (unsigned)seccomp_syscall_find("mkdirat"), &mkdir_nr));
        assert_int_equal(ask(a->audit, openat, 0, 0), SECCOMP_RET_ALLOW);
        assert_int_equal(ask(a->audit, mkdir_nr, 0, 0), SECCOMP_RET_ALLOW);
        assert_int_equal(ask(a->audit, (openat > mkdir_nr ? openat : mkdir_nr) + 1, 0, 0),
                         ERRNO(ENOSYS));
    }
    assert_int_equal((int)(seccomp_word(SECCOMP_WORD_ARCH, 22) != NULL), 1);
    assert_null(seccomp_word(SECCOMP_WORD_ARCH, 23));
}

static void test_sorted(void **state)
{
    (void)state;
    for (unsigned i = 1; i < SYSCALL_COUNT; i++)
        assert_true(strcmp(seccomp_syscall_name(i - 1), seccomp_syscall_name(i)) < 0);
    for (unsigned i = 0; i < SYSCALL_COUNT; i++)
        assert_int_equal(seccomp_syscall_find(seccomp_syscall_name(i)), i);
    for (int kind = SECCOMP_WORD_ACTION; kind <= SECCOMP_WORD_FLAG; kind++)
        for (size_t i = 1; seccomp_word((enum seccomp_word)kind, i); i++)
            assert_true(strcmp(seccomp_word((enum seccomp_word)kind, i - 1),
                               seccomp_word((enum seccomp_word)kind, i)) < 0);
}

static void rule(const char *args)
{
    compile(arena_printf(
        &arena,
        "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86\"],\"syscalls\":"
        "[{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_TRAP\",\"args\":[%s]}]}",
        args));
    check_program();
}

static bool hit(uint64_t a0, uint64_t a1)
{
    return ask64(PERSONALITY, a0, a1) == SECCOMP_RET_TRAP;
}

static void test_operators(void **state)
{
    static const uint64_t v[] = {0,           1,           2,           0xffffffff, 0x100000000,
                                 0x100000001, 0x100000002, 0x200000001, UINT64_MAX};
    static const char *const ops[] = {"NE", "LT", "LE", "EQ", "GE", "GT"};
    (void)state;
    for (size_t op = 0; op < COUNT_OF(ops); op++)
        for (size_t i = 0; i < COUNT_OF(v); i++) {
            rule(arena_printf(&arena, "{\"index\":0,\"value\":%llu,\"op\":\"SCMP_CMP_%s\"}",
                              (unsigned long long)v[i], ops[op]));
            for (size_t k = 0; k < COUNT_OF(v); k++) {
                const uint64_t x = v[k], y = v[i];
                const uint32_t lx = (uint32_t)x, ly = (uint32_t)y;
                const bool want[] = {x != y, x<y, x <= y, x == y, x >= y, x> y};
                const bool want32[] = {lx != ly, lx<ly, lx <= ly, lx == ly, lx >= ly, lx> ly};
                assert_int_equal(hit(x, 0), want[op]);
                assert_int_equal(ask(AUDIT_ARCH_I386, 136, x, 0) == SECCOMP_RET_TRAP, want32[op]);
            }
        }
    rule(
        "{\"index\":1,\"value\":4294967298,\"valueTwo\":4294967299,\"op\":\"SCMP_CMP_MASKED_EQ\"}");
    assert_true(hit(0, 0x100000002) && hit(0, 0xf00000007) && !hit(0, 0x000000002) &&
                !hit(0, 0x100000000));
    rule("{\"index\":1,\"value\":0,\"valueTwo\":7,\"op\":\"SCMP_CMP_MASKED_EQ\"}");
    assert_true(hit(0, 0) && hit(5, 5)); /* no bit counts */
}

static void test_and_or(void **state)
{
    (void)state;
    rule("{\"index\":1,\"value\":2,\"op\":\"SCMP_CMP_EQ\"},{\"index\":0,\"value\":1,\"op\":\"SCMP_"
         "CMP_EQ\"}");
    assert_true(hit(1, 2) && !hit(1, 0) && !hit(0, 2));
    /* Two tests of one argument: each is a rule. */
    rule("{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"},{\"index\":0,\"value\":2,\"op\":\"SCMP_"
         "CMP_EQ\"}");
    assert_true(hit(1, 0) && hit(2, 0) && !hit(3, 0));
    compile("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":["
            "{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,"
            "\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]},"
            "{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,"
            "\"value\":8,\"op\":\"SCMP_CMP_EQ\"}]},"
            "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":0,\"value\":8,"
            "\"op\":\"SCMP_CMP_EQ\"}]},"
            "{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\"},{\"names\":[\"read\"],\"action\":"
            "\"SCMP_ACT_TRAP\"}]}");
    assert_int_equal(ask64(PERSONALITY, 0, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(ask64(PERSONALITY, 8, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(ask64(PERSONALITY, 4, 0), ERRNO(EPERM));
    assert_int_equal(ask64(READ, 8, 0),
                     SECCOMP_RET_ALLOW); /* the first rule without arguments wins over all */
}

static void test_socketcall(void **state)
{
    (void)state;
    compile(
        "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_X86\"],\"syscalls\":"
        "[{\"names\":[\"socket\",\"semget\"],\"action\":\"SCMP_ACT_TRAP\",\"args\":[{\"index\":0,"
        "\"value\":40,\"op\":\"SCMP_CMP_EQ\"}]}]}");
    assert_int_equal(ask64(SOCKET, 40, 0), SECCOMP_RET_TRAP);
    assert_int_equal(ask64(SOCKET, 1, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(ask(AUDIT_ARCH_I386, 359, 40, 0), SECCOMP_RET_TRAP);
    assert_int_equal(ask(AUDIT_ARCH_I386, 102, 1, 0), SECCOMP_RET_TRAP);
    assert_int_equal(ask(AUDIT_ARCH_I386, 102, 2, 0), SECCOMP_RET_ALLOW);
    assert_int_equal(ask(AUDIT_ARCH_I386, 117, 2, 0), SECCOMP_RET_TRAP);
}

static void test_refused(void **state)
{
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"{\"defaultAction\":\"SCMP_ACT_NOTIFY\",\"listenerPath\":\"/a\"}",
         "SCMP_ACT_NOTIFY cannot be used as default action"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/"
         "a\",\"syscalls\":[{\"names\":[\"read\",\"write\"],\"action\":\"SCMP_ACT_NOTIFY\"}]}",
         "SCMP_ACT_NOTIFY cannot be used for the write syscall"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"\",\"syscalls\":[{\"names\":["
         "\"read\"],\"action\":\"SCMP_ACT_NOTIFY\"}]}",
         "seccomp listenerPath is not set"},
        {"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_"
         "RECV\"]}",
         "SCMP_ACT_NOTIFY"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(compile_for(rows[i].json, "SCMP_ARCH_X86_64"), -HULL_E_CONFIG);
        assert_non_null(strstr(error.text, rows[i].text));
    }
}

static void test_flags(void **state)
{
    (void)state;
    compile("{\"defaultAction\":\"SCMP_ACT_ALLOW\"}");
    assert_true(program->flags == SECCOMP_FLAG_SPEC_ALLOW && program->flags_by_default &&
                !program->has_notify);
    compile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[]}");
    assert_true(program->flags == 0 && !program->flags_by_default);
    compile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\","
            "\"SECCOMP_FILTER_FLAG_TSYNC\"]}");
    assert_int_equal(program->flags, SECCOMP_FLAG_LOG);
}

/* So many rules with arguments that most jumps are long; then more than fit. */
static void test_long(void **state)
{
    static const unsigned counts[] = {50, 200, 500, 790, 3000, 9000};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        char *text = arena_alloc(&arena, 160 * counts[i] + 200), *p = text;
        p += sprintf(p, "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":["
                        "\"landlock_restrict_self\"],\"action\":\"SCMP_ACT_LOG\"}");
        for (unsigned k = 0; k < counts[i]; k++)
            p += sprintf(p,
                         ",{\"names\":[\"%s\"],\"action\":\"%s\",\"args\":[{\"index\":1,\"value\":%"
                         "u,\"op\":\"SCMP_CMP_EQ\"}]}",
                         k % 2 ? "mkdir" : "personality",
                         k % 3 ? "SCMP_ACT_ALLOW" : "SCMP_ACT_TRAP", k);
        sprintf(p, "]}");
        const int r = compile_for(text, "SCMP_ARCH_X86_64");
        if (counts[i] >= 3000) {
            assert_int_equal(r, -HULL_E_CONFIG);
            assert_non_null(
                strstr(error.text, "the seccomp filter needs more than 4096 instructions"));
            continue;
        }
        assert_int_equal(r, 0);
        check_program();
        for (unsigned k = 0; k < counts[i] + 2; k++) {
            const uint32_t want = k >= counts[i] ? ERRNO(EPERM)
                                  : k % 3        ? SECCOMP_RET_ALLOW
                                                 : SECCOMP_RET_TRAP;
            assert_int_equal(ask64(k % 2 ? MKDIR : PERSONALITY, 0, k), want);
            assert_int_equal(ask64(k % 2 ? PERSONALITY : MKDIR, 0, k), ERRNO(EPERM));
        }
        assert_int_equal(ask64(446, 0, 0), SECCOMP_RET_LOG);
        assert_int_equal(ask64(447, 0, 0), ERRNO(ENOSYS));
    }
}

/* The kernel takes it. */
static void test_install(void **state)
{
    const struct seccomp_arch *native = seccomp_native_arch();
    (void)state;
    assert_int_equal(
        compile_for("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"getppid\"],"
                    "\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":99}]}",
                    native->name),
        0);
    pid_t pid = fork();
    if (pid == 0) {
        int fd;
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            seccomp_install(program, NULL, &fd, &error) < 0 || fd != -1)
            _exit(1);
        _exit(syscall(SYS_getppid) == -1 && errno == 99 && syscall(SYS_getpid) > 0 ? 0 : 2);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    const uint64_t args[6] = {0};
    assert_false(seccomp_allows(program, SYS_getppid, args));
    assert_true(seccomp_allows(program, SYS_getpid, args));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_actions, teardown),
        cmocka_unit_test_teardown(test_errno, teardown),
        cmocka_unit_test_teardown(test_newer_calls, teardown),
        cmocka_unit_test_teardown(test_architectures, teardown),
        cmocka_unit_test_teardown(test_every_architecture, teardown),
        cmocka_unit_test_teardown(test_sorted, teardown),
        cmocka_unit_test_teardown(test_operators, teardown),
        cmocka_unit_test_teardown(test_and_or, teardown),
        cmocka_unit_test_teardown(test_socketcall, teardown),
        cmocka_unit_test_teardown(test_refused, teardown),
        cmocka_unit_test_teardown(test_flags, teardown),
        cmocka_unit_test_teardown(test_long, teardown),
        cmocka_unit_test_teardown(test_install, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
