/* SPDX-License-Identifier: Apache-2.0 */
/* The rules by which an update changes linux.resources. Pure. */
#ifndef HULL_LIB_UPDATE_MERGE_H
#define HULL_LIB_UPDATE_MERGE_H

#include "base/arena.h"
#include "base/error.h"
#include "oci/config.h"

/**
 * @param a          owns what is new in the results; the rest is shared with stored and asked
 * @param stored     the container's resources so far; may be NULL
 * @param asked      the update
 * @param ret_all    the container's resources from now on
 * @param ret_write  what has to be written to the cgroup
 * @return 0 or -ENOMEM
 */
int resources_merge(struct arena *a, const struct oci_resources *stored,
                    const struct oci_resources *asked, struct oci_resources *ret_all,
                    struct oci_resources *ret_write, struct hull_error *e);
#endif
