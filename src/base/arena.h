/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One arena per invocation holds the configuration, the plan and their strings; nothing in it is
 * freed alone. Memory is zeroed. The first block is small so that fork stays cheap.
 */
#ifndef HULL_BASE_ARENA_H
#define HULL_BASE_ARENA_H

#include <stddef.h>
#include "base/macro.h"

struct arena_block;
struct arena {
    struct arena_block *blocks;
    char  *next;
    size_t left;
};

/** Zeroed memory aligned for any type; NULL when out of memory. */
void *arena_alloc(struct arena *a, size_t size) MUST_CHECK;
/** n * size with an overflow check. */
void *arena_array(struct arena *a, size_t n, size_t size) MUST_CHECK;
char *arena_strndup(struct arena *a, const char *s, size_t n) MUST_CHECK;
char *arena_strdup(struct arena *a, const char *s) MUST_CHECK;
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
/** Releases everything; the arena may be used again. */
void arena_free(struct arena *a);
static inline void cleanup_arena_(struct arena *a)
{
    arena_free(a);
}
#define _cleanup_arena_ __attribute__((cleanup(cleanup_arena_)))
#endif
