/* SPDX-License-Identifier: Apache-2.0 */
/* News of a cgroup from the kernel: out-of-memory kills, and that its last process has gone. */
#ifndef HULL_CGROUP_WATCH_H
#define HULL_CGROUP_WATCH_H

#include "cgroup/cgroup.h"

/* Set up with CGROUP_WATCH_INIT. Poll inotify_fd and event_fd (each -1 when unused) for POLLIN. */
struct cgroup_watch {
    int      inotify_fd, event_fd;
    int      unified_dir, memory_dir;
    uint64_t oom_kills;   /* v2: seen so far */
};
#define CGROUP_WATCH_INIT {.inotify_fd = -1, .event_fd = -1, .unified_dir = -1, .memory_dir = -1}
#define _cleanup_watch_ __attribute__((cleanup(cgroup_watch_close)))

struct cgroup_news {
    unsigned ooms;    /* out-of-memory events since the last call */
    bool     empty;   /* no process is left, or the cgroup is gone */
};

/** Starts watching; 0 or a negative code. Close it in either case. */
int  cgroup_watch_open(const struct cgroup *cg, struct cgroup_watch *w, struct hull_error *e);
/** What has happened since; does not block. */
void cgroup_watch_read(const struct cgroup *cg, struct cgroup_watch *w, struct cgroup_news *news);
void cgroup_watch_close(struct cgroup_watch *w);
#endif
