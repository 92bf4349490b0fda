/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our seccomp compiler against libseccomp: random profiles and those that engines write, each
 * turned into a program by both, each program asked about the same calls. libseccomp is driven as
 * runc does, and its answer overridden by the rule for newer system calls that runc puts in front.
 *
 * libseccomp 2.5.4 itself makes wrong programs of some profiles: with several rules about one
 * argument its code may compare a word that is not loaded, and with x86 beside x32 it may search
 * for the number without loading it. So a third judge reads the rules one by one (judge()). Ours
 * must always be right by it; a difference to libseccomp is a failure unless the judge finds
 * libseccomp's answer impossible. A longer run: HULL_ORACLE=PROFILES,CALLS,SEED.
 * HULL_ORACLE_BENCH=1 also times both.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/arena.h"
#include "oci/load.h"
#include "seccomp_judge.h"

/* Architectures of one byte order that may be in one filter, the first one native. */
static const struct {
    const char *words[4];
} families[] = {
    {{"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"}},
    {{"SCMP_ARCH_X86_64", "SCMP_ARCH_X86"}},
    {{"SCMP_ARCH_X86_64"}},
    {{"SCMP_ARCH_X86_64", "SCMP_ARCH_X32"}},
    {{"SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_RISCV64"}},
    {{"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"}},
    {{"SCMP_ARCH_X86"}},
    {{"SCMP_ARCH_ARM"}},
    {{"SCMP_ARCH_RISCV64"}},
    {{"SCMP_ARCH_PPC64LE"}},
    {{"SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64N32"}},
    {{"SCMP_ARCH_S390X", "SCMP_ARCH_S390"}},
    {{"SCMP_ARCH_PPC64", "SCMP_ARCH_PPC"}},
    {{"SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64N32"}},
    {{"SCMP_ARCH_PARISC64", "SCMP_ARCH_PARISC"}},
};

static uint64_t seed = 1;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed * UINT64_C(0x2545f4914f6cdd1d);
}

static unsigned below(unsigned n)
{
    return (unsigned)((rnd() >> 33) % n);
}

/* ---- random profiles and calls ---- */

static const uint64_t values[] = {0,
                                  1,
                                  2,
                                  3,
                                  8,
                                  16,
                                  40,
                                  0x7e020000,
                                  0x7fffffff,
                                  0x80000000,
                                  0xffffffff,
                                  0x100000000,
                                  0x100000001,
                                  0x1ffffffff,
                                  0x7fffffffffffffff,
                                  0x8000000000000000,
                                  UINT64_MAX};

static uint64_t value(void)
{
    return below(8) == 0 ? rnd() : values[below(COUNT_OF(values))];
}

static const char *const operators[] = {"SCMP_CMP_NE",       "SCMP_CMP_LT", "SCMP_CMP_LE",
                                        "SCMP_CMP_EQ",       "SCMP_CMP_GE", "SCMP_CMP_GT",
                                        "SCMP_CMP_MASKED_EQ"};
static const char *const actions[] = {"SCMP_ACT_ALLOW",        "SCMP_ACT_ERRNO",
                                      "SCMP_ACT_KILL",         "SCMP_ACT_LOG",
                                      "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
                                      "SCMP_ACT_TRACE",        "SCMP_ACT_TRAP",
                                      "SCMP_ACT_NOTIFY"};

static char *random_action(struct opt_u32 *number, unsigned n_actions)
{
    const char *word = actions[below(n_actions)];
    *number = (struct opt_u32){0};
    if ((strcmp(word, "SCMP_ACT_ERRNO") == 0 || strcmp(word, "SCMP_ACT_TRACE") == 0) && below(2))
        *number = (struct opt_u32){true, below(3) ? below(60) : below(4095)};
    return (char *)word;
}

static void random_args(struct arena *a, struct oci_seccomp_syscall *c)
{
    c->args.n = below(3) ? 1 + below(3) : 1;
    c->args.v = arena_array(a, c->args.n, sizeof(*c->args.v));
    for (size_t i = 0; i < c->args.n; i++)
        c->args.v[i] =
            (struct oci_seccomp_arg){.index = below(below(2) ? 2 : 6),
                                     .value = value(),
                                     .valueTwo = {true, value()},
                                     .op = (char *)operators[below(COUNT_OF(operators))]};
}

/*
 * mixed: rules with arguments of one call may have different actions. Then also the order of the
 * rules counts, for which libseccomp has no rule of its own.
 */
