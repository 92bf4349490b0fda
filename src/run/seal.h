/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HULL_RUN_SEAL_H
#define HULL_RUN_SEAL_H

/** Replaces the host's file behind this process without an execve; 0 or -errno (then copy and execute). */
int seal_in_place(char *const argv[]);
#endif
