/* SPDX-License-Identifier: Apache-2.0 */
/* Id mappings as the kernel reads them. Spec: config-linux.md#user-namespace-mappings */
#ifndef HULL_OCI_ID_MAP_H
#define HULL_OCI_ID_MAP_H

#include <stdbool.h>
#include "base/arena.h"
#include "base/error.h"
#include "oci/config.h"

enum { OCI_ID_MAPS_MAX = 340 }; /* the kernel's limit, 4.15 */

/**
 * The text of /proc/PID/uid_map: one line for each mapping.
 * @param name  "uid_map" or "gid_map", for messages
 * @param ret   in the arena
 * @return 0, -HULL_E_CONFIG (too many) or -ENOMEM
 */
int oci_id_map_text(const struct oci_id_mappings *m, const char *name, struct arena *a, char **ret,
                    struct hull_error *e);
/** The host's id of the container's id. False when it has none. */
bool oci_id_map_host(const struct oci_id_mappings *m, uint32_t id, uint32_t *ret);
/** Whether both say the same in the same order. */
bool oci_id_map_equal(const struct oci_id_mappings *a, const struct oci_id_mappings *b);
#endif