static struct oci_seccomp *random_profile(struct arena *a, size_t family, bool mixed)
{
    struct oci_seccomp *p = arena_alloc(a, sizeof(*p));
    p->defaultAction = random_action(&p->defaultErrnoRet, COUNT_OF(actions) - 1);
    p->architectures.v = (char **)families[family].words;
    while (p->architectures.n < 4 && families[family].words[p->architectures.n])
        p->architectures.n++;
    p->syscalls.n = below(4) ? below(12) : below(60);
    p->syscalls.v = arena_array(a, p->syscalls.n + 1, sizeof(*p->syscalls.v));
    p->listenerPath = (char *)"/run/agent.sock";
    struct opt_u32 common_number;
    char *common = random_action(&common_number, COUNT_OF(actions));
    /* Few names, so that several rules meet. */
    const unsigned pool = below(2) ? 8 + below(8) : (unsigned)n_agreed;
    const unsigned first = below((unsigned)n_agreed);
    for (size_t i = 0; i < p->syscalls.n; i++) {
        struct oci_seccomp_syscall *c = &p->syscalls.v[i];
        c->action = random_action(&c->errnoRet, COUNT_OF(actions));
        if (below(3) == 0) {
            random_args(a, c);
            if (!mixed) {
                c->action = common;
                c->errnoRet = common_number;
            }
        }
        c->names.n = 1 + below(below(3) ? 4 : 60);
        c->names.v = arena_array(a, c->names.n, sizeof(*c->names.v));
        for (size_t k = 0; k < c->names.n; k++) {
            const char *name = agreed[(first + below(pool)) % n_agreed];
            c->names.v[k] = (char *)(strcmp(name, "write") == 0 ? "read" : name);
        }
    }
    return p;
}

static uint64_t near_value(const struct oci_seccomp *p)
{
    if (below(3) == 0 || p->syscalls.n == 0)
        return value();
    const struct oci_seccomp_syscall *c = &p->syscalls.v[below((unsigned)p->syscalls.n)];
    if (c->args.n == 0)
        return value();
    const struct oci_seccomp_arg *a = &c->args.v[below((unsigned)c->args.n)];
    const uint64_t v = below(2) ? a->value : a->valueTwo.v;
    switch (below(6)) {
    case 0:
        return v + 1;
    case 1:
        return v - 1;
    case 2:
        return v ^ (UINT64_C(1) << 32);
    case 3:
        return v & UINT32_MAX;
    default:
        return v;
    }
}

static void random_call(const struct model *m, struct seccomp_call *c)
{
    static const uint32_t edges[] = {0,          1,          0x3fffffff, 0x40000000,
                                     0x40000001, 0x7fffffff, 0x80000000, 0xbfffffff,
                                     0xc0000000, 0xfffffffe, 0xffffffff, 4000,
                                     5000,       6000,       0x0f0001,   0x0f0005};
    const struct oci_seccomp *p = m->profile;
    const struct seccomp_arch *a = m->archs[below((unsigned)m->n_archs)];
    memset(c, 0, sizeof(*c));
    c->arch = below(20) ? a->audit : seccomp_arch_at(below(23))->audit;
    c->nr = a->base + below(480);
    const unsigned kind = below(16);
    if (kind == 0)
        c->nr = edges[below(COUNT_OF(edges))];
    else if (kind == 1)
        c->nr = (uint32_t)rnd();
    else if (kind < 12 && p->syscalls.n > 0) {
        const struct oci_strs *names = &p->syscalls.v[below((unsigned)p->syscalls.n)].names;
        const int i = seccomp_syscall_find(names->v[below((unsigned)names->n)]);
        uint32_t number;
        if (i >= 0 && a->muxed && syscall_mux[i] && below(2))
            (void)seccomp_syscall_number(a,
                                         (unsigned)seccomp_syscall_find(
                                             syscall_mux[i] & 0x80 ? "ipc" : "socketcall"),
                                         &c->nr);
        else if (i >= 0 && seccomp_syscall_number(a, (unsigned)i, &number))
            c->nr = number + (below(10) == 0);
    }
    for (int i = 0; i < 6; i++)
        c->args[i] = near_value(p);
    if (kind < 12 && below(2))
        c->args[0] = 1 + below(24);
}

