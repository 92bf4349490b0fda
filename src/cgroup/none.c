/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: no cgroup file system, or a container that was made without a cgroup because
 * its user may not have one. Nothing can be limited; asking for a limit is an error.
 */
#include <errno.h>
#include "cgroup/limits.h"
#include "cgroup/ops.h"

static int locate(struct cgroup *cg, struct hull_error *e)
{
    (void)cg;
    (void)e;
    return 0;
}

static int create(struct cgroup *cg, const struct oci_resources *res, struct hull_error *e)
{
    struct cgroup_limits limits;
    if (cg->disabled)
        return 0;
    int r = limits_build(cg, cg->arena, res, &limits, e);
    if (r < 0)
        return r;
    if (cg->rootless && !cg->path_given && limits.n == 0)
        return 0;
    return error_set(e, HULL_E_UNSUPPORTED, "no cgroup mount found in mountinfo");
}

static int devices(const struct cgroup *cg, const struct device_filter *f, struct hull_error *e)
{
    (void)cg;
    (void)f;
    (void)e;
    return 0;
}

static int freeze(const struct cgroup *cg, bool frozen, struct hull_error *e)
{
    (void)cg;
    if (!frozen)
        return 0;
    return error_set(e, HULL_E_STATE,
                     "cannot toggle freezer: cgroups not configured for container");
}

static int is_frozen(const struct cgroup *cg, bool *ret, struct hull_error *e)
{
    (void)cg;
    (void)e;
    *ret = false;
    return 0;
}

const struct cgroup_ops cgroup_none = {
    .name = "none",
    .locate = locate,
    .create = create,
    .devices = devices,
    .freeze = freeze,
    .is_frozen = is_frozen,
};
