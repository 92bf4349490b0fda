/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors: ownership by attribute, whole-file reads and writes, SCM_RIGHTS. */
#ifndef HULL_BASE_FD_H
#define HULL_BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>
#include "base/arena.h"
#include "base/error.h"

static inline void cleanup_close_(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
#define _cleanup_close_ __attribute__((cleanup(cleanup_close_)))

struct stat;
/** Whether that is /dev/null: the character device 1:3, by whatever name. */
bool fd_is_dev_null(const struct stat *st);

/** Closes *fd if it is open and sets it to -1. */
static inline void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/**
 * Closing many descriptors by one close_range(2) for each run of neighbours. For a process that sets
 * up a container: it has one thread, so it may keep a list of its own (32 at most).
 */
void fd_close_later(int fd);
void fd_close_flush(void);
/** After everything else was closed: nothing of the list is open any more. */
void fd_close_forget(void);
static inline void cleanup_close_later_(int *fd)
{
    if (*fd >= 0)
        fd_close_later(*fd);
}
#define _cleanup_close_later_ __attribute__((cleanup(cleanup_close_later_)))

/** Writes all of buf; EINTR-safe. 0 or -errno. */
int fd_write_all(int fd, const void *buf, size_t len);
/** Reads to end of file into buf (at most cap bytes); returns the count or -errno. */
ssize_t fd_read_all(int fd, void *buf, size_t cap);
/**
 * Reads a whole file (relative to dirfd) into arena memory, NUL-terminated.
 * @param limit    more than this many bytes is -EFBIG
 * @param ret_len  may be NULL
 * @return the text, or NULL with errno set
 */
char *fd_read_file(int dirfd, const char *path, size_t limit, struct arena *a, size_t *ret_len);
/** As fd_read_file for an open descriptor of any kind; st_size is only a hint. */
char *fd_read_stream(int fd, size_t limit, struct arena *a, size_t *ret_len);
/** Opens dirfd/path O_WRONLY|O_CLOEXEC and writes text with one write(2); 0 or -errno. */
int fd_write_file(int dirfd, const char *path, const char *text);
/** Sends one descriptor with the len bytes of data over a unix socket; 0 or -errno. */
int fd_send(int sock, int fd, const void *data, size_t len);
/** Receives one descriptor (CLOEXEC) and up to len bytes; the descriptor or -errno. */
int fd_receive(int sock, void *data, size_t len);
/** Connects to the AF_UNIX stream socket at path (a path longer than sun_path works too). fd or -errno. */
int fd_connect_unix(const char *path);
#endif
