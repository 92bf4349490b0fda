/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * config-linux.md#seccomp. P compiles the profile before anything has happened; I only loads the
 * result. The decisions are those of runc with libseccomp, which profiles are written against:
 *
 *   - The machine's own architecture is always part of the filter; a call of one that is
 *     not part of it kills the thread.
 *   - A name means its number on each architecture. A name that no architecture knows is left out
 *     (the profile may be newer than we are), so is a rule whose action is the default one.
 *   - All tests of a rule must hold; but if two of them are about one argument, each is a rule.
 *   - On architectures with socketcall(2) and ipc(2) a rule for socket() is also one for
 *     socketcall(SYS_SOCKET); what it says of the first argument is lost there, as in libseccomp.
 *   - If the default action is not to let calls through, those that are newer than the profile's
 *     newest get ENOSYS (ranges.c).
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>

#include "seccomp/compile.h"
#include "seccomp/syscalls.h"

#ifndef SECCOMP_RET_USER_NOTIF
#define SECCOMP_RET_USER_NOTIF 0x7fc00000U
#endif

enum { ARCH_MAX = 32 };

/* The architectures of the filter. */
struct targets {
    struct arch_calls v[ARCH_MAX];
    size_t n;
};

/* One entry of the profile's syscalls. */
struct entry {
    uint32_t action;
    const struct arg_test *tests; /* in the order of the arguments */
    size_t n;
    bool separate; /* each test is a rule of its own */
};

static int check_notify(const struct oci_seccomp *s, bool *ret_used, struct hull_error *e)
{
    bool used = false;
    if (strcmp(s->defaultAction, "SCMP_ACT_NOTIFY") == 0)
        return error_at(e, "linux.seccomp.defaultAction", HULL_E_CONFIG,
                        "SCMP_ACT_NOTIFY cannot be used as default action");
    for (size_t i = 0; i < s->syscalls.n; i++) {
        const struct oci_seccomp_syscall *call = &s->syscalls.v[i];
        if (strcmp(call->action, "SCMP_ACT_NOTIFY") != 0)
            continue;
        used = true;
        /* I must be able to tell P about the listener. */
        for (size_t k = 0; k < call->names.n; k++)
            if (strcmp(call->names.v[k], "write") == 0)
                return error_at(e, "linux.seccomp.syscalls", HULL_E_CONFIG,
                                "SCMP_ACT_NOTIFY cannot be used for the write syscall");
    }
    if (used && (!s->listenerPath || !*s->listenerPath))
        return error_at(e, "linux.seccomp.listenerPath", HULL_E_CONFIG,
                        "seccomp listenerPath is not set");
    *ret_used = used;
    return 0;
}

static int add_target(struct compiler *c, struct targets *t, const struct seccomp_arch *a)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->v[i].arch == a)
            return 0;
    struct call_map *map = arena_alloc(c->arena, sizeof(*map));
    if (!map)
        return error_oom(c->e);
    t->v[t->n++] = (struct arch_calls){.arch = a, .map = map};
    return 0;
}

static int find_targets(struct compiler *c, const struct seccomp_arch *native, struct targets *t)
{
    int r = add_target(c, t, native);
    for (size_t i = 0; r == 0 && i < c->profile->architectures.n; i++) {
        const struct seccomp_arch *a = seccomp_arch_find(c->profile->architectures.v[i]);
        if (!a)
            return error_at(c->e, "linux.seccomp.architectures", HULL_E_CONFIG,
                            "string %s is not a valid arch for seccomp",
                            c->profile->architectures.v[i]);
        r = add_target(c, t, a);
    }
    return r;
}

static int unknown_word(struct compiler *c, const char *where, const char *what, const char *word)
{
    return error_at(c->e, where, HULL_E_CONFIG, "string %s is not a valid %s for seccomp", word,
                    what);
}

