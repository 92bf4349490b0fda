/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: a function returns 0 or a negative code; the text goes into the caller's struct
 * hull_error (always the last parameter), written once at the point of failure, with context put
 * in front by callers who know more. No heap, no release. Texts follow Go's habit, which engines
 * match on: lower case, "what on what: why", the errno phrase last.
 */
#ifndef HULL_BASE_ERROR_H
#define HULL_BASE_ERROR_H

#include "hull.h"
#include "base/macro.h"

/** The phrase of an errno value as Go prints it ("no such file or directory"). Never NULL. */
const char *errno_text(int err);

/**
 * Sets the error to "TEXT: errno phrase" (err is an errno value) or to "TEXT" alone (err is
 * HULL_E_*).
 * @return -err, for "return error_set(...)"
 */
int error_set(struct hull_error *e, int err, const char *fmt, ...) PRINTF_LIKE(3, 4);
/** As error_set, and notes where: a JSON path such as "mounts[3].source". */
int error_at(struct hull_error *e, const char *where, int err, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/** Puts "TEXT: " in front of an error that is already set; returns -e->code. */
int error_prefix(struct hull_error *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/** Puts text behind an error that is already set, if there is room; returns -e->code. */
int error_suffix(struct hull_error *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
int error_oom(struct hull_error *e);

#ifdef __clang_analyzer__
/* Static analysis looks at one file at a time: let it know that these return something negative. */
#define error_set(...) (error_set(__VA_ARGS__), -1)
#define error_at(...) (error_at(__VA_ARGS__), -1)
#define error_prefix(...) (error_prefix(__VA_ARGS__), -1)
#define error_suffix(...) (error_suffix(__VA_ARGS__), -1)
#define error_oom(e) (error_oom(e), -1)
#endif
#endif
