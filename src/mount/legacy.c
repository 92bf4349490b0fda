/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: mount(2) where the newer calls are missing (mount_setattr before 5.12; all
 * of them where an outer container's filter answers ENOSYS) or can't say it (iversion). Paths are
 * self/fd/N relative to our own procfs, which is made the current directory meanwhile: a name that
 * no mount or link in the container can redirect. The mount is visible before its flags are right,
 * which the newer calls avoid.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "base/fd.h"
#include "base/path.h"
#include "mount/internal.h"

/* statvfs flags that mount(2) must be told again on a remount; from linux/statfs.h. */
static const struct { unsigned long st, ms; uint64_t attr; } legacy_flags[] = {
    { 0x0001, MS_RDONLY,      HULL_ATTR_RDONLY },
    { 0x0002, MS_NOSUID,      HULL_ATTR_NOSUID },
    { 0x0004, MS_NODEV,       HULL_ATTR_NODEV },
    { 0x0008, MS_NOEXEC,      HULL_ATTR_NOEXEC },
    { 0x0400, MS_NOATIME,     HULL_ATTR_NOATIME },
    { 0x0800, MS_NODIRATIME,  HULL_ATTR_NODIRATIME },
    { 0x1000, MS_RELATIME,    0 },
    { 0x2000, MS_NOSYMFOLLOW, HULL_ATTR_NOSYMFOLLOW },
};

/* mount(2) reads a page, the terminating zero included, and drops the rest without a word. */
static bool is_cut(const char *data)
{
    return strlen(data) >= (size_t)sysconf(_SC_PAGESIZE);
}

int legacy_mount(const struct launch *l, const char *source, int source_fd, int target,
                 const char *type, unsigned long flags, const char *data)
{
    char from[32], to[32];
    if (l->proc_fd < 0)    /* P has none */
        return -ENOSYS;
    if (data && is_cut(data))
        return -E2BIG;
    _cleanup_close_ int cwd = openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (cwd < 0 || fchdir(l->proc_fd) < 0)
        return -errno;
    snprintf(to, sizeof(to), "self/fd/%d", target);
    if (source_fd >= 0)
        snprintf(from, sizeof(from), "self/fd/%d", source_fd);
    int r = mount(source_fd >= 0 ? from : source, to, type, flags, data) < 0 ? -errno : 0;
    if (fchdir(cwd) < 0 && r == 0)
        r = -errno;
    return r;
}

int legacy_unmount(const struct launch *l, int fd)
{
    char at[32];
    _cleanup_close_ int cwd = openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (cwd < 0 || fchdir(l->proc_fd) < 0)
        return -errno;
    snprintf(at, sizeof(at), "self/fd/%d", fd);
    int r = umount2(at, MNT_DETACH) < 0 ? -errno : 0;
    if (fchdir(cwd) < 0 && r == 0)
        r = -errno;
    return r;
}

int legacy_remount(const struct launch *l, int fd, uint64_t set, uint64_t clr)
{
    struct statvfs st;
    if (fstatvfs(fd, &st) < 0)
        return -errno;
    unsigned long flags = MS_REMOUNT | MS_BIND;
    for (size_t i = 0; i < COUNT_OF(legacy_flags); i++)
        if (((st.f_flag & legacy_flags[i].st) && !(clr & legacy_flags[i].attr)) ||
            (set & legacy_flags[i].attr))
            flags |= legacy_flags[i].ms;
    if (clr & HULL_ATTR__ATIME) {
        flags &= ~(unsigned long)(MS_NOATIME | MS_RELATIME);
        uint64_t atime = set & HULL_ATTR__ATIME;
        flags |= atime == HULL_ATTR_STRICTATIME ? MS_STRICTATIME
                 : atime == HULL_ATTR_NOATIME   ? MS_NOATIME
                                                : MS_RELATIME;
    }
    return legacy_mount(l, NULL, -1, fd, NULL, flags, NULL);
}

/* Joins the parameters as mount(2) takes them; NULL with errno set on failure. */
static char *join_data(struct arena *a, const struct fs_request *f)
{
    char *data = arena_strdup(a, f->first ? f->first : "");
    for (size_t i = 0; data && f->data && i < f->data->n; i++)
        data = arena_printf(a, "%s%s%s", data, *data ? "," : "", f->data->v[i]);
    if (data && f->label)
        data = arena_printf(a, "%s%s%s=\"%s\"", data, *data ? "," : "", f->label_type,
                            f->label);
    return data;
}

int fs_quick(const struct launch *l, const struct fs_request *f, int target)
{
    char to[32];
    if (!l->cwd_is_proc || fs_needs_legacy(f))
        return -ENOSYS;
    char *data = join_data(l->arena, f);
    if (!data)
        return -ENOMEM;
    if (is_cut(data))    /* fsconfig takes them one by one */
        return -ENOSYS;
    snprintf(to, sizeof(to), "self/fd/%d", target);
    unsigned long flags = f->flags & ~(unsigned long)(MS_BIND | MS_REC | MS_REMOUNT);
    return mount(*f->source ? f->source : "none", to, f->type, flags, data) < 0 ? -errno : 0;
}

int fs_legacy(const struct launch *l, const struct fs_request *f, int target, const char *dest,
              int *ret_mount, struct hull_error *e)
{
    /* What is found under the name afterwards may be anything, once the container runs. */
    if (l->running)
        return error_set(e, ENOSYS, "mount %s with these options in a running container", f->type);
    char *data = join_data(l->arena, f);
    if (!data)
        return error_oom(e);
    unsigned long flags = f->flags & ~(unsigned long)(MS_BIND | MS_REC | MS_REMOUNT);
    int r = legacy_mount(l, f->source, -1, target, f->type, flags, data);
    if (r == -E2BIG)
        return error_set(e, E2BIG, "mount %s at %s: %zu bytes of options, which mount(2) would cut",
                         f->type, dest, strlen(data));
    if (r < 0)
        return error_set(e, -r, "mount src=%s, dst=%s, type=%s, data=%s", f->source, dest, f->type,
                         data);
    int fd = path_open_in_root(l->rootfs_fd, dest, O_PATH);
    if (fd < 0)
        return error_set(e, -fd, "reopen mountpoint \"%s\" after mount", dest);
    *ret_mount = fd;
    return 0;
}
