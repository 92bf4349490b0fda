/* SPDX-License-Identifier: Apache-2.0 */
/* Files and directories of cgroup file systems. Private to this directory. */
#ifndef HULL_CGROUP_FILE_H
#define HULL_CGROUP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "base/arena.h"
#include "cgroup/cgroup.h"

/**
 * Opens d->root/rel O_PATH|O_DIRECTORY, confined to d->root: no "..", no symbolic link, no other
 * mount. rel may be empty. fd or -errno.
 */
int cgroup_dir_open_rel(const struct cgroup_dir *d, const char *rel);
/** The container's own directory. fd or -errno. */
int cgroup_dir_open(const struct cgroup_dir *d);
/** The directory above it; *ret_name is the last component. -EINVAL for the hierarchy's root. */
int cgroup_dir_open_parent(const struct cgroup_dir *d, const char **ret_name);
/** Opens a control file, which is never a link. fd or -errno. */
int cgroup_file_open(int dirfd, const char *name, int flags);
/** Writes text with a single write(2). 0 or -errno. */
int cgroup_file_write(int dirfd, const char *name, const char *text);
/** Reads a whole small file, NUL-terminated, at most size-1 bytes. Count or -errno. */
ssize_t cgroup_file_read(int dirfd, const char *name, char *buf, size_t size);
/** Reads one decimal number; "max" is UINT64_MAX. 0 or -errno. */
int cgroup_file_read_u64(int dirfd, const char *name, uint64_t *ret);
/** The number behind key in a "key value" list of lines; -ENODATA if there is none. */
int cgroup_file_read_key(int dirfd, const char *name, const char *key, uint64_t *ret);
/**
 * Calls cb for each child directory with an O_PATH fd of dirfd's child. 0, -errno or cb's result.
 */
int cgroup_each_child(int dirfd, int (*cb)(void *arg, int dirfd, const char *name), void *arg);
/** Whether err says that the cgroup has gone. */
bool cgroup_is_gone(int err);
#endif
