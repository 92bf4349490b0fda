/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: cgroup v1 has one hierarchy per controller (or group of them), mounted below
 * /sys/fs/cgroup. P makes the same path in each, gives cpuset directories the values without which
 * nothing can join, and opens "tasks" for init (see cgroup.h). On hybrid hosts the v2 hierarchy,
 * which has no controllers there, is joined too: for cgroup.kill and for those who look there.
 *
 * The named hierarchies and the v2 one are best effort: nothing is limited by them.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/fd.h"
#include "cgroup/devices.h"
#include "cgroup/file.h"
#include "cgroup/limits.h"
#include "cgroup/ops.h"
#include "cgroup/tree.h"
#include "host/hierarchy.h"

static const char *const controllers[] = {
    "cpuset", "devices", "memory", "cpu", "cpuacct", "pids", "blkio", "hugetlb", "net_cls",
    "net_prio", "perf_event", "freezer", "rdma", "name=systemd", "misc",
};

static bool is_known(const char *names)
{
    for (size_t i = 0; i < COUNT_OF(controllers); i++)
        if (host_hierarchy_has(names, controllers[i]))
            return true;
    return false;
}

static bool is_best_effort(const char *names)
{
    return !*names || strcmp(names, "misc") == 0 || strncmp(names, "name=", 5) == 0;
}

static int locate(struct cgroup *cg, struct hull_error *e)
{
    struct host_hierarchies list;
    int r = host_hierarchies_read(cg->arena, cg->fs_root, 0, &list, e);
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        const struct host_hierarchy *h = &list.v[i];
        bool v2 = !*h->names;
        if (!h->root || (v2 ? cg->mode != CGROUP_HYBRID : !is_known(h->names)))
            continue;
        const char *rel = cg->path, *own = "";
        if (*rel == '/') {
            rel++;
        } else if (!v2) {
            r = host_hierarchy_own_below_root(cg->arena, h, &own, e);
            rel = arena_printf(cg->arena, "%s%s%s", own, *own ? "/" : "", cg->path);
            if (r == 0 && !rel)
                r = error_oom(e);
        }
        if (r == 0)
            r = cgroup_add_dir(cg, h->names, h->root, rel, e);
    }
    if (r < 0)
        return r;
    /* A container without device rules is an open door, so this one must be there. */
    if (!cgroup_find(cg, "devices") && !cg->rootless)
        return error_set(e, HULL_E_UNSUPPORTED, "mountpoint for devices not found");
    return 0;
}

/*
 * ---------------------------------------------------------------------------------------- create
 */

static int copy_if_empty(int parent, int fd, const char *name, const char *plain)
{
    char buf[4096];
    ssize_t n = cgroup_file_read(fd, name, buf, sizeof(buf));
    if (n == -ENOENT)
        n = cgroup_file_read(fd, name = plain, buf, sizeof(buf));
    if (n < 0)
        return (int)n;
    if (n > 0 && buf[0] != '\n')
        return 0;
    n = cgroup_file_read(parent, name, buf, sizeof(buf));
    if (n < 0)
        return (int)n;
    return cgroup_file_write(fd, name, buf);
}

/* An empty cpuset refuses processes with ENOSPC, and children can't have more than their parent. */
static int cpuset_inherit(int parent, int fd, const struct cgroup_dir *d, struct hull_error *e)
{
    int r = copy_if_empty(parent, fd, "cpuset.cpus", "cpus");
    if (r == 0)
        r = copy_if_empty(parent, fd, "cpuset.mems", "mems");
    return r < 0 ? error_set(e, -r, "unable to inherit cpuset.cpus and cpuset.mems in %s", d->dir)
                 : 0;
}

/*
 * The leaf comes later: copying could collide with cpuset.cpu_exclusive where the config has
 * values.
 */
static int visit_cpuset(void *arg, int parent, int fd, bool made, bool leaf, struct hull_error *e)
{
    (void)made;
    return leaf ? 0 : cpuset_inherit(parent, fd, arg, e);
}

static int fill_cpuset(const struct cgroup_dir *d, struct hull_error *e)
{
    const char *name;
    _cleanup_close_ int parent = cgroup_dir_open_parent(d, &name);
    _cleanup_close_ int fd = cgroup_dir_open(d);
    if (parent < 0 || fd < 0)
        return error_set(e, parent < 0 ? -parent : -fd, "open %s", d->dir);
    return cpuset_inherit(parent, fd, d, e);
}

static int create_one(struct cgroup *cg, struct cgroup_dir *d, struct hull_error *e)
{
    bool cpuset = host_hierarchy_has(d->names, "cpuset");
    _cleanup_close_ int fd = cgroup_tree_make(d, cpuset ? visit_cpuset : NULL, d, e);
    if (fd < 0)
        return fd;
    if (!*d->names) {
        cg->entry.clone_fd = TAKE_FD(fd);
        return 0;
    }
    int tasks = cgroup_file_open(fd, "tasks", O_WRONLY);
    if (tasks < 0)
        return error_set(e, -tasks, "open %s/tasks", d->dir);
    cg->entry.tasks[cg->entry.n_tasks++] = tasks;
    return 0;
}

