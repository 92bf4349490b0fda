/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * Copies between one of the caller's streams and a pipe of the container. At the end of one side the
 * pipe is closed, so that the container sees the end of file, or EPIPE, that it would have seen without
 * us. The pipe's end is non-blocking; the caller's is not ours to change, so it is written to when poll
 * says so, by PIPE_BUF bytes at most, for which a pipe then has room.
 */
#include "run/relay.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

static void finish(struct relay *r)
{
    fd_close(r->pipe);
    r->len = 0;
}

bool relay_is_open(const struct relay *r)
{
    return *r->pipe >= 0;
}

void relay_init(struct relay *r, int stream, int *pipe)
{
    r->stream = stream;
    r->pipe = pipe;
    r->len = 0;
}

void relay_poll(const struct relay *r, struct pollfd ret[2])
{
    const bool input = r->stream == 0;
    ret[0] = ret[1] = (struct pollfd){.fd = -1};
    if (!relay_is_open(r))
        return;
    if (r->len == 0)
        ret[0] = (struct pollfd){.fd = input ? 0 : *r->pipe, .events = POLLIN};
    if (r->len > 0)
        ret[1] = (struct pollfd){.fd = input ? *r->pipe : r->stream, .events = POLLOUT};
    else if (input) /* POLLERR comes unasked: nobody reads the container's input any more */
        ret[1].fd = *r->pipe;
}

void relay_serve(struct relay *r, const struct pollfd polled[2])
{
    if (!relay_is_open(r))
        return;
    if (r->len > 0 && polled[1].revents) {
        ssize_t n = write(polled[1].fd, r->buf, r->len);
        if (n > 0) {
            r->len -= (size_t)n;
            memmove(r->buf, r->buf + n, r->len);
        } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
            finish(r);
        }
    } else if (r->len == 0 && polled[1].revents & POLLERR) {
        finish(r);
    } else if (r->len == 0 && polled[0].revents) {
        ssize_t n = read(polled[0].fd, r->buf, sizeof(r->buf));
        if (n > 0)
            r->len = (size_t)n;
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
            finish(r);
    }
}
