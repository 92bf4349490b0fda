/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoint and restore: what CRIU is told about the container, and the steps of a restore. */
#ifndef HULL_RUN_RESTORE_H
#define HULL_RUN_RESTORE_H

#include "cgroup/cgroup.h"
#include "criu/options.h"
#include "criu/swrk.h"
#include "step/launch.h"
#include "step/step.h"

/* ---- what is outside of the images (external.c) ---- */

/* A container as seen from the host. */
struct external_source {
    struct arena            *arena;
    const struct oci_config *config;
    const struct cgroup     *cgroup;
    const char              *rootfs, *bundle;   /* absolute */
    enum cgroup_mode         cgroup_mode;
};
/** Mounts that CRIU is not to dump: bind mounts, masked files, devices. @param pid init */
int external_mounts_dump(const struct external_source *s, pid_t pid, struct criu_opts *c,
                         struct hull_error *e);
/** The same for a restore, with what is to be mounted there. */
int external_mounts_restore(const struct external_source *s, struct criu_opts *c, struct hull_error *e);
/** Network and pid namespaces given by path: dumped as external. */
int external_namespaces_dump(const struct external_source *s, struct criu_opts *c, struct hull_error *e);
/**
 * Namespaces given by path: network and pid are handed over as descriptors, the others joined.
 * @param ret_fds   room for NS_COUNT; number i is descriptor 4 + i in CRIU. The caller closes them
 */
int external_namespaces_restore(const struct external_source *s, struct criu_opts *c, int *ret_fds,
                                size_t *ret_n, struct hull_error *e);

/* ---- restore.c ---- */

/* What the steps of a restore share; l->restore. */
struct restore {
    const struct hull_criu_options *options;
    struct criu_dirs                dirs;
    struct criu_opts                opts;
    struct swrk                     criu;
    int                             inherit[NS_COUNT + 2]; /* 4 and up in CRIU; last the directories */
    size_t                          n_inherit;
    char                           *root;     /* where the rootfs is a mount for CRIU */
    int                             version;
};
#define RESTORE_INIT {.dirs = CRIU_DIRS_INIT, .criu = SWRK_INIT}

step_fn restore_step_start, restore_step_start_undo, restore_step_restore, restore_step_finish;
#endif
