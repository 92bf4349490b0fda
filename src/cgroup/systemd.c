/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: with --systemd-cgroup the container's cgroup is a transient unit of systemd's,
 * by default a scope, which the new process is in from the start (PIDs=). One call makes the unit with
 * all limits and device rules that systemd has words for; its job's end is waited for. What systemd
 * has no words for is done as with the other driver: limits into the cgroup's files, our own device
 * program, and on v1 the hierarchies that systemd leaves alone.
 *
 *   P  create: connect   clone  join: StartTransientUnit, the job's end   limits  devices
 *   I                    +- mounts ...                    +- cgroup mount or namespace
 *
 * On v1 P makes the directories before the clone and init moves itself, as with the other driver;
 * systemd then finds init where it wants it. A scope goes with its last process, so a later command
 * may find no cgroup any more; delete still has systemd forget the unit, which may have failed.
 *
 * When init ends while P talks to systemd, the answers make no sense; init's own message does, which
 * P reads at the next await. So these steps don't complain about a container whose init is gone.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/fd.h"
#include "base/path.h"
#include "cgroup/file.h"
#include "cgroup/unit.h"

#define UNIT_NAME_MAX 255

/* --------------------------------------------------------------------------------------- planning */

int unit_expand_slice(struct arena *a, const char *slice, const char **ret, struct hull_error *e)
{
    static const char suffix[] = ".slice";
    const size_t len = strlen(slice), stem = len - strlen(suffix);
    if (len <= strlen(suffix) || strcmp(slice + stem, suffix) != 0 || strchr(slice, '/'))
        return error_at(e, "linux.cgroupsPath", HULL_E_CONFIG, "invalid slice name: %s", slice);
    const char *path = "";
    if (strcmp(slice, "-.slice") == 0) {
        *ret = path;
        return 0;
    }
    for (size_t i = 0; i <= stem; i++) {
        if (i < stem && slice[i] != '-')
            continue;
        /* Every part between dashes has something in it. */
        if (i == 0 || slice[i - 1] == '-')
            return error_at(e, "linux.cgroupsPath", HULL_E_CONFIG, "invalid slice name: %s", slice);
        path = arena_printf(a, "%s/%.*s%s", path, (int)i, slice, suffix);
        if (!path)
            return error_oom(e);
    }
    *ret = path;
    return 0;
}

static bool ends_with(const char *s, const char *suffix)
{
    const size_t n = strlen(s), m = strlen(suffix);
    return n > m && strcmp(s + n - m, suffix) == 0;
}

