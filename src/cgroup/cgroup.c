/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: linux.cgroupsPath becomes a path that is lexically clean before anything is
 * opened, so that ".." can't leave the hierarchy whatever the file system holds. With it the ops of
 * the host's cgroup mode name one directory per hierarchy. state.json records those names, and
 * later commands work from the record alone, since cgroupsPath may be relative to a caller long
 * gone.
 */
#include "cgroup/cgroup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/fd.h"
#include "base/path.h"
#include "cgroup/file.h"
#include "cgroup/ops.h"
#include "cgroup/unit.h"
#include "host/hierarchy.h"

static const struct cgroup_ops *ops_of(enum cgroup_mode mode)
{
    switch (mode) {
    case CGROUP_V1:
    case CGROUP_HYBRID:
        return &cgroup_fs_v1;
    case CGROUP_V2:
        return &cgroup_fs_v2;
    case CGROUP_NONE:
        break;
    }
    return &cgroup_none;
}

struct cgroup *cgroup_new(struct arena *a, struct log *log, enum cgroup_mode mode)
{
    struct cgroup *cg = arena_alloc(a, sizeof(*cg));
    if (!cg)
        return NULL;
    *cg = (struct cgroup){
        .mode = mode,
        .ops = ops_of(mode),
        .fs_root = CGROUP_FS_ROOT,
        .entry = {.clone_fd = -1},
        .arena = a,
        .log = log,
    };
    cg->v = arena_array(a, CGROUP_DIRS_MAX, sizeof(*cg->v));
    return cg->v ? cg : NULL;
}

int cgroup_add_dir(struct cgroup *cg, const char *names, const char *root, const char *rel,
                   struct hull_error *e)
{
    if (cg->n == CGROUP_DIRS_MAX)
        return error_set(e, HULL_E_UNSUPPORTED, "more than %d cgroup hierarchies", CGROUP_DIRS_MAX);
    char *dir = arena_printf(cg->arena, "%s%s%s", root, *rel ? "/" : "", rel);
    if (!dir)
        return error_oom(e);
    cg->v[cg->n++] = (struct cgroup_dir){.names = names, .root = root, .rel = rel, .dir = dir};
    return 0;
}

struct cgroup_dir *cgroup_find(const struct cgroup *cg, const char *controller)
{
    for (size_t i = 0; i < cg->n; i++)
        if (host_hierarchy_has(cg->v[i].names, controller))
            return &cg->v[i];
    return NULL;
}

struct cgroup_dir *cgroup_members(const struct cgroup *cg)
{
    struct cgroup_dir *d = cgroup_find(cg, cg->mode == CGROUP_V2 ? "" : "devices");
    if (d && !d->missing)
        return d;
    for (size_t i = 0; i < cg->n; i++)
        if (!cg->v[i].missing)
            return &cg->v[i];
    return NULL;
}

bool cgroup_tolerates(const struct cgroup *cg, int err)
{
    if (err < 0)
        err = -err;
    return cg->rootless && !cg->path_given && (err == EPERM || err == EACCES || err == EROFS);
}

/* Go's filepath.Clean of path, a relative one being cleaned as if it began at the root. */
static char *clean(struct arena *a, const char *path)
{
    char *full = arena_printf(a, "/%s", path);
    char *out = full ? path_clean(a, full) : NULL;
    return out && *path != '/' ? out + 1 : out;
}

