/* SPDX-License-Identifier: Apache-2.0 */
/* What resctrl says about a container's groups, for the command `events`. */
#ifndef HULL_KERNEL_INTELRDT_STATS_H
#define HULL_KERNEL_INTELRDT_STATS_H

#include <stdint.h>
#include "kernel/intelrdt.h"

/* One cache or memory domain, a directory of mon_data. */
struct intelrdt_domain { uint64_t mbm_total_bytes, mbm_local_bytes, llc_occupancy; };

struct intelrdt_stats {
    bool        l3, mb, mbm, cmt;        /* what the hardware has */
    const char *cbm_mask;
    uint64_t    min_cbm_bits, l3_num_closids;
    uint64_t    bandwidth_gran, delay_linear, min_bandwidth, mb_num_closids;
    const char *l3_root, *l3_schema, *mb_root, *mb_schema;   /* lines of schemata, "" when missing */
    char      **schemata;                /* all lines of the group */
    size_t      n_schemata;
    struct intelrdt_domain *domains;
    size_t      n_domains;
};

/**
 * Reads the statistics. Strings and lists are in the arena.
 * @return 0, -ENOMEM, or another -errno when the group's schemata can't be read
 */
int intelrdt_stats_read(const struct intelrdt_group *g, struct arena *a, struct intelrdt_stats *ret,
                        struct hull_error *e);
#endif
