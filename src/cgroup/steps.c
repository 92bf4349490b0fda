/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the steps of a create that concern the cgroup, and their planning. All
 * limits and device rules are checked while planning, before anything exists; what is left for the
 * steps is what only the kernel can refuse.
 *
 *   P  create [devices on v1]  clone -+- [join: v2, if the clone could not]  limits  devices (v2)
 *   I                                 +- join: v1 and hybrid, itself, first of all
 *
 * With systemd the cgroup is made by the join, which needs init's pid: see systemd.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/fd.h"
#include "cgroup/devices.h"
#include "cgroup/file.h"
#include "cgroup/limits.h"
#include "cgroup/ops.h"
#include "cgroup/tree.h"
#include "cgroup/unit.h"

static bool is_v1(const struct cgroup *cg)
{
    return cg->mode == CGROUP_V1 || cg->mode == CGROUP_HYBRID;
}

static const struct oci_resources *resources(const struct launch *l)
{
    return l->cgroup->unit ? l->cgroup->unit->resources : l->config->linux_->resources;
}

static int build_filter(const struct launch *l, struct plan *p, const struct device_filter **ret,
                        struct hull_error *e)
{
    struct device_filter *f = arena_alloc(p->arena, sizeof(*f));
    if (!f)
        return error_oom(e);
    int r = device_filter_build(p->arena, resources(l), f, e);
    if (r == 0)
        *ret = f;
    return r;
}

static int plan_filter(const struct launch *l, struct plan *p, struct hull_error *e)
{
    const struct device_filter *f = NULL;
    int r = build_filter(l, p, &f, e);
    if (r < 0)
        return r;
    return plan_push(p, AT_HOST, STEP_CGROUP_DEVICES, "linux.resources.devices", f, 0, e);
}

/* bpf(2) and devices.allow are out of reach in a user namespace, where mknod is harmless anyway. */
static bool wants_devices(const struct launch *l)
{
    return l->cgroup->mode != CGROUP_NONE && !(is_v1(l->cgroup) && l->host->in_userns);
}

/*
 * A mount of a block device by init needs a device that the rules may well deny to the container: then
 * they come into force when init has nothing left to do but the gate. Otherwise earlier, out of the way.
 */
static bool devices_late(const struct launch *l)
{
    static const char *const virtual[] = {"bind",   "rbind",  "none",   "proc",   "sysfs", "tmpfs",
                                          "devpts", "mqueue", "cgroup", "cgroup2", "overlay"};
    for (size_t i = 0; i < l->config->mounts.n; i++) {
        const char *type = l->config->mounts.v[i].type;
        bool known = !type || !*type;
        for (size_t j = 0; !known && j < COUNT_OF(virtual); j++)
            known = strcmp(type, virtual[j]) == 0;
        if (!known)
            return true;
    }
    return false;
}

int cgroup_plan_create(const struct launch *l, struct plan *p, struct hull_error *e)
{
    int r = plan_push(p, AT_HOST, STEP_CGROUP_CREATE, "linux.cgroupsPath", l->cgroup, 0, e);
    if (r < 0 || !wants_devices(l) || devices_late(l))
        return r;
    if (l->cgroup->unit)
        r = build_filter(l, p, &l->cgroup->unit->devices, e);
    else if (is_v1(l->cgroup))
        r = plan_filter(l, p, e);
    return r;
}

int cgroup_plan_join(const struct launch *l, struct plan *p, struct hull_error *e)
{
    int r = 0;
    if (is_v1(l->cgroup))
        r = plan_push(p, AT_INIT, STEP_CGROUP_JOIN, "linux.cgroupsPath", l->cgroup, 0, e);
    if (r == 0 && (l->cgroup->mode == CGROUP_V2 || l->cgroup->mode == CGROUP_HYBRID || l->cgroup->unit))
        r = plan_push(p, AT_HOST, STEP_CGROUP_JOIN, "linux.cgroupsPath", l->cgroup, 0, e);
    return r;
}

int cgroup_plan_limits(const struct launch *l, struct plan *p, struct hull_error *e)
{
    struct cgroup_limits *limits = arena_alloc(p->arena, sizeof(*limits));
    if (!limits)
        return error_oom(e);
    int r = limits_build(l->cgroup, p->arena, resources(l), limits, e);
    if (r < 0 || limits->n == 0)
        return r;
    if (l->cgroup->disabled) {
        log_warning(l->log, "cgroups are disabled: linux.resources is left out");
        return 0;
    }
    return plan_push(p, AT_HOST, STEP_CGROUP_LIMITS, "linux.resources", limits, 0, e);
}

int cgroup_plan_devices(const struct launch *l, struct plan *p, struct hull_error *e)
{
    const bool done = is_v1(l->cgroup) && !l->cgroup->unit;
    return done || !wants_devices(l) || devices_late(l) ? 0 : plan_filter(l, p, e);
}

int cgroup_plan_devices_late(const struct launch *l, struct plan *p, struct hull_error *e)
{
    return wants_devices(l) && devices_late(l) ? plan_filter(l, p, e) : 0;
}

