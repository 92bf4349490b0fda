/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include "base/sys.h"

static struct { int v[32]; size_t n; } later;

void fd_close_flush(void)
{
    /* Few and nearly sorted: insertion sort. */
    for (size_t i = 1; i < later.n; i++) {
        int fd = later.v[i];
        size_t j = i;
        for (; j > 0 && later.v[j - 1] > fd; j--)
            later.v[j] = later.v[j - 1];
        later.v[j] = fd;
    }
    for (size_t i = 0, end; i < later.n; i = end) {
        for (end = i + 1; end < later.n && later.v[end] == later.v[end - 1] + 1; end++)
            ;
        if (end - i == 1 ||
            sys_close_range((unsigned)later.v[i], (unsigned)later.v[end - 1], 0) < 0)
            for (size_t k = i; k < end; k++)
                close(later.v[k]);
    }
    later.n = 0;
}

void fd_close_later(int fd)
{
    if (later.n == COUNT_OF(later.v))
        fd_close_flush();
    later.v[later.n++] = fd;
}

void fd_close_forget(void)
{
    later.n = 0;
}

int fd_write_all(int fd, const void *buf, size_t len)
{
    const char *p = buf;
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

bool fd_is_dev_null(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

ssize_t fd_read_all(int fd, void *buf, size_t cap)
{
    size_t have = 0;
    while (have < cap) {
        ssize_t n = read(fd, (char *)buf + have, cap - have);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        if (n == 0)
            break;
        have += (size_t)n;
    }
    return (ssize_t)have;
}

static char *read_open(int fd, const struct stat *st, size_t limit, struct arena *a, size_t *ret_len)
{
    /* Pipes and files of procfs and cgroupfs say size 0: grow by doubling. */
    const size_t size = S_ISREG(st->st_mode) && st->st_size > 0 ? (size_t)st->st_size : 0;
    size_t cap = size ? size : 4096, have = 0;
    char *buf = NULL;
    for (;;) {
        if (cap > limit + 1)
            cap = limit + 1;
        char *next = arena_alloc(a, cap + 1);
        if (!next) {
            errno = ENOMEM;
            return NULL;
        }
        if (have > 0)
            memcpy(next, buf, have);
        buf = next;
        ssize_t n = fd_read_all(fd, buf + have, cap - have);
        if (n < 0) {
            errno = (int)-n;
            return NULL;
        }
        have += (size_t)n;
        if (have < cap || have == size)
            break;
        if (cap > limit) {
            errno = EFBIG;
            return NULL;
        }
        cap *= 2;
    }
    buf[have] = '\0';
    if (ret_len)
        *ret_len = have;
    return buf;
}

char *fd_read_stream(int fd, size_t limit, struct arena *a, size_t *ret_len)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return NULL;
    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return NULL;
    }
    return read_open(fd, &st, limit, a, ret_len);
}

char *fd_read_file(int dirfd, const char *path, size_t limit, struct arena *a, size_t *ret_len)
{
    /* Not blocking: somebody may have put a fifo there. */
    _cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return NULL;
    struct stat st;
    if (fstat(fd, &st) < 0)
        return NULL;
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        return NULL;
    }
    return read_open(fd, &st, limit, a, ret_len);
}

int fd_write_file(int dirfd, const char *path, const char *text)
{
    _cleanup_close_ int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n;
    do
        n = write(fd, text, strlen(text));
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

union control {
    struct cmsghdr align;
    char           room[CMSG_SPACE(sizeof(int))];
};

int fd_send(int sock, int fd, const void *data, size_t len)
{
    union control c;
    memset(&c, 0, sizeof(c));
    struct iovec io = {.iov_base = (void *)data, .iov_len = len};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = c.room, .msg_controllen = sizeof(c.room)};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(h), &fd, sizeof(int));
    ssize_t n;
    do
        n = sendmsg(sock, &m, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

int fd_receive(int sock, void *data, size_t len)
{
    union control c;
    memset(&c, 0, sizeof(c));
    struct iovec io = {.iov_base = data, .iov_len = len};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = c.room, .msg_controllen = sizeof(c.room)};
    ssize_t n;
    do
        n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    if (!h || h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS ||
        h->cmsg_len != CMSG_LEN(sizeof(int)))
        return -EBADMSG;
    int fd;
    memcpy(&fd, CMSG_DATA(h), sizeof(int));
    return fd;
}

int fd_connect_unix(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    _cleanup_close_ int by_fd = -1;
    if (strlen(path) < sizeof(sa.sun_path)) {
        memcpy(sa.sun_path, path, strlen(path) + 1);
    } else {
        /* sun_path holds 108 bytes: go through the descriptor of the socket file. */
        by_fd = openat(AT_FDCWD, path, O_PATH | O_CLOEXEC);
        if (by_fd < 0)
            return -errno;
        snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d", by_fd);
    }
    _cleanup_close_ int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return -errno;
    if (connect(s, (struct sockaddr *)&sa, sizeof(sa)) < 0)
        return -errno;
    return TAKE_FD(s);
}
