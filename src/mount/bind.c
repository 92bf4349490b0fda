/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: a bind mount is a clone of the source's mount (tree.c) with other flags.
 *
 * Who opens the source: I, by its host path or, when it lies below the rootfs, inside the root.
 * With a user namespace P opens beforehand what the container's root may not reach (source.c).
 *
 * Flags, as runc has them: no option at all keeps the source's flags. Any option means that exactly
 * the flags that are listed are wanted; times stay as they are unless an option speaks of them.
 * Where the kernel has flags of the source locked (EPERM: it came from another user namespace),
 * they are kept, unless an option asks for the contrary. A tree that P cloned outside the
 * container's user namespace has none locked, though it should have: it is treated as if it had.
 *
 * Links as source, by options of crun: src-nofollow mounts the link itself, which the container then
 * follows in its own root; copy-symlink makes the same link instead of a mount.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/statvfs.h>
#include "base/fd.h"
#include "base/path.h"
#include "mount/internal.h"

#define BIND_ATTRS (HULL_ATTR_RDONLY | HULL_ATTR_NOSUID | HULL_ATTR_NODEV | HULL_ATTR_NOEXEC)
#define BIND_ATIME (HULL_ATTR__ATIME | HULL_ATTR_NODIRATIME)

/* What of the mount's flags a user namespace may find locked. From linux/statfs.h. */
static const struct { unsigned long st, ms; uint64_t attr; } lockable[] = {
    { 0x0001, MS_RDONLY,     HULL_ATTR_RDONLY },
    { 0x0002, MS_NOSUID,     HULL_ATTR_NOSUID },
    { 0x0004, MS_NODEV,      HULL_ATTR_NODEV },
    { 0x0008, MS_NOEXEC,     HULL_ATTR_NOEXEC },
    { 0x0400, MS_NOATIME,    HULL_ATTR_NOATIME },
    { 0x0800, MS_NODIRATIME, HULL_ATTR_NODIRATIME },
    { 0x1000, MS_RELATIME,   0 },
};

/* The wanted flags with those of the source that are locked. EPERM when they contradict. */
static int set_locked_flags(const struct launch *l, const struct mount_options *o,
                            const struct mount_tree *t, uint64_t set, uint64_t clr,
                            struct hull_error *e)
{
    struct statvfs st;
    if (fstatvfs(t->fd, &st) < 0)
        return error_set(e, errno, "failed to set user-requested vfs flags on bind-mount: statfs");
    unsigned long have = 0;
    uint64_t keep = 0;
    for (size_t i = 0; i < COUNT_OF(lockable); i++)
        if (st.f_flag & lockable[i].st) {
            have |= lockable[i].ms;
            keep |= lockable[i].attr;
        }
    /* There is no flag for strictatime: it is the lack of the two others. */
    if (!(have & (MS_NOATIME | MS_RELATIME)))
        have |= MS_STRICTATIME;
    if (have & o->cleared)
        return error_set(e, EPERM,
                         "failed to set user-requested vfs flags on bind-mount: cannot clear "
                         "locked flags");
    if ((o->flags & MOUNT_ATIME_FLAGS) &&
        (o->flags & MOUNT_ATIME_FLAGS) != (have & MOUNT_ATIME_FLAGS))
        return error_set(e, EPERM,
                         "failed to set user-requested vfs flags on bind-mount: cannot change "
                         "locked atime flags");
    set = (set & ~(uint64_t)BIND_ATIME) | (keep & ~(uint64_t)BIND_ATIME);
    int r = tree_setattr(l, t, false, set, clr & ~(keep | BIND_ATIME));
    if (r < 0)
        return error_set(e, -r,
                         "failed to set user-requested vfs flags on bind-mount: remount with "
                         "locked flags re-applied");
    return 0;
}