static void show(const struct oci_seccomp *p, const struct seccomp_call *c)
{
    print_message("default %s\n", p->defaultAction);
    for (size_t i = 0; i < p->syscalls.n; i++) {
        bool about = false;
        for (size_t k = 0; k < p->syscalls.v[i].names.n; k++)
            for (size_t t = 0; seccomp_arch_at(t); t++) {
                const struct seccomp_arch *a = seccomp_arch_at(t);
                uint32_t number;
                const int s = seccomp_syscall_find(p->syscalls.v[i].names.v[k]);
                if (s < 0 || a->audit != c->arch)
                    continue;
                if ((seccomp_syscall_number(a, (unsigned)s, &number) && number == c->nr) ||
                    (a->muxed && syscall_mux[s]))
                    about = true;
            }
        if (!about)
            continue;
        print_message("[%zu] %s %d:", i, p->syscalls.v[i].action, (int)p->syscalls.v[i].errnoRet.v);
        for (size_t k = 0; k < p->syscalls.v[i].names.n; k++)
            print_message(" %s", p->syscalls.v[i].names.v[k]);
        for (size_t k = 0; k < p->syscalls.v[i].args.n; k++) {
            const struct oci_seccomp_arg *a = &p->syscalls.v[i].args.v[k];
            print_message(" arg%u %s %#llx %#llx", a->index, a->op, (unsigned long long)a->value,
                          (unsigned long long)a->valueTwo.v);
        }
        print_message("\n");
    }
}

struct tally {
    size_t calls, refused, wrong, order, theirs_wrong, profiles_theirs_wrong;
};

static void compare(const struct oci_seccomp *p, const struct seccomp_arch *native, unsigned calls,
                    struct arena *a, struct tally *t)
{
    static struct model m;
    const struct seccomp_program *ours;
    struct hull_error e = {0};
    const bool refused = build_theirs(p, native, false, &m) < 0;
    const size_t before = t->theirs_wrong;
    m.profile = p;
    int r = seccomp_compile(p, native, a, NULL, &ours, &e);
    if (r < 0 && !strstr(e.text, "4096"))
        fail_msg("%s", e.text);
    if (r < 0 || refused)
        t->refused++;
    if (r < 0)
        return;
    judge_prepare(&m);
    for (unsigned i = 0; i < calls; i++) {
        struct seccomp_call c;
        random_call(&m, &c);
        struct verdict v;
        judge(&m, &c, &v);
        /* Where the high word comes first the program looks for it there. */
        struct seccomp_call seen = c;
        for (int k = 0; native->big_endian && k < 6; k++)
            seen.args[k] = c.args[k] << 32 | c.args[k] >> 32;
        const uint32_t have = seccomp_evaluate(ours->v, ours->n, &seen);
        const uint32_t want = refused                      ? have
                              : newer_than_profile(&m, &c) ? (uint32_t)SECCOMP_RET_ERRNO | ENOSYS
                                                           : seccomp_evaluate(m.v, m.n, &seen);
        t->calls++;
        if (want == have && possible(&v, have))
            continue;
        const bool wrong = !possible(&v, have), theirs = !possible(&v, want);
        t->wrong += wrong;
        t->theirs_wrong += !wrong && theirs;
        t->order += !wrong && !theirs;
        if ((wrong || !theirs) && t->wrong + t->order < 6) {
            print_message("arch %#x nr %#x args %#llx %#llx %#llx %#llx %#llx %#llx: libseccomp "
                          "%#x, ours %#x, right %#x\n",
                          c.arch, c.nr, (unsigned long long)c.args[0],
                          (unsigned long long)c.args[1], (unsigned long long)c.args[2],
                          (unsigned long long)c.args[3], (unsigned long long)c.args[4],
                          (unsigned long long)c.args[5], want, have, v.v[0]);
            show(p, &c);
        }
    }
    t->profiles_theirs_wrong += t->theirs_wrong != before;
}

static void run_random(bool mixed)
{
    unsigned profiles = 300, calls = 1000;
    const char *env = getenv("HULL_ORACLE");
    unsigned long long from = 88172645463325252ull;
    if (env)
        sscanf(env, "%u,%u,%llu", &profiles, &calls, &from);
    seed = from;
    struct tally t = {0};
    for (unsigned i = 0; i < profiles; i++) {
        _cleanup_arena_ struct arena a = {0};
        const size_t family = i % COUNT_OF(families);
        const struct oci_seccomp *p = random_profile(&a, family, mixed);
        compare(p, seccomp_arch_find(families[family].words[0]), calls, &a, &t);
    }
    print_message(
        "%u random profiles, %zu calls: wrong %zu, other order than libseccomp %zu; refused by "
        "libseccomp %zu profiles; libseccomp's program wrong: %zu profiles, %zu calls\n",
        profiles, t.calls, t.wrong, t.order, t.refused, t.profiles_theirs_wrong, t.theirs_wrong);
    assert_int_equal(t.wrong, 0);
    if (!mixed)
        assert_int_equal(t.order, 0);
}

