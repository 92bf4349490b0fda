/* SPDX-License-Identifier: Apache-2.0 */
/* The network namespace's own set-up. */
#ifndef HULL_NET_NET_H
#define HULL_NET_NET_H

#include "step/launch.h"
#include "step/step.h"

/** Brings lo up in a new network namespace, as every runtime does. I. */
step_fn loopback_step;
#endif
