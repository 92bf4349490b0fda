/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes: identity is pid plus start time (field 22 of /proc/PID/stat), never the pid alone. And
 * a procfs of our own, because a container may have put anything over its /proc.
 */
#ifndef HULL_BASE_PROC_H
#define HULL_BASE_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_stat {
    char     state;      /* R S D Z X T ... */
    pid_t    ppid;
    uint64_t start;      /* clock ticks after boot */
    uint64_t ignored;    /* signals 1 to 31 with the action "ignore", bit n-1 */
};

/** Reads /proc/PID/stat relative to the procfs descriptor (or AT_FDCWD for the host's /proc). 0 or -errno. */
int proc_stat_read(int proc_fd, pid_t pid, struct proc_stat *ret);
/** Whether the process with that start time is still there and not a zombie. */
bool proc_alive(pid_t pid, uint64_t start);
/**
 * A descriptor of a procfs for our pid namespace that no mount of anybody can hide or fake:
 * fsopen("proc") where we may, else /proc checked for PROC_SUPER_MAGIC and its root inode. fd or -errno.
 */
int proc_open_private(void);
/** Opens path below a procfs descriptor without following links or crossing mounts. fd or -errno. */
int proc_open_at(int proc_fd, const char *path, int flags);
#endif
