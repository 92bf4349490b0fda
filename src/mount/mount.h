/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's file systems: root, mounts, linux.rootfsPropagation, maskedPaths, readonlyPaths
 * (runtime-spec config.md#root, #mounts, config-linux.md#masked-paths ...).
 *
 * The planners are pure. The steps run in I, before it gives up its capabilities, except
 * STEP_SOURCE_OPEN, which runs in P before the clone. Order: sources (P), prepare, mounts, devices,
 * console, hooks, pivot, propagation, read-only root, read-only paths, masked paths.
 *
 * Used of struct launch: config, rootfs, bundle, has_ns, host, options->no_pivot, proc_fd (opened
 * before the first mount), source_fds. Set: source_fds, rootfs_fd, dev_null_fd.
 */
#ifndef HULL_MOUNT_MOUNT_H
#define HULL_MOUNT_MOUNT_H

#include "step/launch.h"
#include "step/step.h"

/* ------------------------------------------------------------------------------------ planning */

/**
 * Pushes STEP_SOURCE_OPEN (P) for the bind sources that I may not be able to reach: with a new or
 * joined user namespace and a capable P, every source outside the rootfs; and for all id-mapped
 * mounts.
 * @return 0, -HULL_E_CONFIG (where: "mounts[3].options[1]"), -HULL_E_UNSUPPORTED or -ENOMEM; the
 *         same for all planners here
 */
int mount_plan_sources(const struct launch *l, struct plan *p, struct hull_error *e);
/** Pushes STEP_ROOTFS_PREPARE. */
int rootfs_plan_prepare(const struct launch *l, struct plan *p, struct hull_error *e);
/** Pushes STEP_IDMAP (P) for each STEP_MOUNT_WITH_PARENT that mount_plan pushes, in the same order. */
int mount_plan_idmap(const struct launch *l, struct plan *p, struct hull_error *e);
/**
 * Checks mounts and pushes one STEP_MOUNT for each, in order; STEP_MOUNT_WITH_PARENT where P has to
 * map the ids of a tree that only I can clone.
 */
int mount_plan(const struct launch *l, struct plan *p, struct hull_error *e);
/** Pushes STEP_PIVOT. */
int rootfs_plan_pivot(const struct launch *l, struct plan *p, struct hull_error *e);
/** Pushes STEP_ROOTFS_PROPAGATION if linux.rootfsPropagation is shared or unbindable. */
int rootfs_plan_propagation(const struct launch *l, struct plan *p, struct hull_error *e);
/**
 * Pushes STEP_ROOTFS_READONLY if root.readonly is set or the plan (in which the mounts must be
 * already) has a read-only tmpfs or /dev, which stay writable until here.
 */
int rootfs_plan_readonly(const struct launch *l, struct plan *p, struct hull_error *e);
/** Pushes STEP_READONLY_PATHS if there are any. */
int mount_plan_readonly(const struct launch *l, struct plan *p, struct hull_error *e);
/** Pushes STEP_MASK_PATHS if there are any. */
int mount_plan_masked(const struct launch *l, struct plan *p, struct hull_error *e);

/* --------------------------------------------------------------------------------------- steps */

step_fn mount_step_source;        /* STEP_SOURCE_OPEN; fills l->source_fds[index] or leaves it -1 */
step_fn rootfs_step_prepare;      /* STEP_ROOTFS_PREPARE; sets l->rootfs_fd */
step_fn mount_step_mount;         /* STEP_MOUNT */
step_fn rootfs_step_pivot;        /* STEP_PIVOT; cwd is "/" afterwards */
step_fn rootfs_step_propagation;  /* STEP_ROOTFS_PROPAGATION */
step_fn rootfs_step_readonly;     /* STEP_ROOTFS_READONLY */
step_fn mount_step_readonly;      /* STEP_READONLY_PATHS */
step_fn mount_step_masked;        /* STEP_MASK_PATHS; sets l->dev_null_fd if it is -1 */

/**
 * I: clones the source of a STEP_MOUNT_WITH_PARENT into l->source_fds[index], for P to map.
 * @return 0 or negative
 */
int mount_clone_below(struct launch *l, const struct step *s, struct hull_error *e);
/**
 * Restore: makes the mount points of the configuration in the rootfs on the host. The process must be in
 * a mount namespace of its own, which is of no use afterwards. Needs l->proc_fd.
 * @param p  what mount_plan has pushed, and nothing else
 */
int mount_make_points(struct launch *l, const struct plan *p, struct hull_error *e);
/** P: maps the ids of the tree that I cloned for the mount of a STEP_IDMAP. */
int mount_idmap_tree(struct launch *l, const struct step *s, int tree, struct hull_error *e);

/* --------------------------------------------------------- mounts of a container that runs already */

/** Pushes what X does with l->config->mounts: a STEP_MOUNT or, with remove, a STEP_UNMOUNT for each. */
int running_plan(struct launch *l, struct plan *p, bool remove, struct hull_error *e);
step_fn mount_step_unmount;       /* STEP_UNMOUNT */
/** X, after a failure: takes back what it has mounted. */
void mount_take_back(const struct launch *l);

step_print_fn mount_print;           /* STEP_MOUNT, STEP_SOURCE_OPEN */
step_print_fn rootfs_print_prepare;
step_print_fn rootfs_print_pivot;
step_print_fn rootfs_print_propagation;
step_print_fn rootfs_print_readonly;
step_print_fn mount_print_paths;     /* STEP_READONLY_PATHS, STEP_MASK_PATHS */
#endif
