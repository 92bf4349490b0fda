/* SPDX-License-Identifier: Apache-2.0 */
/* linux.resources as a list of writes: made by pure functions, carried out by limits_apply. */
#ifndef HULL_CGROUP_LIMITS_H
#define HULL_CGROUP_LIMITS_H

#include "cgroup/cgroup.h"

enum limit_flags {
    LIMIT_EARLY = 1,       /* v1: must be there before a process can join */
    LIMIT_OPTIONAL = 2,    /* a missing file is no error */
    LIMIT_AGAIN = 4,       /* refused with EINVAL: once more after the controller's other values */
    LIMIT_READ_BACK = 8,   /* the kernel clamps silently: compare */
    LIMIT_LINES = 16,      /* one write per line */
    LIMIT_BFQ_DEVICE = 32, /* skip unless the file knows weights per device (5.4) */
    LIMIT_UNIFIED = 64,    /* errors worded for linux.resources.unified */
};

struct cgroup_limit {
    const char *why;         /* "linux.resources.memory.limit" */
    const char *controller;
    const char *file;
    const char *value;
    const char *other_file;  /* written instead where file does not exist, or NULL */
    const char *other_value;
    unsigned    flags;
};

struct cgroup_limits {
    struct cgroup_limit *v;
    size_t               n, cap;
    struct arena        *arena;
    const struct oci_memory *check;   /* v2: memory.checkBeforeUpdate is asked for */
};

/**
 * Lists the writes for r (not NULL) in order.
 * @param ret  arena and everything else set up by the function
 * @return 0, -HULL_E_CONFIG or -ENOMEM
 */
int limits_v1(struct arena *a, const struct oci_resources *r, struct cgroup_limits *ret,
              struct hull_error *e);
int limits_v2(struct arena *a, const struct oci_resources *r, struct cgroup_limits *ret,
              struct hull_error *e);
/** The one for the mode. */
int limits_build(const struct cgroup *cg, struct arena *a, const struct oci_resources *r,
                 struct cgroup_limits *ret, struct hull_error *e);
/**
 * Writes those of the list whose flags & mask == want.
 * @return 0 or a negative code; the text names the member, the file and the value
 */
int limits_apply(const struct cgroup *cg, const struct cgroup_limits *list, unsigned mask,
                 unsigned want, struct hull_error *e);
/** Refuses (-HULL_E_CONFIG) limits below the usage, where memory.checkBeforeUpdate asks for it. */
int limits_check(const struct cgroup *cg, const struct cgroup_limits *list, struct hull_error *e);
/**
 * Reads what the files of list hold now, as a list that brings them back to it.
 * @param ret  in list's arena
 * @return 0 or -ENOMEM; a file that can't be read is left out
 */
int limits_save(const struct cgroup *cg, const struct cgroup_limits *list,
                struct cgroup_limits *ret, struct hull_error *e);

/* For limits_v1.c and limits_v2.c. value is copied by the printf-like function. */
int limits_add(struct cgroup_limits *l, const char *why, const char *controller, const char *file,
               unsigned flags, struct hull_error *e, const char *value, ...) PRINTF_LIKE(7, 8);
/** Names the file and value for where the last one's file does not exist. */
int limits_or(struct cgroup_limits *l, const char *file, struct hull_error *e, const char *value,
              ...) PRINTF_LIKE(4, 5);
/** hugepageLimits, rdma: the same on both versions but for the names. */
int limits_add_hugetlb(struct cgroup_limits *l, const struct oci_resources *r, const char *suffix,
                       struct hull_error *e);
int limits_add_rdma(struct cgroup_limits *l, const struct oci_resources *r, struct hull_error *e);
int limits_add_pids(struct cgroup_limits *l, const struct oci_resources *r, struct hull_error *e);
#endif
