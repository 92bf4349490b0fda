/* SPDX-License-Identifier: Apache-2.0 */
/* What an entry of mounts says about itself: config.md#mounts. Pure. */
#ifndef HULL_OCI_MOUNT_H
#define HULL_OCI_MOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include "oci/config.h"

/** A word of a mount's options; all zero before the first. */
struct oci_option {
    const char *word;
    size_t      len;      /* what follows is a comma or the end */
    size_t      entry;    /* in the list */
};
/**
 * Goes on to the next word. An entry that holds commas counts as several, but for those that double
 * quotes cover (context="a:b:c:s0,c1").
 */
bool oci_option_next(const struct oci_strs *options, struct oci_option *o);
bool oci_option_is(const struct oci_option *o, const char *word);
/** Whether the word is among the options. */
bool oci_mount_has_option(const struct oci_mount *m, const char *word);
/** Whether bind or rbind is among the options. */
bool oci_mount_is_bind(const struct oci_mount *m);
/** Whether it shows cgroups: "cgroup", the hierarchies of the host, or "cgroup2", v2 alone. */
bool oci_mount_is_cgroup(const struct oci_mount *m);
#endif
