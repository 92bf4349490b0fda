/* SPDX-License-Identifier: Apache-2.0 */
/* hull_create, hull_run, hull_explain. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "kernel/intelrdt.h"
#include "lib/notify.h"
#include "lib/runtime.h"
#include "run/run.h"

int hull_explain(hull_runtime *rt, const char *id, const struct hull_create_options *o, bool run,
                 bool json, char **ret, struct hull_error *e)
{
    _cleanup_job_ struct job j;
    job_init(&j);
    int r = job_prepare(rt, id, o, run, &j, e);
    if (r < 0)
        return r;
    char *text = plan_explain(&j.launch, &j.plan, json);
    if (!text)
        return error_oom(e);
    *ret = text;
    return 0;
}

int hull_create(hull_runtime *rt, const char *id, const struct hull_create_options *o,
                struct hull_error *e)
{
    _cleanup_job_ struct job j;
    job_init(&j);
    int r = job_prepare(rt, id, o, false, &j, e);
    r = r < 0 ? r : job_execute(&j, e);
    trace_write(&j.launch);
    return r;
}

/*
 * Removes what we made and still hold the handles of, after init's end. Somebody else may have
 * deleted the container meanwhile, and even made another one by its name: then our directory has no
 * link any more.
 */
static int destroy(struct job *j, struct hull_error *e)
{
    struct launch *l = &j->launch;
    int r = state_lock(l->state_fd, l->id, STATE_PATIENCE, e);
    if (r < 0)
        return r;
    if (state_is_gone(l->state_fd))
        return 0;
    r = cgroup_destroy(l->cgroup, e);
    if (r == 0 && l->intel_rdt)
        r = intelrdt_remove(l->intel_rdt, e);
    if (r == 0)
        r = state_remove_dir(l->root_fd, l->id, e);
    return r < 0 ? r : launch_run_hooks(l, HOOK_POSTSTOP, "stopped", 0, e);
}

int job_foreground(struct job *j, int *ret_status, struct hull_error *e)
{
    struct launch *l = &j->launch;
    stdio_close_inner(l);
    struct foreground f = {
        .stdio = l->stdio,
        .signal_fd = l->signal_fd,
        .pidfd = l->init_pidfd,
        .pid = l->init_pid,
        .master = TAKE_FD(l->console_fd),
        .subreaper = !l->options->no_subreaper,
        .notified = l->notify_fd >= 0 ? notify_pass_on : NULL,
        .notify_fd = l->notify_fd,
    };
    int r = foreground_wait(&f, ret_status, e);
    if (l->options->keep) {
        struct hull_error quiet;
        /* The container stays, but nothing may go on in it (no private pid namespace). */
        if (!launch_private_pid(l))
            (void)cgroup_kill_all(l->cgroup, SIGKILL, &quiet);
        return r;
    }
    struct hull_error late = {0};
    if (destroy(j, &late) < 0 && r == 0)
        log_error(l->log, "%s", late.text);
    return r;
}

int hull_run(hull_runtime *rt, const char *id, const struct hull_create_options *o, int *ret_status,
             struct hull_error *e)
{
    _cleanup_job_ struct job j;
    job_init(&j);
    int r = job_prepare(rt, id, o, true, &j, e);
    if (r < 0)
        return r;
    o = &j.options;
    if (!o->detach && !o->no_subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        return error_set(e, errno, "prctl(PR_SET_CHILD_SUBREAPER)");
    r = job_execute(&j, e);
    struct launch *l = &j.launch;
    if (r < 0) {
        trace_write(l);
        return r;
    }
    (void)flock(l->state_fd, LOCK_UN); /* others may act on the running container */
    r = sync_await_exec(l, e);
    trace_write(l);
    if (r == 0)
        r = launch_run_hooks(l, HOOK_POSTSTART, "running", l->init_pid, e);
    if (r < 0) {
        struct hull_error late;
        (void)parent_step_clone_undo(l, NULL, &late);
        (void)destroy(&j, &late);
        return error_prefix(e, "unable to start container process");
    }
    if (o->detach) {
        *ret_status = 0;
        return l->notify_fd < 0 ? 0 : notify_forward(l->notify_fd, l->init_pidfd, l->init_pid, e);
    }
    return job_foreground(&j, ret_status, e);
}
