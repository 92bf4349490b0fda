/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: which processes are in a cgroup, signals to all of them, and its removal.
 * New kernels kill a v2 cgroup in one go (cgroup.kill, 5.14); otherwise all are frozen first, so
 * that none can fork away from the list. Removal must wait for the killed to be gone: on v2
 * cgroup.events says when, on v1 the pidfd of each.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/fd.h"
#include "base/sys.h"
#include "cgroup/file.h"
#include "cgroup/ops.h"
#include "cgroup/tree.h"
#include "cgroup/unit.h"

#define PROCS_MAX (64u * 1024 * 1024)
#define DESTROY_TIMEOUT_MS 10000

struct pid_list {
    pid_t        *v;
    size_t        n, cap;
    struct arena *arena;
    bool          recursive;
};

static int add_pids(struct pid_list *l, const char *text)
{
    for (const char *p = text; *p;) {
        char *end;
        long pid = strtol(p, &end, 10);
        if (end == p)
            return -EINVAL;
        p = end + (*end == '\n');
        if (pid <= 0)
            continue;   /* a process of a pid namespace that is not below ours */
        if (l->n == l->cap) {
            size_t cap = l->cap ? l->cap * 2 : 64;
            pid_t *v = arena_array(l->arena, cap, sizeof(*v));
            if (!v)
                return -ENOMEM;
            if (l->n)
                memcpy(v, l->v, l->n * sizeof(*v));
            l->v = v;
            l->cap = cap;
        }
        l->v[l->n++] = (pid_t)pid;
    }
    return 0;
}

static int collect_child(void *arg, int dirfd, const char *name);

static int collect(struct pid_list *l, int dirfd)
{
    char *text = fd_read_file(dirfd, "cgroup.procs", PROCS_MAX, l->arena, NULL);
    if (!text && errno == EOPNOTSUPP)   /* threaded: its processes belong to a cgroup above */
        text = fd_read_file(dirfd, "cgroup.threads", PROCS_MAX, l->arena, NULL);
    if (!text)
        return -errno;
    int r = add_pids(l, text);
    return r < 0 || !l->recursive ? r : cgroup_each_child(dirfd, collect_child, l);
}

static int collect_child(void *arg, int dirfd, const char *name)
{
    _cleanup_close_ int fd = openat(dirfd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int r = fd < 0 ? -errno : collect(arg, fd);
    return cgroup_is_gone(r) ? 0 : r;
}

static int compare_pids(const void *a, const void *b)
{
    pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;
    return (x > y) - (x < y);
}

int cgroup_pids(const struct cgroup *cg, bool recursive, struct arena *a, pid_t **ret,
                size_t *ret_n, struct hull_error *e)
{
    const struct cgroup_dir *d = cgroup_members(cg);
    struct pid_list l = {.arena = a, .recursive = recursive};
    _cleanup_close_ int fd = d ? cgroup_dir_open(d) : -ENOENT;
    int r = fd < 0 ? fd : collect(&l, fd);
    if (d && r < 0 && !cgroup_is_gone(r))
        return error_set(e, -r, "unable to get the processes of %s", d->dir);
    if (l.n > 1)
        qsort(l.v, l.n, sizeof(*l.v), compare_pids);
    size_t n = 0;
    for (size_t i = 0; i < l.n; i++)
        if (i == 0 || l.v[i] != l.v[i - 1])
            l.v[n++] = l.v[i];
    *ret = l.v;
    *ret_n = n;
    return 0;
}

/*
 * ------------------------------------------------------------------------------------ kill, freeze
 */

/* cgroup.kill of the v2 directory. -ENOENT where there is none. */
static int kill_file(const struct cgroup *cg)
{
    const struct cgroup_dir *d = cgroup_find(cg, "");
    _cleanup_close_ int fd = d && !d->missing ? cgroup_dir_open(d) : -ENOENT;
    return fd < 0 ? fd : cgroup_file_write(fd, "cgroup.kill", "1");
}

static int signal_listed(const struct cgroup *cg, int sig, size_t *ret_n, struct hull_error *e)
{
    _cleanup_arena_ struct arena tmp = {0};
    pid_t *pids;
    size_t n;
    int r = cgroup_pids(cg, true, &tmp, &pids, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        if (pids[i] == getpid())
            continue;
        if (kill(pids[i], sig) < 0 && errno != ESRCH)
            log_warning(cg->log, "kill %d: %s", (int)pids[i], errno_text(errno));
    }
    if (r == 0)
        *ret_n = n;
    return r;
}

int cgroup_kill_all(const struct cgroup *cg, int sig, struct hull_error *e)
{
    size_t n = 0;
    if (!cgroup_exists(cg))
        return error_set(e, ENOENT, "cgroup not exist");
    bool killed = sig == SIGKILL && kill_file(cg) == 0;
    if (killed && cg->mode == CGROUP_V2)
        return 0;
    /* Hybrid: those that joined the v1 hierarchies alone are still there. */
    struct hull_error freeze_error;
    bool frozen = cg->ops->freeze(cg, true, &freeze_error) == 0;
    if (!frozen)
        log_debug(cg->log, "%s", freeze_error.text);
    int r = signal_listed(cg, sig, &n, e);
    (void)cg->ops->freeze(cg, false, &freeze_error);
    return r;
}

int cgroup_freeze(const struct cgroup *cg, bool frozen, struct hull_error *e)
{
    return cg->ops->freeze(cg, frozen, e);
}

int cgroup_is_frozen(const struct cgroup *cg, bool *ret, struct hull_error *e)
{
    return cg->ops->is_frozen(cg, ret, e);
}

/*
 * --------------------------------------------------------------------------------------- destroy
 */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* cgroup.events wakes pollers when "populated" changes. */
static void wait_unpopulated(int fd, int64_t end)
{
    for (;;) {
        char buf[256];
        ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);
        if (n < 0)
            return;
        buf[n] = '\0';
        int64_t left = end - now_ms();
        if (!strstr(buf, "populated 1") || left <= 0)
            return;
        struct pollfd p = {.fd = fd, .events = POLLPRI};
        if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
            return;
    }
}