static int set_top_flags(const struct launch *l, const struct mount_options *o,
                         const struct mount_tree *t, bool foreign, struct hull_error *e)
{
    unsigned long said = o->flags & ~(unsigned long)(MS_BIND | MS_REC | MS_REMOUNT);
    if (said == 0 && o->cleared == 0)
        return 0;
    uint64_t set = mount_attr(o->flags);
    uint64_t clr = BIND_ATTRS | HULL_ATTR_NOSYMFOLLOW;
    if (o->flags & MOUNT_ATIME_FLAGS)
        clr |= BIND_ATIME;
    if (foreign)
        return set_locked_flags(l, o, t, set, clr & ~(uint64_t)HULL_ATTR_NOSYMFOLLOW, e);
    int r = tree_setattr(l, t, false, set, clr);
    /* Before 5.14 mount_setattr doesn't know nosymfollow. */
    if (r == -EINVAL && !(set & HULL_ATTR_NOSYMFOLLOW)) {
        clr &= ~(uint64_t)HULL_ATTR_NOSYMFOLLOW;
        r = tree_setattr(l, t, false, set, clr);
    }
    if (r == -EPERM && mount_in_userns(l))
        return set_locked_flags(l, o, t, set, clr, e);
    if (r < 0)
        return r == -ENOSYS ? r
                            : error_set(e, -r,
                                        "failed to set user-requested vfs flags on bind-mount");
    return 0;
}

static int set_flags(const struct launch *l, const struct mount_options *o,
                     const struct mount_tree *t, bool foreign, struct hull_error *e)
{
    int r = set_top_flags(l, o, t, foreign, e);
    if (r < 0 || (!o->rec_set && !o->rec_clr))
        return r;
    struct statvfs st;
    for (size_t i = 0; foreign && i < COUNT_OF(lockable); i++)
        if ((o->rec_clr & ~o->rec_set & lockable[i].attr) && fstatvfs(t->fd, &st) == 0 &&
            (st.f_flag & lockable[i].st))
            return error_set(e, EPERM, "set recursive mount attributes: cannot clear locked flags");
    r = tree_setattr(l, t, true, o->rec_set, o->rec_clr);
    return r < 0 ? error_set(e, -r, "set recursive mount attributes (mount_setattr)") : 0;
}

int bind_attach(const struct launch *l, const struct mount_options *o, struct mount_tree *t,
                const struct bind_place *to, struct hull_error *e)
{
    int r = t->plain ? -ENOSYS : set_flags(l, o, t, to->foreign, e);
    /* Before 5.12 flags can be changed only where the mount is visible. */
    bool late = r == -ENOSYS;
    if (r < 0 && !late)
        return r;
    r = tree_attach(l, t, to->fd, to->dest);
    if (r < 0)
        return error_set(e, -r, "mount src=%s, dst=%s, flags=%s", to->source, to->dest,
                         t->recursive ? "MS_BIND|MS_REC" : "MS_BIND");
    r = late ? set_flags(l, o, t, to->foreign, e) : 0;
    if (r == -ENOSYS)
        return error_set(e, ENOSYS, "set mount attributes (mount_setattr)");
    return r < 0 ? r : mount_set_propagation(l, o, t->fd, to->dest, e);
}

