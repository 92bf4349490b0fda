/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the kernel tells about out-of-memory kills and about the end of a cgroup,
 * nothing is polled by time.
 *
 * v2: inotify reports a change of memory.events (oom_kill counts) and of cgroup.events ("populated
 * 0": the last process has gone). There is no event for the removal of a cgroup's directory.
 * v1: an eventfd registered in cgroup.event_control with memory.oom_control is signalled for each
 * out-of-memory condition, and once when the cgroup is removed.
 * Hybrid: OOM from v1, the end from the unified hierarchy's cgroup.events.
 */
#include "cgroup/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>
#include "base/fd.h"
#include "cgroup/file.h"
#include "cgroup/ops.h"

static int watch_file(int inotify_fd, int dir, const char *file)
{
    char path[128];
    snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, file);
    int wd = inotify_add_watch(inotify_fd, path, IN_MODIFY);
    return wd < 0 ? -errno : wd;
}

/* cgroup.events of the unified hierarchy and, on v2, memory.events. */
static int watch_v2(const struct cgroup *cg, struct cgroup_watch *w, struct hull_error *e)
{
    const struct cgroup_dir *d = cgroup_find(cg, "");
    if (!d || d->missing)
        return 0;
    w->unified_dir = cgroup_dir_open(d);
    if (w->unified_dir < 0)
        return error_set(e, -w->unified_dir, "open %s", d->dir);
    w->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->inotify_fd < 0)
        return error_set(e, errno, "unable to init inotify");
    int r = watch_file(w->inotify_fd, w->unified_dir, "cgroup.events");
    if (r < 0)
        return error_set(e, -r, "unable to add inotify watch: %s/cgroup.events", d->dir);
    if (cg->mode != CGROUP_V2)
        return 0;
    r = watch_file(w->inotify_fd, w->unified_dir, "memory.events");
    if (r == -ENOENT) {
        log_warning(cg->log, "no OOM notifications: memory controller missing");
        return 0;
    }
    if (r < 0)
        return error_set(e, -r, "unable to add inotify watch: %s/memory.events", d->dir);
    (void)cgroup_file_read_key(w->unified_dir, "memory.events", "oom_kill", &w->oom_kills);
    return 0;
}

static int watch_v1(const struct cgroup *cg, struct cgroup_watch *w, struct hull_error *e)
{
    const struct cgroup_dir *d = cgroup_find(cg, "memory");
    char text[64];
    if (!d || d->missing) {
        log_warning(cg->log, "no OOM notifications: memory controller missing");
        return 0;
    }
    w->memory_dir = cgroup_dir_open(d);
    _cleanup_close_ int control =
        w->memory_dir < 0 ? w->memory_dir
                          : cgroup_file_open(w->memory_dir, "memory.oom_control", O_RDONLY);
    if (control < 0)
        return error_set(e, -control, "open %s/memory.oom_control", d->dir);
    w->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->event_fd < 0)
        return error_set(e, errno, "eventfd");
    snprintf(text, sizeof(text), "%d %d", w->event_fd, control);
    int r = cgroup_file_write(w->memory_dir, "cgroup.event_control", text);
    return r < 0 ? error_set(e, -r, "write %s/cgroup.event_control", d->dir) : 0;
}

int cgroup_watch_open(const struct cgroup *cg, struct cgroup_watch *w, struct hull_error *e)
{
    int r = watch_v2(cg, w, e);
    if (r == 0 && cg->mode != CGROUP_V2)
        r = watch_v1(cg, w, e);
    return r;
}

/* All that is queued: what counts is that something changed, not how often. */
static void drain(int fd)
{
    _Alignas(struct inotify_event) char buf[4096];
    while (read(fd, buf, sizeof(buf)) > 0)
        ;
}

static void read_v2(const struct cgroup *cg, struct cgroup_watch *w, struct cgroup_news *news)
{
    uint64_t v = 0;
    drain(w->inotify_fd);
    if (cg->mode == CGROUP_V2 &&
        cgroup_file_read_key(w->unified_dir, "memory.events", "oom_kill", &v) == 0 &&
        v > w->oom_kills) {
        news->ooms += (unsigned)(v - w->oom_kills);
        w->oom_kills = v;
    }
    v = 0;
    news->empty = cgroup_file_read_key(w->unified_dir, "cgroup.events", "populated", &v) < 0 ||
                  v == 0;
}

void cgroup_watch_read(const struct cgroup *cg, struct cgroup_watch *w, struct cgroup_news *news)
{
    uint64_t count;
    *news = (struct cgroup_news){0};
    if (w->event_fd >= 0 && read(w->event_fd, &count, sizeof(count)) == sizeof(count)) {
        /* Signalled by the removal too, after which the directory has no files any more. */
        if (faccessat(w->memory_dir, "cgroup.event_control", F_OK, 0) < 0)
            news->empty = true;
        else
            news->ooms = 1;
    }
    if (w->inotify_fd >= 0) {
        struct cgroup_news v2 = {0};
        read_v2(cg, w, &v2);
        news->ooms += v2.ooms;
        news->empty |= v2.empty;
    }
}

void cgroup_watch_close(struct cgroup_watch *w)
{
    fd_close(&w->inotify_fd);
    fd_close(&w->event_fd);
    fd_close(&w->unified_dir);
    fd_close(&w->memory_dir);
}
