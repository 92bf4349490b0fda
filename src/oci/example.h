/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration that `spec` writes: the same as runc's, which test suites edit. */
#ifndef HULL_OCI_EXAMPLE_H
#define HULL_OCI_EXAMPLE_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/arena.h"
#include "base/error.h"
#include "oci/config.h"

/**
 * @param rootless  for a caller without privileges: a user namespace in place of the network
 *                  namespace, the host's /sys, no resources
 * @param cgroup2   the host has only cgroup v2: with a cgroup namespace
 * @param uid, gid  what a rootless configuration maps root to
 * @param ret       write it with json_write(.., &oci_config_type, ..) and indent "\t"
 */
int oci_example(struct arena *a, bool rootless, bool cgroup2, uid_t uid, gid_t gid,
                struct oci_config **ret, struct hull_error *e);
/** oci_example as the text of the file, as runc writes it: no newline at the end. free() it. */
int oci_example_text(bool rootless, bool cgroup2, uid_t uid, gid_t gid, char **ret,
                     struct hull_error *e);
#endif
