/* SPDX-License-Identifier: Apache-2.0 */
/* The part of runc's state.json that both runtimes have to understand. */
#ifndef HULL_STATE_RUNC_H
#define HULL_STATE_RUNC_H

#include "state/state.h"

struct runc_namespace {
    char *type; /* "NEWPID" */
    char *path;
};

struct runc_cgroups {
    char   *name, *parent, *scope_prefix;
    int64_t memory;
    bool    Systemd, Rootless;
};

/* "config" of state.json. */
struct runc_config {
    char *rootfs;
    struct {
        struct runc_namespace *v;
        size_t n;
    } namespaces;
    struct runc_cgroups *cgroups;
    struct oci_strs      labels;   /* "bundle=PATH" and the annotations */
    char                *version;  /* ociVersion */
    bool                 rootless_cgroups;
};
extern const struct json_type runc_config_type;

/** Makes "config" of a state of ours. Strings are shared or in the arena. 0 or -ENOMEM. */
int runc_view(const struct container_state *s, struct arena *a, struct runc_config **ret);
/** "namespace_paths" of state.json, which scripts read: the files of init's namespaces, the host's too. 0 or -ENOMEM. */
int runc_namespace_paths(pid_t init, struct arena *a, struct oci_map *ret);
/** Fills the rest of a state that runc wrote from its "config". 0 or -errno. */
int runc_absorb(struct container_state *s, int dir_fd, struct arena *a);
#endif
