/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * All access goes through descriptors of the root and of the container's directory, with O_NOFOLLOW:
 * a link planted in the state root is never followed, and delete never empties what it points to.
 */
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "state/state.h"

int state_check_id(const char *id, struct hull_error *e)
{
    size_t n = strlen(id);
    size_t ok = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+.-");
    if (n == 0)
        return error_set(e, HULL_E_CONFIG, "container id cannot be empty");
    if (ok != n || n > 1024 || strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
        return error_set(e, HULL_E_CONFIG, "invalid container ID format");
    return 0;
}

int state_open_root(const char *root, bool make, struct hull_error *e)
{
    int fd = openat(AT_FDCWD, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && make) {
        int r = path_mkdir_all(root, 0700);
        if (r < 0)
            return error_set(e, -r, "mkdir %s", root);
        fd = openat(AT_FDCWD, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    return fd < 0 ? error_set(e, errno, "open %s", root) : fd;
}

int state_lock(int dir_fd, const char *id, int patience, struct hull_error *e)
{
    for (int ms = 1, waited = 0; flock(dir_fd, LOCK_EX | LOCK_NB) < 0; waited += ms) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK)
            return error_set(e, errno, "lock container %s", id);
        if (waited > patience)
            return error_set(e, HULL_E_STATE, "container %s is locked by another hull that has been at work for %d s",
                             id, patience / 1000);
        if (ms < 50)
            ms *= 2;
        struct timespec t = {.tv_nsec = ms * 1000000L};
        nanosleep(&t, NULL);
    }
    return 0;
}

bool state_is_gone(int dir_fd)
{
    struct stat st;
    return fstat(dir_fd, &st) == 0 && st.st_nlink == 0;
}

/* The directory with its lock, or -EEXIST: somebody else has the lock, or has removed it. */
static int open_locked(int root_fd, const char *id)
{
    _cleanup_close_ int fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? -EEXIST : -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? -EEXIST : -errno;
    return state_is_gone(fd) ? -EEXIST : TAKE_FD(fd);
}

/* What a create or a delete that was killed has left has no state.json, and nobody holds its lock. */
static bool remove_leftover(int root_fd, const char *id)
{
    struct hull_error ignored;
    _cleanup_close_ int fd = open_locked(root_fd, id);
    return fd >= 0 && faccessat(fd, "state.json", F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT &&
           state_remove_dir(root_fd, id, &ignored) == 0;
}

int state_make_dir(int root_fd, const char *id, struct hull_error *e)
{
    int r = mkdirat(root_fd, id, 0711) < 0 ? -errno : 0;
    if (r == -EEXIST && remove_leftover(root_fd, id))
        r = mkdirat(root_fd, id, 0711) < 0 ? -errno : 0;
    if (r == 0) {
        r = open_locked(root_fd, id);
        if (r < 0 && r != -EEXIST) /* no descriptors left, for example */
            (void)unlinkat(root_fd, id, AT_REMOVEDIR);
    }
    if (r == -EEXIST)
        return error_set(e, HULL_E_EXISTS, "container with given ID already exists");
    return r < 0 ? error_set(e, -r, "make the state directory of %s", id) : r;
}

int state_open_dir(int root_fd, const char *id, struct hull_error *e)
{
    int fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return error_set(e, HULL_E_NOT_FOUND, "container does not exist");
    return fd < 0 ? error_set(e, errno, "open state directory of %s", id) : fd;
}

/* Empties a directory without following links; depth bounds a hostile tree. */
static int empty_dir(int fd, int depth)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    if (!d) {
        if (copy >= 0)
            close(copy);
        return -errno;
    }
    int r = 0;
    for (struct dirent *ent; r == 0 && (ent = readdir(d));) {
        if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
            continue;
        if (unlinkat(fd, ent->d_name, 0) == 0)
            continue;
        if (errno != EISDIR && errno != EPERM) {
            r = -errno;
            break;
        }
        _cleanup_close_ int sub = openat(fd, ent->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        r = sub < 0 ? -errno : depth > 0 ? empty_dir(sub, depth - 1) : -ELOOP;
        if (r == 0 && unlinkat(fd, ent->d_name, AT_REMOVEDIR) < 0)
            r = -errno;
    }
    closedir(d);
    return r;
}

int state_remove_dir(int root_fd, const char *id, struct hull_error *e)
{
    _cleanup_close_ int fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        if (errno == ENOENT)
            return 0;
        /* A link or a plain file in our place: remove the entry itself. */
        if ((errno == ENOTDIR || errno == ELOOP) && unlinkat(root_fd, id, 0) == 0)
            return 0;
        return error_set(e, errno, "open state directory of %s", id);
    }
    (void)unlinkat(fd, "config.json", 0);
    (void)unlinkat(fd, "state.json", 0);
    if (unlinkat(root_fd, id, AT_REMOVEDIR) == 0)
        return 0;
    int r = errno == ENOTEMPTY || errno == EEXIST ? empty_dir(fd, 8) : -errno;
    if (r == 0 && unlinkat(root_fd, id, AT_REMOVEDIR) < 0)
        r = -errno;
    return r < 0 ? error_set(e, -r, "remove state directory of %s", id) : 0;
}

bool state_has_fifo(int dir_fd)
{
    struct stat st;
    return fstatat(dir_fd, EXEC_FIFO, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int state_bind_notify(int dir_fd, struct hull_error *e)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    /* By descriptor: sun_path is short, and the state root may not be. */
    snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/" NOTIFY_DIR "/notify.sock", dir_fd);
    _cleanup_close_ int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    /* Root of the container, whoever that is here, has to be able to send. */
    mode_t old = umask(0);
    (void)unlinkat(dir_fd, NOTIFY_DIR "/notify.sock", 0); /* of a start that was killed */
    int r = s < 0 ? -1 : bind(s, (struct sockaddr *)&sa, sizeof(sa));
    int err = errno;
    umask(old);
    return r < 0 ? error_set(e, err, "bind the notify socket") : TAKE_FD(s);
}
