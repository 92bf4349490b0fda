/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: a mount of type "cgroup" shows the container its control groups. I is in its
 * cgroup and, if it has one, in its cgroup namespace by now.
 *
 * v2: one cgroup2 mount. The kernel refuses it (EPERM, EBUSY) in a user namespace without a cgroup
 * namespace of its own, and where the superblock belongs to somebody else; then the host's
 * directory is bound instead: the container's own one if there is a cgroup namespace, as it would
 * show. v1: a tmpfs with a directory for each hierarchy, named as on the host, and a link for each
 * of the controllers that share one. With a cgroup namespace the file system is mounted, which then
 * starts at the container's own cgroup; without one that directory is bound from the host. On a
 * hybrid host the v2 hierarchy is there too, as "unified", when it can be mounted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "base/fd.h"
#include "cgroup/cgroup.h"
#include "host/hierarchy.h"
#include "mount/internal.h"

#define CGROUP_TMPFS_FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* The container's directory on v2, or NULL. */
static const char *own_v2_dir(const struct launch *l)
{
    for (size_t i = 0; l->cgroup && i < l->cgroup->n; i++)
        if (!*l->cgroup->v[i].names && !l->cgroup->v[i].missing)
            return l->cgroup->v[i].dir;
    return NULL;
}

/* Binds a directory of the host's cgroup file system on target with the mount's own flags. */
static int bind_dir(struct launch *l, const struct mount_step *s, const char *dir, int target,
                    const char *dest, struct hull_error *e)
{
    _cleanup_tree_ struct mount_tree t = { .fd = -1 };
    int r = tree_clone(AT_FDCWD, dir, true, &t);
    if (r < 0)
        return error_set(e, -r, "open %s", dir);
    const struct bind_place to = { .fd = target, .dest = dest, .source = dir };
    return bind_attach(l, &s->o, &t, &to, e);
}

static int mount_cgroup_v2(struct launch *l, const struct mount_step *s, int target,
                           struct hull_error *e)
{
    const struct fs_request f = {
        .type = "cgroup2", .source = s->source, .flags = s->o.flags, .data = &s->o.data,
    };
    if (s->o.n_propagation == 0 && fs_quick(l, &f, target) == 0)
        return 0;
    _cleanup_close_ int mnt = -1;
    int r = fs_mount(l, &f, target, s->dest, &mnt, e);
    if (r == 0)
        return mount_set_propagation(l, &s->o, mnt, s->dest, e);
    if (r != -EPERM && r != -EBUSY)
        return r;
    const char *own = l->has_ns[NS_CGROUP] ? own_v2_dir(l) : NULL;
    r = bind_dir(l, s, own ? own : CGROUP_FS_ROOT, target, s->dest, e);
    if (r != -ENOENT || !l->rootless_cgroup)
        return r;
    /* Rootless outside of the host's mount namespace: nothing to show, and the cgroups of the user
     * that a read-write /sys shows must not be reachable (CVE-2023-25809). */
    return mask_mount(l, target, s->dest, &mnt, e);
}

/* Mounts the cgroup file system of one hierarchy; the words of names are its parameters. */
static int mount_hierarchy(struct launch *l, const struct mount_step *s,
                           const struct host_hierarchy *h, int target, const char *dest,
                           struct hull_error *e)
{
    char *words[32];
    struct oci_strs data = { .v = words };
    char *names = arena_strdup(l->arena, h->names);
    if (!names)
        return error_oom(e);
    for (char *save = NULL, *w = strtok_r(names, ",", &save); w && data.n < COUNT_OF(words);
         w = strtok_r(NULL, ",", &save))
        words[data.n++] = w;
    const struct fs_request f = {
        .type = *h->names ? "cgroup" : "cgroup2",
        .source = "cgroup",
        .flags = CGROUP_TMPFS_FLAGS | (s->o.flags & MS_RDONLY),
        .data = &data,
    };
    _cleanup_close_ int mnt = -1;
    int r = fs_mount(l, &f, target, dest, &mnt, e);
    return r < 0 ? r : mount_set_propagation(l, &s->o, mnt, dest, e);
}

