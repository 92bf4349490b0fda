/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only way to reach anything below a root that the container controls: resolution confined to
 * a root descriptor, by openat2(RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS) where the kernel has it and
 * by a component-wise O_NOFOLLOW walk where not. No string path below a rootfs may reach open,
 * mkdir, mknod, mount, symlink, unlink or chown any other way.
 */
#ifndef HULL_BASE_PATH_H
#define HULL_BASE_PATH_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/arena.h"

/** Opens path inside root. Symbolic links, also absolute ones and "..", stay inside. fd or -errno. */
int path_open_in_root(int root, const char *path, int flags);
/**
 * The short way for the usual case: a path without any symbolic link in it.
 * @return fd, -ELOOP when there is a link (or no openat2: take the long way), or -errno
 */
int path_open_plain(int root, const char *path, int flags);
/**
 * Makes the last component of an absolute, clean path, a directory or with file an empty file, in a
 * parent that exists and is reached without links. O_PATH fd or -errno (then take the long way).
 */
int path_make_plain(int root, const char *path, bool file, mode_t mode);
/** As above and the last component must not be a symbolic link (-ELOOP). */
int path_open_in_root_nofollow(int root, const char *path, int flags);
/**
 * Makes the directory path inside root with all missing parents (mode, no umask applied beyond the
 * caller's) and opens it O_PATH|O_DIRECTORY. Dangling links on the way are followed inside root.
 * ".." in the part that does not exist yet is -EINVAL... fd or -errno.
 */
int path_mkdir_in_root(int root, const char *path, mode_t mode);
/** As path_mkdir_in_root for the parents, then creates an empty regular file if it is missing; O_PATH fd. */
int path_mkfile_in_root(int root, const char *path, mode_t mode);
/**
 * Opens the parent directory of path inside root (made if missing and mode != 0) and gives the last
 * component, for *at() calls with O_NOFOLLOW semantics.
 * @param ret_name  points into path's copy in the arena
 */
int path_open_parent_in_root(int root, const char *path, mode_t mode, struct arena *a,
                             const char **ret_name);
/** A path of the host: makes the directory with all its parents, as mkdir -p. 0 or -errno. */
int path_mkdir_all(const char *path, mode_t mode);
/** Lexically cleaned copy as Go's filepath.Clean: no "//", "/./", resolves ".." textually. */
char *path_clean(struct arena *a, const char *path);
#endif
