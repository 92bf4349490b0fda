/* SPDX-License-Identifier: Apache-2.0 */
/* hull_pause and hull_resume: the freezer of the container's cgroup, with all below it. */
#include <errno.h>

#include "lib/runtime.h"

/* What the user of a rootless container is told when the kernel says no. */
static int explain(hull_runtime *rt, const char *what, int r, const struct hull_error *e)
{
    if (r < 0 && (e->code == EPERM || e->code == EACCES))
        log_warning(&rt->log, "%s %s failure might be caused by lack of full access to cgroups",
                    rt->options.name, what);
    return r;
}

int hull_pause(hull_runtime *rt, const char *id, struct hull_error *e)
{
    _cleanup_container_ struct container c = CONTAINER_INIT;
    int r = container_open(rt, id, STATE_PATIENCE, &c, e);
    if (r < 0)
        return r;
    if (c.status != STATUS_RUNNING && c.status != STATUS_CREATED)
        return error_set(e, HULL_E_STATE, "container not running");
    return explain(rt, "pause", cgroup_freeze(c.cgroup, true, e), e);
}

int hull_resume(hull_runtime *rt, const char *id, struct hull_error *e)
{
    _cleanup_container_ struct container c = CONTAINER_INIT;
    int r = container_open(rt, id, STATE_PATIENCE, &c, e);
    if (r < 0)
        return r;
    if (c.status != STATUS_PAUSED)
        return error_set(e, HULL_E_STATE, "container not paused");
    return explain(rt, "resume", cgroup_freeze(c.cgroup, false, e), e);
}
