/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of small numbers as the kernel writes them: "0-3,7" (NUMA nodes, CPUs). */
#ifndef HULL_BASE_IDLIST_H
#define HULL_BASE_IDLIST_H

#include <stddef.h>
#include <stdint.h>

/**
 * Parses a list. As in runc blanks around elements and empty elements are let through.
 * @param text  NULL and "" are the empty list
 * @param mask  (bits + 63) / 64 zeroed words; bit n of word n / 64 is set for each number; may be NULL
 * @param bits  numbers must be below this, at most IDLIST_BITS
 * @return how many different numbers there are, or -1 if it is no list or a number is too large
 */
int64_t idlist_parse(const char *text, uint64_t *mask, size_t bits);

enum { IDLIST_BITS = 65536 };
#endif
