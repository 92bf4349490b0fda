/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * CRIU dumps the mounts of the container but those that are declared external, each by a key: the
 * mount point in the container at the dump; and at the restore the same key says what to bind there.
 * Both sides compute the keys from the configuration, as runc does, so that images of either can be
 * restored by the other. A link in the destination is resolved in the rootfs; what does not exist
 * there (below another mount) stays as it is written.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "host/hierarchy.h"
#include "ns/ns.h"
#include "oci/mount.h"
#include "run/restore.h"

static const char *const default_devices[] = {
    "/dev/null", "/dev/random", "/dev/full", "/dev/tty", "/dev/zero", "/dev/urandom",
};

static bool is_bind(const struct oci_mount *m)
{
    return (m->type && strcmp(m->type, "bind") == 0) || oci_mount_is_bind(m);
}

static bool has_cgroup_ns(const struct oci_config *c)
{
    for (size_t i = 0; i < c->linux_->namespaces.n; i++)
        if (strcmp(c->linux_->namespaces.v[i].type, "cgroup") == 0)
            return true;
    return false;
}

/* The path of fd below the root. */
static char *path_below(const struct external_source *s, int fd)
{
    char link[32], full[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, full, sizeof(full) - 1);
    const size_t root = strlen(s->rootfs);
    if (n < 0 || (size_t)n < root)
        return NULL;
    full[n] = '\0';
    return arena_strdup(s->arena, full + (strcmp(s->rootfs, "/") == 0 ? 0 : root));
}

/* The destination with the links of the rootfs resolved as far as it exists. NULL: out of memory. */
static const char *resolve(const struct external_source *s, int root, const char *dest)
{
    char *absolute = arena_printf(s->arena, "/%s", dest);
    char *path = absolute ? path_clean(s->arena, absolute) : NULL;
    char *head = path ? arena_strdup(s->arena, path) : NULL;
    for (char *slash; head && (slash = strrchr(head, '/')) && *head; *slash = '\0') {
        _cleanup_close_ int fd = path_open_in_root(root, head, O_PATH);
        char *real = fd < 0 ? NULL : path_below(s, fd);
        if (real)
            return arena_printf(s->arena, "%s%s", real, path + strlen(head));
    }
    return path;
}

static int add_mount(const struct external_source *s, struct criu_opts *c, const char *key,
                     const char *val, struct hull_error *e)
{
    enum { STEP = 16 };
    if (c->ext_mnt.n % STEP == 0) {
        struct criu_mount_map *v = arena_array(s->arena, c->ext_mnt.n + STEP, sizeof(*v));
        if (!v)
            return error_oom(e);
        if (c->ext_mnt.n > 0)
            memcpy(v, c->ext_mnt.v, c->ext_mnt.n * sizeof(*v));
        c->ext_mnt.v = v;
    }
    if (!key || !val)
        return error_oom(e);
    c->ext_mnt.v[c->ext_mnt.n++] = (struct criu_mount_map){(char *)key, (char *)val};
    return 0;
}

/* Without a cgroup namespace, a v1 cgroup mount is a directory of bind mounts, one per hierarchy. */
static int add_cgroups(const struct external_source *s, const struct oci_mount *m, bool restore,
                       struct criu_opts *c, struct hull_error *e)
{
    struct host_hierarchies all;
    int r = host_hierarchies_read(s->arena, CGROUP_FS_ROOT, 0, &all, e);
    for (size_t i = 0; r == 0 && i < all.n; i++) {
        const char *root = all.v[i].root, *source = root;
        if (!root)
            continue;
        for (size_t k = 0; k < s->cgroup->n; k++)
            if (strcmp(s->cgroup->v[k].root, root) == 0 && !s->cgroup->v[k].missing)
                source = s->cgroup->v[k].dir;
        const char *dest = arena_printf(s->arena, "%s/%s", m->destination, strrchr(root, '/') + 1);
        r = add_mount(s, c, dest, restore ? source : dest, e);
    }
    return r;
}

static const char *source_path(const struct external_source *s, const struct oci_mount *m)
{
    const char *source = m->source ? m->source : "";
    char *full = source[0] == '/' ? arena_strdup(s->arena, source)
                                  : arena_printf(s->arena, "%s/%s", s->bundle, source);
    return full ? path_clean(s->arena, full) : NULL;
}