/* --------------------------------------------------------------------------------------- create */

static int check_empty(const struct cgroup *cg, const struct cgroup_dir *d, struct hull_error *e)
{
    _cleanup_arena_ struct arena tmp = {0};
    const struct cgroup one = {
        .mode = cg->mode, .ops = cg->ops, .v = (struct cgroup_dir *)d, .n = 1, .arena = &tmp};
    pid_t *pids;
    size_t n;
    int r = cgroup_pids(&one, true, &tmp, &pids, &n, e);
    if (r < 0)
        return error_prefix(e, "unable to get cgroup PIDs");
    if (n > 0)
        return error_set(e, HULL_E_STATE, "container's cgroup is not empty: %zu process(es) found",
                         n);
    return 0;
}

int cgroup_check_unused(const struct cgroup *cg, struct hull_error *e)
{
    const struct cgroup_dir *freezer = cgroup_find(cg, cg->mode == CGROUP_V2 ? "" : "freezer");
    for (size_t i = 0; i < cg->n; i++) {
        const struct cgroup_dir *d = &cg->v[i];
        /* As in runc: one hierarchy of v1 (devices) and the v2 one stand for all. */
        if (d->made > 0 || d->missing || (*d->names && d != cgroup_find(cg, "devices")))
            continue;
        int r = check_empty(cg, d, e);
        if (r < 0)
            return r;
    }
    bool frozen = false;
    if (freezer && freezer->made == 0 && !freezer->missing) {
        int r = cg->ops->is_frozen(cg, &frozen, e);
        if (r < 0)
            return error_prefix(e, "unable to get cgroup freezer state");
    }
    return frozen ? error_set(e, HULL_E_STATE, "container's cgroup unexpectedly frozen") : 0;
}

static void warn_without_cgroup(const struct launch *l)
{
    for (size_t i = 0; i < l->cgroup->n; i++)
        if (!l->cgroup->v[i].missing)
            return;
    if (launch_private_pid(l))
        return;
    log_warning(l->log,
                "Creating a rootless container with no cgroup and no private pid namespace. "
                "Such configuration is strongly discouraged (as it is impossible to properly "
                "kill all container's processes) and will result in an error in a future "
                "version.");
}

int cgroup_step_create(struct launch *l, const struct step *s, struct hull_error *e)
{
    struct cgroup *cg = l->cgroup;
    int r = cgroup_locate(cg, e);
    if (r == 0)
        r = cg->unit ? unit_prepare(l, e) : cg->ops->create(cg, resources(l), e);
    if (r == 0)
        r = cgroup_delegate(l, cg->entry.clone_fd, e);
    if (r == 0) {
        warn_without_cgroup(l);
        return 0;
    }
    struct hull_error ignored;
    (void)cgroup_step_create_undo(l, s, &ignored);
    /* runc finds these two before it applies anything, so its words have no prefix. */
    if (e->code == HULL_E_STATE && strncmp(e->text, "container's cgroup ", 19) == 0)
        return -e->code;
    return error_prefix(e, "unable to apply cgroup configuration");
}

int cgroup_step_create_undo(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    struct cgroup *cg = l->cgroup;
    int r = 0;
    if (cg->unit && cg->unit->queued) {
        cg->unit->signal_fd = -1;   /* what has interrupted us must not interrupt this too */
        r = unit_stop(cg, e);
        cg->unit->queued = false;
    }
    cgroup_close(cg);
    /* Without a pid namespace of its own what hooks have left behind in it did not end with init. */
    const struct cgroup_dir *members = cg->n > 0 ? cgroup_members(cg) : NULL;
    if (members && members->made > 0 && !launch_private_pid(l))
        cgroup_end_all(cg);
    for (size_t i = cg->n; i-- > 0;)
        cgroup_tree_unmake(&cg->v[i]);
    return r;
}

void cgroup_step_create_print(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    (void)s;
    const struct cgroup_unit *u = l->cgroup->unit;
    if (u) {
        snprintf(buf, len, "connect to the %s's systemd, for %s in %s", u->user ? "user" : "system",
                 u->name, u->slice);
        return;
    }
    static const char *const modes[] = {"none", "v1", "hybrid", "v2"};
    snprintf(buf, len, "%s %s%s", modes[l->cgroup->mode], l->cgroup->path,
             *l->cgroup->path == '/' ? "" : " (relative)");
}

/* ----------------------------------------------------------------------------------------- join */

int cgroup_step_join(struct launch *l, const struct step *s, struct hull_error *e)
{
    struct cgroup *cg = l->cgroup;
    int r;
    if (s->where == AT_INIT) {
        r = cgroup_enter(&cg->entry, e);
        cgroup_close(cg);
    } else {
        r = cg->unit ? unit_start(l, e)
                     : cgroup_enter_host(cg, &cg->entry, l->init_pid, 0, NULL, e);
    }
    if (r < 0 && s->where == AT_HOST && unit_forgives(l, r, e))
        return 0;
    return r < 0 ? error_prefix(e, "unable to apply cgroup configuration") : 0;
}

