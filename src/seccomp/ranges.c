/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation The rules of an architecture become an array of outcomes by number, and the
 * array becomes ranges of equal outcome over all 2^32 numbers: a profile that names 430 calls has
 * about 60 of them, and the search in codegen.c is over those. As in libseccomp a rule for all
 * arguments wins over all rules with arguments, and the first of several such rules wins.
 *
 * In front of the rules stands what runc puts in front of libseccomp's program: a number above the
 * highest one that the profile names is a call that the profile's author could not know. It gets
 * ENOSYS, so that a libc falls back to the older call. runc looks at bit 30 for x32, which puts
 * 0x80000000 to 0xbfffffff to x86_64; no such call exists, but the decisions are to be the same.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

#include "seccomp/compile.h"
#include "seccomp/syscalls.h"

static int outcome_new(struct compiler *c, uint32_t action, const struct seccomp_arch *arch)
{
    if (c->n_outcomes == c->cap_outcomes) {
        const size_t cap = c->cap_outcomes ? c->cap_outcomes * 2 : 32;
        struct outcome *v = arena_array(c->arena, cap, sizeof(*v));
        if (!v)
            return error_oom(c->e);
        if (c->n_outcomes > 0)
            memcpy(v, c->outcomes, c->n_outcomes * sizeof(*v));
        c->outcomes = v;
        c->cap_outcomes = cap;
    }
    c->outcomes[c->n_outcomes] = (struct outcome){.action = action, .arch = arch};
    return (int)c->n_outcomes++;
}

int outcomes_init(struct compiler *c)
{
    int r = outcome_new(c, c->default_action, NULL);
    if (r >= 0)
        r = outcome_new(c, SECCOMP_RET_KILL_THREAD, NULL);
    if (r >= 0)
        r = outcome_new(c, SECCOMP_RET_ERRNO | ENOSYS, NULL);
    return r < 0 ? r : 0;
}

/* The outcome of an action for all arguments; few different ones exist. */
static int plain(struct compiler *c, uint32_t action)
{
    for (size_t i = OUTCOME_DEFAULT + 1; i < c->n_outcomes; i++)
        if (!c->outcomes[i].arch && c->outcomes[i].action == action)
            return (int)i;
    return outcome_new(c, action, NULL);
}

static int too_long(struct compiler *c)
{
    return error_at(c->e, "linux.seccomp.syscalls", HULL_E_CONFIG,
                    "the seccomp filter needs more than %d instructions", BPF_MAXINSNS);
}

static int add_rule(struct compiler *c, struct outcome *o, uint32_t action,
                    const struct arg_test *tests, size_t n)
{
    /* Each needs an instruction at least: ends profiles without measure early. */
    if (++c->n_rules > BPF_MAXINSNS)
        return too_long(c);
    if (o->n == o->cap) {
        const size_t cap = o->cap ? o->cap * 2 : 2;
        struct arg_rule *v = arena_array(c->arena, cap, sizeof(*v));
        if (!v)
            return error_oom(c->e);
        if (o->n > 0)
            memcpy(v, o->rules, o->n * sizeof(*v));
        o->rules = v;
        o->cap = cap;
    }
    struct arg_rule *rule = &o->rules[o->n];
    *rule = (struct arg_rule){.action = action, .order = (unsigned)o->n, .n = n};
    memcpy(rule->tests, tests, n * sizeof(*tests));
    o->n++;
    return 0;
}

int call_map_add(struct compiler *c, struct call_map *m, const struct seccomp_arch *a,
                 unsigned number, uint32_t action, const struct arg_test *tests, size_t n)
{
    struct arg_test own[6];
    if (number >= CALL_MAP_SIZE)
        return 0;
    if (n > 0)
        memcpy(own, tests, n * sizeof(*own));
    n = args_normalise(own, n, a->bits32);
    uint16_t *slot = &m->outcome[number];
    const bool has_rules = *slot != OUTCOME_DEFAULT && c->outcomes[*slot].arch;
    if (*slot != OUTCOME_DEFAULT && !has_rules)
        return 0;
    if (n == 0 || !has_rules) {
        int o = n == 0 ? plain(c, action) : outcome_new(c, c->default_action, a);
        if (o < 0)
            return o;
        if (o > OUTCOME_MAX)
            return too_long(c);
        *slot = (uint16_t)o;
    }
    return n == 0 ? 0 : add_rule(c, &c->outcomes[*slot], action, own, n);
}

