/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * A node changes its runtime under running containers, and back. So state.json carries, in "config", as
 * much of runc's own state as runc needs to list, signal and delete a container of hull's; and a state
 * without hull's members is one that runc wrote: what hull wants to know is in its "config", except
 * the owner, who is that of the directory, and the configuration of the container, which is still in
 * the bundle. runc's init waits at exec.fifo the other way round, see lib/start.c.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "json/field.h"
#include "state/runc.h"

static const struct field namespace_fields[] = {
    STR(struct runc_namespace, type, REQUIRED),
    STR(struct runc_namespace, path),
};
static const struct json_type runc_namespace_type =
    JSON_TYPE(struct runc_namespace, namespace_fields, NULL);

static const struct field cgroups_fields[] = {
    STR(struct runc_cgroups, name),
    STR(struct runc_cgroups, parent),
    STR(struct runc_cgroups, scope_prefix),
    I64(struct runc_cgroups, memory, ALWAYS), /* a resource: without one runc takes the manager as broken */
    BOOL(struct runc_cgroups, Systemd),
    BOOL(struct runc_cgroups, Rootless),
};
static const struct json_type runc_cgroups_type = JSON_TYPE(struct runc_cgroups, cgroups_fields, NULL);

static const struct field config_fields[] = {
    STR(struct runc_config, rootfs, REQUIRED),
    LIST(struct runc_config, namespaces, runc_namespace),
    OBJ(struct runc_config, cgroups, runc_cgroups),
    STRS(struct runc_config, labels),
    STR(struct runc_config, version),
    BOOL(struct runc_config, rootless_cgroups),
};
const struct json_type runc_config_type = JSON_TYPE(struct runc_config, config_fields, NULL);

/* runc names namespaces after the flags of clone(2). */
static const struct { const char *theirs, *ours, *file; } namespace_names[] = {
    {"NEWPID", "pid", "pid"},   {"NEWNET", "network", "net"}, {"NEWNS", "mount", "mnt"},         {"NEWIPC", "ipc", "ipc"},
    {"NEWUTS", "uts", "uts"},   {"NEWUSER", "user", "user"},  {"NEWCGROUP", "cgroup", "cgroup"}, {"NEWTIME", "time", "time"},
};

int runc_namespace_paths(pid_t init, struct arena *a, struct oci_map *ret)
{
    struct oci_pair *v = arena_alloc(a, COUNT_OF(namespace_names) * sizeof(*v));
    if (!v)
        return -ENOMEM;
    for (size_t i = 0; i < COUNT_OF(namespace_names); i++) {
        v[i].key = (char *)namespace_names[i].theirs;
        v[i].value = arena_printf(a, "/proc/%d/ns/%s", (int)init, namespace_names[i].file);
        if (!v[i].value)
            return -ENOMEM;
    }
    *ret = (struct oci_map){.v = v, .n = COUNT_OF(namespace_names)};
    return 0;
}

static const char *const *unit_parts(const struct oci_map *paths, struct arena *a)
{
    const char *last = NULL;
    for (size_t i = 0; i < paths->n; i++)
        if (strstr(paths->v[i].value, ".scope") || (!last && strstr(paths->v[i].value, ".slice")))
            last = strrchr(paths->v[i].value, '/');
    if (!last)
        return NULL;
    /* "prefix-name.scope", or a slice, which runc has as the name alone. */
    const char *unit = last + 1, *dash = strchr(unit, '-'), *dot = strrchr(unit, '.');
    const char **ret = arena_alloc(a, 2 * sizeof(*ret));
    if (!ret || !dot)
        return NULL;
    const bool scope = strcmp(dot, ".scope") == 0 && dash;
    ret[0] = scope ? arena_printf(a, "%.*s", (int)(dash - unit), unit) : NULL;
    ret[1] = scope ? arena_printf(a, "%.*s", (int)(dot - dash - 1), dash + 1) : unit;
    return ret;
}

int runc_view(const struct container_state *s, struct arena *a, struct runc_config **ret)
{
    struct {
        struct runc_config config;
        struct runc_cgroups cgroups;
    } *r = arena_alloc(a, sizeof(*r));
    char **labels = arena_alloc(a, (1 + s->annotations.n) * sizeof(*labels));
    struct runc_namespace *ns = arena_alloc(a, COUNT_OF(namespace_names) * sizeof(*ns));
    if (!r || !labels || !ns)
        return -ENOMEM;
    r->config = (struct runc_config){.rootfs = s->rootfs, .version = s->ociVersion,
                                     .rootless_cgroups = s->rootless, .cgroups = &r->cgroups};
    labels[0] = arena_printf(a, "bundle=%s", s->bundle);
    for (size_t i = 0; i < s->annotations.n; i++)
        labels[1 + i] = arena_printf(a, "%s=%s", s->annotations.v[i].key, s->annotations.v[i].value);
    r->config.labels = (struct oci_strs){.v = labels, .n = 1 + s->annotations.n};
    for (size_t i = 0; i < s->namespaces.n; i++)
        for (size_t k = 0; k < COUNT_OF(namespace_names); k++)
            if (strcmp(s->namespaces.v[i], namespace_names[k].ours) == 0 &&
                (k != 0 || s->private_pid_namespace))
                ns[r->config.namespaces.n++].type = (char *)namespace_names[k].theirs;
    r->config.namespaces.v = ns;
    r->cgroups = (struct runc_cgroups){.name = s->id, .Systemd = s->systemd_cgroup, .Rootless = s->rootless};
    const char *const *unit = s->systemd_cgroup ? unit_parts(&s->cgroup_paths, a) : NULL;
    if (unit) {
        r->cgroups.scope_prefix = (char *)unit[0];
        r->cgroups.name = (char *)unit[1];
    }
    *ret = &r->config;
    return 0;
}

static int absorb_labels(const struct oci_strs *labels, struct container_state *s, struct arena *a)
{
    struct oci_pair *v = arena_alloc(a, (labels->n + 1) * sizeof(*v));
    if (!v)
        return -ENOMEM;
    size_t n = 0;
    for (size_t i = 0; i < labels->n; i++) {
        char *eq = strchr(labels->v[i], '=');
        if (!eq)
            continue;
        *eq = '\0';
        if (strcmp(labels->v[i], "bundle") == 0) {
            s->bundle = eq + 1;
            continue;
        }
        v[n].key = labels->v[i];
        v[n++].value = eq + 1;
    }
    s->annotations.v = v;
    s->annotations.n = n;
    return 0;
}

int runc_absorb(struct container_state *s, int dir_fd, struct arena *a)
{
    const struct runc_config *c = s->config;
    struct stat st;
    if (fstat(dir_fd, &st) < 0)
        return -errno;
    s->of_runc = true;
    s->ociVersion = c->version ? c->version : "1.0.0";
    s->rootfs = c->rootfs;
    s->owner = st.st_uid;
    s->rootless = c->rootless_cgroups;
    s->systemd_cgroup = c->cgroups && c->cgroups->Systemd;
    char **types = arena_alloc(a, (c->namespaces.n + 1) * sizeof(*types));
    if (!types)
        return -ENOMEM;
    for (size_t i = 0; i < c->namespaces.n; i++)
        for (size_t k = 0; k < COUNT_OF(namespace_names); k++)
            if (strcmp(c->namespaces.v[i].type, namespace_names[k].theirs) == 0) {
                types[s->namespaces.n++] = (char *)namespace_names[k].ours;
                s->private_pid_namespace |= k == 0 && !c->namespaces.v[i].path;
            }
    s->namespaces.v = types;
    return absorb_labels(&c->labels, s, a);
}
