/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.namespaces, uidMappings, gidMappings and timeOffsets: config-linux.md#namespaces.
 *
 * New namespaces are flags of the one clone3. Namespaces given by path are opened by P (host paths)
 * and joined by I after the clone, except pid and time, which only a child gets: P enters those
 * around the clone. Joining a user namespace by path needs a stage in between (run/clone.c).
 */
#ifndef HULL_NS_NS_H
#define HULL_NS_NS_H

#include <stdint.h>
#include "step/launch.h"
#include "step/step.h"

/** Spec name ("mount") of a namespace type. */
const char *ns_name(enum ns_type t);
/** Type of a spec name, -1 when unknown. */
int ns_type_of(const char *name);
/** File name below /proc/PID/ns ("mnt"). */
const char *ns_file(enum ns_type t);
/** CLONE_NEW* flag. */
uint64_t ns_flag(enum ns_type t);

/** Fills has_ns and ns_path from the config; pure. */
int ns_resolve(struct launch *l, struct hull_error *e);
/** CLONE_NEW* flags that go into the clone of init. */
uint64_t ns_clone_flags(const struct launch *l);
/** Opens the namespaces given by path and checks their type. P. */
int ns_open_paths(struct launch *l, struct hull_error *e);
/** Joins what ns_open_paths opened, except pid and time (and user unless with_user). I or stage. */
int ns_join_paths(struct launch *l, bool with_user, struct hull_error *e);
/** Writes uid_map, gid_map and setgroups of init, itself or by newuidmap/newgidmap. P. */
int userns_write_maps(struct launch *l, struct hull_error *e);
/** Becomes uid and gid 0 of the user namespace. I. */
int userns_become_root(const struct launch *l, struct hull_error *e);
/** unshare(CLONE_NEWTIME) and the offsets; children are in it. P, or I in a user namespace. */
int timens_unshare(struct launch *l, struct hull_error *e);

step_fn ns_step_join, ns_step_unshare, userns_step_map, userns_step_enter;
#endif
