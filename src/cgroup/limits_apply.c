/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: P writes the values one file at a time, in the order of the list, while init
 * sets up its mounts. The kernel checks some values against each other at each write (limit and
 * memsw, quota and period), so a value that is refused with EINVAL may be tried once more after the
 * others of its controller. Whatever else is refused is an error that names member, file and value.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/fd.h"
#include "cgroup/file.h"
#include "cgroup/limits.h"
#include "cgroup/ops.h"

static int write_lines(int dirfd, const char *file, const char *value)
{
    _cleanup_close_ int fd = cgroup_file_open(dirfd, file, O_WRONLY);
    if (fd < 0)
        return fd;
    do {
        size_t len = strcspn(value, "\n");
        len += value[len] == '\n';
        int r = fd_write_all(fd, value, len);
        if (r < 0)
            return r;
        value += len;
    } while (*value);
    return 0;
}

/* Before 5.4 io.bfq.weight has one number and takes no weights of devices. */
static bool bfq_knows_devices(int dirfd, const char *file)
{
    char buf[64];
    ssize_t n = cgroup_file_read(dirfd, file, buf, sizeof(buf));
    return n > 0 && (buf[0] < '0' || buf[0] > '9');
}

static int write_one(int dirfd, const struct cgroup_limit *l)
{
    if ((l->flags & LIMIT_BFQ_DEVICE) && !bfq_knows_devices(dirfd, l->file))
        return 0;
    int r = l->flags & LIMIT_LINES ? write_lines(dirfd, l->file, l->value)
                                   : cgroup_file_write(dirfd, l->file, l->value);
    if (r == -ENOENT && l->other_file)
        r = cgroup_file_write(dirfd, l->other_file, l->other_value);
    if (r == -ENOENT && (l->flags & LIMIT_OPTIONAL))
        r = 0;
    return r;
}

static int read_back(int dirfd, const struct cgroup_limit *l, struct hull_error *e)
{
    uint64_t have, want = strtoull(l->value, NULL, 10);
    int r = cgroup_file_read_u64(dirfd, l->file, &have);
    if (r < 0 || have == want)
        return 0;
    return error_at(e, l->why, HULL_E_CONFIG, "the %s allowed cpu-shares is %" PRIu64,
                    want > have ? "maximum" : "minimum", have);
}

static bool controller_enabled(const struct cgroup *cg, int dirfd, const char *controller)
{
    char buf[1024];
    if (cg->mode != CGROUP_V2 || strcmp(controller, "cgroup") == 0 ||
        cgroup_file_read(dirfd, "cgroup.controllers", buf, sizeof(buf)) < 0)
        return true;
    char *save = NULL;
    for (char *t = strtok_r(buf, " \n", &save); t; t = strtok_r(NULL, " \n", &save))
        if (strcmp(t, controller) == 0)
            return true;
    return false;
}

static int refuse(const struct cgroup *cg, const struct cgroup_dir *d, int dirfd,
                   const struct cgroup_limit *l, int err, struct hull_error *e)
{
    uint64_t usage, peak;
    if (err == EBUSY && strcmp(l->file, "memory.limit_in_bytes") == 0 &&
        cgroup_file_read_u64(dirfd, "memory.usage_in_bytes", &usage) == 0 &&
        cgroup_file_read_u64(dirfd, "memory.max_usage_in_bytes", &peak) == 0)
        return error_at(e, l->why, HULL_E_CONFIG,
                        "unable to set memory limit to %s (current usage: %" PRIu64
                        ", peak usage: %" PRIu64 ")", l->value, usage, peak);
    bool absent = (err == ENOENT || err == EPERM || err == EACCES) &&
                  !controller_enabled(cg, dirfd, l->controller);
    if (l->flags & LIMIT_UNIFIED) {
        const char *key = l->file;
        if (absent)
            return error_at(e, l->why, HULL_E_CONFIG,
                            "unified resource \"%s\" can't be set: controller \"%s\" not available",
                            key, l->controller);
        return error_at(
            e, l->why, err,
            "unable to set unified resource \"%s\": failed to write \"%s\": write %s/%s", key,
            l->value, d->dir, l->file);
    }
    if (absent)
        return error_at(e, l->why, err,
                        "error setting cgroup config for %s: controller \"%s\" not available: "
                        "open %s/%s", l->why, l->controller, d->dir, l->file);
    const char *file = err == ENOENT && l->other_file ? l->other_file : l->file;
    return error_at(e, l->why, err,
                    "error setting cgroup config for %s: failed to write \"%.*s\": write %s/%s",
                    l->why, (int)strcspn(l->value, "\n"), l->value, d->dir, file);
}

