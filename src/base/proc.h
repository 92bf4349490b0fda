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
    int      status;     /* of a zombie, as waitpid(2) has it; 0 for those who may not trace it */
};

/** Reads /proc/PID/stat relative to the procfs descriptor (or AT_FDCWD for the host's /proc). 0 or -errno. */
int proc_stat_read(int proc_fd, pid_t pid, struct proc_stat *ret);
/** Our signals with the action "ignore", bit n-1 for signal n, real-time ones too. 0 or -errno. */
int proc_ignored_signals(uint64_t *ret);
/**
 * How a process has ended that need not be a child of ours, as a status of waitpid(2). Known while it is
 * a zombie to whoever may trace it, and on kernels from 6.15 also when its parent has waited for it.
 * @param pidfd  opened before its end
 * @return 0, -EAGAIN (has not ended, or can only be told when its parent has waited for it), -ENODATA (nobody knows any more)
 */
int proc_exit_status(int pidfd, pid_t pid, uint64_t start, int *ret);
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
