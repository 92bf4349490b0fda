/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: how a process gets into the cgroup. v2: clone3 with CLONE_INTO_CGROUP; v1:
 * the new process writes "0" to the "tasks" files that P opened (see cgroup.h; the kernel checks
 * the rights of the opener, so it works from inside a new user namespace too). Only where the clone
 * into v2 is refused P writes the pid to cgroup.procs.
 *
 * exec follows init on v2: a container that delegates to itself moves init to a cgroup of its own,
 * after which the recorded one takes no processes (EBUSY, it passes controllers on) or is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/fd.h"
#include "base/path.h"
#include "cgroup/file.h"
#include "cgroup/ops.h"
#include "cgroup/unit.h"
#include "host/hierarchy.h"

/* ------------------------------------------------------------------------------- exec --cgroup */

/* Each controller may be named once, and must be the container's. */
static int check_controllers(const struct cgroup *cg, char *const *subs, struct hull_error *e)
{
    for (char *const *s = subs; *s; s++) {
        const char *colon = strchr(*s, ':');
        if (!colon) {
            if (subs[1])
                return error_set(e, HULL_E_CONFIG,
                                 "invalid --cgroup argument: %s (missing <controller>: prefix)",
                                 *s);
            continue;
        }
        for (const char *p = *s;; p++) {
            char name[64];
            size_t len = strcspn(p, ",:");
            if (len == 0)
                return error_set(e, HULL_E_CONFIG,
                                 "invalid --cgroup argument: %s (empty <controller> prefix)", *s);
            snprintf(name, sizeof(name), "%.*s", (int)len, p);
            if (cg->mode == CGROUP_V2 || !cgroup_find(cg, name))
                return error_set(e, HULL_E_CONFIG, "unknown controller %s in SubCgroupPaths", name);
            p += len;
            if (*p == ':')
                break;
        }
    }
    return 0;
}

static bool names_one_of(const char *sub, const char *names)
{
    for (const char *p = sub;; p++) {
        char name[64];
        size_t len = strcspn(p, ",:");
        snprintf(name, sizeof(name), "%.*s", (int)len, p);
        if (host_hierarchy_has(names, name))
            return true;
        p += len;
        if (*p != ',')
            return false;
    }
}

int cgroup_sub_for(struct arena *a, const struct cgroup *cg, char *const *subs, const char *names,
                   const char **ret, struct hull_error *e)
{
    const char *found = NULL;
    (void)cg;
    for (char *const *s = subs; s && *s; s++) {
        const char *colon = strchr(*s, ':');
        if (colon && !names_one_of(*s, names))
            continue;
        const char *path = colon ? colon + 1 : *s;
        if (found && strcmp(found, path) != 0)
            return error_set(e, HULL_E_CONFIG,
                             "invalid --cgroup argument(s): controller %s specified "
                             "multiple times",
                             names);
        found = path;
    }
    if (!found) {
        *ret = NULL;
        return 0;
    }
    /*
     * Go's path.Join(base, sub) must stay below base; the resolution by fd would refuse ".." too.
     */
    const char *p = found;
    long depth = 0;
    while (*p) {
        size_t len = strcspn(p, "/");
        if (len == 2 && p[0] == '.' && p[1] == '.')
            depth--;
        else if (len && !(len == 1 && p[0] == '.'))
            depth++;
        if (depth < 0)
            return error_set(e, HULL_E_CONFIG, "bad sub cgroup path: %s", found);
        p += len + (p[len] == '/');
    }
    char *full = arena_printf(a, "/%s", found);
    char *clean = full ? path_clean(a, full) : NULL;
    if (!clean)
        return error_oom(e);
    *ret = clean + 1;
    return 0;
}

/* -------------------------------------------------------------------------------------- entries */

static const char *join_rel(struct arena *a, const char *rel, const char *sub)
{
    return sub && *sub ? arena_printf(a, "%s/%s", rel, sub) : rel;
}

/* The v2 cgroup that init is in now, or -errno. */
static int open_init_cgroup(const struct cgroup *cg, pid_t init_pid, struct arena *a)
{
    struct host_hierarchies list;
    struct hull_error ignored;
    if (init_pid <= 0 || cg->mode != CGROUP_V2 ||
        host_hierarchies_read(a, cg->fs_root, init_pid, &list, &ignored) < 0)
        return -ENOENT;
    for (size_t i = 0; i < list.n; i++) {
        const struct host_hierarchy *h = &list.v[i];
        const struct cgroup_dir d = {.names = "", .root = cg->fs_root, .rel = h->own + 1};
        if (!*h->names && strncmp(h->own, "/..", 3) != 0)
            return cgroup_dir_open(&d);
    }
    return -ENOENT;
}