static int refused(const struct cgroup *cg, const struct cgroup_dir *d, int dirfd,
                   const struct cgroup_limit *l, int err, struct hull_error *e)
{
    const bool rights = err == EPERM || err == EACCES || !controller_enabled(cg, dirfd, l->controller);
    int r = refuse(cg, d, dirfd, l, err, e);
    return rights ? cgroup_ask_delegation(cg, l, 1, e) : r;
}

/* The values of one controller: v[0] .. v[n-1], those that are chosen by mask and want. */
static int apply_controller(const struct cgroup *cg, const struct cgroup_limit *v, size_t n,
                            unsigned mask, unsigned want, struct hull_error *e)
{
    const struct cgroup_dir *d = cgroup_find(cg, cg->mode == CGROUP_V2 ? "" : v->controller);
    if (!d || d->missing) {
        error_at(e, v->why, HULL_E_CONFIG,
                 "cannot set %s limit: container could not join or create cgroup", v->controller);
        return cgroup_ask_delegation(cg, v, 1, e);
    }
    _cleanup_close_ int dirfd = cgroup_dir_open(d);
    if (dirfd < 0)
        return error_at(e, v->why, -dirfd, "error setting cgroup config for %s: open %s", v->why,
                        d->dir);
    size_t again = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            const struct cgroup_limit *l = &v[i];
            if ((l->flags & mask) != want || (pass == 1 && !(l->flags & LIMIT_AGAIN)))
                continue;
            int r = write_one(dirfd, l);
            if (r == -EINVAL && pass == 0 && (l->flags & LIMIT_AGAIN)) {
                again++;
                continue;
            }
            if (r < 0)
                return refused(cg, d, dirfd, l, -r, e);
            if ((l->flags & LIMIT_READ_BACK) && (r = read_back(dirfd, l, e)) < 0)
                return r;
        }
        if (again == 0)
            break;
    }
    return 0;
}

/* v2: the kernel would reclaim and kill to reach a limit below the usage; refuse if asked to. */
static int check_usage(const struct cgroup *cg, const struct oci_memory *m, struct hull_error *e)
{
    const struct cgroup_dir *d = cgroup_find(cg, "");
    _cleanup_close_ int dirfd = d && !d->missing ? cgroup_dir_open(d) : -1;
    uint64_t usage;
    if (dirfd < 0 || cgroup_file_read_u64(dirfd, "memory.current", &usage) < 0)
        return 0;
    if (m->swap.set && m->swap.v > 0 && (uint64_t)m->swap.v <= usage)
        return error_at(e, "linux.resources.memory.swap", HULL_E_CONFIG,
                        "rejecting memory+swap limit %" PRId64 " <= usage %" PRIu64, m->swap.v,
                        usage);
    if (m->limit.set && m->limit.v > 0 && (uint64_t)m->limit.v <= usage)
        return error_at(e, "linux.resources.memory.limit", HULL_E_CONFIG,
                        "rejecting memory limit %" PRId64 " <= usage %" PRIu64, m->limit.v, usage);
    return 0;
}

int limits_check(const struct cgroup *cg, const struct cgroup_limits *list, struct hull_error *e)
{
    return list->check ? check_usage(cg, list->check, e) : 0;
}

int limits_apply(const struct cgroup *cg, const struct cgroup_limits *list, unsigned mask,
                 unsigned want, struct hull_error *e)
{
    int r = limits_check(cg, list, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < list->n;) {
        const char *controller = list->v[i].controller;
        size_t end = i;
        bool any = false;
        for (; end < list->n && strcmp(list->v[end].controller, controller) == 0; end++)
            any |= (list->v[end].flags & mask) == want;
        if (any) {
            r = apply_controller(cg, &list->v[i], end - i, mask, want, e);
            if (r < 0)
                return r;
        }
        i = end;
    }
    return 0;
}
