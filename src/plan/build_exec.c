/* SPDX-License-Identifier: Apache-2.0 */
/* The order of an exec: the part of plan/build.c that is about a process, after joining. */
#include "plan/plan.h"

#include "process/process.h"

int plan_build_exec(struct launch *l, struct plan *p, struct hull_error *e)
{
    const struct oci_process *proc = l->config->process;
    const struct { enum step_where where; enum step_kind kind; size_t index; bool wanted; } order[] = {
        {AT_HOST, STEP_CONSOLE_CONNECT, 0, l->options->console_socket},
        {AT_HOST, STEP_JOIN_CLONE, 0, true},
        {AT_HOST, STEP_RLIMITS_FOR_INIT, 0, proc->rlimits.n > 0 && l->has_ns[NS_USER] && !l->rootless},
        {AT_HOST, STEP_OOM_SCORE_FOR_INIT, 0, proc->oomScoreAdj.set},
        {AT_HOST, STEP_CGROUP_ENTER_HOST, 0, true},
        {AT_HOST, STEP_PIDFD_SEND, 0, l->options->pidfd_socket},
        {AT_HOST, STEP_AWAIT, SYNC_READY, true},
        {AT_HOST, STEP_PID_FILE, 0, l->options->pid_file},
        {AT_HOST, STEP_NOTIFY, SYNC_COMMIT, true},

        {AT_INIT, STEP_CGROUP_ENTER, 0, true},     /* its files are open: before they are closed */
        {AT_INIT, STEP_INIT_BEGIN, 0, true},
        {AT_INIT, STEP_JOIN, 0, true},
        {AT_INIT, STEP_KEYRING, 0, !l->options->no_new_keyring},
        {AT_INIT, STEP_CONSOLE, 0, proc->terminal},
        {AT_INIT, STEP_PERSONALITY, 0, l->config->linux_->personality},
        {AT_INIT, STEP_RLIMITS, 0, proc->rlimits.n > 0},
        {AT_INIT, STEP_NO_NEW_PRIVS, 0, proc->noNewPrivileges.v},
        {AT_INIT, STEP_CAPS_BOUND, 0, true},
        {AT_INIT, STEP_CWD, 1, true},
        {AT_INIT, STEP_USER, 0, true},
        {AT_INIT, STEP_CAPS, 0, true},
        {AT_INIT, STEP_CWD, 2, true},
        {AT_INIT, STEP_EXEC_LOOKUP, 0, true},
        {AT_INIT, STEP_NOTIFY, SYNC_READY, true},
        {AT_INIT, STEP_AWAIT, SYNC_COMMIT, true},
        {AT_INIT, STEP_EXEC, 0, true},
    };
    l->plan = p;
    int r = rlimits_check(proc, e);
    for (size_t i = 0; r == 0 && i < COUNT_OF(order); i++)
        if (order[i].wanted)
            r = plan_push(p, order[i].where, order[i].kind, NULL, NULL, order[i].index, e);
    return r;
}
