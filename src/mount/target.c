/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: finds or makes the mount point of one mount. The image controls every name
 * here, so the point is opened once, inside the root, and only its descriptor is used from then on.
 *
 * A mount over or in /proc could fake what the runtime writes there (CVE-2019-16884), so where the
 * descriptor really is (readlink of its entry in our own procfs) is compared with a short list of
 * files that lxcfs emulates. proc and sysfs themselves go only on a real directory, never through a
 * link (CVE-2019-19921, CVE-2023-27561).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include "base/fd.h"
#include "base/path.h"
#include "mount/internal.h"

static const char *const proc_files_allowed[] = {
    "/proc/cpuinfo",   "/proc/diskstats", "/proc/meminfo", "/proc/stat",
    "/proc/swaps",     "/proc/uptime",    "/proc/loadavg", "/proc/slabinfo",
    "/proc/sys/kernel/ns_last_pid",       "/proc/sys/crypto/fips_enabled",
};

bool target_allowed(const char *path)
{
    if (strncmp(path, "/proc", 5) != 0 || (path[5] != '\0' && path[5] != '/'))
        return true;
    for (size_t i = 0; i < COUNT_OF(proc_files_allowed); i++)
        if (strcmp(path, proc_files_allowed[i]) == 0)
            return true;
    return false;
}

/* Refuses path (in the rootfs, links resolved) if it is in /proc and not to be mounted on. */
static int check_proc(const struct launch *l, const struct mount_step *s, const char *full,
                      const char *path, int source, struct hull_error *e)
{
    if (target_allowed(path))
        return 0;
    if (path[5] == '\0' && l->running)
        return error_set(e, HULL_E_INIT, "a mount on /proc would uncover what is masked there");
    if (path[5] == '\0') {
        struct statfs fs;
        if (s->kind == MOUNT_PROC || s->kind == MOUNT_REMOUNT)    /* which puts nothing there */
            return 0;
        if (s->kind == MOUNT_BIND && source >= 0 && fstatfs(source, &fs) == 0 &&
            fs.f_type == PROC_SUPER_MAGIC)
            return 0;
        return error_set(e, HULL_E_INIT,
                         "create mountpoint for %s mount: check proc-safety of %s mount: "
                         "\"%s\" cannot be mounted because it is not of type proc",
                         s->dest, s->dest, full);
    }
    return error_set(e, HULL_E_INIT,
                     "create mountpoint for %s mount: check proc-safety of %s mount: "
                     "\"%s\" cannot be mounted because it is inside /proc",
                     s->dest, s->dest, full);
}

static int check_place(const struct launch *l, const struct mount_step *s, int fd, int source,
                       const char **ret_path, struct hull_error *e)
{
    char link[32], full[PATH_MAX + 1];
    snprintf(link, sizeof(link), "self/fd/%d", fd);
    ssize_t n = readlinkat(l->proc_fd, link, full, sizeof(full) - 1);
    if (n < 0)
        return error_set(e, errno,
                         "create mountpoint for %s mount: get mount destination real path",
                         s->dest);
    full[n] = '\0';
    size_t root = strcmp(l->rootfs, "/") == 0 ? 0 : strlen(l->rootfs);
    if (strncmp(full, l->rootfs, root) != 0 || (full[root] != '/' && full[root] != '\0'))
        return error_set(e, HULL_E_INIT,
                         "create mountpoint for %s mount: mountpoint \"%s\" is outside of rootfs "
                         "\"%s\"",
                         s->dest, full, l->rootfs);
    if (full[root] == '\0' || strcmp(full + root, "/") == 0)
        return error_set(e, HULL_E_INIT,
                         "create mountpoint for %s mount: mountpoint \"%s\" is on the top of "
                         "rootfs \"%s\"",
                         s->dest, full, l->rootfs);
    int r = check_proc(l, s, full, full + root, source, e);
    if (r == 0 && !(*ret_path = arena_strdup(l->arena, full + root)))
        return error_oom(e);
    return r;
}

/* Notes where there will be a mount. What is below it from now on is not what /proc was. */
static int note_place(struct launch *l, const struct mount_step *s, const char *path, struct hull_error *e)
{
    struct mount_place *place = arena_alloc(l->arena, sizeof(*place));
    if (!place)
        return error_oom(e);
    *place = (struct mount_place){ .path = path, .bind = s->kind == MOUNT_BIND, .before = l->places };
    l->places = place;
    if (strcmp(path, "/proc") == 0 || strcmp(s->dest, "/proc") == 0)
        fd_close(&l->masks_fd);
    return 0;
}

/* The usual case: no link on the way, so the place is the path as written. */
static int open_direct(const struct launch *l, const struct mount_step *s, bool make_file,
                       struct mount_target *t)
{
    t->fd = path_open_plain(l->rootfs_fd, s->dest, O_PATH);
    if (t->fd == -ENOENT) {
        t->fd = path_make_plain(l->rootfs_fd, s->dest, make_file, make_file ? 0644 : 0755);
        t->existed = t->fd < 0;
    }
    return t->fd;
}

static int open_resolved(const struct launch *l, const struct mount_step *s, bool make_file,
                         bool real, struct mount_target *t)
{
    t->fd = real ? path_open_in_root_nofollow(l->rootfs_fd, s->dest, O_PATH)
                 : path_open_in_root(l->rootfs_fd, s->dest,
                                     O_PATH | (s->o.dest_nofollow ? O_NOFOLLOW : 0));
    if (t->fd == -ENOENT) {
        t->existed = false;
        t->fd = make_file ? path_mkfile_in_root(l->rootfs_fd, s->dest, 0644)
                          : path_mkdir_in_root(l->rootfs_fd, s->dest, 0755);
    }
    return t->fd;
}

int target_open(struct launch *l, const struct mount_step *s, bool make_file, int source,
                struct mount_target *ret, struct hull_error *e)
{
    const bool real = s->kind == MOUNT_PROC || s->kind == MOUNT_SYSFS;
    _cleanup_target_ struct mount_target t = { .existed = true };
    const bool direct = strcmp(s->dest, "/") != 0 && open_direct(l, s, make_file, &t) >= 0;
    if (!direct)
        open_resolved(l, s, make_file, real, &t);
    if (t.fd == -ELOOP && real)
        return error_set(e, HULL_E_INIT, "filesystem \"%s\" must be mounted on ordinary directory",
                         s->config->type);
    if (t.fd < 0)
        return error_set(e, -t.fd, "create mountpoint for %s mount: %s mountpoint \"%s\"", s->dest,
                         t.existed ? "open" : "make", s->dest);
    if (fstat(t.fd, &t.st) < 0)
        return error_set(e, errno, "create mountpoint for %s mount: stat", s->dest);
    if (real && !S_ISDIR(t.st.st_mode))
        return error_set(e, HULL_E_INIT, "filesystem \"%s\" must be mounted on ordinary directory",
                         s->config->type);
    const char *path = s->dest;
    int r = direct ? check_proc(l, s, path, path, source, e)
                   : check_place(l, s, t.fd, source, &path, e);
    if (r < 0)
        return r;
    /* move_mount(2) would say EINVAL; engines look for mount(2)'s ENOTDIR to give advice. */
    if (s->kind != MOUNT_REMOUNT && S_ISDIR(t.st.st_mode) == make_file)
        return error_set(e, ENOTDIR, "mount src=%s, dst=%s", s->source, s->dest);
    r = s->kind == MOUNT_REMOUNT ? 0 : note_place(l, s, path, e);
    if (r == 0)
        r = running_begin(l, e);
    if (r < 0)
        return r;
    *ret = t;
    t.fd = -1;
    return 0;
}