int cgroup_plan_path(struct launch *l, struct hull_error *e)
{
    const char *given = l->config->linux_->cgroupsPath;
    struct cgroup *cg =
        cgroup_new(l->arena, l->log, l->no_cgroup ? CGROUP_NONE : l->host->cgroup_mode);
    if (!cg)
        return error_oom(e);
    cg->rootless = l->rootless_cgroup;
    cg->disabled = l->no_cgroup;
    if (cg->disabled) {
        l->cgroup = cg;
        return 0;
    }
    if (l->systemd_cgroup) {
        int r = unit_plan(l, cg, e);
        if (r == 0)
            l->cgroup = cg;
        return r;
    }
    cg->path_given = given && *given;
    cg->path = clean(l->arena, cg->path_given ? given : l->id);
    if (!cg->path)
        return error_oom(e);
    if (!cg->path[strspn(cg->path, "/")])
        return error_at(
            e, "linux.cgroupsPath", HULL_E_CONFIG,
            "invalid cgroupsPath \"%s\": the root of a hierarchy is no container's cgroup", given);
    for (const char *p = cg->path; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return error_at(e, "linux.cgroupsPath", HULL_E_CONFIG,
                            "invalid cgroupsPath: it contains a control character");
    l->cgroup = cg;
    return 0;
}

int cgroup_locate(struct cgroup *cg, struct hull_error *e)
{
    if (cg->n > 0)
        return 0;
    return cg->unit ? unit_locate(cg, e) : cg->ops->locate(cg, e);
}

int cgroup_clone_fd(const struct cgroup *cg)
{
    return cg->entry.clone_fd;
}

void cgroup_entry_close(struct cgroup_entry *entry)
{
    fd_close(&entry->clone_fd);
    for (size_t i = 0; i < entry->n_tasks; i++)
        fd_close(&entry->tasks[i]);
    entry->n_tasks = 0;
}

void cgroup_close(struct cgroup *cg)
{
    if (!cg)
        return;
    cgroup_entry_close(&cg->entry);
    if (cg->unit) {
        systemd_close(cg->unit->manager);
        cg->unit->manager = NULL;
    }
}

/*
 * ------------------------------------------------------------------------------ saved containers
 */

int cgroup_paths(const struct cgroup *cg, struct arena *a, struct oci_map *ret,
                 struct hull_error *e)
{
    size_t max = 0, n = 0;
    for (size_t i = 0; i < cg->n; i++) {
        max++;
        for (const char *p = cg->v[i].names; *p; p++)
            max += *p == ',';
    }
    struct oci_pair *v = arena_array(a, max + 1, sizeof(*v));
    if (!v)
        return error_oom(e);
    for (size_t i = 0; i < cg->n; i++) {
        const struct cgroup_dir *d = &cg->v[i];
        if (d->missing)
            continue;
        for (const char *p = d->names;; p++) {
            size_t len = strcspn(p, ",");
            v[n].key = arena_strndup(a, p, len);
            v[n].value = arena_strdup(a, d->dir);
            if (!v[n].key || !v[n].value)
                return error_oom(e);
            n++;
            p += len;
            if (!*p)
                break;
        }
    }
    *ret = (struct oci_map){v, n};
    return 0;
}

/* Splits a recorded directory into the hierarchy's root and the rest; checks that it is clean. */
static int split_saved(struct cgroup *cg, const char *key, const char *dir, struct cgroup_dir *ret,
                       struct hull_error *e)
{
    const char *root = cg->fs_root;
    size_t len = strlen(root);
    const char *cleaned = path_clean(cg->arena, dir);
    if (!cleaned)
        return error_oom(e);
    const char *rest = dir + len;
    bool ok = strncmp(dir, root, len) == 0 && *rest == '/' && strcmp(dir, cleaned) == 0;
    if (ok && cg->mode != CGROUP_V2) {
        /* One more component names the hierarchy: /sys/fs/cgroup/memory/... */
        rest++;
        size_t first = strcspn(rest, "/");
        ok = first > 0 && rest[first] == '/';
        rest += first;
        if (ok && !(root = arena_strndup(cg->arena, dir, (size_t)(rest - dir))))
            return error_oom(e);
    }
    if (!ok || !rest[1])
        return error_set(e, HULL_E_CONFIG, "invalid cgroup path \"%s\" of controller \"%s\"", dir,
                         key);
    *ret = (struct cgroup_dir){.names = key, .root = root, .rel = rest + 1, .dir = dir};
    return 0;
}

int cgroup_from_saved(struct arena *a, struct log *log, const struct host_facts *host,
                      const struct oci_map *paths, bool rootless, struct cgroup **ret,
                      struct hull_error *e)
{
    struct cgroup *cg = cgroup_new(a, log, host->cgroup_mode);
    if (!cg)
        return error_oom(e);
    cg->rootless = rootless;
    for (size_t i = 0; i < paths->n; i++) {
        const struct oci_pair *p = &paths->v[i];
        struct cgroup_dir d, *same = NULL;
        if (!*p->value)
            continue;
        if (cg->mode == CGROUP_V2 && *p->key)
            continue;   /* recorded on v1, before a reboot */
        int r = split_saved(cg, p->key, p->value, &d, e);
        if (r < 0)
            return r;
        for (size_t j = 0; j < cg->n && !same; j++)
            if (strcmp(cg->v[j].dir, d.dir) == 0)
                same = &cg->v[j];
        if (same) {
            same->names = arena_printf(a, "%s,%s", same->names, d.names);
            if (!same->names)
                return error_oom(e);
        } else if (cg->n == CGROUP_DIRS_MAX) {
            return error_set(e, HULL_E_CONFIG, "too many cgroup paths");
        } else {
            cg->v[cg->n++] = d;
        }
    }
    if (cg->n == 0)
        cg->ops = &cgroup_none;
    *ret = cg;
    return 0;
}

bool cgroup_exists(const struct cgroup *cg)
{
    const struct cgroup_dir *d = cgroup_members(cg);
    _cleanup_close_ int fd = d ? cgroup_dir_open(d) : -1;
    return fd >= 0;
}

uint64_t cgroup_oom_kills(const struct cgroup *cg)
{
    bool v2 = cg->mode == CGROUP_V2;
    const struct cgroup_dir *d = cgroup_find(cg, v2 ? "" : "memory");
    _cleanup_close_ int fd = d && !d->missing ? cgroup_dir_open(d) : -1;
    uint64_t n = 0;
    /* A unit's cgroup that we had to make is none that systemd had put init into: it was gone already. */
    const bool held_init = !cg->unit || !v2 || !d || d->made == 0;
    if (fd >= 0 && held_init &&
        cgroup_file_read_key(fd, v2 ? "memory.events" : "memory.oom_control", "oom_kill", &n) == 0)
        return n;
    return cg->unit ? unit_oom_kills(cg) : 0;
}

void cgroup_memory_limit_text(const struct cgroup *cg, char *buf, size_t len)
{
    bool v2 = cg->mode == CGROUP_V2;
    const struct cgroup_dir *d = cgroup_find(cg, v2 ? "" : "memory");
    const char *file = v2 ? "memory.max" : "memory.limit_in_bytes";
    _cleanup_close_ int fd = d && !d->missing ? cgroup_dir_open(d) : -1;
    uint64_t limit;
    buf[0] = '\0';
    const bool known = fd >= 0 && cgroup_file_read_u64(fd, file, &limit) == 0;
    /* v1 shows "unlimited" as the largest number of pages. */
    if (known && limit < INT64_MAX / 4096 * 4096)
        snprintf(buf, len, "%s is %" PRIu64, file, limit);
    /* systemd removes a scope with its last process. */
    const struct oci_resources *r = !known && cg->unit ? cg->unit->resources : NULL;
    if (r && r->memory && r->memory->limit.set && r->memory->limit.v > 0)
        snprintf(buf, len, "%s is %" PRId64, file, r->memory->limit.v);
}
