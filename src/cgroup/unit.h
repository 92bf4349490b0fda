/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The systemd unit that is a container's cgroup where --systemd-cgroup is given (systemd.c). What is
 * the same for both drivers (finding directories, limits, device rules, freezing) stays with the
 * ops of the cgroup mode. Private to this directory.
 */
#ifndef HULL_CGROUP_UNIT_H
#define HULL_CGROUP_UNIT_H

#include "cgroup/devices.h"
#include "cgroup/limits.h"
#include "cgroup/ops.h"
#include "dbus/systemd.h"

struct cgroup_unit {
    const char *name;       /* "runc-ID.scope" */
    const char *slice;      /* "system.slice": the unit it belongs to */
    const char *container;  /* the last part of cgroupsPath or the id, for the description */
    bool        is_slice;   /* NAME.slice, which systemd puts no processes into */
    bool        user;       /* of the user's systemd */
    const struct oci_resources *resources;   /* as systemd will have them: see unit_resources */
    const struct oci_map       *annotations;
    const struct device_filter *devices;     /* from the start; NULL: later (device step), or never */
    int             signal_fd;   /* interrupts waiting for systemd, or -1 */
    struct systemd *manager;     /* NULL until it is needed */
    bool            queued;      /* systemd was asked for the unit: the undo stops it */
    bool            counted;     /* slice_ooms is known */
    uint64_t        slice_ooms;  /* OOM kills in the whole slice when the unit was started (v2) */
    struct wire_out before;      /* after an update: properties as they were */
};

/* Pure: systemd.c */

/** Makes cg->unit from linux.cgroupsPath ("slice:prefix:name") and checks the annotations. */
int unit_plan(const struct launch *l, struct cgroup *cg, struct hull_error *e);
/**
 * The path of a slice's cgroup: "a-b.slice" is "/a.slice/a-b.slice", "-.slice" is "".
 * @return 0, -HULL_E_CONFIG ("invalid slice name: ...") or -ENOMEM
 */
int unit_expand_slice(struct arena *a, const char *slice, const char **ret, struct hull_error *e);

/* systemd.c: what takes the place of the steps */

/** Finds the directories; asks the user's systemd where its cgroup is. */
int unit_locate(struct cgroup *cg, struct hull_error *e);
/** Before the clone: connects, checks that nobody is in the cgroup, and prepares v1's directories. */
int unit_prepare(struct launch *l, struct hull_error *e);
/** After the clone: has systemd start the unit with init in it. */
int unit_start(struct launch *l, struct hull_error *e);
/** Whether a failure (r < 0, e is set) of a step is nothing but init's end; then e is cleared. */
bool unit_forgives(const struct launch *l, int r, struct hull_error *e);
/** Stops the unit if it is there. */
int unit_stop(struct cgroup *cg, struct hull_error *e);
/**
 * OOM kills in the slice since the unit was started: a scope goes with its last process, and with it
 * its own counter. 0 also when that can't be told.
 */
uint64_t unit_oom_kills(const struct cgroup *cg);
/** Gives systemd the device rules of a unit that runs. */
int unit_set_devices(const struct cgroup *cg, const struct device_filter *f, struct hull_error *e);
/** Gives systemd changed limits; those before are kept in unit->before. */
int unit_set_resources(const struct cgroup *cg, const struct oci_resources *r,
                       struct hull_error *e);
/** Gives systemd what unit->before has. */
int unit_set_back(const struct cgroup *cg, struct hull_error *e);
/** Has systemd move a process; sub: below the unit's cgroup, or NULL. */
int unit_attach(const struct cgroup *cg, const char *sub, pid_t pid, struct hull_error *e);

/* Pure: systemd_properties.c, systemd_devices.c. Properties are appended to o. */

/**
 * A copy of r (may be NULL) with cpu.quota rounded up as systemd does (to 1 % of a CPU), so that
 * the cgroup's files get the same value.
 */
int unit_resources(struct arena *a, const struct oci_resources *r, const struct oci_resources **ret,
                   struct hull_error *e);
/** What makes the unit, without resources and devices. pid 0: no process. */
int unit_start_properties(const struct cgroup *cg, pid_t pid, unsigned version, struct wire_out *o,
                          struct hull_error *e);
/**
 * Limits.
 * @param names  receives the names of the properties, for unit->before; may be NULL
 */
struct unit_names { const char *v[32]; size_t n; };
int unit_resource_properties(const struct cgroup *cg, const struct oci_resources *r,
                             unsigned version, struct wire_out *o, struct unit_names *names,
                             struct hull_error *e);
/** org.systemd.property.NAME; checks them too. */
int unit_annotation_properties(const struct oci_map *annotations, struct wire_out *o,
                               struct hull_error *e);
/** DevicePolicy and DeviceAllow; what they can't say is left to our own rules. */
int unit_device_properties(const struct cgroup *cg, const struct device_filter *f,
                           unsigned version, struct wire_out *o, struct hull_error *e);
#endif
