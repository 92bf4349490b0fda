/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: cgroup v2 has one directory per container. On the way to it P enables all
 * controllers in each cgroup.subtree_control above, since engines expect the container to have
 * them; some can't be (delegation, threaded parents, processes in the parent), which shows when a
 * limit needs them. Init is cloned into the directory (CLONE_INTO_CGROUP, 5.7).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
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

#define CONTROLLERS_MAX 1024
#define FREEZE_TIMEOUT_MS 10000

static int locate(struct cgroup *cg, struct hull_error *e)
{
    if (*cg->path == '/')
        return cgroup_add_dir(cg, "", cg->fs_root, cg->path + 1, e);
    struct host_hierarchies list;
    int r = host_hierarchies_own(cg->arena, 0, &list, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < list.n; i++) {
        const struct host_hierarchy *h = &list.v[i];
        const char *own;
        if (*h->names)
            continue;
        struct host_hierarchy here = {.names = "", .root = cg->fs_root, .own = h->own};
        r = host_hierarchy_own_below_root(cg->arena, &here, &own, e);
        if (r < 0)
            return r;
        /* Our own has processes, so it can't pass controllers on; the one above can. */
        const char *slash = strrchr(own, '/');
        size_t len = slash ? (size_t)(slash - own) : 0;
        const char *rel = arena_printf(cg->arena, "%.*s%s%s", (int)len, own, len ? "/" : "",
                                       cg->path);
        return rel ? cgroup_add_dir(cg, "", cg->fs_root, rel, e) : error_oom(e);
    }
    return error_set(e, HULL_E_UNSUPPORTED, "cgroup path not found");
}

/*
 * ---------------------------------------------------------------------------------------- create
 */

struct creation {
    const struct cgroup_dir *dir;
    char controllers[CONTROLLERS_MAX];   /* of the hierarchy's root: "cpu io memory" */
    const struct cgroup_limits *limits;
    bool needs_domain;                   /* a limit is asked for that threaded cgroups lack */
    bool refused;                        /* a cgroup above did not take all controllers: it is no plain domain */
};

static bool has_word(const char *list, const char *word, size_t len)
{
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, " \n");
        if (n == len && memcmp(p, word, n) == 0)
            return true;
        p += n + (p[n] != '\0');
    }
    return false;
}

static bool limited(const struct creation *c, const char *controller)
{
    for (size_t i = 0; i < c->limits->n; i++)
        if (strcmp(c->limits->v[i].controller, controller) == 0)
            return true;
    return false;
}

static void enable_controllers(int fd, struct creation *c)
{
    char have[CONTROLLERS_MAX], all[2 * CONTROLLERS_MAX];
    size_t n = 0;
    if (cgroup_file_read(fd, "cgroup.subtree_control", have, sizeof(have)) < 0)
        have[0] = '\0';
    /* Reading first is as cheap as writing and spares the wait for dying cgroups below. */
    for (const char *p = c->controllers; *p;) {
        size_t len = strcspn(p, " \n");
        if (len && !has_word(have, p, len))
            n += (size_t)snprintf(all + n, sizeof(all) - n, "%s+%.*s", n ? " " : "", (int)len, p);
        p += len + (p[len] != '\0');
    }
    const int r = n == 0 ? 0 : cgroup_file_write(fd, "cgroup.subtree_control", all);
    if (r == 0)
        return;
    c->refused = true;
    /*
     * A cgroup with processes, our own in a container for example, passes on threaded controllers only,
     * and as the root of a threaded subtree from then on: not without need.
     */
    const bool populated = r == -EBUSY || r == -EOPNOTSUPP;
    char *save = NULL;
    for (char *t = strtok_r(all, " ", &save); t; t = strtok_r(NULL, " ", &save))
        if (!populated || limited(c, t + 1))
            (void)cgroup_file_write(fd, "cgroup.subtree_control", t);
}

static int visit(void *arg, int parent, int fd, bool made, bool leaf, struct hull_error *e)
{
    struct creation *c = arg;
    char type[64] = "";
    (void)parent;
    /* Directly below the root a new one is a domain. */
    if (made && leaf && !c->refused && !strchr(c->dir->rel, '/'))
        return 0;
    (void)cgroup_file_read(fd, "cgroup.type", type, sizeof(type));
    type[strcspn(type, "\n")] = '\0';
    if (strcmp(type, "domain invalid") == 0) {
        if (c->needs_domain)
            return error_set(e, HULL_E_STATE,
                             "cannot enter cgroupv2 \"%s\" with domain controllers "
                             "-- it is in an invalid state",
                             c->dir->dir);
        (void)cgroup_file_write(fd, "cgroup.type", "threaded");
    } else if (strstr(type, "threaded") && c->needs_domain) {
        return error_set(e, HULL_E_STATE, "cannot enter cgroupv2 \"%s\" with domain controllers "
                         "-- it is in %s mode", c->dir->dir, type);
    }
    if (!leaf)
        enable_controllers(fd, c);
    return 0;
}

