/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: option tmpcopyup fills a new tmpfs with what the image has at its mount
 * point before it is attached there. Names are read from descriptors with O_NOFOLLOW only; the
 * image may change meanwhile, which can change what is copied but not where from or to. Modes,
 * owners and modification times are kept; extended attributes are not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include "base/fd.h"
#include "mount/internal.h"

enum { COPY_DEPTH_MAX = 128 };

static void cleanup_dir_(DIR **d)
{
    if (*d)
        closedir(*d);
}

static int copy_meta(int dir, const char *name, const struct stat *st)
{
    int flags = *name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH;
    if (fchownat(dir, name, st->st_uid, st->st_gid, flags) < 0)
        return -errno;
    const struct timespec times[2] = { st->st_atim, st->st_mtim };
    if (*name && utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    return 0;
}

static int copy_file(int from, int to, const char *name, const struct stat *seen)
{
    /* O_NONBLOCK: the name may be a fifo by now. */
    _cleanup_close_ int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (in < 0 || fstat(in, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_ino != seen->st_ino)
        return -ESTALE;
    _cleanup_close_ int out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out < 0)
        return -errno;
    for (;;) {
        ssize_t n = sendfile(out, in, NULL, 1 << 20);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
    }
    if (fchown(out, st.st_uid, st.st_gid) < 0 || fchmod(out, st.st_mode & 07777) < 0)
        return -errno;
    const struct timespec times[2] = { st.st_atim, st.st_mtim };
    return futimens(out, times) < 0 ? -errno : 0;
}

static int copy_link(int from, int to, const char *name, const struct stat *st)
{
    char text[PATH_MAX];
    ssize_t n = readlinkat(from, name, text, sizeof(text) - 1);
    if (n < 0)
        return -errno;
    text[n] = '\0';
    if (symlinkat(text, to, name) < 0)
        return -errno;
    return copy_meta(to, name, st);
}

static int copy_dir(int from, int to, unsigned depth);

static int copy_entry(int from, int to, const char *name, unsigned depth)
{
    struct stat st;
    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (S_ISREG(st.st_mode))
        return copy_file(from, to, name, &st);
    if (S_ISLNK(st.st_mode))
        return copy_link(from, to, name, &st);
    if (!S_ISDIR(st.st_mode)) {
        if (mknodat(to, name, st.st_mode, st.st_rdev) < 0 ||
            fchmodat(to, name, st.st_mode & 07777, 0) < 0)
            return -errno;
        return copy_meta(to, name, &st);
    }
    if (depth == COPY_DEPTH_MAX)
        return -ELOOP;
    if (mkdirat(to, name, 0700) < 0)
        return -errno;
    const int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    _cleanup_close_ int sub_from = openat(from, name, O_PATH | flags);
    _cleanup_close_ int sub_to = openat(to, name, O_RDONLY | flags);
    if (sub_from < 0 || sub_to < 0)
        return -errno;
    int r = copy_dir(sub_from, sub_to, depth + 1);
    if (r < 0)
        return r;
    if (fchown(sub_to, st.st_uid, st.st_gid) < 0 || fchmod(sub_to, st.st_mode & 07777) < 0)
        return -errno;
    const struct timespec times[2] = { st.st_atim, st.st_mtim };
    return futimens(sub_to, times) < 0 ? -errno : 0;
}

static int copy_dir(int from, int to, unsigned depth)
{
    int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    __attribute__((cleanup(cleanup_dir_))) DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        int err = errno;
        fd_close(&fd);
        return -err;
    }
    for (;;) {
        errno = 0;
        const struct dirent *d = readdir(dir);
        if (!d)
            return -errno;
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        int r = copy_entry(from, to, d->d_name, depth);
        if (r < 0)
            return r;
    }
}

int tmpfs_copy_up(int from, int to, struct hull_error *e)
{
    struct stat st;
    if (fstat(from, &st) < 0)
        return error_set(e, errno, "tmpcopyup: stat");
    if (!S_ISDIR(st.st_mode))
        return error_set(e, ENOTDIR, "tmpcopyup");
    int r = copy_dir(from, to, 0);
    if (r == 0)
        r = copy_meta(to, "", &st);
    return r < 0 ? error_set(e, -r, "tmpcopyup: failed to copy") : 0;
}
