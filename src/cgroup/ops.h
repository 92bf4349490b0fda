/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What differs between cgroup v1 (and hybrid), v2, and no cgroup at all. Private to this directory.
 */
#ifndef HULL_CGROUP_OPS_H
#define HULL_CGROUP_OPS_H

#include "cgroup/cgroup.h"

struct cgroup_limit;
struct device_filter;

struct cgroup_ops {
    const char *name;
    /** Fills cg->v from cg->path. */
    int (*locate)(struct cgroup *cg, struct hull_error *e);
    /** Makes the directories and opens cg->entry; r may be NULL. */
    int (*create)(struct cgroup *cg, const struct oci_resources *r, struct hull_error *e);
    int (*devices)(const struct cgroup *cg, const struct device_filter *f, struct hull_error *e);
    int (*freeze)(const struct cgroup *cg, bool frozen, struct hull_error *e);
    int (*is_frozen)(const struct cgroup *cg, bool *ret, struct hull_error *e);
};

extern const struct cgroup_ops cgroup_fs_v1, cgroup_fs_v2, cgroup_none;

/* A new cgroup object without directories. NULL: out of memory. */
struct cgroup *cgroup_new(struct arena *a, struct log *log, enum cgroup_mode mode);
/** Adds a directory; names, root and rel are kept. */
int cgroup_add_dir(struct cgroup *cg, const char *names, const char *root, const char *rel,
                   struct hull_error *e);
/** The directory that has the controller ("" is the v2 one), or NULL. Also a missing one. */
struct cgroup_dir *cgroup_find(const struct cgroup *cg, const char *controller);
/** The directory whose members count as the container's processes: devices, else the first. */
struct cgroup_dir *cgroup_members(const struct cgroup *cg);
/** Whether err is a refusal that is tolerated because the user may not touch cgroups. */
bool cgroup_tolerates(const struct cgroup *cg, int err);
/**
 * For a user without rights: adds to the error which controllers of the n limits v root would have to
 * delegate, and how. @return -e->code
 */
int cgroup_ask_delegation(const struct cgroup *cg, const struct cgroup_limit *v, size_t n,
                          struct hull_error *e);
/**
 * -HULL_E_STATE with runc's texts if the directories that were there before have processes or are
 * frozen.
 */
int cgroup_check_unused(const struct cgroup *cg, struct hull_error *e);
/** Parses "[CTRL[,CTRL]:]PATH" arguments: the path for one controller of names, or NULL. */
int cgroup_sub_for(struct arena *a, const struct cgroup *cg, char *const *subs, const char *names,
                   const char **ret, struct hull_error *e);
#endif
