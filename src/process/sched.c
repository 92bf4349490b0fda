/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * process.scheduler and process.ioPriority (config.md#linux-process), by sched_setattr(2) and
 * ioprio_set(2). Both outlive execve. What is more than an ordinary user may have asks for
 * CAP_SYS_NICE in the initial user namespace: with a user namespace a privileged P does it for I,
 * which then waits for COMMIT; else I does it itself before it gives up its capabilities. It comes
 * late in either case, since under SCHED_DEADLINE a process may not fork.
 */
#include "process/process.h"

#include <errno.h>
#include <string.h>
#include "base/sys.h"
#include "step/launch.h"

/* struct sched_attr of linux/sched/types.h, which clashes with some libcs' sched.h. */
struct sched_parameters {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t  nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;     /* nanoseconds */
    uint32_t util_min, util_max;            /* 5.3; the spec has no values for them */
};

/* linux/sched.h */
static const struct { const char *name; uint32_t policy; } policies[] = {
    {"SCHED_OTHER", 0}, {"SCHED_FIFO", 1}, {"SCHED_RR", 2},       {"SCHED_BATCH", 3},
    {"SCHED_ISO", 4},   {"SCHED_IDLE", 5}, {"SCHED_DEADLINE", 6},
};
static const struct { const char *name; uint64_t flag; } flags[] = {
    {"SCHED_FLAG_RESET_ON_FORK", 0x01},  {"SCHED_FLAG_RECLAIM", 0x02},
    {"SCHED_FLAG_DL_OVERRUN", 0x04},     {"SCHED_FLAG_KEEP_POLICY", 0x08},
    {"SCHED_FLAG_KEEP_PARAMS", 0x10},    {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
    {"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40},
};

/* linux/ioprio.h */
enum { IOPRIO_WHO_PROCESS = 1, IOPRIO_CLASS_SHIFT = 13 };
static const struct { const char *name; int class_; } io_classes[] = {
    {"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3},
};

static int parameters(const struct oci_scheduler *s, struct sched_parameters *ret,
                      struct hull_error *e)
{
    struct sched_parameters p = {
        .size = sizeof(p),
        .nice = s->nice.v,
        .priority = (uint32_t)s->priority.v,
        .runtime = s->runtime.v,
        .deadline = s->deadline.v,
        .period = s->period.v,
    };
    size_t k = 0;
    while (k < COUNT_OF(policies) && strcmp(policies[k].name, s->policy) != 0)
        k++;
    if (k == COUNT_OF(policies))
        return error_at(e, "process.scheduler.policy", HULL_E_CONFIG,
                        "invalid scheduler policy: %s", s->policy);
    p.policy = policies[k].policy;
    for (size_t i = 0; i < s->flags.n; i++) {
        for (k = 0; k < COUNT_OF(flags) && strcmp(flags[k].name, s->flags.v[i]) != 0;)
            k++;
        if (k == COUNT_OF(flags))
            return error_at(e, "process.scheduler.flags", HULL_E_CONFIG,
                            "invalid scheduler flag: %s", s->flags.v[i]);
        p.flags |= flags[k].flag;
    }
    *ret = p;
    return 0;
}

int scheduler_check(const struct oci_scheduler *s, struct hull_error *e)
{
    struct sched_parameters p;
    return s ? parameters(s, &p, e) : 0;
}

int scheduler_set(const struct oci_scheduler *s, int pid, bool own_cpus, struct hull_error *e)
{
    struct sched_parameters p;
    int r = parameters(s, &p, e);
    if (r < 0)
        return r;
    if (syscall(SYS_sched_setattr, pid, &p, 0) == 0)
        return 0;
    /* SCHED_DEADLINE needs all CPUs of the root domain in the affinity mask. */
    if (errno == EPERM && own_cpus)
        return error_at(e, "process.scheduler", HULL_E_INIT,
                        "process scheduler can't be used together with AllowedCPUs");
    return error_at(e, "process.scheduler", errno, "error setting scheduler");
}

int io_priority_set(const struct oci_io_priority *io, int pid, struct hull_error *e)
{
    size_t k = 0;
    while (k < COUNT_OF(io_classes) && strcmp(io_classes[k].name, io->class_) != 0)
        k++;
    if (k == COUNT_OF(io_classes))
        return error_at(e, "process.ioPriority.class", HULL_E_CONFIG,
                        "invalid io priority class: %s", io->class_);
    const int value = io_classes[k].class_ << IOPRIO_CLASS_SHIFT | io->priority.v;
    if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid, value) < 0)
        return error_at(e, "process.ioPriority", errno, "failed to set io priority");
    return 0;
}

int process_step_scheduler(struct launch *l, const struct step *s, struct hull_error *e)
{
    const struct oci_process *p = l->config->process;
    const struct oci_resources *res = l->config->linux_->resources;
    const bool own_cpus = res && res->cpu && res->cpu->cpus;
    const int pid = s->where == AT_HOST ? l->init_pid : 0;
    int r = p->scheduler ? scheduler_set(p->scheduler, pid, own_cpus, e) : 0;
    return r == 0 && p->ioPriority ? io_priority_set(p->ioPriority, pid, e) : r;
}
