/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * See ns.h. Order of joining: everything that the current credentials allow first, then the user
 * namespace, then what was refused before it: a network namespace that the joined user namespace
 * does not own must be entered before, one that it owns may need its rights. The mount namespace is
 * joined last, as paths change their meaning with it.
 */
#include "ns/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <string.h>
#include <sys/ioctl.h>
#include "base/fd.h"
#include "base/sys.h"

static const struct { const char *name, *file; uint64_t flag; } types[NS_COUNT] = {
    [NS_MOUNT] = {"mount", "mnt", CLONE_NEWNS},       [NS_UTS] = {"uts", "uts", CLONE_NEWUTS},
    [NS_IPC] = {"ipc", "ipc", CLONE_NEWIPC},          [NS_USER] = {"user", "user", CLONE_NEWUSER},
    [NS_PID] = {"pid", "pid", CLONE_NEWPID},          [NS_NET] = {"network", "net", CLONE_NEWNET},
    [NS_CGROUP] = {"cgroup", "cgroup", CLONE_NEWCGROUP}, [NS_TIME] = {"time", "time", CLONE_NEWTIME},
};

const char *ns_name(enum ns_type t)
{
    return types[t].name;
}

const char *ns_file(enum ns_type t)
{
    return types[t].file;
}

uint64_t ns_flag(enum ns_type t)
{
    return types[t].flag;
}

int ns_type_of(const char *name)
{
    for (int i = 0; i < NS_COUNT; i++)
        if (strcmp(types[i].name, name) == 0)
            return i;
    return -1;
}

int ns_resolve(struct launch *l, struct hull_error *e)
{
    const struct oci_linux *lin = l->config->linux_;
    for (size_t i = 0; i < lin->namespaces.n; i++) {
        const struct oci_namespace *n = &lin->namespaces.v[i];
        int t = ns_type_of(n->type);
        if (t < 0)
            return error_at(e, "linux.namespaces", HULL_E_CONFIG,
                            "linux.namespaces[%zu].type: namespace %s does not exist", i, n->type);
        if (l->has_ns[t])
            return error_at(e, "linux.namespaces", HULL_E_CONFIG,
                            "linux.namespaces[%zu].type: namespace %s is listed twice", i, n->type);
        l->has_ns[t] = true;
        l->ns_path[t] = n->path && *n->path ? n->path : NULL;
    }
    return 0;
}

uint64_t ns_clone_flags(const struct launch *l)
{
    uint64_t flags = 0;
    for (int t = 0; t < NS_COUNT; t++)
        if (l->has_ns[t] && !l->ns_path[t])
            flags |= types[t].flag;
    /* The new time namespace is unshared, as clone3 has no room for its offsets; the cgroup
     * namespace has to wait until init is in its cgroup (run/clone.c). */
    return flags & ~(uint64_t)(CLONE_NEWTIME | CLONE_NEWCGROUP);
}

int ns_open_paths(struct launch *l, struct hull_error *e)
{
    for (int t = 0; t < NS_COUNT; t++) {
        if (!l->ns_path[t])
            continue;
        _cleanup_close_ int fd = openat(AT_FDCWD, l->ns_path[t], O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
            return error_at(e, "linux.namespaces", errno,
                            "failed to open %s namespace path %s", types[t].name, l->ns_path[t]);
        int type = ioctl(fd, NS_GET_NSTYPE);
        if (type < 0 || (uint64_t)(unsigned)type != types[t].flag)
            return error_at(e, "linux.namespaces", HULL_E_CONFIG,
                            "namespace path %s is not a %s namespace", l->ns_path[t],
                            types[t].name);
        l->ns_fd[t] = TAKE_FD(fd);
    }
    return 0;
}

static int join(struct launch *l, int t)
{
    if (setns(l->ns_fd[t], (int)types[t].flag) < 0)
        return -errno;
    fd_close(&l->ns_fd[t]);
    return 0;
}

int ns_join_paths(struct launch *l, bool with_user, struct hull_error *e)
{
    static const enum ns_type order[] = {NS_NET, NS_IPC, NS_UTS, NS_CGROUP, NS_MOUNT};
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT_OF(order); i++) {
            int t = order[i];
            /* Mount last, and after the user namespace, whose files are host paths. */
            if (l->ns_fd[t] < 0 || (t == NS_MOUNT && round == 0 && with_user && l->ns_fd[NS_USER] >= 0))
                continue;
            int r = join(l, t);
            if (r == -EPERM && round == 0 && with_user && l->ns_fd[NS_USER] >= 0)
                continue;
            if (r < 0)
                return error_at(e, "linux.namespaces", -r, "failed to setns into %s namespace %s",
                                types[t].name, l->ns_path[t] ? l->ns_path[t] : "");
        }
        if (round == 0 && with_user && l->ns_fd[NS_USER] >= 0) {
            int r = join(l, NS_USER);
            if (r < 0)
                return error_at(e, "linux.namespaces", -r, "failed to setns into user namespace %s",
                                l->ns_path[NS_USER] ? l->ns_path[NS_USER] : "");
        }
    }
    return 0;
}

int ns_step_join(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    return ns_join_paths(l, false, e);
}

int ns_step_unshare(struct launch *l, const struct step *s, struct hull_error *e)
{
    if (s->index == NS_TIME)
        return timens_unshare(l, e);
    if (s->index == NS_CGROUP && l->cgroup_ns_cloned)
        return 0;
    if (unshare((int)types[s->index].flag) < 0)
        return error_at(e, "linux.namespaces", errno, "failed to unshare %s namespace",
                        types[s->index].name);
    return 0;
}
