/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * Init waits in a read of exec.fifo, which it holds open O_RDWR. We write the byte that lets it go
 * and then wait for the hang-up that its execve makes (the descriptor is O_CLOEXEC and the last
 * writer's); what it wrote instead is its error. We never read before the hang-up, so we can't take
 * our own byte away from it. The init of a runc that made the container before us does the reverse: it
 * writes a byte as soon as somebody opens exec.fifo for reading.
 *
 * With the byte written the container is running, whatever becomes of us: exec.fifo goes at once, and so
 * does the lock, since startContainer and poststart hooks may take long.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/sys.h"
#include "hooks/hooks.h"
#include "lib/notify.h"
#include "lib/runtime.h"

static int check_status(const struct container *c, struct hull_error *e)
{
    switch (c->status) {
    case STATUS_CREATED:
        return 0;
    case STATUS_STOPPED:
        return error_set(e, HULL_E_STATE, "cannot start a container that has stopped");
    case STATUS_RUNNING:
        return error_set(e, HULL_E_STATE, "cannot start an already running container");
    default:
        return error_set(e, HULL_E_STATE, "cannot start a container in the %s state",
                         status_name(c->status));
    }
}

/* Our byte came back: init never read it, or had another one, of a start that was killed just then. */
static int died_before(const struct container *c, struct hull_error *e)
{
    const struct container_state *s = c->state;
    char limit[96];
    if (proc_alive(s->init_process_pid, s->init_process_start))
        return error_set(e, HULL_E_STATE, "cannot start an already running container");
    if (cgroup_oom_kills(c->cgroup) == 0)
        return error_set(e, HULL_E_INIT, "container process is already dead");
    cgroup_memory_limit_text(c->cgroup, limit, sizeof(limit));
    return error_at(e, "linux.resources.memory.limit", HULL_E_INIT,
                    "container init was OOM-killed (memory limit too low?%s%s) before its start",
                    *limit ? " " : "", limit);
}

static int wait_for(struct pollfd *p, struct hull_error *e)
{
    while (poll(p, 2, -1) < 0)
        if (errno != EINTR)
            return error_set(e, errno, "poll");
    return 0;
}

static int open_gate_of_runc(const struct container *c, int fifo, int pidfd, struct hull_error *e)
{
    struct pollfd p[] = {{.fd = fifo, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
    char byte;
    if (wait_for(p, e) < 0)
        return -e->code;
    if (read(fifo, &byte, 1) != 1)
        return died_before(c, e);
    if (unlinkat(c->dir_fd, EXEC_FIFO, 0) < 0)
        return error_set(e, errno, "unlink " EXEC_FIFO);
    (void)flock(c->dir_fd, LOCK_UN);
    return 0;
}

static int open_gate(const struct container *c, int pidfd, struct hull_error *e)
{
    _cleanup_close_ int r = openat(c->dir_fd, EXEC_FIFO, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (r >= 0 && c->state->of_runc)
        return open_gate_of_runc(c, r, pidfd, e);
    int w = r < 0 ? -1 : openat(c->dir_fd, EXEC_FIFO, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (w < 0)
        return error_set(e, errno, "open " EXEC_FIFO);
    ssize_t n = write(w, "0", 1);
    int err = errno;
    close(w);
    if (n != 1)
        return error_set(e, err, "write " EXEC_FIFO);
    if (unlinkat(c->dir_fd, EXEC_FIFO, 0) < 0)
        return error_set(e, errno, "unlink " EXEC_FIFO);
    (void)flock(c->dir_fd, LOCK_UN);
    struct pollfd p[] = {{.fd = r}, {.fd = pidfd, .events = POLLIN}};
    if (wait_for(p, e) < 0)
        return -e->code;
    char text[sizeof(e->text)];
    ssize_t len = read(r, text, sizeof(text) - 1);
    if (len == 1 && text[0] == '0')
        return died_before(c, e);
    if (len > 0) {
        text[len] = '\0';
        return error_set(e, HULL_E_INIT, "%s", text);
    }
    return 0;
}

/* A startContainer or poststart hook, or the execve, failed: the container is stopped and removed (spec 1.3). */
static void destroy(hull_runtime *rt, struct container *c, int pidfd)
{
    struct hull_error late;
    (void)sys_pidfd_send_signal(pidfd, SIGKILL);
    if (state_lock(c->dir_fd, c->state->id, STATE_PATIENCE, &late) < 0 ||
        (!state_is_gone(c->dir_fd) && container_destroy(rt, c, &late) < 0))
        log_warning(&rt->log, "%s", late.text);
}

int hull_start(hull_runtime *rt, const char *id, struct hull_error *e)
{
    _cleanup_container_ struct container c = CONTAINER_INIT;
    int r = container_open(rt, id, STATE_PATIENCE, &c, e);
    if (r == 0)
        r = check_status(&c, e);
    if (r < 0)
        return r;
    _cleanup_close_ int pidfd = container_pidfd(&c, e);
    if (pidfd < 0)
        return -e->code;
    _cleanup_close_ int sock = notify_wanted(c.dir_fd) ? state_bind_notify(c.dir_fd, e) : -1;
    if (sock < -1)
        return -e->code;
    r = open_gate(&c, pidfd, e);
    if (r == -HULL_E_STATE)
        return r;
    if (r == 0)
        r = container_hooks(rt, &c, HOOK_POSTSTART, "running", e);
    if (r < 0)
        destroy(rt, &c, pidfd);
    /* As runc: start comes back when the program is ready (or has ended). */
    return r == 0 && sock >= 0 ? notify_forward(sock, pidfd, c.state->init_process_pid, e) : r;
}
