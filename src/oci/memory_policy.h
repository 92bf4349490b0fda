/* SPDX-License-Identifier: Apache-2.0 */
/* The words of linux.memoryPolicy. Spec: config-linux.md#memory-policy */
#ifndef HULL_OCI_MEMORY_POLICY_H
#define HULL_OCI_MEMORY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include "base/error.h"
#include "oci/config.h"

struct oci_memory_policy_word {
    const char *name;
    int         value;          /* of set_mempolicy(2) */
    bool        forbids_nodes, needs_nodes;   /* modes only */
};

/* The kernel's MAX_NUMNODES: no machine has a node beyond. */
enum { OCI_NODES_MAX = 1024 };

/** The i-th mode or flag in alphabetical order; NULL after the last. */
const struct oci_memory_policy_word *oci_memory_policy_mode(size_t i);
const struct oci_memory_policy_word *oci_memory_policy_flag(size_t i);

/**
 * Checks p and gives the arguments of set_mempolicy(2).
 * @param ret_mode  mode and flags
 * @param mask      OCI_NODES_MAX bits, zeroed by the caller
 * @return 0 or -HULL_E_CONFIG (where: linux.memoryPolicy.mode ...)
 */
int oci_memory_policy_parse(const struct oci_memory_policy *p, int *ret_mode, uint64_t *mask,
                            struct hull_error *e);
#endif
