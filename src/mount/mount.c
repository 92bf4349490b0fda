/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: carries out one entry of mounts (config.md#mounts) in I, in the container's
 * new namespaces and before pivot_root, so that sources are still reachable by their host paths. By
 * now "/" is a slave of the host's mounts or cut off from them (rootfs.c), so nothing gets out.
 *
 * Each kind has a function; all find the mount point first, then make the mount with its flags,
 * then attach it, then set its propagation (an attached mount may have become shared with its
 * parent). A tmpfs and /dev stay writable until STEP_ROOTFS_READONLY: what is mounted or made in
 * them comes later. In a user namespace the kernel refuses a new proc or sysfs with EPERM unless
 * one that hides nothing is visible there already.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include "base/fd.h"
#include "base/path.h"
#include "base/uapi.h"
#include "mount/internal.h"

typedef int mount_fn(struct launch *l, const struct mount_step *s, struct hull_error *e);

/* It takes no context from its mount. */
static bool is_mqueue(const struct mount_step *s)
{
    return strcmp(s->config->type, "mqueue") == 0;
}

static struct fs_request request_of(const struct launch *l, const struct mount_step *s)
{
    struct fs_request f = {
        .type = s->config->type,
        .source = s->source,
        .flags = s->o.flags,
        .data = &s->o.data,
    };
    if (s->late_fd)
        f.flags &= ~(unsigned long)MS_RDONLY;
    if (s->kind == MOUNT_TMPFS || (s->kind == MOUNT_FS && !is_mqueue(s)))
        label_request(l, &f);
    return f;
}

int mount_set_propagation(const struct launch *l, const struct mount_options *o, int mnt,
                          const char *dest, struct hull_error *e)
{
    for (size_t i = 0; i < o->n_propagation; i++) {
        int r = tree_propagate(l, mnt, o->propagation[i]);
        if (r < 0)
            return error_set(e, -r, "change mount propagation of %s", dest);
    }
    return 0;
}

/* The options that are no flags of fsmount, once the mount is attached. Takes the descriptor. */
static int finish(const struct launch *l, const struct mount_step *s, int mnt,
                  struct hull_error *e)
{
    struct mount_tree t = { .fd = mnt, .attached = true };
    int r = 0;
    if (s->o.rec_set || s->o.rec_clr)
        r = tree_setattr(l, &t, true, s->o.rec_set, s->o.rec_clr);
    if (r < 0)
        r = error_set(e, -r, "set recursive mount attributes (mount_setattr)");
    else
        r = mount_set_propagation(l, &s->o, mnt, s->dest, e);
    if (r == 0 && s->late_fd && l->has_ns[NS_MOUNT])
        *s->late_fd = mnt;
    else
        fd_close_later(mnt);
    return r;
}

/* Mounts and finishes; target is open. */
static int mount_request(struct launch *l, const struct mount_step *s, const struct fs_request *f,
                         int target, struct hull_error *e)
{
    const bool done = !s->late_fd && !s->o.rec_set && !s->o.rec_clr && s->o.n_propagation == 0;
    if (done && fs_quick(l, f, target) == 0)
        return 0;
    int mnt = -1;
    int r = fs_mount(l, f, target, s->dest, &mnt, e);
    return r < 0 ? r : finish(l, s, mnt, e);
}

static int mount_fs(struct launch *l, const struct mount_step *s, struct hull_error *e)
{
    _cleanup_target_ struct mount_target target = { .fd = -1 };
    struct fs_request f = request_of(l, s);
    int r = target_open(l, s, false, -1, &target, e);
    if (r == 0)
        r = mount_request(l, s, &f, target.fd, e);
    return r == 0 && s->kind == MOUNT_FS && is_mqueue(s) ? label_root(l, s->dest, e) : r;
}

static bool has_mode(const struct oci_strs *data)
{
    for (size_t i = 0; i < data->n; i++)
        if (strncmp(data->v[i], "mode=", 5) == 0)
            return true;
    return false;
}

static int mount_tmpfs(struct launch *l, const struct mount_step *s, struct hull_error *e)
{
    _cleanup_target_ struct mount_target target = { .fd = -1 };
    _cleanup_tree_ struct mount_tree t = { .fd = -1 };
    struct fs_request f = request_of(l, s);
    char mode[16];
    int r = target_open(l, s, false, -1, &target, e);
    if (r < 0)
        return r;
    if (target.existed && !has_mode(&s->o.data)) {
        snprintf(mode, sizeof(mode), "mode=%04o", (unsigned)(target.st.st_mode & 07777));
        f.first = mode;
    }
    bool copy = s->o.tmpcopyup && target.existed;
    if (!copy)
        return mount_request(l, s, &f, target.fd, e);
    r = fs_make(&f, &t.fd, e);
    if (r == 0)
        r = tmpfs_copy_up(target.fd, t.fd, e);
    if (r < 0)
        return r;
    r = tree_attach(l, &t, target.fd, s->dest);
    if (r < 0)
        return error_set(e, -r, "mount src=%s, dst=%s, type=tmpfs", s->source, s->dest);
    return finish(l, s, TAKE_FD(t.fd), e);
}

/*
 * What is masked in /proc later is looked up from the procfs itself: the directory below it may have
 * another name by then, if somebody else has the root file system too. For the same reason it must be
 * a procfs that is found there now.
 */
static int keep_for_masks(struct launch *l, struct hull_error *e)
{
    struct statfs fs;
    _cleanup_close_ int fd = path_open_in_root_nofollow(l->rootfs_fd, "/proc", O_PATH | O_DIRECTORY);
    if (fd < 0)
        return error_set(e, -fd, "open /proc, which was just mounted");
    if (fstatfs(fd, &fs) < 0)
        return error_set(e, errno, "statfs /proc");
    if (fs.f_type != PROC_SUPER_MAGIC)
        return error_set(e, HULL_E_INIT, "somebody has put something else in the place of /proc");
    l->masks_fd = TAKE_FD(fd);
    return 0;
}

static int mount_proc(struct launch *l, const struct mount_step *s, struct hull_error *e)
{
    int r = mount_fs(l, s, e);
    /* Both: somebody may give the directory another name just then, and nothing that is written as /proc goes unmasked. */
    if (r == 0 && (strcmp(s->dest, "/proc") == 0 || strcmp(l->places->path, "/proc") == 0))
        return keep_for_masks(l, e);
    if (r == -EPERM && mount_in_userns(l))
        return error_set(e, EPERM,
                         "mount proc (in a user namespace the kernel wants a pid namespace of its "
                         "own and a visible /proc on which nothing is mounted)");
    return r;
}

/* A user namespace without its own network namespace can't mount sysfs: the host's is shown. */
static int mount_sysfs(struct launch *l, const struct mount_step *s, struct hull_error *e)
{
    int r = mount_fs(l, s, e);
    if (r != -EPERM || !mount_in_userns(l))
        return r;
    _cleanup_tree_ struct mount_tree t = { .fd = -1 };
    _cleanup_target_ struct mount_target target = { .fd = -1 };
    int err = tree_clone(AT_FDCWD, "/sys", true, &t);
    /* Flags are only added, to the whole tree: taking any away is refused. */
    if (err == 0)
        err = tree_setattr(l, &t, true, mount_attr(s->o.flags & ~(unsigned long)MOUNT_ATIME_FLAGS),
                           0);
    if (err < 0)
        return r;
    r = target_open(l, s, false, -1, &target, e);
    if (r < 0)
        return r;
    err = tree_attach(l, &t, target.fd, s->dest);
    if (err < 0)
        return error_set(e, -err, "mount src=/sys, dst=%s, flags=MS_BIND|MS_REC", s->dest);
    return mount_set_propagation(l, &s->o, t.fd, s->dest, e);
}

/* Flags and parameters of the file system itself; with bind only the flags of this mount of it. */
static int mount_remount(struct launch *l, const struct mount_step *s, struct hull_error *e)
{
    _cleanup_target_ struct mount_target target = { .fd = -1 };
    int r = target_open(l, s, false, -1, &target, e);
    if (r < 0)
        return r;
    char *data = arena_strdup(l->arena, "");
    for (size_t i = 0; data && i < s->o.data.n; i++)
        data = arena_printf(l->arena, "%s%s%s", data, *data ? "," : "", s->o.data.v[i]);
    if (!data)
        return error_oom(e);
    const unsigned long later = s->late_fd ? MS_RDONLY : 0;
    r = legacy_mount(l, s->source, -1, target.fd, s->config->type, s->o.flags & ~later, data);
    if (r == -E2BIG)
        return error_set(e, E2BIG, "remount %s: %zu bytes of options, which mount(2) would cut",
                         s->dest, strlen(data));
    if (r < 0)
        return error_set(e, -r, "mount src=%s, dst=%s, flags=%sMS_REMOUNT, data=%s", s->source,
                         s->dest, s->o.flags & MS_BIND ? "MS_BIND|" : "", data);
    return finish(l, s, TAKE_FD(target.fd), e);
}

static mount_fn *const mount_functions[MOUNT_KIND_COUNT] = {
    [MOUNT_FS]      = mount_fs,
    [MOUNT_TMPFS]   = mount_tmpfs,
    [MOUNT_PROC]    = mount_proc,
    [MOUNT_SYSFS]   = mount_sysfs,
    [MOUNT_BIND]    = mount_bind,
    [MOUNT_CGROUP]  = mount_cgroup,
    [MOUNT_REMOUNT] = mount_remount,
};

int mount_step_mount(struct launch *l, const struct step *st, struct hull_error *e)
{
    const struct mount_step *s = st->arg;
    if (mount_functions[s->kind](l, s, e) < 0)
        return error_prefix(e, "error mounting \"%s\" to rootfs at \"%s\"", s->source,
                            s->config->destination);
    return 0;
}
