/* SPDX-License-Identifier: Apache-2.0 */
/* Device nodes: linux.devices and the default devices (config-linux.md#devices). */
#ifndef HULL_DEV_DEVICES_H
#define HULL_DEV_DEVICES_H

#include "step/launch.h"
#include "step/step.h"

/**
 * Pushes STEP_DEVICES (I, after the mounts and before the pivot): the default nodes, linux.devices,
 * which win over a default one of the same path, and the links of /dev. Nothing is pushed when /dev
 * is itself a bind mount. Pure.
 * @return 0, -HULL_E_CONFIG (where: "linux.devices[1].type") or -ENOMEM
 */
int dev_plan(const struct launch *l, struct plan *p, struct hull_error *e);

/**
 * STEP_DEVICES. Needs l->rootfs_fd. Standard streams that are the host's /dev/null are opened again
 * on the container's.
 */
step_fn dev_step_devices;
step_print_fn dev_print_devices;
#endif