void cgroup_step_join_print(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    const struct cgroup_unit *u = l->cgroup->unit;
    if (u && s->where == AT_HOST)
        snprintf(buf, len, "StartTransientUnit %s, wait for its job", u->name);
    else
        snprintf(buf, len, "%s", s->where == AT_INIT ? "v1: init moves itself"
                                                     : "v2: unless cloned into it");
}

/*
 * ------------------------------------------------------------------------------- limits, devices
 */

int cgroup_step_limits(struct launch *l, const struct step *s, struct hull_error *e)
{
    int r = limits_apply(l->cgroup, s->arg, LIMIT_EARLY, 0, e);
    return r < 0 && unit_forgives(l, r, e) ? 0 : r;
}

void cgroup_step_limits_print(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    (void)l;
    const struct cgroup_limits *limits = s->arg;
    size_t n = 0;
    if (len)
        buf[0] = '\0';
    for (size_t i = 0; i < limits->n && n < len; i++)
        n += (size_t)snprintf(buf + n, len - n, "%s%s=%.*s", i ? " " : "", limits->v[i].file,
                              (int)strcspn(limits->v[i].value, "\n"), limits->v[i].value);
}

int cgroup_step_devices(struct launch *l, const struct step *s, struct hull_error *e)
{
    const struct cgroup_unit *u = l->cgroup->unit;
    int r = u && !u->devices ? unit_set_devices(l->cgroup, s->arg, e) : 0;
    if (r == 0)
        r = l->cgroup->ops->devices(l->cgroup, s->arg, e);
    if (r == 0 || unit_forgives(l, r, e))
        return 0;
    if (l->rootless_cgroup || l->host->in_userns) {
        log_debug(l->log, "device rules are not applied: %s", e->text);
        *e = (struct hull_error){0};
        return 0;
    }
    return error_prefix(e, "error setting cgroup config for linux.resources.devices");
}

void cgroup_step_devices_print(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    (void)l;
    const struct device_filter *f = s->arg;
    snprintf(buf, len, "%s all but %zu exceptions", f->default_allow ? "allow" : "deny", f->n);
}

/*
 * ---------------------------------------------------------------------------------------- update
 */

void cgroup_update_undo(const struct cgroup *cg, const struct cgroup_limits *old)
{
    struct hull_error e = {0};
    int r = cg->unit ? unit_set_back(cg, &e) : 0;
    if (r == 0 && old->n > 0)
        r = limits_apply(cg, old, 0, 0, &e);
    if (r < 0)
        log_warning(cg->log,
                    "Setting back cgroup configs failed due to error: %s, the stored state and "
                    "actual configs might be inconsistent.",
                    e.text);
}

/*
 * For systemd a weight ends an idle group (252: CPUWeight=0). One before 252 does not know of idle
 * groups, and the kernel takes no weight for one.
 */
static int end_idle(const struct cgroup *cg, const struct oci_resources *r, struct hull_error *e)
{
    struct cgroup_limits list = {.arena = cg->arena};
    bool weight = r->cpu && r->cpu->shares.set && r->cpu->shares.v;
    bool idle = r->cpu && r->cpu->idle.set;
    for (size_t i = 0; i < r->unified.n; i++) {
        weight |= strcmp(r->unified.v[i].key, "cpu.weight") == 0;
        idle |= strcmp(r->unified.v[i].key, "cpu.idle") == 0;
    }
    if (!weight || idle || cg->mode != CGROUP_V2)
        return 0;
    int err = limits_add(&list, "linux.resources.cpu.idle", "cpu", "cpu.idle", LIMIT_OPTIONAL, e, "0");
    return err < 0 ? err : limits_apply(cg, &list, 0, 0, e);
}

int cgroup_update(const struct cgroup *cg, const struct oci_resources *r,
                  const struct cgroup_limits **ret_old, struct hull_error *e)
{
    struct cgroup_limits limits, *old = arena_alloc(cg->arena, sizeof(*old));
    if (!old)
        return error_oom(e);
    int err = cg->unit ? unit_resources(cg->arena, r, &r, e) : 0;
    if (err == 0)
        err = limits_build(cg, cg->arena, r, &limits, e);
    /* At create the kernel's default is that already. */
    if (err == 0 && is_v1(cg) && r->memory && r->memory->disableOOMKiller.set &&
        !r->memory->disableOOMKiller.v)
        err = limits_add(&limits, "linux.resources.memory.disableOOMKiller", "memory",
                         "memory.oom_control", 0, e, "0");
    if (err == 0)
        err = limits_save(cg, &limits, old, e);
    /* systemd first: what it does not know is then written over. */
    if (err == 0 && cg->unit)
        err = limits_check(cg, &limits, e);
    if (err == 0 && cg->unit)
        err = unit_set_resources(cg, r, e);
    if (err < 0)
        return err;
    err = cg->unit ? end_idle(cg, r, e) : 0;
    if (err == 0)
        err = limits_apply(cg, &limits, 0, 0, e);
    if (err < 0)
        cgroup_update_undo(cg, old);
    else if (ret_old)
        *ret_old = old;
    return err;
}
