/* SPDX-License-Identifier: Apache-2.0 */
/* The "stats" event of `events`, with the keys of runc's. */
#ifndef HULL_LIB_STATS_JSON_H
#define HULL_LIB_STATS_JSON_H

#include "cgroup/stats.h"
#include "json/write.h"
#include "kernel/intelrdt_stats.h"

/**
 * One line without newline.
 * @param rdt  NULL: the container has no group of resctrl
 * @param ret  malloc'd; free() it
 */
int stats_json(const char *id, const struct cgroup_stats *st, const struct intelrdt_stats *rdt,
               char **ret, struct hull_error *e);
/** The member "intel_rdt". */
void stats_put_intel_rdt(struct json_out *o, const struct intelrdt_stats *s);
#endif
