/* SPDX-License-Identifier: Apache-2.0 */
/* The order of an exec: the part of plan/build.c that is about a process, after joining. */
#include "plan/plan.h"

#include "lsm/lsm.h"
#include "process/process.h"
#include "seccomp/seccomp.h"

int plan_build_exec(struct launch *l, struct plan *p, struct hull_error *e)
{
    const struct oci_process *proc = l->config->process;
    int r = seccomp_plan(l, e);
    if (r < 0)
        return r;
    const bool by_admin = l->seccomp && !proc->noNewPrivileges.v;
    const bool has_priority = proc->scheduler || proc->ioPriority;
    const bool by_parent = l->has_ns[NS_USER] && !l->rootless;
    const struct oci_cpu_affinity *cpus = proc->execCPUAffinity;
    const bool initial = cpus && cpus->initial;
    const struct { enum step_where where; enum step_kind kind; size_t index; bool wanted; } order[] = {
        {AT_HOST, STEP_CONSOLE_CONNECT, 0, l->options->console_socket},
        {AT_HOST, STEP_CPU_AFFINITY, AFFINITY_INITIAL, initial},
        {AT_HOST, STEP_JOIN_CLONE, 0, true},
        {AT_HOST, STEP_CPU_AFFINITY, AFFINITY_OWN, initial},
        {AT_HOST, STEP_RLIMITS_FOR_INIT, 0, proc->rlimits.n > 0 && l->has_ns[NS_USER] && !l->rootless},
        {AT_HOST, STEP_OOM_SCORE_FOR_INIT, 0, proc->oomScoreAdj.set},
        {AT_HOST, STEP_INTEL_RDT_JOIN, 0, l->intel_rdt},
        {AT_HOST, STEP_CGROUP_ENTER_HOST, 0, true},
        {AT_HOST, STEP_PIDFD_SEND, 0, l->options->pidfd_socket},
        {AT_HOST, STEP_AWAIT, SYNC_READY, true},
        {AT_HOST, STEP_SCHEDULER, 0, has_priority && by_parent},
        {AT_HOST, STEP_PID_FILE, 0, l->options->pid_file},
        {AT_HOST, STEP_NOTIFY, SYNC_COMMIT, true},

        {AT_INIT, STEP_CGROUP_ENTER, 0, true},     /* its files are open: before they are closed */
        {AT_INIT, STEP_INIT_BEGIN, 0, true},
        {AT_INIT, STEP_CPU_AFFINITY, AFFINITY_FINAL, true},
        {AT_INIT, STEP_JOIN, 0, true},
        {AT_INIT, STEP_NOTIFY_SOCKET, 0, l->notify_name},
        {AT_INIT, STEP_LSM_KEY, 0, !l->options->no_new_keyring && proc->selinuxLabel},
        {AT_INIT, STEP_KEYRING, 0, !l->options->no_new_keyring},
        {AT_INIT, STEP_CONSOLE, 0, proc->terminal},
        {AT_INIT, STEP_LSM_EXEC, 0, proc->apparmorProfile || proc->selinuxLabel},
        {AT_INIT, STEP_PERSONALITY, 0, l->config->linux_->personality},
        {AT_INIT, STEP_RLIMITS, 0, proc->rlimits.n > 0},
        {AT_INIT, STEP_NO_NEW_PRIVS, 0, proc->noNewPrivileges.v},
        {AT_INIT, STEP_MEMORY_POLICY, 0, l->config->linux_->memoryPolicy},
        {AT_INIT, STEP_SCHEDULER, 0, has_priority && !by_parent},
        {AT_INIT, STEP_CAPS_BOUND, 0, true},
        {AT_INIT, STEP_CWD, 1, true},
        {AT_INIT, STEP_USER, 0, true},
        {AT_INIT, STEP_CAPS, by_admin ? CAPS_BUT_ADMIN : CAPS_FINAL, true},
        {AT_INIT, STEP_CWD, 2, true},
        {AT_INIT, STEP_EXEC_LOOKUP, 0, true},
        {AT_INIT, STEP_INIT_READY, 0, true},
        {AT_INIT, STEP_SECCOMP, 0, l->seccomp},
        {AT_INIT, STEP_CAPS, CAPS_DROP_ADMIN, by_admin},
        {AT_INIT, STEP_NOTIFY, SYNC_READY, true},
        {AT_INIT, STEP_AWAIT, SYNC_COMMIT, true},
        {AT_INIT, STEP_EXEC, 0, true},
    };
    l->plan = p;
    r = rlimits_check(proc, e);
    if (r == 0)
        r = scheduler_check(proc->scheduler, e);
    if (r == 0)
        r = lsm_check(proc, e);
    if (r == 0)
        r = affinity_check(cpus, e);
    for (size_t i = 0; r == 0 && i < COUNT_OF(order); i++)
        if (order[i].wanted)
            r = plan_push(p, order[i].where, order[i].kind, NULL, NULL, order[i].index, e);
    return r;
}