static int create(struct cgroup *cg, const struct oci_resources *res, struct hull_error *e)
{
    struct cgroup_limits limits;
    int r = limits_build(cg, cg->arena, res, &limits, e);
    for (size_t i = 0; r == 0 && i < cg->n; i++) {
        struct cgroup_dir *d = &cg->v[i];
        /* systemd keeps its own hierarchies in order itself. */
        if (cg->unit && (!*d->names || strcmp(d->names, "name=systemd") == 0))
            continue;
        r = create_one(cg, d, e);
        if (r < 0 && (cgroup_tolerates(cg, r) || is_best_effort(d->names))) {
            log_debug(cg->log, "cgroup %s is left out: %s", d->dir, e->text);
            cgroup_tree_unmake(d);
            d->missing = true;
            *e = (struct hull_error){0};
            r = 0;
        }
    }
    if (r == 0)
        r = cgroup_check_unused(cg, e);
    if (r == 0)
        r = limits_apply(cg, &limits, LIMIT_EARLY, LIMIT_EARLY, e);
    const struct cgroup_dir *cpuset = cgroup_find(cg, "cpuset");
    if (r == 0 && cpuset && !cpuset->missing)
        r = fill_cpuset(cpuset, e);
    return r;
}

static int devices(const struct cgroup *cg, const struct device_filter *f, struct hull_error *e)
{
    const struct cgroup_dir *d = cgroup_find(cg, "devices");
    if (!d || d->missing)
        return 0;
    _cleanup_close_ int fd = cgroup_dir_open(d);
    if (fd < 0)
        return error_set(e, -fd, "open %s", d->dir);
    return devices_v1_apply(fd, d->dir, f, cg->arena, e);
}

/*
 * ---------------------------------------------------------------------------------------- freezer
 */

enum freezer_state { THAWED, FREEZING, FROZEN };

static int read_state(int fd, enum freezer_state *ret)
{
    char buf[32];
    ssize_t n = cgroup_file_read(fd, "freezer.state", buf, sizeof(buf));
    if (n < 0)
        return (int)n;
    *ret = strcmp(buf, "THAWED\n") == 0 ? THAWED : strcmp(buf, "FROZEN\n") == 0 ? FROZEN : FREEZING;
    return 0;
}

static void pause_us(long us)
{
    nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

/*
 * While processes are forked or join, FREEZING may never become FROZEN by itself: the state is
 * written again, and now and then all is thawed for a moment, which lets forks finish.
 */
static int freeze_v1(int fd)
{
    for (int i = 0; i < 1000; i++) {
        if (i % 50 == 49) {
            (void)cgroup_file_write(fd, "freezer.state", "THAWED");
            pause_us(10000);
        }
        int r = cgroup_file_write(fd, "freezer.state", "FROZEN");
        if (r < 0)
            return r;
        if (i % 25 == 24)
            pause_us(1000);
        enum freezer_state state;
        r = read_state(fd, &state);
        if (r < 0)
            return r;
        if (state == FROZEN)
            return 0;
    }
    return -EBUSY;
}

static int freeze(const struct cgroup *cg, bool frozen, struct hull_error *e)
{
    const struct cgroup_dir *d = cgroup_find(cg, "freezer");
    if (!d || d->missing)
        return error_set(e, HULL_E_STATE,
                         "cannot toggle freezer: cgroups not configured for container");
    _cleanup_close_ int fd = cgroup_dir_open(d);
    if (fd < 0)
        return error_set(e, -fd, "open %s", d->dir);
    int r = frozen ? freeze_v1(fd) : cgroup_file_write(fd, "freezer.state", "THAWED");
    if (r < 0 && frozen)
        (void)cgroup_file_write(fd, "freezer.state", "THAWED");
    if (r == -EBUSY)
        return error_set(e, HULL_E_STATE, "unable to freeze");
    return r < 0 ? error_set(e, -r, "write %s/freezer.state", d->dir) : 0;
}

static int is_frozen(const struct cgroup *cg, bool *ret, struct hull_error *e)
{
    const struct cgroup_dir *d = cgroup_find(cg, "freezer");
    if (!d || d->missing) {
        *ret = false;
        return 0;
    }
    _cleanup_close_ int fd = cgroup_dir_open(d);
    enum freezer_state state = THAWED;
    int r = fd < 0 ? fd : read_state(fd, &state);
    for (int i = 0; r == 0 && state == FREEZING && i < 100; i++) {
        pause_us(1000);
        r = read_state(fd, &state);
    }
    if (r < 0 && !cgroup_is_gone(r))
        return error_set(e, -r, "read %s/freezer.state", d->dir);
    uint64_t self = 1;
    if (r == 0 && state != THAWED)   /* it may be an ancestor that is frozen */
        (void)cgroup_file_read_u64(fd, "freezer.self_freezing", &self);
    *ret = r == 0 && state != THAWED && self != 0;
    return 0;
}

const struct cgroup_ops cgroup_fs_v1 = {
    .name = "cgroupfs",
    .locate = locate,
    .create = create,
    .devices = devices,
    .freeze = freeze,
    .is_frozen = is_frozen,
};
