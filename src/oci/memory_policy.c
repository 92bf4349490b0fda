/* SPDX-License-Identifier: Apache-2.0 */
/* Values are those of linux/mempolicy.h; words of errors are runc's. */
#include "oci/memory_policy.h"

#include <inttypes.h>
#include <string.h>
#include "base/idlist.h"
#include "json/words.h"
#include "oci/validate_part.h"

static const struct oci_memory_policy_word modes[] = {
    {"MPOL_BIND",                2, .needs_nodes = true},
    {"MPOL_DEFAULT",             0, .forbids_nodes = true},
    {"MPOL_INTERLEAVE",          3, .needs_nodes = true},
    {"MPOL_LOCAL",               4, .forbids_nodes = true},
    {"MPOL_PREFERRED",           1, false, false},
    {"MPOL_PREFERRED_MANY",      5, .needs_nodes = true},
    {"MPOL_WEIGHTED_INTERLEAVE", 6, .needs_nodes = true},
};

static const struct oci_memory_policy_word flags[] = {
    {"MPOL_F_NUMA_BALANCING", 1 << 13, false, false},
    {"MPOL_F_RELATIVE_NODES", 1 << 14, false, false},
    {"MPOL_F_STATIC_NODES",   1 << 15, false, false},
};

const struct oci_memory_policy_word *oci_memory_policy_mode(size_t i)
{
    return i < COUNT_OF(modes) ? &modes[i] : NULL;
}

const struct oci_memory_policy_word *oci_memory_policy_flag(size_t i)
{
    return i < COUNT_OF(flags) ? &flags[i] : NULL;
}

static const struct oci_memory_policy_word *find(const struct oci_memory_policy_word *v, size_t n,
                                                 const char *name)
{
    for (size_t i = 0; name && i < n; i++)
        if (strcmp(v[i].name, name) == 0)
            return &v[i];
    return NULL;
}

int oci_memory_policy_parse(const struct oci_memory_policy *p, int *ret_mode, uint64_t *mask,
                            struct hull_error *e)
{
    const struct oci_memory_policy_word *mode = find(modes, COUNT_OF(modes), p->mode);
    if (!mode)
        return error_at(e, "linux.memoryPolicy.mode", HULL_E_CONFIG,
                        "invalid memory policy mode %s", json_quote(p->mode).text);
    const int64_t nodes = idlist_parse(p->nodes, mask, OCI_NODES_MAX);
    if (nodes < 0)
        return error_at(e, "linux.memoryPolicy.nodes", HULL_E_CONFIG,
                        "invalid memory policy nodes %s", json_quote(p->nodes).text);
    int value = mode->value;
    for (size_t i = 0; i < p->flags.n; i++) {
        const struct oci_memory_policy_word *f = find(flags, COUNT_OF(flags), p->flags.v[i]);
        if (!f)
            return error_at(e, oci_path("linux.memoryPolicy.flags[%zu]", i).text, HULL_E_CONFIG,
                            "invalid memory policy flag %s", json_quote(p->flags.v[i]).text);
        value |= f->value;
    }
    if (mode->forbids_nodes && nodes > 0)
        return error_at(e, "linux.memoryPolicy.nodes", HULL_E_CONFIG,
                        "memory policy mode requires 0 nodes but got %" PRId64, nodes);
    if (mode->needs_nodes && nodes == 0)
        return error_at(e, "linux.memoryPolicy.nodes", HULL_E_CONFIG,
                        "memory policy mode requires at least one node but got 0");
    *ret_mode = value;
    return 0;
}
