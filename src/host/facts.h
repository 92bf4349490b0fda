/* SPDX-License-Identifier: Apache-2.0 */
/* What the host is: one cheap probe per invocation; tests build the struct by hand. */
#ifndef HULL_HOST_FACTS_H
#define HULL_HOST_FACTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/error.h"

enum cgroup_mode { CGROUP_NONE, CGROUP_V1, CGROUP_HYBRID, CGROUP_V2 };

struct host_facts {
    uid_t            euid;
    gid_t            egid;
    bool             in_userns;    /* we run in a user namespace that is not the initial one */
    uint64_t         caps;         /* our effective capabilities, bit = number */
    enum cgroup_mode cgroup_mode;  /* by statfs of /sys/fs/cgroup and .../unified */
};

/** Fills f; never fails on a missing cgroup mount (CGROUP_NONE). */
int host_facts_probe(struct host_facts *f, struct hull_error *e);
bool host_has_cap(const struct host_facts *f, unsigned cap);
#endif
