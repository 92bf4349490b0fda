/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * process.execCPUAffinity (config.md#linux-process) and the affinity of all others. A process
 * inherits the CPUs that it may run on from whoever started the runtime, which has nothing to do
 * with the container: init and exec reset it to all CPUs, once they are in their cgroup, whose
 * cpuset the kernel then applies. For exec the spec has two masks: "initial" counts from the clone
 * until the process is in the cgroup, so P takes it on around the clone; "final" from then on.
 */
#include "process/process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "step/launch.h"

/* CONFIG_NR_CPUS is 8192 at most. The kernel cuts a mask that is too long and refuses a short one. */
enum { CPUS_MAX = 8192, WORD_BITS = 8 * sizeof(unsigned long), WORDS = CPUS_MAX / WORD_BITS };

/* "0-3,7" as a mask. */
static int parse(const char *list, unsigned long *ret)
{
    memset(ret, 0, WORDS * sizeof(*ret));
    for (const char *p = list;;) {
        char *end;
        if (*p < '0' || *p > '9')
            return -EINVAL;
        unsigned long from = strtoul(p, &end, 10), to = from;
        if (*end == '-') {
            if (end[1] < '0' || end[1] > '9')
                return -EINVAL;
            to = strtoul(end + 1, &end, 10);
        }
        if (to < from || to >= CPUS_MAX)
            return -ERANGE;
        for (unsigned long cpu = from; cpu <= to; cpu++)
            ret[cpu / WORD_BITS] |= 1ul << cpu % WORD_BITS;
        if (!*end)
            return 0;
        if (*end != ',')
            return -EINVAL;
        p = end + 1;
    }
}

static int check(const char *list, const char *member, struct hull_error *e)
{
    unsigned long mask[WORDS];
    char where[64];
    if (!list || !*list || parse(list, mask) == 0)
        return 0;
    snprintf(where, sizeof(where), "process.execCPUAffinity.%s", member);
    return error_at(e, where, HULL_E_CONFIG, "bad CPU affinity %s: invalid list of CPUs \"%s\"",
                    member, list);
}

int affinity_check(const struct oci_cpu_affinity *a, struct hull_error *e)
{
    if (!a)
        return 0;
    int r = check(a->initial, "initial", e);
    return r < 0 ? r : check(a->final, "final", e);
}

static long set_affinity(const unsigned long *mask)
{
    return syscall(SYS_sched_setaffinity, 0, WORDS * sizeof(*mask), mask);
}

static long get_affinity(unsigned long *mask)
{
    memset(mask, 0, WORDS * sizeof(*mask));
    return syscall(SYS_sched_getaffinity, 0, WORDS * sizeof(*mask), mask);
}

/* P, before the clone. */
static int take_initial(struct launch *l, const char *list, struct hull_error *e)
{
    unsigned long mask[WORDS];
    l->own_affinity = arena_array(l->arena, WORDS, sizeof(*l->own_affinity));
    if (!l->own_affinity)
        return error_oom(e);
    if (parse(list, mask) < 0 || get_affinity(l->own_affinity) < 0 || set_affinity(mask) < 0)
        return error_at(e, "process.execCPUAffinity.initial", errno,
                        "error setting initial CPU affinity");
    (void)get_affinity(mask);
    /* In the words of runc's log, which its tests look for. */
    log_debug(l->log, "nsexec[%d]: affinity: 0x%lx", (int)getpid(), mask[0]);
    return 0;
}

static int take_final(struct launch *l, const struct oci_cpu_affinity *a, struct hull_error *e)
{
    unsigned long mask[WORDS];
    if (a && a->final && *a->final) {
        if (parse(a->final, mask) < 0 || set_affinity(mask) < 0)
            return error_at(e, "process.execCPUAffinity.final", errno,
                            "error setting final CPU affinity");
        return 0;
    }
    if (a && a->initial && *a->initial)
        return 0;
    /* All that the kernel can have, also those that are plugged in or added to the cpuset later. */
    memset(mask, 0xff, sizeof(mask));
    if (set_affinity(mask) < 0)
        log_warning(l->log, "resetting the CPU affinity failed, the container process may inherit "
                            "that of its caller: %s", errno_text(errno));
    return 0;
}

int process_step_affinity(struct launch *l, const struct step *s, struct hull_error *e)
{
    const struct oci_cpu_affinity *a = l->join_pid > 0 ? l->config->process->execCPUAffinity : NULL;
    switch ((enum affinity_when)s->index) {
    case AFFINITY_INITIAL:
        return take_initial(l, l->config->process->execCPUAffinity->initial, e);
    case AFFINITY_OWN:
        return process_step_affinity_undo(l, s, e);
    case AFFINITY_FINAL:
        return take_final(l, a, e);
    }
    return 0;
}

int process_step_affinity_undo(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    (void)e;
    if (l->own_affinity)
        (void)set_affinity(l->own_affinity);
    l->own_affinity = NULL;
    return 0;
}

void process_print_affinity(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    const struct oci_cpu_affinity *a = l->join_pid > 0 ? l->config->process->execCPUAffinity : NULL;
    if (s->index == AFFINITY_OWN)
        snprintf(buf, len, "back to our own");
    else if (s->index == AFFINITY_INITIAL)
        snprintf(buf, len, "initial %s", l->config->process->execCPUAffinity->initial);
    else if (a && a->final && *a->final)
        snprintf(buf, len, "final %s", a->final);
    else
        snprintf(buf, len, "all CPUs");
}
