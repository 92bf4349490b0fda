/* SPDX-License-Identifier: Apache-2.0 */
/* The spec speaks cgroup v1; these turn its values into those of v2. Pure. */
#ifndef HULL_CGROUP_CONVERT_H
#define HULL_CGROUP_CONVERT_H

#include <stdint.h>

/** cpu.shares (2..262144, default 1024) to cpu.weight (1..10000, default 100); 0 stays 0: unset. */
uint64_t convert_shares_to_weight(uint64_t shares);
/** blkio.weight (10..1000) to io.weight (1..10000); 0 stays 0: unset. */
uint64_t convert_blkio_weight(uint16_t weight);
/**
 * memory.memsw limit (memory plus swap) to memory.swap.max (swap alone). 0 is "unset", -1 "max".
 * @param ret  the value; 0 with swap > 0 means that no swap is allowed
 * @return NULL, or the text of the error
 */
const char *convert_swap(int64_t swap, int64_t memory, int64_t *ret);
#endif
