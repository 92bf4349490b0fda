/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: a new v1 cgroup has its parent's rules, usually "all". P writes the
 * difference to devices.deny and devices.allow, restrictions first, so that there is no moment in
 * which more is allowed than before and after. In between less is allowed; that's why it happens
 * before init joins. The result is read back, because the kernel ignores what it can't express.
 */
#include "cgroup/devices.h"

#include <errno.h>
#include "base/fd.h"
#include "cgroup/file.h"

#define LIST_MAX (16u * 1024 * 1024)

static int read_list(int dirfd, const char *dir, struct arena *a, struct device_filter *ret,
                     struct hull_error *e)
{
    char *text = fd_read_file(dirfd, "devices.list", LIST_MAX, a, NULL);
    if (!text)
        return error_set(e, errno, "open %s/devices.list", dir);
    return device_filter_parse_list(a, text, ret, e);
}

static bool same(const struct device_filter *a, const struct device_filter *b)
{
    if (a->default_allow != b->default_allow)
        return false;
    if (a->default_allow)
        return true;   /* exceptions of this kind can't be read back */
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->v[i].type != b->v[i].type || a->v[i].major != b->v[i].major ||
            a->v[i].minor != b->v[i].minor || a->v[i].access != b->v[i].access)
            return false;
    return true;
}

int devices_v1_apply(int dirfd, const char *dir, const struct device_filter *f, struct arena *a,
                     struct hull_error *e)
{
    struct device_filter now;
    struct device_changes changes = {0};
    int r = read_list(dirfd, dir, a, &now, e);
    if (r == 0)
        r = device_filter_transition(&now, f, a, &changes, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < changes.n; i++) {
        const struct device_change *c = &changes.v[i];
        const char *file = c->allow ? "devices.allow" : "devices.deny";
        r = cgroup_file_write(dirfd, file, c->text);
        if (r < 0)
            return error_at(e, "linux.resources.devices", -r, "failed to write \"%s\": write %s/%s",
                            c->text, dir, file);
    }
    r = read_list(dirfd, dir, a, &now, e);
    if (r < 0)
        return r;
    if (!same(&now, f))
        return error_at(e, "linux.resources.devices", HULL_E_CONFIG,
                        f->default_allow
                            ? "resulting devices cgroup doesn't match target mode"
                            : "resulting devices cgroup doesn't precisely match target");
    return 0;
}
