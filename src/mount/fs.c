/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: a new file system is made by fsopen, fsconfig for each parameter and
 * fsmount, with its flags, before it is visible anywhere. A parameter that the file system refuses
 * is named in the error together with the kernel's own words, which mount(2) would leave in dmesg
 * only.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/fd.h"
#include "mount/internal.h"

enum { FSCONFIG_VALUE_MAX = 255 };

/* Flags of the superblock as fsconfig calls them. silent has no name: it only quiets the kernel. */
static const struct { unsigned long flag; const char *name; } super_flags[] = {
    { MS_RDONLY,      "ro" },
    { MS_SYNCHRONOUS, "sync" },
    { MS_DIRSYNC,     "dirsync" },
    { MS_LAZYTIME,    "lazytime" },
    { MS_MANDLOCK,    "mand" },
};

bool fs_needs_legacy(const struct fs_request *f)
{
    if (f->flags & MS_I_VERSION)
        return true;
    for (size_t i = 0; f->data && i < f->data->n; i++) {
        const char *value = strchr(f->data->v[i], '=');
        if (value && strlen(value + 1) > FSCONFIG_VALUE_MAX)
            return true;
    }
    return false;
}

/*
 * Fails with what the kernel said about fs, if anything: a line such as "e tmpfs: Bad value for
 * 'x'". what is the parameter, or "".
 */
static int fs_error(int fs, int err, const char *type, const char *what, struct hull_error *e)
{
    char said[512];
    const char *colon = *what ? ": " : "";
    ssize_t n = read(fs, said, sizeof(said) - 1);
    if (n <= 2)
        return error_set(e, err, "mount %s%s%s", type, colon, what);
    said[n] = '\0';
    said[strcspn(said, "\n")] = '\0';
    return error_set(e, err, "mount %s%s%s (%s)", type, colon, what, said + 2);
}

/* The quotes that let a context hold commas: mount(2) takes them off, fsconfig does not. */
static const char *unquoted(const char *key, const char *value, char *buf, size_t size)
{
    const size_t n = strlen(value);
    if (!label_is_context(key) || n < 2 || n > size || value[0] != '"' || value[n - 1] != '"')
        return value;
    memcpy(buf, value + 1, n - 2);
    buf[n - 2] = '\0';
    return buf;
}

/* One parameter, "name" or "name=value". */
static int set_parameter(int fs, const char *type, const char *param, struct hull_error *e)
{
    char key[64], text[FSCONFIG_VALUE_MAX + 1];
    const char *value = strchr(param, '=');
    if (!value) {
        if (sys_fsconfig(fs, HULL_FSCONFIG_SET_FLAG, param, NULL, 0) < 0)
            return fs_error(fs, errno, type, param, e);
        return 0;
    }
    size_t len = (size_t)(value - param);
    if (len == 0 || len >= sizeof(key))
        return error_set(e, EINVAL, "mount %s: %s", type, param);
    memcpy(key, param, len);
    key[len] = '\0';
    value = unquoted(key, value + 1, text, sizeof(text));
    if (sys_fsconfig(fs, HULL_FSCONFIG_SET_STRING, key, value, 0) < 0)
        return fs_error(fs, errno, type, param, e);
    return 0;
}

static int set_parameters(int fs, const struct fs_request *f, struct hull_error *e)
{
    if (*f->source && sys_fsconfig(fs, HULL_FSCONFIG_SET_STRING, "source", f->source, 0) < 0)
        return fs_error(fs, errno, f->type, f->source, e);
    for (size_t i = 0; i < COUNT_OF(super_flags); i++) {
        if (!(f->flags & super_flags[i].flag))
            continue;
        /* Mandatory locks are gone since 5.15; mount(2) ignores the flag, and the spec says MAY. */
        if (sys_fsconfig(fs, HULL_FSCONFIG_SET_FLAG, super_flags[i].name, NULL, 0) < 0 &&
            super_flags[i].flag != MS_MANDLOCK)
            return fs_error(fs, errno, f->type, super_flags[i].name, e);
    }
    int r = f->first ? set_parameter(fs, f->type, f->first, e) : 0;
    for (size_t i = 0; r == 0 && f->data && i < f->data->n; i++)
        r = set_parameter(fs, f->type, f->data->v[i], e);
    if (r < 0)
        return r;
    if (f->label && sys_fsconfig(fs, HULL_FSCONFIG_SET_STRING, f->label_type, f->label, 0) < 0)
        return fs_error(fs, errno, f->type, f->label_type, e);
    return 0;
}

int fs_make(const struct fs_request *f, int *ret_mount, struct hull_error *e)
{
    _cleanup_close_later_ int fs = sys_fsopen(f->type, HULL_FSOPEN_CLOEXEC);
    if (fs < 0)
        return error_set(e, errno, "mount %s", f->type);
    int r = set_parameters(fs, f, e);
    if (r < 0)
        return r;
    if (sys_fsconfig(fs, HULL_FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return fs_error(fs, errno, f->type, "", e);
    int mnt = sys_fsmount(fs, HULL_FSMOUNT_CLOEXEC, (unsigned)mount_attr(f->flags));
    if (mnt < 0)
        return fs_error(fs, errno, f->type, "", e);
    *ret_mount = mnt;
    return 0;
}

int fs_mount(const struct launch *l, const struct fs_request *f, int target, const char *dest,
             int *ret_mount, struct hull_error *e)
{
    if (fs_needs_legacy(f))
        return fs_legacy(l, f, target, dest, ret_mount, e);
    _cleanup_tree_ struct mount_tree t = { .fd = -1 };
    int r = fs_make(f, &t.fd, e);
    if (r == -ENOSYS)
        return fs_legacy(l, f, target, dest, ret_mount, e);
    if (r < 0)
        return r;
    r = tree_attach(l, &t, target, dest);
    if (r < 0)
        return error_set(e, -r, "mount src=%s, dst=%s, type=%s", f->source, dest, f->type);
    *ret_mount = TAKE_FD(t.fd);
    return 0;
}
