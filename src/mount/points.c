/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: a restore mounts by itself, but not on what is missing. Mount points are made
 * as at a create, in the same order and through the same checks, in a mount namespace that goes away
 * afterwards; binds are really made there, since others may lie below them. What lies on a tmpfs is
 * part of the images, and cgroup mounts bring their own place.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "base/fd.h"
#include "base/path.h"
#include "mount/internal.h"

static bool on_tmpfs(const struct plan *p, const struct mount_step *s)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct mount_step *other = p->v[i].arg;
        const size_t n = strlen(other->dest);
        if (other->kind == MOUNT_TMPFS && strncmp(s->dest, other->dest, n) == 0 && s->dest[n] == '/')
            return true;
    }
    return false;
}

static int bind_point(struct launch *l, const struct mount_step *s, struct hull_error *e)
{
    _cleanup_target_ struct mount_target target = { .fd = -1 };
    _cleanup_tree_ struct mount_tree t = { .fd = -1 };
    struct stat st;
    _cleanup_close_ int source = bind_open(l, s);
    if (source < 0 || fstat(source, &st) < 0)
        return error_set(e, source < 0 ? -source : errno, "open %s", s->source);
    if (s->o.copy_symlink && S_ISLNK(st.st_mode))
        return bind_copy_link(l, s, source, e);
    int r = target_open(l, s, !S_ISDIR(st.st_mode), source, &target, e);
    if (r < 0)
        return r;
    r = tree_clone(source, "", true, &t);
    if (r == 0)
        r = tree_attach(l, &t, target.fd, s->dest);
    return r < 0 ? error_set(e, -r, "mount src=%s, dst=%s", s->source, s->dest) : 0;
}

int mount_make_points(struct launch *l, const struct plan *p, struct hull_error *e)
{
    if (mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
        return error_set(e, errno, "make mounts slaves");
    l->rootfs_fd = openat(AT_FDCWD, l->rootfs, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (l->rootfs_fd < 0)
        return error_set(e, errno, "open %s", l->rootfs);
    int r = 0;
    for (size_t i = 0; r == 0 && i < p->n; i++) {
        const struct mount_step *s = p->v[i].arg;
        _cleanup_target_ struct mount_target target = { .fd = -1 };
        if (s->kind == MOUNT_CGROUP || s->kind == MOUNT_REMOUNT || on_tmpfs(p, s))
            continue;
        r = s->kind == MOUNT_BIND ? bind_point(l, s, e) : target_open(l, s, false, -1, &target, e);
        if (r < 0)
            error_prefix(e, "create mountpoint for %s mount", s->config->destination);
    }
    return r;
}
