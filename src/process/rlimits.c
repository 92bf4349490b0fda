/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * config.md, process.rlimits. Init sets its own limits late, so that a small RLIMIT_NOFILE or
 * RLIMIT_NPROC does not hurt its own set-up. Raising a hard limit needs CAP_SYS_RESOURCE in the
 * initial user namespace: with a user namespace the parent raises those before init maps itself
 * (until then both have the same kernel uid, which prlimit(2) asks for).
 */
#include "process/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include "base/sys.h"

static const struct { const char *name; int resource; } table[] = {
    {"RLIMIT_AS", 9},          {"RLIMIT_CORE", 4},     {"RLIMIT_CPU", 0},
    {"RLIMIT_DATA", 2},        {"RLIMIT_FSIZE", 1},    {"RLIMIT_LOCKS", 10},
    {"RLIMIT_MEMLOCK", 8},     {"RLIMIT_MSGQUEUE", 12}, {"RLIMIT_NICE", 13},
    {"RLIMIT_NOFILE", 7},      {"RLIMIT_NPROC", 6},    {"RLIMIT_RSS", 5},
    {"RLIMIT_RTPRIO", 14},     {"RLIMIT_RTTIME", 15},  {"RLIMIT_SIGPENDING", 11},
    {"RLIMIT_STACK", 3},
};

static int resource_of(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].resource;
    return -1;
}

int rlimits_check(const struct oci_process *p, struct hull_error *e)
{
    for (size_t i = 0; i < p->rlimits.n; i++) {
        const struct oci_rlimit *r = &p->rlimits.v[i];
        char where[64];
        snprintf(where, sizeof(where), "process.rlimits[%zu]", i);
        if (resource_of(r->type) < 0)
            return error_at(e, where, HULL_E_CONFIG, "%s.type: invalid rlimit type: %s", where,
                            r->type);
        if (r->soft > r->hard)
            return error_at(e, where, HULL_E_CONFIG,
                            "%s: soft limit %llu is above the hard limit %llu", where,
                            (unsigned long long)r->soft, (unsigned long long)r->hard);
        for (size_t j = 0; j < i; j++)
            if (strcmp(p->rlimits.v[j].type, r->type) == 0)
                return error_at(e, where, HULL_E_CONFIG,
                                "%s.type: rlimit type %s is listed twice", where, r->type);
    }
    return 0;
}

int rlimits_set(const struct oci_process *p, int pid, bool raise_only, struct hull_error *e)
{
    for (size_t i = 0; i < p->rlimits.n; i++) {
        const struct oci_rlimit *r = &p->rlimits.v[i];
        /* The kernel's 64-bit form, whatever the libc's rlim_t is. */
        uint64_t want[2] = {r->soft, r->hard}, old[2];
        int res = resource_of(r->type);
        if (raise_only) {
            if (syscall(SYS_prlimit64, pid, res, NULL, old) < 0)
                return error_set(e, errno, "error reading rlimit %s", r->type);
            if (want[1] <= old[1])
                continue;
            want[0] = old[0];
        }
        if (syscall(SYS_prlimit64, pid, res, want, NULL) < 0)
            return error_at(e, "process.rlimits", errno, "error setting rlimits for %s (process.rlimits[%zu]: soft %llu, hard %llu)",
                            r->type, i, (unsigned long long)r->soft, (unsigned long long)r->hard);
    }
    return 0;
}