static int read_entry(struct compiler *c, size_t i, struct entry *ret)
{
    const struct oci_seccomp_syscall *call = &c->profile->syscalls.v[i];
    unsigned seen = 0;
    char where[64];
    snprintf(where, sizeof(where), "linux.seccomp.syscalls[%zu]", i);
    *ret = (struct entry){.n = call->args.n};
    int r = seccomp_action(call->action, &call->errnoRet, where, &ret->action, c->e);
    if (r < 0 || ret->n == 0)
        return r;
    struct arg_test *tests = arena_array(c->arena, ret->n, sizeof(*tests));
    if (!tests)
        return error_oom(c->e);
    for (size_t k = 0; k < ret->n; k++) {
        const struct oci_seccomp_arg *arg = &call->args.v[k];
        const int op = seccomp_operator(arg->op);
        if (op < 0)
            return unknown_word(c, where, "operator", arg->op);
        if (arg->index > 5)
            return unknown_word(c, where, "index of an argument", "above 5");
        const bool masked = op == ARG_MASKED_EQ;
        tests[k] = (struct arg_test){.arg = (uint8_t)arg->index,
                                     .op = (uint8_t)op,
                                     .mask = masked ? arg->value : UINT64_MAX,
                                     .value = masked ? arg->valueTwo.v : arg->value};
        ret->separate = ret->separate || seen >> arg->index & 1;
        seen |= 1u << arg->index;
    }
    /* In the order of the arguments; at most six unless they are separate. */
    for (size_t a = 1; !ret->separate && a < ret->n; a++)
        for (size_t b = a; b > 0 && tests[b - 1].arg > tests[b].arg; b--) {
            struct arg_test swap = tests[b];
            tests[b] = tests[b - 1];
            tests[b - 1] = swap;
        }
    ret->tests = tests;
    return 0;
}

/* One rule for one call on one architecture. */
static int add_rule(struct compiler *c, const struct arch_calls *t, unsigned name, uint32_t action,
                    const struct arg_test *tests, size_t n)
{
    const struct seccomp_arch *a = t->arch;
    int r = 0;
    if (a->muxed && syscall_mux[name]) {
        const bool ipc = syscall_mux[name] & 0x80;
        const int through = seccomp_syscall_find(ipc ? "ipc" : "socketcall");
        struct arg_test with[6] = {
            {.op = ARG_EQ, .mask = UINT64_MAX, .value = syscall_mux[name] & 0x7f}};
        size_t count = 1;
        for (size_t i = 0; i < n; i++)
            if (tests[i].arg != 0)
                with[count++] = tests[i];
        r = call_map_add(c, t->map, a, a->numbers[through], action, with, count);
    }
    if (r == 0 && a->numbers[name] != SYSCALL_ABSENT)
        r = call_map_add(c, t->map, a, a->numbers[name], action, tests, n);
    return r;
}

static int add_name(struct compiler *c, struct arch_calls *t, unsigned name,
                    const struct entry *entry)
{
    uint32_t number;
    /* As for runc a call that may come through a multiplexer has no number to be the highest. */
    const bool numbered =
        seccomp_syscall_number(t->arch, name, &number) && !(t->arch->muxed && syscall_mux[name]);
    if (numbered && number > t->highest)
        t->highest = number;
    if (entry->action == c->default_action)
        return 0;
    if (!entry->separate)
        return add_rule(c, t, name, entry->action, entry->tests, entry->n);
    int r = 0;
    for (size_t i = 0; r == 0 && i < entry->n; i++)
        r = add_rule(c, t, name, entry->action, &entry->tests[i], 1);
    return r;
}

static int add_entries(struct compiler *c, struct targets *t)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < c->profile->syscalls.n; i++) {
        const struct oci_strs *names = &c->profile->syscalls.v[i].names;
        struct entry entry;
        r = read_entry(c, i, &entry);
        for (size_t k = 0; r == 0 && k < names->n; k++) {
            const int name = seccomp_syscall_find(names->v[k]);
            if (name < 0 && c->profile->strict)
                return unknown_word(c, "linux.seccomp.syscalls", "syscall", names->v[k]);
            if (name < 0)
                log_debug(c->log, "unknown seccomp syscall \"%s\" ignored", names->v[k]);
            for (size_t a = 0; r == 0 && name >= 0 && a < t->n; a++)
                r = add_name(c, &t->v[a], (unsigned)name, &entry);
        }
    }
    for (size_t i = 0; r == 0 && i < c->n_outcomes; i++)
        if (c->outcomes[i].n > 1)
            args_sort(&c->outcomes[i]);
    return r;
}

