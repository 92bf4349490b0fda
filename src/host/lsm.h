/* SPDX-License-Identifier: Apache-2.0 */
/* Which security modules the running kernel has in force. */
#ifndef HULL_HOST_LSM_H
#define HULL_HOST_LSM_H

#include <stdbool.h>

bool host_has_apparmor(void);
/** SELinux with its file system mounted and a policy loaded, as runc asks. */
bool host_has_selinux(void);
#endif
