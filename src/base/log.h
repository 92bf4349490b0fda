/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's side of logging: lines go to the caller's callback. In the container's init they
 * travel over the sync socket instead (run/sync.c replaces the sink after the clone).
 */
#ifndef HULL_BASE_LOG_H
#define HULL_BASE_LOG_H

#include "hull.h"
#include "base/macro.h"

struct log {
    hull_log_fn        *fn;
    void               *arg;
    enum hull_log_level level;
};

/** log may be NULL. The text is not built when nobody wants the level. */
void log_line(struct log *log, enum hull_log_level level, const char *fmt, ...) PRINTF_LIKE(3, 4);
#define log_debug(log, ...) log_line(log, HULL_LOG_DEBUG, __VA_ARGS__)
#define log_warning(log, ...) log_line(log, HULL_LOG_WARNING, __VA_ARGS__)
#define log_error(log, ...) log_line(log, HULL_LOG_ERROR, __VA_ARGS__)
#endif
