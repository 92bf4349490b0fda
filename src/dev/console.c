/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the pty comes from the container's own devpts, since the host's would show
 * up inside under a number that means another terminal there. The container may have replaced
 * anything on the way: ptmx is opened O_PATH, checked (devpts, inode 2, device 5:2) and only then
 * opened for real, and the slave is had from the master by TIOCGPTPEER rather than by name
 * (CVE-2025-52565).
 *
 * In I: open and bind after the mounts, before or after the pivot; adopt after setsid. In exec:
 * after joining the namespaces, without the bind. P gets the master by SCM_RIGHTS.
 */
#include "dev/console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <termios.h>
#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"

enum { PTMX_INODE = 2, PTMX_MAJOR = 5, PTMX_MINOR = 2 };

/* Opens the pty multiplexer of the container's devpts. */
static int open_ptmx(const struct launch *l, int *ret, struct hull_error *e)
{
    _cleanup_close_ int path = path_open_in_root_nofollow(l->rootfs_fd, "/dev/pts/ptmx", O_PATH);
    struct statfs fs;
    struct stat st;
    char self[32];
    if (path < 0)
        return error_set(e, -path, "open /dev/pts/ptmx");
    if (fstatfs(path, &fs) < 0 || fstat(path, &st) < 0)
        return error_set(e, errno, "verify ptmx handle");
    if (fs.f_type != DEVPTS_SUPER_MAGIC)
        return error_set(e, HULL_E_INIT, "verify ptmx handle: ptmx handle is not on a real devpts "
                         "mount: super magic is %#lx", (unsigned long)fs.f_type);
    if (st.st_ino != PTMX_INODE || !S_ISCHR(st.st_mode) ||
        st.st_rdev != makedev(PTMX_MAJOR, PTMX_MINOR))
        return error_set(e, HULL_E_INIT, "verify ptmx handle: ptmx handle is not a real char ptmx "
                         "device");
    snprintf(self, sizeof(self), "self/fd/%d", path);
    int fd = openat(l->proc_fd, self, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return error_set(e, errno, "reopen ptmx to get new pty pair");
    *ret = fd;
    return 0;
}

static int set_size(int master, const struct oci_process *p, struct hull_error *e)
{
    const struct oci_console_size *size = p ? p->consoleSize : NULL;
    if (!size || !size->height || !size->width)
        return 0;
    const struct winsize ws = {
        .ws_row = (unsigned short)size->height,
        .ws_col = (unsigned short)size->width,
    };
    return ioctl(master, TIOCSWINSZ, &ws) < 0 ? error_set(e, errno, "set console size") : 0;
}

int console_clear_onlcr(int fd, struct hull_error *e)
{
    struct termios t;
    if (tcgetattr(fd, &t) < 0)
        return error_set(e, errno, "clear ONLCR of the terminal");
    t.c_oflag &= ~(tcflag_t)ONLCR;
    if (tcsetattr(fd, TCSANOW, &t) < 0)
        return error_set(e, errno, "clear ONLCR of the terminal");
    return 0;
}

int console_open(const struct launch *l, int *ret_master, int *ret_slave, struct hull_error *e)
{
    const struct oci_process *p = l->config->process;
    _cleanup_close_ int master = -1;
    int r = open_ptmx(l, &master, e);
    if (r < 0)
        return r;
    int unlock = 0;
    if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
        return error_set(e, errno, "unlock pty");
    _cleanup_close_ int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return error_set(e, errno, "failed to get peer end of newly-allocated console");
    r = set_size(master, p, e);
    if (r == 0 && l->console_sock < 0)
        r = console_clear_onlcr(slave, e);
    if (r < 0)
        return r;
    /* The group stays what devpts made it (gid=5, tty). An id that is not mapped is no reason to
     * fail: the program can use the open descriptors all the same. */
    if (p && p->user && p->user->uid != 0 && fchown(slave, p->user->uid, (gid_t)-1) < 0 &&
        errno != EINVAL && errno != EPERM)
        return error_set(e, errno, "change owner of the terminal");
    *ret_master = TAKE_FD(master);
    *ret_slave = TAKE_FD(slave);
    return 0;
}

int console_bind(const struct launch *l, int slave, struct hull_error *e)
{
    _cleanup_close_ int dev = path_mkdir_in_root(l->rootfs_fd, "/dev", 0755);
    if (dev < 0)
        return error_set(e, -dev, "create /dev/console mount target");
    mode_t mask = umask(0);
    int r = mknodat(dev, "console", S_IFREG | 0666, 0) < 0 ? errno : 0;
    umask(mask);
    if (r != 0 && r != EEXIST)
        return error_set(e, r, "create /dev/console mount target");
    _cleanup_close_ int target = openat(dev, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (target < 0 || fstat(target, &st) < 0)
        return error_set(e, errno, "create /dev/console mount target");
    if (S_ISLNK(st.st_mode))
        return error_set(e, ELOOP, "create /dev/console mount target");
    _cleanup_close_ int tree =
        sys_open_tree(slave, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0)
        return error_set(e, errno, "mount dst=/dev/console, flags=MS_BIND");
    if (sys_move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
        return error_set(e, errno, "mount dst=/dev/console, flags=MS_BIND");
    return 0;
}

int console_adopt(int slave, struct hull_error *e)
{
    if (ioctl(slave, TIOCSCTTY, 0) < 0)
        return error_set(e, errno, "ioctl(setctty)");
    for (int fd = 0; fd <= 2; fd++)
        if (slave == fd ? fcntl(fd, F_SETFD, 0) < 0 : dup3(slave, fd, 0) < 0)
            return error_set(e, errno, "dup the terminal to fd %d", fd);
    return 0;
}
