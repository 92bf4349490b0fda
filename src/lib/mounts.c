/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * hull_mounts: the plan of plan/build_mounts.c for the stored configuration with the mounts of the file
 * in the place of its own. X joins every namespace, since a new procfs, sysfs or mqueue shows those of
 * whoever mounts it; but the pid namespace, where processes of the container could see X, only for a
 * procfs.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/fd.h"
#include "base/sys.h"
#include "lib/runtime.h"
#include "lib/start_common.h"
#include "oci/load.h"
#include "oci/validate.h"
#include "plan/plan.h"
#include "run/run.h"

static bool has_type(const struct oci_config *c, const char *type)
{
    for (size_t i = 0; i < c->mounts.n; i++)
        if (c->mounts.v[i].type && strcmp(c->mounts.v[i].type, type) == 0)
            return true;
    return false;
}

/* The stored configuration with other mounts; its root is not what is made read-only. */
static int load(struct job *j, struct container *c, const char *file, bool remove, struct hull_error *e)
{
    static struct oci_root root = {.path = (char *)"/"};
    struct oci_config *config;
    int r = container_config(c, j->launch.log, &config, e);
    if (r == 0)
        r = oci_mounts_load(file, &c->arena, j->launch.log, config, e);
    if (r < 0)
        return r;
    config->root = &root;
    j->launch.config = config;
    r = remove ? 0 : oci_validate_mounts(config, NULL, e);
    if (r == 0 && j->launch.host->euid != 0)
        r = oci_validate_rootless(config, e);
    return r;
}

static int join(struct launch *l, const struct container *c, bool remove, struct hull_error *e)
{
    l->join_pid = c->state->init_process_pid;
    l->join_pidfd = container_pidfd(c, e);
    if (l->join_pidfd < 0)
        return -e->code;
    int r = launch_join(l, c, e);
    if (r < 0)
        return r;
    if (!l->has_ns[NS_MOUNT])
        return error_set(e, HULL_E_UNSUPPORTED, "the container has no mount namespace of its own");
    if (remove || !has_type(l->config, "proc"))
        l->join_flags &= ~(unsigned)CLONE_NEWPID;
    if (l->has_ns[NS_USER])
        l->ns_path[NS_USER] = arena_printf(l->arena, "/proc/%d/ns/user", (int)l->join_pid);
    return 0;
}

static int prepare(hull_runtime *rt, struct job *j, struct container *c, const char *file, bool remove,
                   struct hull_error *e)
{
    struct launch *l = &j->launch;
    j->log = rt->log;
    l->log = &j->log;
    l->arena = j->plan.arena = &j->arena;
    l->options = &j->options;
    l->running = true;
    l->before_change = sync_before_change;
    l->rootfs = "/";
    l->bundle = c->state->bundle;
    l->cgroup = c->cgroup;
    int r = runtime_launch(rt, l, c->state->id, e);
    if (r == 0)
        r = load(j, c, file, remove, e);
    if (r == 0)
        r = join(l, c, remove, e);
    return r < 0 ? r : plan_build_mounts(l, &j->plan, remove, e);
}

static int execute(struct job *j, struct hull_error *e)
{
    struct launch *l = &j->launch;
    size_t done = 0;
    int r = launch_before_join(l, e);
    if (r < 0)
        return r;
    r = plan_execute(l, &j->plan, AT_HOST, &done, e);
    if (r < 0)
        sync_prefer_init_error(l, e);
    plan_rollback(l, &j->plan, done); /* X has done all it has to */
    return r;
}

int hull_mounts(hull_runtime *rt, const char *id, enum hull_mounts_change change, const char *file,
                struct hull_error *e)
{
    _cleanup_container_ struct container c = CONTAINER_INIT;
    struct cgroup_entry none = {.clone_fd = -1}; /* X stays in our cgroup: it may be frozen */
    struct job j;
    sigset_t mask;
    if (change != HULL_MOUNTS_ADD && change != HULL_MOUNTS_REMOVE)
        return error_set(e, EINVAL, "neither add nor remove");
    if (sigprocmask(SIG_SETMASK, NULL, &mask) < 0)
        return error_set(e, errno, "sigprocmask");
    job_init(&j);
    j.launch.entry = &none;
    int r = container_open(rt, id, STATE_PATIENCE, &c, e);
    if (r == 0 && (c.status == STATUS_STOPPED || c.status == STATUS_CREATING))
        r = error_set(e, HULL_E_STATE, "container not running");
    if (r == 0)
        r = prepare(rt, &j, &c, file, change == HULL_MOUNTS_REMOVE, e);
    if (r == 0)
        r = execute(&j, e);
    j.launch.cgroup = NULL; /* the container's */
    job_close(&j);
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    return r;
}
