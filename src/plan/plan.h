/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_PLAN_PLAN_H
#define HULL_PLAN_PLAN_H

#include "step/launch.h"
#include "step/step.h"

/**
 * The whole order of a start, in one place. Pure: looks at the inputs of l only (and makes
 * l->cgroup, has_ns, ns_path from them).
 * @param p  empty, with its arena set
 */
int plan_build(struct launch *l, struct plan *p, struct hull_error *e);
/** The order of an exec: l->config->process is what is to run. */
int plan_build_exec(struct launch *l, struct plan *p, struct hull_error *e);
/** The order of mounts add and, with remove, mounts remove: l->config->mounts in a running container. */
int plan_build_mounts(struct launch *l, struct plan *p, bool remove, struct hull_error *e);
/** The order of a restore: what surrounds the container; its processes are made by CRIU. */
int plan_build_restore(struct launch *l, struct plan *p, struct hull_error *e);
#endif