static int show_hierarchy(struct launch *l, const struct mount_step *s, int tmpfs,
                          const struct host_hierarchy *h, struct hull_error *e)
{
    const char *name = strrchr(h->root, '/') + 1;
    char *dest = arena_printf(l->arena, "%s/%s", s->dest, name);
    if (!dest)
        return error_oom(e);
    if (mkdirat(tmpfs, name, 0755) < 0 && errno != EEXIST)
        return error_set(e, errno, "mkdir %s", dest);
    _cleanup_close_ int target = openat(tmpfs, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (target < 0)
        return error_set(e, errno, "open %s", dest);
    if (l->has_ns[NS_CGROUP])
        return mount_hierarchy(l, s, h, target, dest, e);
    const char *own = NULL;
    int r = host_hierarchy_own_below_root(l->arena, h, &own, e);
    if (r < 0)
        return r;
    char *dir = arena_printf(l->arena, "%s/%s", h->root, own);
    return dir ? bind_dir(l, s, dir, target, dest, e) : error_oom(e);
}

/* cpu -> cpu,cpuacct */
static int link_controllers(struct launch *l, int tmpfs, const struct host_hierarchy *h,
                            struct hull_error *e)
{
    const char *dir = strrchr(h->root, '/') + 1;
    if (!strchr(dir, ','))
        return 0;
    char *names = arena_strdup(l->arena, dir);
    if (!names)
        return error_oom(e);
    for (char *save = NULL, *w = strtok_r(names, ",", &save); w; w = strtok_r(NULL, ",", &save))
        if (symlinkat(dir, tmpfs, w) < 0 && errno != EEXIST)
            return error_set(e, errno, "symlink %s", w);
    return 0;
}

static int mount_cgroup_v1(struct launch *l, const struct mount_step *s, int target,
                           struct hull_error *e)
{
    static char mode[] = "mode=755";
    char *words[] = { mode };
    const struct oci_strs data = { .v = words, .n = 1 };
    struct fs_request f = {
        .type = "tmpfs", .source = "tmpfs", .flags = CGROUP_TMPFS_FLAGS, .data = &data,
    };
    label_request(l, &f);
    struct host_hierarchies all;
    int r = host_hierarchies_read(l->arena, CGROUP_FS_ROOT, 0, &all, e);
    if (r < 0)
        return r;
    _cleanup_close_ int tmpfs = -1;
    r = fs_mount(l, &f, target, s->dest, &tmpfs, e);
    if (r == 0)
        r = mount_set_propagation(l, &s->o, tmpfs, s->dest, e);
    for (size_t i = 0; r == 0 && i < all.n; i++) {
        if (!all.v[i].root)
            continue;
        r = show_hierarchy(l, s, tmpfs, &all.v[i], e);
        if (r < 0 && !*all.v[i].names) {
            log_debug(l->log, "cgroup mount: unified hierarchy left out: %s", e->text);
            r = 0;
        }
        if (r == 0)
            r = link_controllers(l, tmpfs, &all.v[i], e);
    }
    /* The directory of the hierarchies is filled: now it may become what the options say. */
    const struct mount_tree t = { .fd = tmpfs, .attached = true };
    if (r == 0 && s->o.flags & MS_RDONLY && (r = tree_setattr(l, &t, false, HULL_ATTR_RDONLY, 0)) < 0)
        r = error_set(e, -r, "make %s read-only", s->dest);
    return r;
}

int mount_cgroup(struct launch *l, const struct mount_step *s, struct hull_error *e)
{
    _cleanup_target_ struct mount_target target = { .fd = -1 };
    int r = target_open(l, s, false, -1, &target, e);
    if (r < 0)
        return r;
    return l->host->cgroup_mode == CGROUP_V2 ? mount_cgroup_v2(l, s, target.fd, e)
                                             : mount_cgroup_v1(l, s, target.fd, e);
}
