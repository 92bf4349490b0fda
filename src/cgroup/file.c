/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: a cgroup file system has no symbolic links and no mounts below its root
 * unless somebody plays tricks (a container with a writable cgroup mount, an administrator's bind
 * mount), so everything is opened relative to the hierarchy's root with a resolution that refuses
 * both. Kernels without openat2 (before 5.6, or a seccomp filter) get a walk by component.
 */
#include "cgroup/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/fd.h"
#include "base/sys.h"

static int walk(int root, const char *rel)
{
    char name[NAME_MAX + 1];
    _cleanup_close_ int fd = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    for (const char *p = rel; *p;) {
        size_t len = strcspn(p, "/");
        if (len == 0 || (len == 2 && p[0] == '.' && p[1] == '.'))
            return -EXDEV;
        if (len > NAME_MAX)
            return -ENAMETOOLONG;
        memcpy(name, p, len);
        name[len] = '\0';
        int next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0)
            return -errno;
        close(fd);
        fd = next;
        p += len + (p[len] == '/');
    }
    return TAKE_FD(fd);
}

int cgroup_dir_open_rel(const struct cgroup_dir *d, const char *rel)
{
    _cleanup_close_ int root = openat(AT_FDCWD, d->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -errno;
    if (!*rel)
        return TAKE_FD(root);
    const struct open_how how = {
        .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
    };
    for (int tries = 0;; tries++) {
        int fd = sys_openat2(root, rel, &how);
        if (fd >= 0)
            return fd;
        if (errno == ENOSYS || errno == EPERM)
            return walk(root, rel);
        /* EAGAIN: a rename or mount elsewhere made the check for ".." inconclusive. */
        if ((errno != EAGAIN && errno != EINTR) || tries == 128)
            return -errno;
    }
}

int cgroup_dir_open(const struct cgroup_dir *d)
{
    return cgroup_dir_open_rel(d, d->rel);
}

int cgroup_dir_open_parent(const struct cgroup_dir *d, const char **ret_name)
{
    const char *slash = strrchr(d->rel, '/');
    const char *name = slash ? slash + 1 : d->rel;
    if (!*name)
        return -EINVAL;
    char parent[PATH_MAX];
    size_t len = slash ? (size_t)(slash - d->rel) : 0;
    if (len >= sizeof(parent))
        return -ENAMETOOLONG;
    memcpy(parent, d->rel, len);
    parent[len] = '\0';
    int fd = cgroup_dir_open_rel(d, parent);
    if (fd >= 0)
        *ret_name = name;
    return fd;
}

int cgroup_file_open(int dirfd, const char *name, int flags)
{
    int fd = openat(dirfd, name, flags | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int cgroup_file_write(int dirfd, const char *name, const char *text)
{
    _cleanup_close_ int fd = cgroup_file_open(dirfd, name, O_WRONLY);
    if (fd < 0)
        return fd;
    ssize_t n;
    do
        n = write(fd, text, strlen(text));
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

ssize_t cgroup_file_read(int dirfd, const char *name, char *buf, size_t size)
{
    _cleanup_close_ int fd = cgroup_file_open(dirfd, name, O_RDONLY);
    if (fd < 0)
        return fd;
    /* The kernel gives such a file whole to one read, unless it is longer than a page. */
    ssize_t n;
    do
        n = read(fd, buf, size - 1);
    while (n < 0 && errno == EINTR);
    if (n >= 4096 && (size_t)n < size - 1) {
        ssize_t more = fd_read_all(fd, buf + n, size - 1 - (size_t)n);
        n = more < 0 ? more : n + more;
    } else if (n < 0) {
        n = -errno;
    }
    if (n >= 0)
        buf[n] = '\0';
    return n;
}

static int parse_u64(const char *s, uint64_t *ret)
{
    if (strncmp(s, "max", 3) == 0) {
        *ret = UINT64_MAX;
        return 0;
    }
    if (*s < '0' || *s > '9')
        return -EINVAL;
    char *end;
    errno = 0;
    unsigned long long v = strtoull(s, &end, 10);
    if (errno || (*end && *end != '\n' && *end != ' '))
        return -EINVAL;
    *ret = v;
    return 0;
}

int cgroup_file_read_u64(int dirfd, const char *name, uint64_t *ret)
{
    char buf[64];
    ssize_t n = cgroup_file_read(dirfd, name, buf, sizeof(buf));
    return n < 0 ? (int)n : parse_u64(buf, ret);
}

int cgroup_file_read_key(int dirfd, const char *name, const char *key, uint64_t *ret)
{
    char buf[4096];
    ssize_t n = cgroup_file_read(dirfd, name, buf, sizeof(buf));
    if (n < 0)
        return (int)n;
    size_t len = strlen(key);
    for (char *line = buf; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, len) == 0 && line[len] == ' ')
            return parse_u64(line + len + 1, ret);
    }
    return -ENODATA;
}

int cgroup_each_child(int dirfd, int (*cb)(void *arg, int dirfd, const char *name), void *arg)
{
    int fd = cgroup_file_open(dirfd, ".", O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return fd;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        int err = errno;
        close(fd);
        return -err;
    }
    int r = 0;
    for (struct dirent *d; r == 0;) {
        errno = 0;
        d = readdir(dir);
        if (!d) {
            r = -errno;
            break;
        }
        if (d->d_type != DT_DIR || strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        r = cb(arg, dirfd, d->d_name);
    }
    closedir(dir);
    return r;
}

bool cgroup_is_gone(int err)
{
    if (err < 0)
        err = -err;
    return err == ENOENT || err == ENODEV;
}
