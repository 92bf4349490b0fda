/* SPDX-License-Identifier: Apache-2.0 */
/* What an entry of mounts says about itself: config.md#mounts. Pure. */
#ifndef HULL_OCI_MOUNT_H
#define HULL_OCI_MOUNT_H

#include <stdbool.h>
#include "oci/config.h"

/** Whether it shows cgroups: "cgroup", the hierarchies of the host, or "cgroup2", v2 alone. */
bool oci_mount_is_cgroup(const struct oci_mount *m);
#endif