static void append(struct section *s, uint32_t start, uint16_t outcome)
{
    if (s->n > 0 && s->v[s->n - 1].start == start)
        s->n--;
    if (s->n == 0 || s->v[s->n - 1].outcome != outcome)
        s->v[s->n++] = (struct range){start, outcome};
}

/* The numbers from `from` on; the caller ends them. */
static void append_calls(const struct compiler *c, struct section *s, const struct arch_calls *a,
                         uint32_t from)
{
    const bool stub = c->enosys && a->highest > 0;
    append(s, from, OUTCOME_DEFAULT);
    for (unsigned i = 0; i < CALL_MAP_SIZE; i++) {
        if (a->map->outcome[i] == OUTCOME_DEFAULT)
            continue;
        const uint32_t n =
            i >= SYSCALL_ARM_PRIVATE ? 0x0f0000 + (i - SYSCALL_ARM_PRIVATE) : a->arch->base + i;
        if (stub && n > a->highest)
            break;
        append(s, n, a->map->outcome[i]);
        append(s, n + 1, OUTCOME_DEFAULT);
    }
    if (stub)
        append(s, a->highest + 1, OUTCOME_ENOSYS);
}

/* What lies from bit 30 on, where the filter has x86_64 or x32 or both. */
static void append_x32(const struct compiler *c, struct section *s, const struct arch_calls *x86_64,
                       const struct arch_calls *x32)
{
    const bool stub64 = c->enosys && x86_64 && x86_64->highest > 0;
    const bool stub32 = c->enosys && x32 && x32->highest > 0;
    const uint16_t other = x32 ? OUTCOME_DEFAULT : OUTCOME_BAD_ARCH;
    if (x32)
        append_calls(c, s, x32, X32_BIT);
    else
        append(s, X32_BIT, OUTCOME_BAD_ARCH);
    append(s, 0x80000000, stub64 ? OUTCOME_ENOSYS : other);
    append(s, 0xc0000000, stub32 ? OUTCOME_ENOSYS : other);
    /* -1 is what a tracer makes of a call to be skipped: never killed for its architecture. */
    append(s, 0xffffffff, stub32 ? OUTCOME_ENOSYS : OUTCOME_DEFAULT);
}

static size_t used(const struct arch_calls *a)
{
    size_t n = 0;
    for (size_t i = 0; a && i < CALL_MAP_SIZE; i++)
        n += a->map->outcome[i] != OUTCOME_DEFAULT;
    return n;
}

int ranges_build(struct compiler *c, const struct arch_calls *a, const struct arch_calls *x32,
                 struct section *ret)
{
    /* cppcheck-suppress nullPointerRedundantCheck ; one of the two is there */
    const struct seccomp_arch *arch = a ? a->arch : x32->arch;
    struct section s = {.audit = arch->audit};
    s.v = arena_array(c->arena, 2 * (used(a) + used(x32)) + 16, sizeof(*s.v));
    if (!s.v)
        return error_oom(c->e);
    /* A call through the multiplexer of s390 that the kernel does not know has number 0. */
    const bool s390 = a && (strcmp(arch->name, "SCMP_ARCH_S390") == 0 ||
                            strcmp(arch->name, "SCMP_ARCH_S390X") == 0);
    if (s390 && c->enosys && a->highest > 0)
        a->map->outcome[0] = OUTCOME_ENOSYS;
    if (a)
        append_calls(c, &s, a, 0);
    else
        append(&s, 0, OUTCOME_BAD_ARCH);
    if (x32 || strcmp(arch->name, "SCMP_ARCH_X86_64") == 0)
        append_x32(c, &s, a, x32);
    *ret = s;
    return 0;
}
