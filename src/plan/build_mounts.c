/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of mounts add and mounts remove. P clones the sources on the host; X joins the container as
 * an exec does, attaches them and ends without running anything.
 */
#include "plan/plan.h"

#include "mount/mount.h"

int plan_build_mounts(struct launch *l, struct plan *p, bool remove, struct hull_error *e)
{
    l->plan = p;
    int r = remove ? 0 : mount_plan_sources(l, p, e);
    if (r == 0)
        r = plan_push(p, AT_HOST, STEP_JOIN_CLONE, NULL, NULL, 0, e);
    if (r == 0)
        r = plan_push(p, AT_HOST, STEP_AWAIT, NULL, NULL, SYNC_READY, e);
    if (r == 0)
        r = plan_push(p, AT_INIT, STEP_INIT_BEGIN, NULL, NULL, 0, e);
    if (r == 0)
        r = plan_push(p, AT_INIT, STEP_JOIN, NULL, NULL, 0, e);
    if (r == 0)
        r = running_plan(l, p, remove, e);
    if (r == 0)
        r = plan_push(p, AT_INIT, STEP_NOTIFY, NULL, NULL, SYNC_READY, e);
    return r;
}
