/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "seccomp_judge.h"

static const struct {
    const char *word;
    uint32_t token;
} tokens[] = {
    {"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},
    {"SCMP_ARCH_X86", SCMP_ARCH_X86},
    {"SCMP_ARCH_X32", SCMP_ARCH_X32},
    {"SCMP_ARCH_ARM", SCMP_ARCH_ARM},
    {"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
    {"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64},
    {"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE},
    {"SCMP_ARCH_PPC64", SCMP_ARCH_PPC64},
    {"SCMP_ARCH_PPC", SCMP_ARCH_PPC},
    {"SCMP_ARCH_S390", SCMP_ARCH_S390},
    {"SCMP_ARCH_S390X", SCMP_ARCH_S390X},
    {"SCMP_ARCH_MIPS", SCMP_ARCH_MIPS},
    {"SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64},
    {"SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32},
    {"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL},
    {"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64},
    {"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32},
    {"SCMP_ARCH_PARISC", SCMP_ARCH_PARISC},
    {"SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64},
};

static uint32_t token_of(const char *word)
{
    for (size_t i = 0; i < COUNT_OF(tokens); i++)
        if (strcmp(tokens[i].word, word) == 0)
            return tokens[i].token;
    return 0;
}

uint32_t known_token(size_t i, const struct seccomp_arch **ret)
{
    if (i >= COUNT_OF(tokens))
        return 0;
    *ret = seccomp_arch_find(tokens[i].word);
    return tokens[i].token;
}

const char *agreed[SYSCALL_COUNT];
size_t n_agreed;

void find_agreed(void)
{
    for (unsigned i = 0; i < SYSCALL_COUNT; i++) {
        const char *name = seccomp_syscall_name(i);
        bool same = seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
        for (size_t t = 0; same && t < COUNT_OF(tokens); t++) {
            const struct seccomp_arch *a = seccomp_arch_find(tokens[t].word);
            uint32_t number;
            const int theirs = seccomp_syscall_resolve_name_arch(tokens[t].token, name);
            if (a->muxed && syscall_mux[i])
                continue;
            same = seccomp_syscall_number(a, i, &number) ? (int)number == theirs : theirs < 0;
        }
        if (same)
            agreed[n_agreed++] = name;
    }
}

static uint32_t action_of(const char *word, const struct opt_u32 *number)
{
    const uint32_t n = number->set ? number->v & 0xffff : EPERM;
    if (strcmp(word, "SCMP_ACT_KILL") == 0 || strcmp(word, "SCMP_ACT_KILL_THREAD") == 0)
        return SCMP_ACT_KILL_THREAD;
    if (strcmp(word, "SCMP_ACT_KILL_PROCESS") == 0)
        return SCMP_ACT_KILL_PROCESS;
    if (strcmp(word, "SCMP_ACT_ERRNO") == 0)
        return SCMP_ACT_ERRNO(n);
    if (strcmp(word, "SCMP_ACT_TRACE") == 0)
        return SCMP_ACT_TRACE(n);
    if (strcmp(word, "SCMP_ACT_TRAP") == 0)
        return SCMP_ACT_TRAP;
    if (strcmp(word, "SCMP_ACT_LOG") == 0)
        return SCMP_ACT_LOG;
    if (strcmp(word, "SCMP_ACT_NOTIFY") == 0)
        return SCMP_ACT_NOTIFY;
    return SCMP_ACT_ALLOW;
}

static enum scmp_compare op_of(const char *word)
{
    static const struct {
        const char *word;
        enum scmp_compare op;
    } ops[] = {{"SCMP_CMP_NE", SCMP_CMP_NE},
               {"SCMP_CMP_LT", SCMP_CMP_LT},
               {"SCMP_CMP_LE", SCMP_CMP_LE},
               {"SCMP_CMP_EQ", SCMP_CMP_EQ},
               {"SCMP_CMP_GE", SCMP_CMP_GE},
               {"SCMP_CMP_GT", SCMP_CMP_GT},
               {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}};
    for (size_t i = 0; i < COUNT_OF(ops); i++)
        if (strcmp(ops[i].word, word) == 0)
            return ops[i].op;
    abort();
}

static int add_theirs(scmp_filter_ctx ctx, const struct oci_seccomp_syscall *c, uint32_t action,
                      int nr)
{
    struct scmp_arg_cmp args[16];
    unsigned seen = 0;
    bool separate = false;
    for (size_t i = 0; i < c->args.n; i++) {
        const struct oci_seccomp_arg *a = &c->args.v[i];
        args[i] = (struct scmp_arg_cmp){a->index, op_of(a->op), a->value, a->valueTwo.v};
        separate = separate || seen >> a->index & 1;
        seen |= 1u << a->index;
    }
    if (!separate)
        return seccomp_rule_add_array(ctx, action, nr, (unsigned)c->args.n, args);
    for (size_t i = 0; i < c->args.n; i++) {
        int r = seccomp_rule_add_array(ctx, action, nr, 1, &args[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

static int program_fd = -1;

/* libseccomp's program goes to program_fd; 0, or its refusal. */
static int run_theirs(const struct model *m)
{
    const struct oci_seccomp *p = m->profile;
    const uint32_t def = action_of(p->defaultAction, &p->defaultErrnoRet);
    scmp_filter_ctx ctx = seccomp_init(def);
    if (!ctx)
        return -EINVAL;
    int r = 0;
    if (token_of(m->archs[0]->name) != SCMP_ARCH_X86_64)
        r = seccomp_arch_remove(ctx, SCMP_ARCH_X86_64);
    for (size_t i = 0; r == 0 && i < m->n_archs; i++) {
        r = seccomp_arch_add(ctx, token_of(m->archs[i]->name));
        r = r == -EEXIST ? 0 : r;
    }
    for (size_t i = 0; r == 0 && i < p->syscalls.n; i++) {
        const struct oci_seccomp_syscall *c = &p->syscalls.v[i];
        const uint32_t action = action_of(c->action, &c->errnoRet);
        for (size_t k = 0; r == 0 && action != def && k < c->names.n; k++) {
            const int nr = seccomp_syscall_resolve_name(c->names.v[k]);
            if (nr != __NR_SCMP_ERROR)
                r = add_theirs(ctx, c, action, nr);
        }
    }
    if (r == 0)
        r = seccomp_export_bpf(ctx, program_fd);
    seccomp_release(ctx);
    return r;
}

static void read_program(struct model *m)
{
    ssize_t n = pread(program_fd, m->v, sizeof(m->v), 0);
    assert_true(n > 0 && n % (ssize_t)sizeof(m->v[0]) == 0);
    m->n = (size_t)n / sizeof(m->v[0]);
    /* The program of a big-endian architecture is one. */
    for (size_t i = 0; m->archs[0]->big_endian && i < m->n; i++) {
        m->v[i].code = __builtin_bswap16(m->v[i].code);
        m->v[i].k = __builtin_bswap32(m->v[i].k);
    }
}

static void describe(const struct oci_seccomp *p, const struct seccomp_arch *native, struct model *m)
{
    const uint32_t def = action_of(p->defaultAction, &p->defaultErrnoRet);
    const uint32_t kind = def & SECCOMP_RET_ACTION_FULL;
    m->profile = p;
    m->n_archs = 0;
    m->archs[m->n_archs++] = native;
    for (size_t i = 0; i < p->architectures.n; i++)
        if (strcmp(p->architectures.v[i], native->name) != 0)
            m->archs[m->n_archs++] = seccomp_arch_find(p->architectures.v[i]);
    m->enosys = kind != SECCOMP_RET_ALLOW && kind != SECCOMP_RET_LOG && kind != SECCOMP_RET_TRACE;
    if (program_fd < 0)
        program_fd = memfd_create("bpf", 0);
    assert_int_equal(ftruncate(program_fd, 0), 0);
    assert_int_equal(lseek(program_fd, 0, SEEK_SET), 0);
}

int build_theirs(const struct oci_seccomp *p, const struct seccomp_arch *native, bool here,
                 struct model *m)
{
    int status = 0;
    describe(p, native, m);
    if (here) {
        status = run_theirs(m);
    } else {
        /* With some profiles it does not come to an end. */
        const pid_t pid = fork();
        if (pid == 0) {
            alarm(3);
            _exit(run_theirs(m) < 0);
        }
        assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    }
    if (status == 0)
        read_program(m);
    return status == 0 ? 0 : -EINVAL;
}

static uint32_t highest(const struct model *m, const struct seccomp_arch *a)
{
    int max = 0;
    for (size_t i = 0; i < m->profile->syscalls.n; i++)
        for (size_t k = 0; k < m->profile->syscalls.v[i].names.n; k++) {
            int nr = seccomp_syscall_resolve_name_arch(token_of(a->name),
                                                       m->profile->syscalls.v[i].names.v[k]);
            if (nr > max)
                max = nr;
        }
    return (uint32_t)max;
}

/* The highest numbers, computed once per profile. */
static uint32_t tops[8];

bool newer_than_profile(const struct model *m, const struct seccomp_call *c)
{
    for (size_t i = 0; m->enosys && i < m->n_archs; i++) {
        const struct seccomp_arch *a = m->archs[i];
        if (a->audit != c->arch || tops[i] == 0)
            continue;
        if (a->audit == AUDIT_ARCH_X86_64 && !!(c->nr & X32_BIT) != (a->base == X32_BIT))
            continue;
        if ((strncmp(a->name, "SCMP_ARCH_S390", 14) == 0 && c->nr == 0) || c->nr > tops[i])
            return true;
    }
    return false;
}

static bool holds(const struct oci_seccomp_arg *t, uint64_t arg, bool bits32)
{
    const uint64_t cut = bits32 ? UINT32_MAX : UINT64_MAX, v = t->value & cut;
    arg &= cut;
    switch (op_of(t->op)) {
    case SCMP_CMP_NE:
        return arg != v;
    case SCMP_CMP_LT:
        return arg < v;
    case SCMP_CMP_LE:
        return arg <= v;
    case SCMP_CMP_EQ:
        return arg == v;
    case SCMP_CMP_GE:
        return arg >= v;
    case SCMP_CMP_GT:
        return arg > v;
    default:
        return (arg & v) == (t->valueTwo.v & v);
    }
}

/* muxed: the call is socketcall or ipc, and the first argument has been looked at. */
static void apply_rule(const struct oci_seccomp_syscall *rule, const struct seccomp_arch *a,
                       bool muxed, const struct seccomp_call *c, uint32_t action,
                       struct verdict *ret)
{
    unsigned seen = 0;
    bool separate = false, all = true, any = false, everything = !muxed;
    for (size_t i = 0; i < rule->args.n; i++) {
        const struct oci_seccomp_arg *t = &rule->args.v[i];
        const bool mask_all =
            op_of(t->op) == SCMP_CMP_MASKED_EQ && (a->bits32 ? (uint32_t)t->value : t->value) == 0;
        separate = separate || seen >> t->index & 1;
        seen |= 1u << t->index;
        const bool replaced = muxed && t->index == 0;
        const bool yes = replaced || holds(t, c->args[t->index], a->bits32);
        all = all && yes;
        any = any || yes;
        everything = everything && mask_all;
    }
    if (separate) {
        /* Each test is a rule; one that holds for all values is a rule without arguments. */
        for (size_t i = 0; i < rule->args.n; i++) {
            struct oci_seccomp_syscall one = *rule;
            one.args.v = &rule->args.v[i];
            one.args.n = 1;
            apply_rule(&one, a, muxed, c, action, ret);
        }
        return;
    }
    if (ret->final)
        return;
    if (everything) {
        *ret = (struct verdict){.v = {action}, .n = 1, .final = true};
        return;
    }
    if (all && ret->n < COUNT_OF(ret->v))
        ret->v[ret->n++] = action;
}

/* Which rules are about a number, in the order of the profile; chained by number modulo size. */
static struct hit {
    uint32_t nr;
    unsigned rule, next;
    uint8_t mux;
} hits[1 << 18];
static unsigned first_hit[8][512], last_hit[8][512], n_hits;

static void add_hit(size_t arch, uint32_t nr, unsigned rule, uint8_t mux)
{
    const unsigned at = nr % 512;
    assert_true(n_hits < COUNT_OF(hits));
    hits[n_hits] = (struct hit){.nr = nr, .rule = rule, .mux = mux};
    if (last_hit[arch][at])
        hits[last_hit[arch][at]].next = n_hits;
    else
        first_hit[arch][at] = n_hits;
    last_hit[arch][at] = n_hits++;
}

void judge_prepare(const struct model *m)
{
    for (size_t i = 0; i < m->n_archs; i++)
        tops[i] = highest(m, m->archs[i]);
    memset(first_hit, 0, sizeof(first_hit));
    memset(last_hit, 0, sizeof(last_hit));
    n_hits = 1;
    for (size_t t = 0; t < m->n_archs; t++)
        for (unsigned i = 0; i < m->profile->syscalls.n; i++)
            for (size_t k = 0; k < m->profile->syscalls.v[i].names.n; k++) {
                const struct seccomp_arch *a = m->archs[t];
                const int name = seccomp_syscall_find(m->profile->syscalls.v[i].names.v[k]);
                uint32_t nr;
                const uint8_t mux = name >= 0 && a->muxed ? syscall_mux[name] : 0;
                if (mux &&
                    seccomp_syscall_number(
                        a, (unsigned)seccomp_syscall_find(mux & 0x80 ? "ipc" : "socketcall"), &nr))
                    add_hit(t, nr, i, mux);
                if (name >= 0 && seccomp_syscall_number(a, (unsigned)name, &nr))
                    add_hit(t, nr, i, 0);
            }
}

void judge(const struct model *m, const struct seccomp_call *c, struct verdict *ret)
{
    const uint32_t def = action_of(m->profile->defaultAction, &m->profile->defaultErrnoRet);
    const struct seccomp_arch *a = NULL;
    size_t at = 0;
    ret->n = 0;
    ret->final = false;
    for (size_t i = 0; i < m->n_archs; i++)
        if (m->archs[i]->audit == c->arch &&
            (c->arch != AUDIT_ARCH_X86_64 || (m->archs[i]->base == X32_BIT) == (c->nr >= X32_BIT)))
            a = m->archs[at = i];
    for (unsigned h = a ? first_hit[at][c->nr % 512] : 0; h != 0; h = hits[h].next) {
        const struct oci_seccomp_syscall *rule = &m->profile->syscalls.v[hits[h].rule];
        const uint32_t action = action_of(rule->action, &rule->errnoRet);
        const uint64_t arg0 = a->bits32 ? (uint32_t)c->args[0] : c->args[0];
        const uint8_t mux = hits[h].mux;
        if (hits[h].nr == c->nr && action != def && (!mux || arg0 == (mux & 0x7f)))
            apply_rule(rule, a, mux, c, action, ret);
    }
    if (ret->n == 0) {
        const bool default_arch = a || (c->arch == AUDIT_ARCH_X86_64 && c->nr == UINT32_MAX &&
                                        m->archs[0]->audit == c->arch);
        ret->v[ret->n++] = default_arch ? def : SCMP_ACT_KILL_THREAD;
    }
    if (newer_than_profile(m, c))
        *ret = (struct verdict){.v = {SECCOMP_RET_ERRNO | ENOSYS}, .n = 1};
}

bool possible(const struct verdict *v, uint32_t action)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->v[i] == action)
            return true;
    return false;
}
