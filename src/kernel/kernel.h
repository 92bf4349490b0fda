/* SPDX-License-Identifier: Apache-2.0 */
/* linux.sysctl, hostname, domainname. */
#ifndef HULL_KERNEL_KERNEL_H
#define HULL_KERNEL_KERNEL_H

#include "step/launch.h"
#include "step/step.h"

/** Writes the sysctls through a procfs that nobody else can have touched. I, after all mounts. */
step_fn sysctl_step;
step_fn hostname_step, domainname_step;
#endif