static void wait_pids(const struct cgroup *cg, int64_t end)
{
    _cleanup_arena_ struct arena tmp = {0};
    struct hull_error ignored;
    pid_t *pids;
    size_t n;
    if (cgroup_pids(cg, true, &tmp, &pids, &n, &ignored) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        if (pids[i] == getpid())
            continue;
        _cleanup_close_ int fd = sys_pidfd_open(pids[i], 0);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = end - now_ms();
        if (fd < 0)
            continue;   /* gone, or a zombie thread */
        if (left <= 0)
            return;
        (void)poll(&p, 1, (int)left);
    }
}

static void kill_and_wait(const struct cgroup *cg, int64_t end)
{
    struct hull_error ignored;
    const struct cgroup_dir *v2 = cgroup_find(cg, "");
    _cleanup_close_ int dir = v2 && !v2->missing ? cgroup_dir_open(v2) : -1;
    _cleanup_close_ int events = dir >= 0 ? cgroup_file_open(dir, "cgroup.events", O_RDONLY) : -1;
    if (cgroup_kill_all(cg, SIGKILL, &ignored) < 0)
        return;
    if (events >= 0)
        wait_unpopulated(events, end);
    if (cg->mode != CGROUP_V2)
        wait_pids(cg, end);
}

/* Removes what can be; the number of directories that are left, with the error of the first. */
static size_t remove_all(const struct cgroup *cg, int *ret_err, const char **ret_dir)
{
    size_t left = 0;
    for (size_t i = 0; i < cg->n; i++) {
        const struct cgroup_dir *d = &cg->v[i];
        int r = d->missing ? 0 : cgroup_tree_remove(d);
        if (r < 0 && left++ == 0) {
            *ret_err = -r;
            *ret_dir = d->dir;
        }
    }
    return left;
}

void cgroup_end_all(const struct cgroup *cg)
{
    kill_and_wait(cg, now_ms() + DESTROY_TIMEOUT_MS);
}

int cgroup_destroy(struct cgroup *cg, struct hull_error *e)
{
    int err = 0;
    const char *dir = NULL;
    cgroup_close(cg);
    int64_t end = now_ms() + DESTROY_TIMEOUT_MS;
    if (cg->unit) {
        cg->unit->signal_fd = -1;   /* that of run has the signals of its foreground, which don't end this */
        /* Nobody is left for systemd to wait for, with SIGTERM and patience. */
        if (cgroup_exists(cg))
            kill_and_wait(cg, end);
        if (unit_stop(cg, e) < 0)
            log_warning(cg->log, "%s", e->text);
        *e = (struct hull_error){0};
    }
    for (long us = 500;; us = us < 50000 ? us * 2 : us) {
        if (remove_all(cg, &err, &dir) == 0)
            return 0;
        if (err != EBUSY || now_ms() >= end)
            break;
        kill_and_wait(cg, end);
        if (remove_all(cg, &err, &dir) == 0)
            return 0;
        /* A process that is dead for its parent may still hold the cgroup for a moment. */
        nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
    }
    if (cgroup_tolerates(cg, err))
        return 0;
    return error_set(e, err, "failed to remove cgroup: rmdir %s", dir);
}