static int add_mounts(const struct external_source *s, bool restore, struct criu_opts *c,
                      struct hull_error *e)
{
    _cleanup_close_ int root = openat(AT_FDCWD, s->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return error_set(e, errno, "open %s", s->rootfs);
    int r = 0;
    for (size_t i = 0; r == 0 && i < s->config->mounts.n; i++) {
        const struct oci_mount *m = &s->config->mounts.v[i];
        if (is_bind(m)) {
            const char *key = resolve(s, root, m->destination);
            r = add_mount(s, c, key, restore ? source_path(s, m) : key, e);
        } else if (oci_mount_is_cgroup(m) && s->cgroup_mode != CGROUP_V2 && !has_cgroup_ns(s->config)) {
            r = add_cgroups(s, m, restore, c, e);
        }
    }
    for (size_t i = 0; r == 0 && i < COUNT_OF(default_devices); i++)
        r = add_mount(s, c, default_devices[i], default_devices[i], e);
    for (size_t i = 0; r == 0 && i < s->config->linux_->devices.n; i++)
        r = add_mount(s, c, s->config->linux_->devices.v[i].path, s->config->linux_->devices.v[i].path, e);
    return r;
}

int external_mounts_restore(const struct external_source *s, struct criu_opts *c, struct hull_error *e)
{
    return add_mounts(s, true, c, e); /* masked files have /dev/null as their key, a device */
}

int external_mounts_dump(const struct external_source *s, pid_t pid, struct criu_opts *c,
                         struct hull_error *e)
{
    char path[32];
    int r = add_mounts(s, false, c, e);
    snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
    _cleanup_close_ int root = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (r == 0 && root < 0)
        return error_set(e, errno, "open %s", path);
    const struct oci_strs *masked = &s->config->linux_->maskedPaths;
    for (size_t i = 0; r == 0 && i < masked->n; i++) {
        struct stat st;
        _cleanup_close_ int fd = path_open_in_root(root, masked->v[i], O_PATH);
        if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
            r = add_mount(s, c, masked->v[i], "/dev/null", e);
    }
    return r;
}

/* "extRootNetNS": the name that a namespace has in the images, as runc has it. NULL: a joined one. */
static const char *namespace_key(enum ns_type t)
{
    return t == NS_NET ? "extRootNetNS" : t == NS_PID ? "extRootPidNS" : NULL;
}

int external_namespaces_dump(const struct external_source *s, struct criu_opts *c, struct hull_error *e)
{
    char **v = arena_array(s->arena, s->config->linux_->namespaces.n + 1, sizeof(*v));
    if (!v)
        return error_oom(e);
    for (size_t i = 0; i < s->config->linux_->namespaces.n; i++) {
        const struct oci_namespace *ns = &s->config->linux_->namespaces.v[i];
        int t = ns_type_of(ns->type);
        struct stat st;
        if (t < 0 || !ns->path || !*ns->path || !namespace_key((enum ns_type)t))
            continue;
        if (stat(ns->path, &st) < 0)
            return error_set(e, errno, "stat %s", ns->path);
        v[c->external.n] = arena_printf(s->arena, "%s[%lu]:%s", ns_file((enum ns_type)t),
                                        (unsigned long)st.st_ino, namespace_key((enum ns_type)t));
        if (!v[c->external.n++])
            return error_oom(e);
    }
    c->external.v = v;
    return 0;
}

/* One namespace given by path. */
static int hand_over(const struct oci_namespace *ns, enum ns_type t, struct criu_opts *c, int *fds,
                     size_t *n, struct hull_error *e)
{
    if (t == NS_CGROUP)
        return error_set(e, HULL_E_UNSUPPORTED, "do not know how to handle namespace %s", ns->type);
    if (!namespace_key(t)) {
        c->join_ns.v[c->join_ns.n++] = (struct criu_join_ns){(char *)ns_file(t), ns->path};
        return 0;
    }
    fds[*n] = openat(AT_FDCWD, ns->path, O_RDONLY | O_CLOEXEC);
    if (fds[*n] < 0)
        return error_set(e, errno, "Requested %s namespace %s does not exist", ns->type, ns->path);
    c->inherit_fd.v[c->inherit_fd.n++] = (struct criu_inherit_fd){
        (char *)namespace_key(t), {true, FIRST_INHERITED + (int32_t)*n}};
    ++*n;
    return 0;
}

int external_namespaces_restore(const struct external_source *s, struct criu_opts *c, int *ret_fds,
                                size_t *ret_n, struct hull_error *e)
{
    enum { STREAMS = 16 }; /* descriptors.json adds its own */
    const size_t count = s->config->linux_->namespaces.n;
    c->join_ns.v = arena_array(s->arena, count + 1, sizeof(*c->join_ns.v));
    c->inherit_fd.v = arena_array(s->arena, count + STREAMS, sizeof(*c->inherit_fd.v));
    *ret_n = 0;
    if (!c->join_ns.v || !c->inherit_fd.v)
        return error_oom(e);
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        const struct oci_namespace *ns = &s->config->linux_->namespaces.v[i];
        int t = ns_type_of(ns->type);
        if (t >= 0 && ns->path && *ns->path && *ret_n < NS_COUNT)
            r = hand_over(ns, (enum ns_type)t, c, ret_fds, ret_n, e);
    }
    return r;
}