static int open_one(const struct cgroup *cg, const struct cgroup_dir *d, pid_t init_pid,
                    const char *sub, struct arena *a, struct cgroup_entry *entry,
                    struct hull_error *e)
{
    const char *rel = join_rel(a, d->rel, sub);
    if (!rel)
        return error_oom(e);
    _cleanup_close_ int dir = cgroup_dir_open_rel(d, rel);
    if (dir < 0 && !*d->names && !sub) {
        int other = open_init_cgroup(cg, init_pid, a);
        if (other >= 0)
            dir = other;
    }
    int fd = dir < 0 ? dir : *d->names ? cgroup_file_open(dir, "tasks", O_WRONLY) : TAKE_FD(dir);
    if (fd < 0)
        return error_set(e, -fd, "openat2 %s/%s/cgroup.procs", d->root, rel);
    if (*d->names)
        entry->tasks[entry->n_tasks++] = fd;
    else
        entry->clone_fd = fd;
    return 0;
}

int cgroup_open_entry(const struct cgroup *cg, pid_t init_pid, char *const *subs,
                      struct cgroup_entry *ret, struct hull_error *e)
{
    _cleanup_arena_ struct arena tmp = {0};
    struct cgroup_entry entry = {.clone_fd = -1};
    int r = subs ? check_controllers(cg, subs, e) : 0;
    for (size_t i = 0; r == 0 && i < cg->n; i++) {
        const struct cgroup_dir *d = &cg->v[i];
        const char *sub;
        r = cgroup_sub_for(&tmp, cg, subs, d->names, &sub, e);
        if (r < 0)
            break;
        r = open_one(cg, d, init_pid, sub, &tmp, &entry, e);
        if (r == 0)
            continue;
        /* The named and hybrid's v2 hierarchy limit nothing; rootless: what can't be, can't be. */
        bool optional = cg->mode != CGROUP_V2 && !*d->names;
        if (cg->rootless || (optional && !sub)) {
            log_debug(cg->log, "not joining a cgroup: %s", e->text);
            *e = (struct hull_error){0};
            r = 0;
        } else {
            r = error_prefix(e, "error adding pid %d to cgroups", (int)getpid());
        }
    }
    if (r < 0) {
        cgroup_entry_close(&entry);
        return r;
    }
    *ret = entry;
    return 0;
}

int cgroup_enter(const struct cgroup_entry *entry, struct hull_error *e)
{
    for (size_t i = 0; i < entry->n_tasks; i++) {
        ssize_t n;
        do
            n = write(entry->tasks[i], "0", 1);
        while (n < 0 && errno == EINTR);
        if (n < 0) {
            char link[64], name[256] = "tasks";
            int err = errno;
            snprintf(link, sizeof(link), "/proc/self/fd/%d", entry->tasks[i]);
            ssize_t len = readlink(link, name, sizeof(name) - 1);
            if (len > 0)
                name[len] = '\0';
            return error_set(e, err, "failed to write 0: write %s", name);
        }
    }
    return 0;
}

/* EINVAL may mean that the process is too new to be moved (TASK_NEW). */
static int write_pid(int dirfd, pid_t pid)
{
    char text[16];
    snprintf(text, sizeof(text), "%d", (int)pid);
    for (int tries = 0;; tries++) {
        int r = cgroup_file_write(dirfd, "cgroup.procs", text);
        if (r != -EINVAL || tries == 4)
            return r;
        nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
    }
}

int cgroup_enter_host(const struct cgroup *cg, const struct cgroup_entry *entry, pid_t pid,
                      pid_t init_pid, char *const *subs, struct hull_error *e)
{
    if (entry->cloned_into || entry->clone_fd < 0)
        return 0;
    int r = write_pid(entry->clone_fd, pid);
    if (r < 0 && !(subs && *subs) && init_pid > 0) {
        _cleanup_arena_ struct arena tmp = {0};
        _cleanup_close_ int other = open_init_cgroup(cg, init_pid, &tmp);
        if (other >= 0 && write_pid(other, pid) == 0)
            r = 0;
    }
    /* Who may not move a process across cgroups that are not all his: his systemd may. */
    if ((r == -EACCES || r == -EPERM) && cg->unit && cg->mode == CGROUP_V2) {
        _cleanup_arena_ struct arena tmp = {0};
        const char *sub = NULL;
        r = cgroup_sub_for(&tmp, cg, subs, "", &sub, e);
        if (r == 0)
            r = unit_attach(cg, sub, pid, e);
        return r < 0 ? error_prefix(e, "error adding pid %d to cgroups", (int)pid) : 0;
    }
    /* Hybrid's v2 hierarchy limits nothing. */
    if (r == 0 || cg->rootless || cg->mode == CGROUP_HYBRID)
        return 0;
    return error_set(e, -r, "error adding pid %d to cgroups: failed to write %d", (int)pid,
                     (int)pid);
}
