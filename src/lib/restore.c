/* SPDX-License-Identifier: Apache-2.0 */
/* hull_restore. */
#include <errno.h>
#include <sys/file.h>
#include <sys/prctl.h>

#include "lib/runtime.h"
#include "run/restore.h"
#include "run/run.h"

static int restore(hull_runtime *rt, const char *id, const struct hull_create_options *o, struct job *j,
                   int *ret_status, struct hull_error *e)
{
    struct launch *l = &j->launch;
    int r = criu_dirs_open(l->restore->options, &l->restore->dirs, e);
    if (r == 0)
        r = job_prepare(rt, id, o, true, j, e);
    if (r < 0)
        return r;
    o = &j->options;
    if (launch_limited(l))
        log_warning(l->log, "%s restore is untested with rootless containers", l->name);
    if (!o->detach && !o->no_subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        return error_set(e, errno, "prctl(PR_SET_CHILD_SUBREAPER)");
    r = job_execute(j, e);
    if (r < 0)
        return r;
    (void)flock(l->state_fd, LOCK_UN);
    *ret_status = 0;
    return o->detach ? 0 : job_foreground(j, ret_status, e);
}

int hull_restore(hull_runtime *rt, const char *id, const struct hull_create_options *o,
                 const struct hull_criu_options *criu, int *ret_status, struct hull_error *e)
{
    struct hull_criu_options taken;
    int r = options_take(criu, &taken, sizeof(taken), e);
    if (r < 0)
        return r;
    _cleanup_job_ struct job j;
    struct restore x = RESTORE_INIT;
    x.options = &taken;
    job_init(&j);
    j.launch.restore = &x;
    r = restore(rt, id, o, &j, ret_status, e);
    criu_dirs_close(&x.dirs);
    return r;
}
