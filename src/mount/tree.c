/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: trees of mounts are cloned with open_tree(2), changed while nobody can see
 * them and attached by move_mount(2) on a descriptor, so no path is looked up twice and no flag is
 * set too late. All needs CAP_SYS_ADMIN in the user namespace that owns the mount namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include "base/path.h"
#include "mount/internal.h"

int tree_clone(int dirfd, const char *path, bool recursive, struct mount_tree *ret)
{
    struct mount_tree t = { .recursive = recursive };
    t.fd = sys_open_tree(dirfd, path,
                         OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (*path ? 0 : AT_EMPTY_PATH) |
                             (recursive ? AT_RECURSIVE : 0));
    if (t.fd < 0 && errno == ENOSYS) {
        t.plain = true;
        t.fd = *path ? openat(dirfd, path, O_PATH | O_CLOEXEC) : fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
    }
    if (t.fd < 0)
        return -errno;
    *ret = t;
    return 0;
}

int tree_attach(const struct launch *l, struct mount_tree *t, int target, const char *dest)
{
    if (!t->plain) {
        unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
        if (sys_move_mount(t->fd, "", target, "", flags) < 0)
            return -errno;
        t->attached = true;
        return running_note(l, t->fd, NULL);
    }
    int r = legacy_mount(l, NULL, t->fd, target, NULL, MS_BIND | (t->recursive ? MS_REC : 0), NULL);
    if (r < 0)
        return r;
    int fd = path_open_in_root(l->rootfs_fd, dest, O_PATH);
    if (fd < 0)
        return fd;
    close(t->fd);
    t->fd = fd;
    t->plain = false;
    t->attached = true;
    return 0;
}

int tree_setattr(const struct launch *l, const struct mount_tree *t, bool recursive, uint64_t set,
                 uint64_t clr)
{
    struct hull_mount_attr attr = { .attr_set = set, .attr_clr = clr };
    if (sys_mount_setattr(t->fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr) == 0)
        return 0;
    if (errno != ENOSYS || recursive || !t->attached)
        return -errno;
    return legacy_remount(l, t->fd, set, clr);
}

int tree_propagate(const struct launch *l, int fd, unsigned long propagation)
{
    struct hull_mount_attr attr = { .propagation = propagation & ~(unsigned long)MS_REC };
    unsigned flags = AT_EMPTY_PATH | (propagation & MS_REC ? AT_RECURSIVE : 0);
    if (sys_mount_setattr(fd, "", flags, &attr) == 0)
        return 0;
    if (errno != ENOSYS)
        return -errno;
    return legacy_mount(l, NULL, -1, fd, NULL, propagation, NULL);
}
