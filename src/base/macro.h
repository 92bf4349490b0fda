/* SPDX-License-Identifier: Apache-2.0 */
/* Small language helpers: array sizes, ownership by attribute. */
#ifndef HULL_BASE_MACRO_H
#define HULL_BASE_MACRO_H

#include <stdlib.h>
#include <stddef.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define MUST_CHECK __attribute__((warn_unused_result))

static inline void cleanup_free_(void *p)
{
    free(*(void **)p);
}
/* The pointer is freed when it goes out of scope. */
#define _cleanup_free_ __attribute__((cleanup(cleanup_free_)))
/* Hands the value on and forgets it here, so that the cleanup attribute leaves it alone. */
#define TAKE_PTR(p) \
    ({ __typeof__(p) taken_ = (p); (p) = NULL; taken_; })
#define TAKE_FD(fd) take_fd_(&(fd))
static inline int take_fd_(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}
#endif
