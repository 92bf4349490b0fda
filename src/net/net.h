/* SPDX-License-Identifier: Apache-2.0 */
/* The network namespace's own set-up, and linux.netDevices. */
#ifndef HULL_NET_NET_H
#define HULL_NET_NET_H

#include "step/launch.h"
#include "step/step.h"

/** Brings lo up in a new network namespace, as every runtime does. I. */
step_fn loopback_step;
/** Moves linux.netDevices into the container's network namespace. P; the container is not started yet. */
step_fn netdev_step_move;
step_fn netdev_step_move_undo;
/** After the start: lets go of the namespace. Nothing can be moved back any more. */
void netdev_release(struct launch *l);
step_print_fn netdev_print;
#endif
