/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: mounts of a container that runs already. The steps are those of a create, in a
 * process X that has joined the container: it resolves destinations in the container's root, with the
 * same guards. But here the container looks on, and may exchange names at any time, and every path is
 * its own: so P clones the sources of bind mounts on the host, and of other types only those are made
 * that take no path (a device node that the container has made would be the host's disk).
 *
 * The container may serve the file system in which X looks a name up, and never answer. So signals end
 * both of us until X is about to change something.
 *
 * X notes each mount by a descriptor of its root, and takes all of them back when a later one fails.
 * To remove, a destination is opened once and what is unmounted is what that descriptor is the root of.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "base/fd.h"
#include "base/path.h"
#include "mount/internal.h"

struct mount_made {
    int                fd;      /* root of the mount; of a link: its directory */
    const char        *link;    /* its name, or NULL */
    struct mount_made *before;
};

int running_check(const struct mount_step *s, struct hull_error *e)
{
    static const char *const pathless[] = { "mqueue", "devpts", "ramfs", "cgroup2" };
    char where[32];
    bool can = s->kind == MOUNT_BIND || s->kind == MOUNT_TMPFS || s->kind == MOUNT_PROC ||
               s->kind == MOUNT_SYSFS;
    for (size_t i = 0; s->kind == MOUNT_FS && i < COUNT_OF(pathless); i++)
        can |= strcmp(s->config->type, pathless[i]) == 0;
    if (can)
        return 0;
    snprintf(where, sizeof(where), "mounts[%zu]", s->index);
    if (s->kind == MOUNT_REMOUNT)
        return error_at(e, where, HULL_E_UNSUPPORTED,
                        "%s: remount is not possible in a running container", where);
    return error_at(e, where, HULL_E_UNSUPPORTED,
                    "%s: type %s can't be mounted in a running container: mount it on the host and "
                    "add a bind mount", where, s->config->type);
}

int running_begin(struct launch *l, struct hull_error *e)
{
    if (!l->before_change)
        return 0;
    int r = l->before_change(l, e);
    l->before_change = NULL;
    return r;
}

int running_note(const struct launch *l, int fd, const char *name)
{
    if (!l->made)
        return 0;
    struct mount_made *m = arena_alloc(l->arena, sizeof(*m));
    const int dup = m ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (dup < 0)
        return m ? -errno : -ENOMEM;
    *m = (struct mount_made){ .fd = dup, .link = name, .before = *l->made };
    *l->made = m;
    return 0;
}

void mount_take_back(const struct launch *l)
{
    for (const struct mount_made *m = l->made ? *l->made : NULL; m; m = m->before) {
        const int r = !m->link ? legacy_unmount(l, m->fd)
                      : unlinkat(m->fd, m->link, 0) < 0 ? -errno : 0;
        if (r < 0)
            log_warning(l->log, "take a mount back: %s", errno_text(-r));
    }
}

static int plan_unmount(const struct launch *l, struct plan *p, size_t i, struct hull_error *e)
{
    struct mount_step *s;
    int r = mount_step_new(l, i, &s, e);
    return r < 0 ? r : plan_pushf(p, AT_INIT, STEP_UNMOUNT, s, i, e, "mounts[%zu]", i);
}

int running_plan(struct launch *l, struct plan *p, bool remove, struct hull_error *e)
{
    int r = 0;
    for (size_t i = l->config->mounts.n; remove && r == 0 && i-- > 0;)
        r = plan_unmount(l, p, i, e);
    if (remove || r < 0)
        return r;
    l->made = arena_alloc(l->arena, sizeof(struct mount_made *));
    if (!l->made)
        return error_oom(e);
    r = mount_plan(l, p, e);
    return r < 0 ? r : rootfs_plan_readonly(l, p, e);
}

static bool is_among(const struct launch *l, const struct oci_strs *list, const char *path)
{
    for (size_t i = 0; i < list->n; i++) {
        const char *clean = path_clean(l->arena, list->v[i]);
        if (!clean || strcmp(clean, path) == 0)
            return true;
    }
    return false;
}

/* The root, procfs and what covers parts of it or of others are no mounts that somebody added. */
static int check_removal(const struct launch *l, int fd, struct hull_error *e)
{
    char link[32], path[PATH_MAX];
    snprintf(link, sizeof(link), "self/fd/%d", fd);
    const ssize_t n = readlinkat(l->proc_fd, link, path, sizeof(path) - 1);
    if (n < 0)
        return error_set(e, errno, "readlink %s", link);
    path[n] = '\0';
    if (*path != '/' || strcmp(path, "/") == 0 || !target_allowed(path) ||
        is_among(l, &l->config->linux_->maskedPaths, path) ||
        is_among(l, &l->config->linux_->readonlyPaths, path))
        return error_set(e, HULL_E_CONFIG, "%s must stay mounted", path);
    return 0;
}

/* -EINVAL with no error set: nothing is mounted just there. */
static int unmount_at(struct launch *l, const struct mount_step *s, int flags, bool *ret_link,
                      struct hull_error *e)
{
    struct stat st;
    _cleanup_close_ int fd = path_open_in_root(l->rootfs_fd, s->dest, O_PATH | flags);
    if (fd < 0)
        return error_set(e, -fd, "open %s", s->dest);
    if (fstat(fd, &st) < 0)
        return error_set(e, errno, "stat %s", s->dest);
    *ret_link = S_ISLNK(st.st_mode);
    int r = check_removal(l, fd, e);
    if (r < 0)
        return r;
    r = running_begin(l, e);
    if (r < 0)
        return r;
    r = legacy_unmount(l, fd);
    return r < 0 && r != -EINVAL ? error_set(e, -r, "unmount %s", s->dest) : r;
}

static int remove_link(struct launch *l, const struct mount_step *s, struct hull_error *e)
{
    const char *name;
    _cleanup_close_ int dir = path_open_parent_in_root(l->rootfs_fd, s->dest, 0, l->arena, &name);
    if (dir < 0)
        return error_set(e, -dir, "unlink %s", s->dest);
    int r = running_begin(l, e);
    if (r == 0 && unlinkat(dir, name, 0) < 0)
        r = error_set(e, errno, "unlink %s", s->dest);
    return r;
}

int mount_step_unmount(struct launch *l, const struct step *st, struct hull_error *e)
{
    const struct mount_step *s = st->arg;
    bool link = false;
    /* What is mounted on a link, or is one, is behind that name itself. */
    int r = unmount_at(l, s, O_NOFOLLOW, &link, e);
    if (r == -EINVAL && link && s->o.copy_symlink)
        return remove_link(l, s, e);
    if (r == -EINVAL && link)
        r = unmount_at(l, s, 0, &link, e);
    return r == -EINVAL ? error_set(e, HULL_E_STATE, "nothing is mounted at %s", s->dest) : r;
}