/* One section per value of seccomp_data.arch: x86_64 and x32 have the same. */
static int build_sections(struct compiler *c, struct targets *t, struct section *s, size_t *ret_n)
{
    size_t n = 0;
    int r = 0;
    const struct arch_calls *x32 = NULL;
    bool x86_64 = false;
    for (size_t i = 0; i < t->n; i++) {
        x86_64 = x86_64 || strcmp(t->v[i].arch->name, "SCMP_ARCH_X86_64") == 0;
        if (t->v[i].arch->base == X32_BIT)
            x32 = &t->v[i];
    }
    for (size_t i = 0; r == 0 && i < t->n; i++) {
        const struct arch_calls *a = &t->v[i];
        if (a != x32)
            r = ranges_build(c, a, strcmp(a->arch->name, "SCMP_ARCH_X86_64") == 0 ? x32 : NULL,
                             &s[n++]);
        else if (!x86_64)
            r = ranges_build(c, NULL, x32, &s[n++]);
    }
    *ret_n = n;
    return r;
}

static int read_flags(const struct oci_seccomp *s, struct seccomp_program *p, struct hull_error *e)
{
    /* An absent list is not an empty one: runc's default spares the cost of SSB mitigation. */
    p->flags_by_default = s->flags.n == 0 && !s->flags.v;
    if (p->flags_by_default)
        p->flags = SECCOMP_FLAG_SPEC_ALLOW;
    for (size_t i = 0; i < s->flags.n; i++) {
        const int flag = seccomp_flag(s->flags.v[i]);
        if (flag < 0)
            return error_at(e, "linux.seccomp.flags", HULL_E_CONFIG, "seccomp flag %s is not known",
                            s->flags.v[i]);
        p->flags |= (unsigned)flag;
    }
    if (p->flags & SECCOMP_FLAG_WAIT_KILLABLE_RECV && !p->has_notify)
        return error_at(
            e, "linux.seccomp.flags", HULL_E_CONFIG,
            "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a syscall with SCMP_ACT_NOTIFY");
    return 0;
}

static int generate(struct compiler *c, struct targets *t, struct seccomp_program *p)
{
    struct section sections[ARCH_MAX];
    struct code code;
    size_t n;
    code.at = COUNT_OF(code.v);
    int r = build_sections(c, t, sections, &n);
    if (r == 0)
        r = code_generate(c, sections, n, &code);
    if (r < 0)
        return r;
    p->n = COUNT_OF(code.v) - code.at;
    p->n_archs = t->n;
    p->v = arena_array(c->arena, p->n, sizeof(*p->v));
    if (!p->v)
        return error_oom(c->e);
    memcpy(p->v, code.v + code.at, p->n * sizeof(*p->v));
    return 0;
}

int seccomp_compile(const struct oci_seccomp *s, const struct seccomp_arch *native, struct arena *a,
                    struct log *log, const struct seccomp_program **ret, struct hull_error *e)
{
    struct compiler c = {.profile = s, .arena = a, .log = log, .e = e};
    struct targets t = {.n = 0};
    struct seccomp_program *p = arena_alloc(a, sizeof(*p));
    if (!p)
        return error_oom(e);
    if (!s->defaultAction)
        return error_at(e, "linux.seccomp.defaultAction", HULL_E_CONFIG, "missing required field");
    int r = seccomp_action(s->defaultAction, &s->defaultErrnoRet, "linux.seccomp",
                           &c.default_action, e);
    if (r < 0)
        return r;
    /* A tracer is expected to deal with new calls itself. */
    const uint32_t kind = c.default_action & SECCOMP_RET_ACTION_FULL;
    c.enosys = kind != SECCOMP_RET_ALLOW && kind != SECCOMP_RET_LOG && kind != SECCOMP_RET_TRACE;
    r = check_notify(s, &p->has_notify, e);
    if (r == 0)
        r = read_flags(s, p, e);
    if (r == 0)
        r = outcomes_init(&c);
    if (r == 0)
        r = find_targets(&c, native ? native : seccomp_native_arch(), &t);
    if (r == 0)
        r = add_entries(&c, &t);
    if (r == 0)
        r = generate(&c, &t, p);
    if (r == 0)
        *ret = p;
    return r;
}
