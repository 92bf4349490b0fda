/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/mount.h"

#include <string.h>

bool oci_mount_is_cgroup(const struct oci_mount *m)
{
    return m->type && (strcmp(m->type, "cgroup") == 0 || strcmp(m->type, "cgroup2") == 0);
}
