/* SPDX-License-Identifier: Apache-2.0 */
/* The mount option idmap=uids=...;gids=... of crun (also ridmap=), which engines pass on. */
#ifndef HULL_OCI_IDMAP_OPTION_H
#define HULL_OCI_IDMAP_OPTION_H

#include "base/arena.h"
#include "base/error.h"
#include "oci/config.h"

/**
 * Turns the mappings in such options into uidMappings and gidMappings of the mount, unless it has some,
 * and leaves the plain word idmap or ridmap. Pure.
 * @return 0, -HULL_E_CONFIG or -ENOMEM
 */
int oci_idmap_options_apply(struct oci_config *c, struct arena *a, struct hull_error *e);
#endif
