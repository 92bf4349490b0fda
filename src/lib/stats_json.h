/* SPDX-License-Identifier: Apache-2.0 */
/* The "stats" event of `events`, with the keys of runc's. */
#ifndef HULL_LIB_STATS_JSON_H
#define HULL_LIB_STATS_JSON_H

#include "cgroup/stats.h"

/**
 * One line without newline.
 * @param ret  malloc'd; free() it
 */
int stats_json(const char *id, const struct cgroup_stats *st, char **ret, struct hull_error *e);
#endif