static void test_random(void **state)
{
    (void)state;
    run_random(false);
}

static void test_random_mixed(void **state)
{
    (void)state;
    run_random(true);
}

static void test_tables(void **state)
{
    (void)state;
    size_t ours_only = 0, theirs_only = 0, differ = 0;
    const struct seccomp_arch *a;
    uint32_t token;
    for (unsigned i = 0; i < SYSCALL_COUNT; i++)
        for (size_t t = 0; (token = known_token(t, &a)); t++) {
            const char *name = seccomp_syscall_name(i);
            uint32_t number;
            const int theirs = seccomp_syscall_resolve_name_arch(token, name);
            if (a->muxed && syscall_mux[i])
                continue;
            const bool ours = seccomp_syscall_number(a, i, &number);
            if (!ours && theirs >= 0) {
                theirs_only++;
                print_message("only libseccomp: %s %s %d\n", a->name, name, theirs);
            }
            ours_only += ours && theirs < 0;
            if (ours && theirs < 0 && theirs != __NR_SCMP_ERROR && getenv("HULL_ORACLE_TABLES"))
                print_message("only we: %s %s %u\n", a->name, name, number);
            if (ours && theirs >= 0 && (uint32_t)theirs != number) {
                differ++;
                print_message("differ: %s %s %d %u\n", a->name, name, theirs, number);
            }
        }
    print_message("tables: %zu numbers only ours, %zu only libseccomp's, %zu differ; %zu names "
                  "agree everywhere\n",
                  ours_only, theirs_only, differ, n_agreed);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void bench(const struct oci_seccomp *p, const char *name)
{
    static struct model m;
    enum { ROUNDS = 51 };
    uint64_t best_ours = UINT64_MAX, best_theirs = UINT64_MAX;
    const struct seccomp_program *ours = NULL;
    size_t n = 0;
    for (int i = 0; i < ROUNDS; i++) {
        _cleanup_arena_ struct arena a = {0};
        struct hull_error e;
        uint64_t t = now_ns();
        assert_int_equal(seccomp_compile(p, NULL, &a, NULL, &ours, &e), 0);
        t = now_ns() - t;
        best_ours = t < best_ours ? t : best_ours;
        n = ours->n;
        if (i > 10)
            continue;
        t = now_ns();
        build_theirs(p, seccomp_native_arch(), true, &m);
        t = now_ns() - t;
        best_theirs = t < best_theirs ? t : best_theirs;
    }
    print_message("%s: ours %zu instructions in %.3f ms, libseccomp %zu instructions in %.3f ms\n",
                  name, n, (double)best_ours / 1e6, m.n, (double)best_theirs / 1e6);
}

static void test_engines(void **state)
{
    static const char *const files[] = {"docker-default", "podman-default", "containerd-ctr",
                                        "cri-container", "buildah-run"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        _cleanup_arena_ struct arena a = {0};
        char path[128];
        struct oci_config *config;
        struct hull_error e;
        snprintf(path, sizeof(path), "tests/data/engine-configs/%s.json", files[i]);
        if (oci_config_load(-100 /* AT_FDCWD */, path, &a, NULL, &config, &e) < 0)
            fail_msg("%s", e.text);
        if (!config->linux_->seccomp)
            continue;
        struct oci_seccomp *p = config->linux_->seccomp;
        if (getenv("HULL_ORACLE_BENCH"))
            bench(p, files[i]);
        /* Only the names that both know equally: our tables are newer. */
        for (size_t s = 0; s < p->syscalls.n; s++) {
            struct oci_strs *names = &p->syscalls.v[s].names;
            size_t kept = 0;
            for (size_t k = 0; k < names->n; k++)
                for (size_t g = 0; g < n_agreed; g++)
                    if (strcmp(names->v[k], agreed[g]) == 0) {
                        names->v[kept++] = names->v[k];
                        break;
                    }
            names->n = kept;
        }
        struct tally t = {0};
        seed = 4711;
        compare(p, seccomp_native_arch(), 200000, &a, &t);
        assert_int_equal(t.wrong + t.order + t.theirs_wrong + t.refused, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_engines),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_random_mixed),
    };
    find_agreed();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
