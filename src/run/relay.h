/* SPDX-License-Identifier: Apache-2.0 */
/* One standard stream of a container in the foreground, and the pipe that it has in its place. */
#ifndef HULL_RUN_RELAY_H
#define HULL_RUN_RELAY_H

#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

struct relay {
    int    stream;           /* 0: from the caller to the container, 1 and 2: the other way */
    int   *pipe;             /* our end, non-blocking; closed at the end of either side; -1: none */
    char   buf[PIPE_BUF];    /* read, and not yet written */
    size_t len;
};

void relay_init(struct relay *r, int stream, int *pipe);
/** What to wait for, in the order that relay_serve takes. */
void relay_poll(const struct relay *r, struct pollfd ret[2]);
/** Reads or writes once, by what poll says. */
void relay_serve(struct relay *r, const struct pollfd polled[2]);
/** Whether there may be more to copy. */
bool relay_is_open(const struct relay *r);
#endif
