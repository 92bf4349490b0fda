/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by create, run and exec. */
#ifndef HULL_LIB_START_COMMON_H
#define HULL_LIB_START_COMMON_H

#include "lib/runtime.h"

/** All descriptors to -1. */
void launch_init(struct launch *l);
void launch_close(struct launch *l);
/** Maps the page that tells P where I is. */
int launch_crumb(struct launch *l, struct hull_error *e);
/** Fills what the handle knows. */
int runtime_launch(hull_runtime *rt, struct launch *l, const char *id, struct hull_error *e);
/** What of the container is to be joined: has_ns, join_flags, join_root. Needs join_pid. */
int launch_join(struct launch *l, const struct container *c, struct hull_error *e);
/** P, before a process of it joins a container: signals, the page of launch_crumb, nothing to look into. */
int launch_before_join(struct launch *l, struct hull_error *e);
/* How to have a terminal, and how not to. */
struct terminal_words { const char *with, *without; };
extern const struct terminal_words terminal_in_config;
/** The rules of terminal, --detach and --console-socket; a mistake is answered with the ways out. */
int check_terminal(const struct launch *l, const struct terminal_words *w, struct hull_error *e);
/** Those of LISTEN_FDS and the n to be preserved must be open, by our caller: call this before opening any of our own. */
int check_preserved(unsigned n, struct hull_error *e);
#endif