/* What systemd takes for a unit's name. It becomes a directory too, and part of a match rule. */
static int check_name(const char *name, struct hull_error *e)
{
    static const char valid[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@";
    if (strlen(name) > UNIT_NAME_MAX)
        return error_at(e, "linux.cgroupsPath", ENAMETOOLONG,
                        "systemd unit name \"%s\" is longer than %d bytes", name, UNIT_NAME_MAX);
    if (name[strspn(name, valid)])
        return error_at(e, "linux.cgroupsPath", HULL_E_CONFIG,
                        "systemd unit name \"%s\" contains a character that systemd does not allow",
                        name);
    return 0;
}

static int split_path(const struct launch *l, struct cgroup_unit *u, struct hull_error *e)
{
    const char *given = l->config->linux_->cgroupsPath, *prefix = "runc";
    u->slice = u->user ? "user.slice" : "system.slice";
    u->container = l->id;
    if (given && *given) {
        const char *first = strchr(given, ':'), *second = first ? strchr(first + 1, ':') : NULL;
        if (!second || strchr(second + 1, ':'))
            return error_at(e, "linux.cgroupsPath", HULL_E_CONFIG,
                            "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd "
                            "cgroups, got \"%s\" instead", given);
        if (first > given)
            u->slice = arena_strndup(l->arena, given, (size_t)(first - given));
        prefix = arena_strndup(l->arena, first + 1, (size_t)(second - first - 1));
        u->container = second + 1;
        if (!u->slice || !prefix)
            return error_oom(e);
    }
    u->is_slice = ends_with(u->container, ".slice");
    u->name = u->is_slice ? u->container
                          : arena_printf(l->arena, "%s-%s.scope", prefix, u->container);
    return u->name ? check_name(u->name, e) : error_oom(e);
}

int unit_plan(const struct launch *l, struct cgroup *cg, struct hull_error *e)
{
    struct cgroup_unit *u = arena_alloc(l->arena, sizeof(*u));
    struct wire_out scratch = {.arena = l->arena};
    const char *path;
    if (!u)
        return error_oom(e);
    u->signal_fd = -1;
    u->user = cg->rootless;
    u->annotations = &l->config->annotations;
    if (u->user && cg->mode != CGROUP_V2)
        return error_set(e, HULL_E_UNSUPPORTED,
                         "cannot use rootless systemd cgroups manager on cgroup v1");
    int r = split_path(l, u, e);
    if (r == 0)
        r = unit_expand_slice(l->arena, u->slice, &path, e);
    if (r == 0)
        r = unit_annotation_properties(u->annotations, &scratch, e);
    if (r == 0)
        r = unit_resources(l->arena, l->config->linux_->resources, &u->resources, e);
    /* Values that can't be said are found before anything is made. */
    const struct cgroup probe = {.mode = cg->mode, .unit = u};
    if (r == 0)
        r = unit_resource_properties(&probe, u->resources, UINT_MAX, &scratch, NULL, e);
    cg->path = u->name;
    cg->path_given = true;   /* a refusal is never tolerated: there is always a unit */
    if (r == 0)
        cg->unit = u;
    return r;
}

/* -------------------------------------------------------------------------------------- connection */

static int connect_once(const struct cgroup *cg, struct hull_error *e)
{
    struct cgroup_unit *u = cg->unit;
    if (u->manager) {
        u->manager->bus.signal_fd = u->signal_fd;
        return 0;
    }
    return systemd_open(cg->arena, u->user, u->name, u->signal_fd, &u->manager, e);
}

int unit_locate(struct cgroup *cg, struct hull_error *e)
{
    struct stat st;
    const char *slice, *own = "";
    if (lstat("/run/systemd/system", &st) < 0 || !S_ISDIR(st.st_mode))
        return error_set(e, HULL_E_UNSUPPORTED, "systemd not running on this host, cannot use "
                                                "systemd cgroups manager");
    int r = unit_expand_slice(cg->arena, cg->unit->slice, &slice, e);
    if (r == 0 && cg->unit->user) {
        r = connect_once(cg, e);
        if (r == 0)
            r = systemd_manager_property(cg->unit->manager, "ControlGroup", &own, e);
        if (r == 0 && strcmp(own, "/") == 0)
            own = "";
    }
    if (r < 0)
        return r;
    const char *path = arena_printf(cg->arena, "%s%s/%s", own, slice, cg->unit->name);
    cg->path = path ? path_clean(cg->arena, path) : NULL;
    return cg->path ? cg->ops->locate(cg, e) : error_oom(e);
}

/* ------------------------------------------------------------------------------------------- steps */

static bool init_is_gone(const struct launch *l)
{
    struct pollfd p = {.fd = l->init_pidfd, .events = POLLIN};
    return l->init_pidfd >= 0 && poll(&p, 1, 0) == 1;
}

bool unit_forgives(const struct launch *l, int r, struct hull_error *e)
{
    if (!l->cgroup->unit || r == -HULL_E_INTERRUPTED || !init_is_gone(l))
        return false;
    log_debug(l->log, "init has ended; %s", e->text);
    *e = (struct hull_error){0};
    return true;
}

int unit_prepare(struct launch *l, struct hull_error *e)
{
    struct cgroup *cg = l->cgroup;
    cg->unit->signal_fd = l->signal_fd;
    int r = connect_once(cg, e);
    if (r < 0)
        return r;
    if (cg->mode == CGROUP_V2)
        return cgroup_check_unused(cg, e);
    return cg->ops->create(cg, cg->unit->resources, e);
}

static int start(const struct cgroup *cg, pid_t pid, struct hull_error *e)
{
    struct cgroup_unit *u = cg->unit;
    struct systemd *s = u->manager;
    struct wire_out o = {.arena = cg->arena};
    int r = unit_start_properties(cg, u->is_slice ? 0 : pid, s->version, &o, e);
    if (r == 0)
        r = unit_resource_properties(cg, u->resources, s->version, &o, NULL, e);
    if (r == 0 && u->devices)
        r = unit_device_properties(cg, u->devices, s->version, &o, e);
    if (r == 0)
        r = unit_annotation_properties(u->annotations, &o, e);
    if (r < 0)
        return r;
    r = systemd_start_transient(s, &o, &u->queued, e);
    if (r < 0 && !u->queued && systemd_unit_exists(s)) {
        /* It may be one that failed, whose name systemd keeps until somebody has seen it. */
        struct hull_error ignored;
        (void)systemd_reset_failed(s, &ignored);
        r = systemd_start_transient(s, &o, &u->queued, e);
    }
    return r < 0 ? error_prefix(e, "unable to start unit \"%s\"", u->name) : 0;
}

/* memory.events counts what happens in all cgroups below. */
static uint64_t slice_ooms(const struct cgroup *cg)
{
    const char *name;
    uint64_t n = 0;
    _cleanup_close_ int fd = cgroup_dir_open_parent(&cg->v[0], &name);
    if (fd >= 0)
        (void)cgroup_file_read_key(fd, "memory.events", "oom_kill", &n);
    return n;
}

uint64_t unit_oom_kills(const struct cgroup *cg)
{
    const struct cgroup_unit *u = cg->unit;
    const uint64_t now = u->counted ? slice_ooms(cg) : 0;
    return now > u->slice_ooms ? now - u->slice_ooms : 0;
}

int unit_start(struct launch *l, struct hull_error *e)
{
    struct cgroup *cg = l->cgroup;
    cg->unit->signal_fd = l->signal_fd;
    int r = connect_once(cg, e);
    if (r == 0 && cg->mode == CGROUP_V2) {
        cg->unit->slice_ooms = slice_ooms(cg);
        cg->unit->counted = true;
    }
    if (r == 0)
        r = start(cg, l->init_pid, e);
    if (r < 0 || cg->mode != CGROUP_V2)
        return r;
    r = cg->ops->create(cg, cg->unit->resources, e);
    if (r == 0)
        r = cgroup_delegate(l, cg->entry.clone_fd, e);
    if (r == 0 && cg->unit->is_slice)
        r = cgroup_enter_host(cg, &cg->entry, l->init_pid, 0, NULL, e);
    return r;
}

int unit_stop(struct cgroup *cg, struct hull_error *e)
{
    int r = connect_once(cg, e);
    return r < 0 ? r : systemd_stop(cg->unit->manager, e);
}

int unit_set_devices(const struct cgroup *cg, const struct device_filter *f, struct hull_error *e)
{
    struct wire_out o = {.arena = cg->arena};
    int r = connect_once(cg, e);
    if (r == 0)
        r = unit_device_properties(cg, f, cg->unit->manager->version, &o, e);
    if (r == 0)
        r = systemd_set_properties(cg->unit->manager, &o, e);
    return r < 0 ? error_prefix(e, "unable to set unit properties") : 0;
}

/* ---------------------------------------------------------------------- containers that exist already */

int cgroup_set_unit(struct cgroup *cg, struct hull_error *e)
{
    static const struct oci_map none;
    const struct cgroup_dir *d = cgroup_members(cg);
    const char *slash = d ? strrchr(d->rel, '/') : NULL;
    const char *name = slash ? slash + 1 : d ? d->rel : "";
    struct hull_error odd;
    if (!(ends_with(name, ".scope") || ends_with(name, ".slice")) || check_name(name, &odd) < 0)
        return 0;   /* nothing was made yet, or on another host */
    struct cgroup_unit *u = arena_alloc(cg->arena, sizeof(*u));
    if (!u)
        return error_oom(e);
    *u = (struct cgroup_unit){.name = name, .is_slice = ends_with(name, ".slice"),
                              .user = cg->rootless, .annotations = &none, .signal_fd = -1};
    cg->unit = u;
    return 0;
}

static int save(const struct cgroup *cg, const struct unit_names *names, struct hull_error *e)
{
    struct cgroup_unit *u = cg->unit;
    u->before = (struct wire_out){.arena = cg->arena};
    for (size_t i = 0; i < names->n; i++) {
        int r = systemd_save_property(u->manager, u->is_slice ? "Slice" : "Scope", names->v[i],
                                      &u->before, e);
        if (r < 0)
            return r;
    }
    return u->before.failed ? error_oom(e) : 0;
}

/*
 * On v1 systemd writes all that it knows of a unit anew, device rules too: "deny all" and then one by
 * one what is allowed. So nobody may run until it is done, and what it has no words for is put right
 * again.
 */
static int set_quietly(const struct cgroup *cg, const struct wire_out *o, struct hull_error *e)
{
    const struct cgroup_unit *u = cg->unit;
    const bool v1 = cg->mode != CGROUP_V2;
    bool was_frozen = false;
    const struct cgroup_dir *freezer = v1 ? cgroup_find(cg, "freezer") : NULL;
    int r = freezer && !freezer->missing ? cg->ops->is_frozen(cg, &was_frozen, e) : 0;
    const bool freeze = r == 0 && freezer && !freezer->missing && !was_frozen;
    if (freeze)
        r = cg->ops->freeze(cg, true, e);
    if (r == 0)
        r = systemd_set_properties(u->manager, o, e);
    if (r == 0 && v1 && u->devices)
        r = cg->ops->devices(cg, u->devices, e);
    struct hull_error ignored;
    if (freeze)
        (void)cg->ops->freeze(cg, false, &ignored);
    return r;
}

int unit_set_resources(const struct cgroup *cg, const struct oci_resources *res,
                       struct hull_error *e)
{
    struct wire_out o = {.arena = cg->arena};
    struct unit_names names = {.n = 0};
    int r = connect_once(cg, e);
    if (r == 0)
        r = unit_resource_properties(cg, res, cg->unit->manager->version, &o, &names, e);
    cg->unit->before = (struct wire_out){.arena = cg->arena};
    if (r < 0 || o.len == 0)
        return r;
    struct device_filter *f = arena_alloc(cg->arena, sizeof(*f));
    if (!f)
        return error_oom(e);
    if (cg->mode != CGROUP_V2 && res->devices.n > 0) {
        r = device_filter_build(cg->arena, res, f, e);
        cg->unit->devices = f;
    }
    if (r == 0)
        r = save(cg, &names, e);
    if (r == 0)
        r = set_quietly(cg, &o, e);
    return r < 0 ? error_prefix(e, "unable to set unit properties") : 0;
}

int unit_set_back(const struct cgroup *cg, struct hull_error *e)
{
    if (cg->unit->before.len == 0)
        return 0;
    int r = connect_once(cg, e);
    return r < 0 ? r : set_quietly(cg, &cg->unit->before, e);
}

int unit_attach(const struct cgroup *cg, const char *sub, pid_t pid, struct hull_error *e)
{
    char *path = arena_printf(cg->arena, "/%s", sub ? sub : "");
    if (!path)
        return error_oom(e);
    int r = connect_once(cg, e);
    return r < 0 ? r : systemd_attach(cg->unit->manager, path, pid, e);
}