int bind_open(const struct launch *l, const struct mount_step *s)
{
    const int flags = O_PATH | (s->o.src_nofollow ? O_NOFOLLOW : 0);
    if (s->below)
        return path_open_in_root(l->rootfs_fd, s->below, flags);
    const int fd = openat(AT_FDCWD, s->source, flags | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int bind_clone(const struct launch *l, const struct mount_step *s, bool recursive,
               struct mount_tree *ret)
{
    if (!s->below && !s->o.src_nofollow)
        return tree_clone(AT_FDCWD, s->source, recursive, ret);
    _cleanup_close_ int fd = bind_open(l, s);
    return fd < 0 ? fd : tree_clone(fd, "", recursive, ret);
}

int bind_clone_error(const struct launch *l, const struct mount_step *s, int err,
                     struct hull_error *e)
{
    /* They may hide something. To bind them too would be more than was asked for: "ro" is not theirs. */
    const bool left_out = err == -EINVAL && !(s->o.flags & MS_REC) && mount_in_userns(l);
    return error_set(e, -err, "open source %s%s", s->source,
                     left_out ? " (in a user namespace the kernel refuses a bind mount without the "
                                "mounts below it: use rbind)"
                              : "");
}

static int open_source(struct launch *l, const struct mount_step *s, struct mount_tree *ret,
                       struct hull_error *e)
{
    bool recursive = s->o.flags & MS_REC;
    if (l->source_fds && l->source_fds[s->index] >= 0) {
        *ret = (struct mount_tree){ .fd = TAKE_FD(l->source_fds[s->index]),
                                    .recursive = recursive };
        return 0;
    }
    if (l->running) /* s->source is a path of the host, and we are in the container */
        return error_set(e, ENOSYS, "open_tree");
    int r = bind_clone(l, s, recursive, ret);
    return r < 0 ? bind_clone_error(l, s, r, e) : 0;
}

int mount_clone_below(struct launch *l, const struct step *st, struct hull_error *e)
{
    const struct mount_step *s = st->arg;
    _cleanup_tree_ struct mount_tree t = { .fd = -1 };
    const size_t n = l->config->mounts.n;
    if (!l->source_fds) {
        l->source_fds = arena_array(l->arena, n, sizeof(*l->source_fds));
        if (!l->source_fds)
            return error_oom(e);
        memset(l->source_fds, 0xff, n * sizeof(*l->source_fds));    /* -1 */
    }
    int r = open_source(l, s, &t, e);
    if (r == 0 && t.plain)
        r = error_set(e, ENOSYS, "open_tree");
    if (r < 0)
        return error_prefix(e, "error mounting \"%s\" to rootfs at \"%s\"", s->source,
                            s->config->destination);
    l->source_fds[s->index] = TAKE_FD(t.fd);
    return 0;
}

/* The mapping, where I can set it itself. */
static int map_ids(struct launch *l, const struct mount_step *s, const struct mount_tree *t,
                   struct hull_error *e)
{
    if (!l->idmap_fds || l->idmap_fds[s->index] < 0 || l->has_ns[NS_USER])
        return 0;
    int r = t->plain ? error_set(e, ENOSYS, "open_tree") : idmap_apply(l, s, t->fd, e);
    fd_close_later(TAKE_FD(l->idmap_fds[s->index]));
    return r;
}

int bind_copy_link(struct launch *l, const struct mount_step *s, int source,
                   struct hull_error *e)
{
    char want[PATH_MAX], have[PATH_MAX];
    const char *name;
    const ssize_t n = readlinkat(source, "", want, sizeof(want) - 1);
    if (n < 0)
        return error_set(e, errno, "readlink %s", s->source);
    want[n] = '\0';
    _cleanup_close_ int dir = path_open_parent_in_root(l->rootfs_fd, s->dest, 0755, l->arena, &name);
    if (dir < 0)
        return error_set(e, -dir, "open the directory of %s", s->dest);
    int r = running_begin(l, e);
    if (r < 0)
        return r;
    if (symlinkat(want, dir, name) == 0) {
        r = running_note(l, dir, name);
        return r < 0 ? error_set(e, -r, "dup") : 0;
    }
    if (errno != EEXIST)
        return error_set(e, errno, "symlink %s", s->dest);
    if (readlinkat(dir, name, have, sizeof(have)) != n || memcmp(want, have, (size_t)n) != 0)
        return error_set(e, EEXIST, "symlink %s already exists with a different content", s->dest);
    return 0;
}

int mount_bind(struct launch *l, const struct mount_step *s, struct hull_error *e)
{
    _cleanup_tree_ struct mount_tree t = { .fd = -1 };
    _cleanup_target_ struct mount_target target = { .fd = -1 };
    /* What lies below the rootfs I cloned itself. */
    bool foreign = mount_in_userns(l) && !s->below && l->source_fds && l->source_fds[s->index] >= 0;
    int r = open_source(l, s, &t, e);
    if (r == 0)
        r = map_ids(l, s, &t, e);
    if (r < 0)
        return r;
    struct stat st;
    if (fstat(t.fd, &st) < 0)
        return error_set(e, errno, "stat %s", s->source);
    if (s->o.copy_symlink && S_ISLNK(st.st_mode))
        return bind_copy_link(l, s, t.fd, e);
    /* By mount(2) the new mount would have to be found again by its name, which is a link now. */
    if (t.plain && (s->o.src_nofollow || s->o.dest_nofollow))
        return error_set(e, ENOSYS, "open_tree, for src-nofollow and dest-nofollow");
    r = target_open(l, s, !S_ISDIR(st.st_mode), t.fd, &target, e);
    if (r < 0)
        return r;
    const struct bind_place to = {
        .fd = target.fd, .dest = s->dest, .source = s->source, .foreign = foreign,
    };
    return bind_attach(l, &s->o, &t, &to, e);
}