static bool needs_domain(const struct cgroup_limits *l)
{
    static const char *const domain[] = {"memory", "io", "cpu", "hugetlb"};
    for (size_t i = 0; i < l->n; i++)
        for (size_t j = 0; j < COUNT_OF(domain); j++)
            if (!(l->v[i].flags & LIMIT_UNIFIED) && strcmp(l->v[i].controller, domain[j]) == 0)
                return true;
    return false;
}

static int create(struct cgroup *cg, const struct oci_resources *res, struct hull_error *e)
{
    struct cgroup_dir *d = &cg->v[0];
    struct cgroup_limits limits;
    struct creation c = {.dir = d, .limits = &limits};
    int r = limits_build(cg, cg->arena, res, &limits, e);
    if (r < 0)
        return r;
    c.needs_domain = needs_domain(&limits);
    _cleanup_close_ int root = openat(AT_FDCWD, d->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return error_set(e, errno, "open %s", d->root);
    ssize_t n = cgroup_file_read(root, "cgroup.controllers", c.controllers, sizeof(c.controllers));
    if (n < 0)
        return error_set(e, (int)-n, "open %s/cgroup.controllers", d->root);
    enable_controllers(root, &c);
    _cleanup_close_ int fd = cgroup_tree_make(d, visit, &c, e);
    /* A unit's cgroup was checked before systemd put init into it. */
    r = fd < 0 ? fd : cg->unit ? 0 : cgroup_check_unused(cg, e);
    if (r >= 0) {
        cg->entry.clone_fd = TAKE_FD(fd);
        return 0;
    }
    if (!cgroup_tolerates(cg, r))
        return r;
    if (limits.n > 0) {
        error_prefix(e, "rootless needs no limits + no cgrouppath when no permission is granted for cgroups");
        return cgroup_ask_delegation(cg, limits.v, limits.n, e);
    }
    cgroup_tree_unmake(d);
    d->missing = true;
    *e = (struct hull_error){0};
    return 0;
}

static int devices(const struct cgroup *cg, const struct device_filter *f, struct hull_error *e)
{
    const struct cgroup_dir *d = &cg->v[0];
    if (d->missing)
        return 0;
    /* systemd's own program stays: it would attach it anew at its next chance. */
    const bool fresh = d->made > 0 || cg->unit;
    if (cg->entry.clone_fd >= 0)
        return device_program_attach(cg->entry.clone_fd, f, fresh, cg->arena, e);
    _cleanup_close_ int fd = cgroup_dir_open(d);
    if (fd < 0)
        return error_set(e, -fd, "open %s", d->dir);
    return device_program_attach(fd, f, fresh, cg->arena, e);
}

/*
 * ---------------------------------------------------------------------------------------- freezer
 */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* cgroup.events wakes pollers when a line changes. */
static int wait_frozen(int dirfd, bool frozen)
{
    _cleanup_close_ int fd = cgroup_file_open(dirfd, "cgroup.events", O_RDONLY);
    if (fd < 0)
        return fd;
    const char *want = frozen ? "frozen 1" : "frozen 0";
    for (int64_t end = now_ms() + FREEZE_TIMEOUT_MS;;) {
        char buf[256];
        ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);
        if (n < 0)
            return -errno;
        buf[n] = '\0';
        if (strstr(buf, want))
            return 0;
        int64_t left = end - now_ms();
        if (left <= 0)
            return -ETIMEDOUT;
        struct pollfd p = {.fd = fd, .events = POLLPRI};
        if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
            return -errno;
    }
}

static int freeze(const struct cgroup *cg, bool frozen, struct hull_error *e)
{
    const struct cgroup_dir *d = &cg->v[0];
    _cleanup_close_ int fd = d->missing ? -ENOENT : cgroup_dir_open(d);
    int r = fd < 0 ? fd : cgroup_file_write(fd, "cgroup.freeze", frozen ? "1" : "0");
    if (r < 0) {
        /* Thawing what can't be frozen (before 5.2) or is gone is done already. */
        return frozen ? error_set(e, -r, "freezer not supported: open %s/cgroup.freeze", d->dir)
                      : 0;
    }
    if (!frozen)
        return 0;
    r = wait_frozen(fd, true);
    if (r == 0)
        return 0;
    (void)cgroup_file_write(fd, "cgroup.freeze", "0");
    if (r == -ETIMEDOUT)
        return error_set(e, HULL_E_STATE,
                         "timeout of 10s reached waiting for the cgroup to freeze");
    return error_set(e, -r, "read %s/cgroup.events", d->dir);
}

static int is_frozen(const struct cgroup *cg, bool *ret, struct hull_error *e)
{
    const struct cgroup_dir *d = &cg->v[0];
    uint64_t v = 0;
    _cleanup_close_ int fd = d->missing ? -ENOENT : cgroup_dir_open(d);
    int r = fd < 0 ? fd : cgroup_file_read_u64(fd, "cgroup.freeze", &v);
    if (r < 0 && !cgroup_is_gone(r))
        return error_set(e, -r, "read %s/cgroup.freeze", d->dir);
    *ret = r == 0 && v == 1;
    return 0;
}

const struct cgroup_ops cgroup_fs_v2 = {
    .name = "cgroupfs",
    .locate = locate,
    .create = create,
    .devices = devices,
    .freeze = freeze,
    .is_frozen = is_frozen,
};
