/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * hull_wait: a pidfd, opened while init lives, says when it has ended, and since 6.15 keeps its exit
 * status beyond the moment that its parent waits for it. Between its end and that moment the status
 * stands in /proc/PID/stat for whoever may trace it, which is all that older kernels have. No status is
 * written to disk: nobody of hull is there when a detached container ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/sys.h"
#include "lib/runtime.h"

/* Opens the container; one that is being made only when that is done, one way or the other. */
static int open_made(hull_runtime *rt, const char *id, struct container *c, struct hull_error *e)
{
    int r = container_open(rt, id, 0, c, e);
    if (r < 0 || c->status != STATUS_CREATING)
        return r;
    container_close(c);
    *c = (struct container)CONTAINER_INIT;
    r = container_open(rt, id, STATE_PATIENCE, c, e);
    if (r == 0)
        (void)flock(c->dir_fd, LOCK_UN); /* others may act on it while we wait */
    return r;
}

/* 1: the event came; 0: the time is over. */
static int await(int pidfd, short events, int timeout_ms, struct hull_error *e)
{
    struct pollfd p = {.fd = pidfd, .events = events};
    int n;
    do
        n = poll(&p, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    return n < 0 ? error_set(e, errno, "poll") : n;
}

static int status_of(int pidfd, const struct container_state *s, int *ret, struct hull_error *e)
{
    enum { PATIENCE_MS = 10000 };
    int status, r = proc_exit_status(pidfd, s->init_process_pid, s->init_process_start, &status);
    if (r == -EAGAIN) { /* a zombie that we may not look at: POLLHUP comes when it is gone (6.9) */
        int n = await(pidfd, 0, PATIENCE_MS, e);
        if (n < 0)
            return n;
        r = proc_exit_status(pidfd, s->init_process_pid, s->init_process_start, &status);
    }
    if (r < 0)
        return error_set(
            e, HULL_E_STATUS_UNKNOWN, "container has ended, but its exit status is not known: %s",
            r == -EAGAIN ? "its parent has not waited for it, and we may not look at it"
                         : "its parent was faster, and this kernel (before 6.15) does not keep it");
    *ret = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return 0;
}

int hull_wait(hull_runtime *rt, const char *id, int *ret_status, struct hull_error *e)
{
    _cleanup_container_ struct container c = CONTAINER_INIT;
    int r = open_made(rt, id, &c, e);
    if (r < 0)
        return r;
    const struct container_state *s = c.state;
    _cleanup_close_ int pidfd =
        s->init_process_pid > 0 ? sys_pidfd_open(s->init_process_pid, 0) : -1;
    struct proc_stat st;
    /* A zombie will do: it can still be asked. */
    if (pidfd < 0 || proc_stat_read(AT_FDCWD, s->init_process_pid, &st) < 0 ||
        st.start != s->init_process_start)
        return error_set(e, HULL_E_STATUS_UNKNOWN,
                         "container has already stopped, and its exit status was not recorded");
    r = await(pidfd, POLLIN, -1, e);
    return r < 0 ? r : status_of(pidfd, s, ret_status, e);
}
