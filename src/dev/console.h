/* SPDX-License-Identifier: Apache-2.0 */
/* The container's terminal: process.terminal, consoleSize (config.md#process). */
#ifndef HULL_DEV_CONSOLE_H
#define HULL_DEV_CONSOLE_H

#include "step/launch.h"

/**
 * Opens a new pty of the devpts that is mounted at /dev/pts below l->rootfs_fd (in init the rootfs,
 * in exec "/" of the container) and sets it up: unlocked, size from l->config->process, owned by
 * the process' user. Without a console socket (l->console_sock is -1) we are the ones who show the
 * output, on a terminal that adds the carriage returns itself, so ONLCR is off.
 * @param ret_master, ret_slave  descriptors, CLOEXEC; the caller closes them
 * Needs l->proc_fd.
 */
int console_open(const struct launch *l, int *ret_master, int *ret_slave, struct hull_error *e);
/** Binds the slave on /dev/console of the rootfs (made if missing). Init only. */
int console_bind(const struct launch *l, int slave, struct hull_error *e);
/**
 * Makes the slave the controlling terminal and the standard streams of this process, which must be
 * a session leader. The descriptor stays open unless it is one of 0-2.
 */
int console_adopt(int slave, struct hull_error *e);
/** Switches the translation of "\n" to "\r\n" off. */
int console_clear_onlcr(int fd, struct hull_error *e);
#endif
