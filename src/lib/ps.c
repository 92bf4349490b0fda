/* SPDX-License-Identifier: Apache-2.0 */
/* hull_pids: the processes of the container's cgroup and of all below it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/runtime.h"

int hull_pids(hull_runtime *rt, const char *id, pid_t **ret, size_t *ret_n, struct hull_error *e)
{
    _cleanup_container_ struct container c = CONTAINER_INIT;
    pid_t *pids = NULL;
    size_t n = 0;
    int r = container_open(rt, id, 0, &c, e);
    if (r == 0)
        r = cgroup_pids(c.cgroup, true, &c.arena, &pids, &n, e);
    if (r < 0) {
        if (e->code == EPERM || e->code == EACCES)
            log_warning(&rt->log,
                        "%s ps failure might be caused by lack of full access to cgroups",
                        rt->options.name);
        return r;
    }
    pid_t *copy = malloc((n + 1) * sizeof(*copy));
    if (!copy)
        return error_oom(e);
    if (n > 0)
        memcpy(copy, pids, n * sizeof(*copy));
    *ret = copy;
    *ret_n = n;
    return 0;
}
