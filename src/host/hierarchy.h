/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroup hierarchies of this host: what is mounted where and which cgroup of each is ours.
 * Read on demand (v1 and relative paths only), never as part of the facts.
 */
#ifndef HULL_HOST_HIERARCHY_H
#define HULL_HOST_HIERARCHY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "base/arena.h"
#include "base/error.h"

struct host_hierarchy {
    const char *names;   /* "cpu,cpuacct", "name=systemd"; "" for v2 (and hybrid's unified one) */
    const char *root;    /* mount point, absolute; NULL: not mounted in our mount namespace */
    const char *own;     /* our cgroup as /proc/PID/cgroup gives it; starts with "/" */
};
struct host_hierarchies {
    struct host_hierarchy *v;
    size_t                 n;
};

/**
 * Splits the text of /proc/PID/cgroup. Pure; root stays NULL. Malformed lines are skipped.
 * @param text  changed; the results point into it
 */
int host_hierarchies_parse(struct arena *a, char *text, struct host_hierarchies *ret,
                           struct hull_error *e);
/** Reads /proc/PID/cgroup (pid 0: our own); root stays NULL. */
int host_hierarchies_own(struct arena *a, pid_t pid, struct host_hierarchies *ret,
                         struct hull_error *e);
/**
 * Reads /proc/PID/cgroup (pid 0: our own) and finds the mount points: fs_root/NAMES or a single
 * name of it, systemd for name=systemd, fs_root or fs_root/unified for v2; from mountinfo if that
 * is no cgroup file system.
 * @param fs_root  "/sys/fs/cgroup"
 */
int host_hierarchies_read(struct arena *a, const char *fs_root, pid_t pid,
                          struct host_hierarchies *ret, struct hull_error *e);
/**
 * Our own cgroup as a path below h->root, without leading slash. It differs from h->own where only
 * a part of the hierarchy is mounted (a container without a cgroup namespace).
 */
int host_hierarchy_own_below_root(struct arena *a, const struct host_hierarchy *h,
                                  const char **ret, struct hull_error *e);
/** Whether controller is one of h->names. */
bool host_hierarchy_has(const char *names, const char *controller);
#endif
