/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include "base/fd.h"
#include "base/sys.h"

int proc_stat_read(int proc_fd, pid_t pid, struct proc_stat *ret)
{
    char path[48], buf[1024];
    snprintf(path, sizeof(path), proc_fd == AT_FDCWD ? "/proc/%d/stat" : "%d/stat", (int)pid);
    _cleanup_close_ int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = read(fd, buf, sizeof(buf) - 1);
    if (n < 0)
        return -errno;
    buf[n] = '\0';
    /* The name in parentheses may hold blanks and parentheses itself: look for the last one. */
    char *p = strrchr(buf, ')');
    if (!p || p[1] != ' ')
        return -EIO;
    p += 2;
    ret->state = *p;
    for (int field = 3;; field++) {
        if (field == 4)
            ret->ppid = (pid_t)strtol(p, NULL, 10);
        if (field == 22)
            ret->start = strtoull(p, NULL, 10);
        if (field == 52) {
            ret->status = (int)strtol(p, NULL, 10);
            return 0;
        }
        p = strchr(p, ' ');
        if (!p)
            return -EIO;
        p++;
    }
}

int proc_ignored_signals(uint64_t *ret)
{
    static const char name[] = "\nSigIgn:\t";
    char buf[4096];
    _cleanup_close_ int fd = openat(AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);
    if (n < 0)
        return -errno;
    buf[n] = '\0';
    const char *at = strstr(buf, name);
    if (!at)
        return -EIO;
    *ret = strtoull(at + sizeof(name) - 1, NULL, 16);
    return 0;
}

/* Whether the kernel shows us what of a process only those who may trace it get to see. */
static bool may_trace(pid_t pid)
{
    char path[48], target[64];
    snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
    return readlink(path, target, sizeof(target)) > 0;
}

int proc_exit_status(int pidfd, pid_t pid, uint64_t start, int *ret)
{
    struct proc_stat st = {0};
    const bool shown = may_trace(pid); /* before the look at the start time, which says that it is still the same */
    const bool there = proc_stat_read(AT_FDCWD, pid, &st) == 0 && st.start == start;
    if (there && st.state == 'Z' && shown) {
        *ret = st.status;
        return 0;
    }
    struct pidfd_info info = {.mask = PIDFD_INFO_EXIT};
    if (ioctl(pidfd, PIDFD_GET_INFO, &info) == 0 && info.mask & PIDFD_INFO_EXIT) {
        *ret = info.exit_code;
        return 0;
    }
    return there ? -EAGAIN : -ENODATA;
}

bool proc_alive(pid_t pid, uint64_t start)
{
    struct proc_stat st = {0};
    if (pid <= 0 || proc_stat_read(AT_FDCWD, pid, &st) < 0)
        return false;
    return st.start == start && st.state != 'Z' && st.state != 'X';
}

int proc_open_private(void)
{
    _cleanup_close_ int fs = sys_fsopen("proc", HULL_FSOPEN_CLOEXEC);
    if (fs >= 0 && sys_fsconfig(fs, HULL_FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0) {
        int fd = sys_fsmount(fs, HULL_FSMOUNT_CLOEXEC,
                             HULL_ATTR_NOSUID | HULL_ATTR_NODEV | HULL_ATTR_NOEXEC);
        if (fd >= 0)
            return fd;
    }
    enum { PROC_ROOT_INO = 1 };
    _cleanup_close_ int fd = openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    struct statfs sf;
    struct stat st;
    if (fstatfs(fd, &sf) < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (sf.f_type != PROC_SUPER_MAGIC || st.st_ino != PROC_ROOT_INO)
        return -ENOTSUP;
    return TAKE_FD(fd);
}

int proc_open_at(int proc_fd, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
    };
    int fd = sys_openat2(proc_fd, path, &how);
    if (fd < 0 && errno == ENOSYS)
        fd = openat(proc_fd, path, flags | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}
