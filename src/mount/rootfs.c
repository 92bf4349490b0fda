/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: root.path becomes "/" (config.md#root). In I.
 *
 * Prepare: all mounts of the new namespace are made slaves (or what linux.rootfsPropagation says):
 * nothing gets out to the host, but what the host mounts later still comes in, which "rslave" binds
 * rely on; private would cut that. The mount that the rootfs lies in must not be shared, or
 * pivot_root refuses and the bind of the rootfs on itself would propagate. That bind makes the
 * rootfs a mount, which pivot_root wants; its descriptor stays the container's root for good. It is
 * private, unless rootfsPropagation says otherwise: what the host mounts below the rootfs directory
 * later is not for the container.
 *
 * Pivot: pivot_root(".", ".") stacks the old root on the new one, from where it is detached.
 * Without a mount namespace there is only chroot. --no-pivot moves the rootfs over "/" and changes
 * the root to it, after nopivot.c has hidden what would be dangerous below.
 *
 * We may run in a chroot ourselves. Then "/" is not the root of the mount namespace, and what we
 * put there would leave the host's tree where setns(2) takes everyone who joins: so before the
 * pivot we go to the namespace's own root, whatever our root is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "base/fd.h"
#include "mount/internal.h"

/* Arg of STEP_ROOTFS_PREPARE and STEP_ROOTFS_PROPAGATION. */
struct rootfs_step {
    unsigned long propagation;    /* MS_* for "/" */
    bool          given;          /* in the configuration */
};

static int plan_rootfs(const struct launch *l, struct plan *p, enum step_kind kind,
                       const char *why, unsigned long propagation, struct hull_error *e)
{
    struct rootfs_step *s = arena_alloc(l->arena, sizeof(*s));
    if (!s)
        return error_oom(e);
    s->propagation = propagation;
    s->given = why;
    return plan_push(p, AT_INIT, kind, why, s, 0, e);
}

/* The flags of linux.rootfsPropagation, 0 when it is not given. */
static int wanted_propagation(const struct launch *l, unsigned long *ret, struct hull_error *e)
{
    const char *word = l->config->linux_->rootfsPropagation;
    unsigned long flags = word && *word ? mount_propagation(word) : 0;
    if (word && *word && !flags)
        return error_at(e, "linux.rootfsPropagation", HULL_E_CONFIG,
                        "rootfsPropagation=%s is not supported", word);
    if (l->options && l->options->no_pivot && (flags & MS_PRIVATE))
        return error_at(e, "linux.rootfsPropagation", HULL_E_CONFIG,
                        "rootfsPropagation of [r]private is not safe without pivot_root");
    *ret = flags;
    return 0;
}

int rootfs_plan_prepare(const struct launch *l, struct plan *p, struct hull_error *e)
{
    unsigned long flags;
    int r = wanted_propagation(l, &flags, e);
    return r < 0 ? r
                 : plan_rootfs(l, p, STEP_ROOTFS_PREPARE, flags ? "linux.rootfsPropagation" : NULL,
                               flags ? flags : MS_SLAVE | MS_REC, e);
}

int rootfs_plan_pivot(const struct launch *l, struct plan *p, struct hull_error *e)
{
    (void)l;
    return plan_push(p, AT_INIT, STEP_PIVOT, "root.path", NULL, 0, e);
}

int rootfs_plan_propagation(const struct launch *l, struct plan *p, struct hull_error *e)
{
    unsigned long flags;
    int r = wanted_propagation(l, &flags, e);
    if (r < 0 || !flags || (flags & (MS_PRIVATE | MS_SLAVE)) || !l->has_ns[NS_MOUNT])
        return r;
    return plan_rootfs(l, p, STEP_ROOTFS_PROPAGATION, "linux.rootfsPropagation", flags, e);
}

static const char *propagation_word(unsigned long flags)
{
    static const struct { unsigned long flag; const char *word, *recursive; } words[] = {
        { MS_SLAVE, "slave", "rslave" },
        { MS_PRIVATE, "private", "rprivate" },
        { MS_SHARED, "shared", "rshared" },
        { MS_UNBINDABLE, "unbindable", "runbindable" },
    };
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (flags & words[i].flag)
            return flags & MS_REC ? words[i].recursive : words[i].word;
    return "";
}

void rootfs_print_prepare(const struct launch *l, const struct step *st, char *buf, size_t len)
{
    const struct rootfs_step *s = st->arg;
    if (l->has_ns[NS_MOUNT])
        snprintf(buf, len, "%s / %s", l->rootfs, propagation_word(s->propagation));
    else
        snprintf(buf, len, "%s", l->rootfs);
}

void rootfs_print_propagation(const struct launch *l, const struct step *st, char *buf, size_t len)
{
    (void)l;
    const struct rootfs_step *s = st->arg;
    snprintf(buf, len, "/ %s", propagation_word(s->propagation));
}

void rootfs_print_pivot(const struct launch *l, const struct step *st, char *buf, size_t len)
{
    (void)st;
    const char *how = !l->has_ns[NS_MOUNT]                ? "chroot"
                      : l->options && l->options->no_pivot ? "move and chroot"
                                                           : "pivot_root";
    snprintf(buf, len, "%s", how);
}

void rootfs_print_readonly(const struct launch *l, const struct step *st, char *buf, size_t len)
{
    (void)l;
    const struct rootfs_readonly *s = st->arg;
    int n = snprintf(buf, len, "%s", s->root ? "/" : "");
    size_t at = n > 0 ? (size_t)n : 0;
    for (size_t i = 0; i < s->n && at < len; i++) {
        n = snprintf(buf + at, len - at, "%s%s", at ? " " : "", s->late[i]->dest);
        at += n > 0 ? (size_t)n : 0;
    }
}

/*
 * Makes the mount that holds the rootfs no longer shared. Which one that is follows from trying:
 * EINVAL says that the path is no mount point, so its parent directory is next. Not needed after a
 * recursive slave or private on "/".
 */
static int unshare_parent(const struct launch *l, unsigned long propagation, struct hull_error *e)
{
    unsigned long flag = propagation & MS_SLAVE ? MS_SLAVE : MS_PRIVATE;
    char *path = arena_strdup(l->arena, l->rootfs);
    if (!path)
        return error_oom(e);
    for (;;) {
        if (mount(NULL, *path ? path : "/", NULL, flag, NULL) == 0)
            return 0;
        if (errno != EINVAL || !*path || strcmp(path, "/") == 0)
            return error_set(e, errno, "error preparing rootfs: remount-propagation dst=%s", path);
        *strrchr(path, '/') = '\0';
    }
}

static int bind_rootfs(struct launch *l, struct hull_error *e)
{
    _cleanup_close_ int dir = openat(AT_FDCWD, l->rootfs, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return error_set(e, errno, "error preparing rootfs: open %s", l->rootfs);
    if (!l->has_ns[NS_MOUNT] && l->config->mounts.n == 0) {
        /* Nothing is mounted and nothing pivots: the host's mount table stays as it is. */
        l->rootfs_fd = TAKE_FD(dir);
        return 0;
    }
    _cleanup_tree_ struct mount_tree t = { .fd = -1 };
    int r = tree_clone(dir, "", true, &t);
    if (r == 0 && t.plain) {
        if (mount(l->rootfs, l->rootfs, NULL, MS_BIND | MS_REC, NULL) < 0)
            r = -errno;
        fd_close(&t.fd);
        if (r == 0)
            t.fd = openat(AT_FDCWD, l->rootfs, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (r == 0 && t.fd < 0)
            r = -errno;
    } else if (r == 0) {
        r = tree_attach(l, &t, dir, NULL);
    }
    if (r < 0)
        return error_set(e, -r,
                         "error preparing rootfs: mount src=%s, dst=%s, flags=MS_BIND|MS_REC",
                         l->rootfs, l->rootfs);
    l->rootfs_fd = TAKE_FD(t.fd);
    return 0;
}

/* To the root of our mount namespace, out of any chroot: where setns(2) leads, also into our own. */
static int leave_chroot(const struct launch *l, struct hull_error *e)
{
    _cleanup_close_ int ns = openat(l->proc_fd, "self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (ns < 0 || setns(ns, CLONE_NEWNS) < 0)
        return error_set(e, errno, "go to the root of the mount namespace");
    return 0;
}

/* Propagation of all mounts; in a chroot "/" may be no mount, which is EINVAL, and never is all. */
static int propagate_root(const struct launch *l, unsigned long propagation, struct hull_error *e)
{
    if (mount(NULL, "/", NULL, propagation, NULL) == 0)
        return 0;
    if (errno != EINVAL)
        return -errno;
    _cleanup_close_ int root = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -errno;
    int r = leave_chroot(l, e);
    if (r == 0 && mount(NULL, "/", NULL, propagation, NULL) < 0)
        r = -errno;
    if (fchdir(root) < 0 || chroot(".") < 0)
        return -errno;
    return r;
}

int rootfs_step_prepare(struct launch *l, const struct step *st, struct hull_error *e)
{
    const struct rootfs_step *s = st->arg;
    /* Without a namespace of our own the host's mounts keep the propagation they have. */
    if (l->has_ns[NS_MOUNT]) {
        int r = propagate_root(l, s->propagation, e);
        if (r < 0)
            return error_set(e, -r, "error preparing rootfs: mount dst=/, flags=%s",
                             propagation_word(s->propagation));
        bool done = (s->propagation & MS_REC) && (s->propagation & (MS_SLAVE | MS_PRIVATE));
        r = done ? 0 : unshare_parent(l, s->propagation, e);
        if (r < 0)
            return r;
    }
    int r = bind_rootfs(l, e);
    if (r < 0)
        return r;
    if (l->has_ns[NS_MOUNT] && !s->given && (r = tree_propagate(l, l->rootfs_fd, MS_PRIVATE)) < 0)
        return error_set(e, -r, "error preparing rootfs: make it private");
    if (fchdir(l->proc_fd) < 0)
        return error_set(e, errno, "error preparing rootfs: chdir /proc");
    l->cwd_is_proc = true;
    return 0;
}

/* cwd is the rootfs. */
static int enter_chroot(struct hull_error *e)
{
    if (chroot(".") < 0)
        return error_set(e, errno, "error jailing process inside rootfs: chroot .");
    if (chdir("/") < 0)
        return error_set(e, errno, "error jailing process inside rootfs: chdir /");
    return 0;
}

static int pivot(struct hull_error *e)
{
    _cleanup_close_ int old = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (old < 0)
        return error_set(e, errno, "error jailing process inside rootfs: open /");
    if (sys_pivot_root(".", ".") < 0)
        return error_set(e, errno, "error jailing process inside rootfs: pivot_root .");
    /* The old root lies on the new one now. A hook may have left shared mounts in it: make them
     * slaves, or the detaching below would propagate to the host. */
    if (fchdir(old) < 0 || mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0)
        return error_set(e, errno, "error jailing process inside rootfs: make old root a slave");
    if (umount2(".", MNT_DETACH) < 0)
        return error_set(e, errno, "error jailing process inside rootfs: unmount dst=.");
    if (chdir("/") < 0)
        return error_set(e, errno, "error jailing process inside rootfs: chdir /");
    return 0;
}

int rootfs_step_pivot(struct launch *l, const struct step *st, struct hull_error *e)
{
    l->cwd_is_proc = false;
    (void)st;
    int r = l->has_ns[NS_MOUNT] ? leave_chroot(l, e) : 0;
    if (r < 0)
        return error_prefix(e, "error jailing process inside rootfs");
    if (fchdir(l->rootfs_fd) < 0)
        return error_set(e, errno, "error jailing process inside rootfs: chdir %s", l->rootfs);
    if (!l->has_ns[NS_MOUNT])
        return enter_chroot(e);
    if (!l->options || !l->options->no_pivot)
        return pivot(e);
    r = nopivot_hide(l, e);
    if (r < 0)
        return r;
    if (mount(".", "/", NULL, MS_MOVE, NULL) < 0)
        return error_set(e, errno, "error jailing process inside rootfs: mount src=%s, dst=/, "
                         "flags=MS_MOVE", l->rootfs);
    if (fchdir(l->rootfs_fd) < 0)
        return error_set(e, errno, "error jailing process inside rootfs: chdir %s", l->rootfs);
    return enter_chroot(e);
}

int rootfs_step_propagation(struct launch *l, const struct step *st, struct hull_error *e)
{
    const struct rootfs_step *s = st->arg;
    int r = tree_propagate(l, l->rootfs_fd, s->propagation);
    return r < 0 ? error_set(e, -r, "unable to apply root propagation flags") : 0;
}

int rootfs_step_readonly(struct launch *l, const struct step *st, struct hull_error *e)
{
    const struct rootfs_readonly *s = st->arg;
    for (size_t i = 0; i < s->n; i++) {
        const struct mount_tree t = { .fd = *s->late[i]->late_fd, .attached = true };
        int r = tree_setattr(l, &t, false, HULL_ATTR_RDONLY, 0);
        if (r < 0)
            return error_set(e, -r, "unable to mount %s as readonly", s->late[i]->dest);
        fd_close(s->late[i]->late_fd);
    }
    if (!s->root)
        return 0;
    const struct mount_tree t = { .fd = l->rootfs_fd, .attached = true };
    int r = tree_setattr(l, &t, false, HULL_ATTR_RDONLY, 0);
    return r < 0 ? error_set(e, -r, "error setting rootfs as readonly") : 0;
}
