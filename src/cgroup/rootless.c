/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A limit that a user may not set: what is said beside the kernel's "permission denied". Only systemd
 * gives cgroups to users, only on v2, and by default no more than memory and pids.
 */
#include <stdio.h>
#include <string.h>
#include "cgroup/limits.h"
#include "cgroup/ops.h"

#define DROP_IN "/etc/systemd/system/user@.service.d/delegate.conf"

int cgroup_ask_delegation(const struct cgroup *cg, const struct cgroup_limit *v, size_t n,
                          struct hull_error *e)
{
    char names[256] = "";
    size_t len = 0, count = 0;
    for (size_t i = 0; i < n && len < sizeof(names); i++) {
        bool seen = strcmp(v[i].controller, "cgroup") == 0; /* of every cgroup */
        for (size_t j = 0; j < i && !seen; j++)
            seen = strcmp(v[j].controller, v[i].controller) == 0;
        if (!seen)
            len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", count++ ? ", " : "",
                                    v[i].controller);
    }
    if (!cg->rootless || count == 0)
        return -e->code;
    const char *plural = count > 1 ? "s" : "";
    if (cg->mode != CGROUP_V2)
        return error_suffix(
            e,
            " (controller%s %s: on cgroup v1 root must make a cgroup that the user owns, named in "
            "linux.cgroupsPath; with cgroup v2 systemd can delegate controllers to users, "
            "by a file " DROP_IN ")",
            plural, names);
    return error_suffix(e,
                        " (controller%s %s: root can delegate %s to users by a file " DROP_IN
                        " with the lines [Service] "
                        "and Delegate=cpu cpuset io memory pids, from the next log-in on%s)",
                        plural, names, *plural ? "them" : "it",
                        cg->unit ? "" : "; then use --systemd-cgroup");
}
