/* SPDX-License-Identifier: Apache-2.0 */
/* linux.intelRdt: groups of the resctrl file system (config-linux.md#intelrdt). */
#ifndef HULL_KERNEL_INTELRDT_H
#define HULL_KERNEL_INTELRDT_H

#include "base/arena.h"
#include "base/error.h"
#include "step/launch.h"
#include "step/step.h"

/* A container's groups. Strings are absolute paths, arena-owned. */
struct intelrdt_group {
    const char *root;        /* where resctrl is mounted; NULL: not mounted */
    const char *path;        /* the CTRL_MON group; NULL: none */
    const char *mon_path;    /* its MON group, or NULL */
    bool        ours;        /* named after the container and not there before: delete removes it */
    bool        made, mon_made;   /* during this start, for its undo */
};

/** Where resctrl is mounted; NULL when it is not. Looks at the host. */
const char *intelrdt_root(struct arena *a);
/** Whether the hardware has a resource, "L3" or "MB". */
bool intelrdt_has(const char *root, const char *resource);
/**
 * Finds out what l->config asks for on this host: l->intel_rdt, or NULL without linux.intelRdt.
 * Changes nothing. -HULL_E_CONFIG when the host can't do it.
 */
int intelrdt_check(struct launch *l, struct hull_error *e);

/** P, after the clone: makes the groups, writes schemata, puts init into them. */
step_fn intelrdt_step_create, intelrdt_step_create_undo;
/** P, exec: puts the process into the container's groups; none when they are gone. */
step_fn intelrdt_step_join;
step_print_fn intelrdt_print;

/** Removes what was made for the container; what is gone already is no error. */
int intelrdt_remove(const struct intelrdt_group *g, struct hull_error *e);
/** Writes new schemata ("L3:...", "MB:..."; either may be NULL) of a running container. */
int intelrdt_update(const struct intelrdt_group *g, const char *l3, const char *mb,
                    struct hull_error *e);
/**
 * Whether a line such as "L3:0=0f;1=f" says of its cache ids what the text of a schemata file says.
 * Leading zeros, case and the order of ids don't count.
 */
bool intelrdt_matches(const char *line, const char *schemata);
#endif
