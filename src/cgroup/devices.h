/* SPDX-License-Identifier: Apache-2.0 */
/* linux.resources.devices: rules merged into one filter; pure but for devices_bpf_attach. */
#ifndef HULL_CGROUP_DEVICES_H
#define HULL_CGROUP_DEVICES_H

#include <linux/bpf.h>
#include "cgroup/cgroup.h"

/* Access bits; the values of BPF_DEVCG_ACC_*. */
enum { DEVICE_MKNOD = 1, DEVICE_READ = 2, DEVICE_WRITE = 4, DEVICE_RWM = 7 };
#define DEVICE_ANY (-1)   /* any major or minor */

/* Exceptions to the default are kept sorted by major, minor, type. */
struct device_exception {
    char     type;    /* 'b' or 'c' */
    int64_t  major, minor;
    unsigned access;
};
struct device_filter {
    bool                     default_allow;
    struct device_exception *v;
    size_t                   n, cap;
    struct arena            *arena;
};

/**
 * Merges linux.resources.devices (r may be NULL) and the default rules, which always come last. A
 * container without any rule denies all but the defaults.
 * @return 0, -HULL_E_CONFIG (an invalid rule, or one that would have to split another) or -ENOMEM
 */
int device_filter_build(struct arena *a, const struct oci_resources *r, struct device_filter *ret,
                        struct hull_error *e);
/** Adds one rule with all of the spec's meaning. */
int device_filter_add(struct device_filter *f, const struct oci_device_rule *rule,
                      struct hull_error *e);
/** The filter that v1's devices.list shows. @param text  changed */
int device_filter_parse_list(struct arena *a, char *text, struct device_filter *ret,
                             struct hull_error *e);

/* One write to devices.allow or devices.deny. */
struct device_change { bool allow; char text[64]; };
struct device_changes { struct device_change *v; size_t n; };
/** The fewest writes that lead from one filter to the other, restrictions first. */
int device_filter_transition(const struct device_filter *from, const struct device_filter *to,
                             struct arena *a, struct device_changes *ret, struct hull_error *e);

/** The BPF_PROG_TYPE_CGROUP_DEVICE program of a filter, in arena memory. */
int device_filter_program(const struct device_filter *f, struct arena *a, struct bpf_insn **ret,
                          size_t *ret_n, struct hull_error *e);
/**
 * Loads the program and attaches it to the cgroup directory, in place of those attached before.
 * @param fresh  nothing can be attached yet, don't look
 */
int device_program_attach(int cgroup_fd, const struct device_filter *f, bool fresh, struct arena *a,
                          struct hull_error *e);
/** Carries out the transition in a v1 directory. @param dir  its name for messages */
int devices_v1_apply(int dirfd, const char *dir, const struct device_filter *f, struct arena *a,
                     struct hull_error *e);
#endif
