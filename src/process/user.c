/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * config.md, process.user: numeric ids of the container. setgroups always runs, also with an empty
 * list, so that none of the runtime's groups stays, unless the user namespace denies it.
 * HOME comes from the container's own /etc/passwd, opened below its root.
 */
#include "process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"

int user_set(const struct oci_user *u, bool setgroups_denied, struct hull_error *e)
{
    static const struct oci_user root = {0};
    if (!u)
        u = &root;
    if (!setgroups_denied &&
        syscall(SYS_setgroups, u->additionalGids.n, u->additionalGids.v) < 0)
        return error_at(e, "process.user.additionalGids", errno, "setgroups");
    /* The capabilities are set exactly afterwards; without this they would be lost here. */
    if (u->uid != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return error_set(e, errno, "prctl(PR_SET_KEEPCAPS)");
    if (syscall(SYS_setresgid, u->gid, u->gid, u->gid) < 0)
        return error_at(e, "process.user.gid", errno, "setgid %u", u->gid);
    if (syscall(SYS_setresuid, u->uid, u->uid, u->uid) < 0)
        return error_at(e, "process.user.uid", errno, "setuid %u", u->uid);
    if (u->umask.set)
        umask(u->umask.v);
    return 0;
}

/* Finds the sixth field of the line whose third is uid. */
static const char *find_home(char *text, uint32_t uid)
{
    for (char *line = text, *end; line && *line; line = end) {
        end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        char *field[7] = {0};
        size_t n = 0;
        for (char *p = line; p && n < COUNT_OF(field); n++) {
            field[n] = p;
            p = strchr(p, ':');
            if (p)
                *p++ = '\0';
        }
        char *rest;
        if (n < 6 || *field[2] < '0' || *field[2] > '9')
            continue;
        errno = 0;
        unsigned long long id = strtoull(field[2], &rest, 10);
        if (errno == 0 && *rest == '\0' && id == uid)
            return field[5];
    }
    return NULL;
}

char *user_home(int root_fd, uint32_t uid, struct arena *a)
{
    enum { LIMIT = 16 << 20 };
    const char *home = NULL;
    /* O_NONBLOCK: a hostile image may have put a fifo there. */
    _cleanup_close_ int fd =
        path_open_in_root(root_fd, "/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        size_t cap = st.st_size < LIMIT ? (size_t)st.st_size : LIMIT;
        char *text = arena_alloc(a, cap + 1);
        ssize_t n = text ? fd_read_all(fd, text, cap) : -1;
        if (n >= 0) {
            text[n] = '\0';
            home = find_home(text, uid);
        }
    }
    return arena_strdup(a, home && *home ? home : "/");
}
