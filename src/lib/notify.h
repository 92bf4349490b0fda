/* SPDX-License-Identifier: Apache-2.0 */
/* sd_notify(3) and socket activation through the runtime. */
#ifndef HULL_LIB_NOTIFY_H
#define HULL_LIB_NOTIFY_H

#include "lib/runtime.h"

/**
 * create and run, before the plan: with NOTIFY_SOCKET in our environment the container gets a
 * directory mounted at /run/notify and NOTIFY_SOCKET=/run/notify/notify.sock; with LISTEN_FDS for our
 * pid it gets those descriptors, see listen_prepare. Changes config and j->options.preserve_fds.
 */
int service_prepare(struct job *j, struct oci_config *config, struct hull_error *e);
/** How many descriptors from 3 on are handed over by LISTEN_FDS, and LISTEN_PID says that it is to us. */
unsigned listen_count(void);
/** Hands these to the process p, before those of --preserve-fds: LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES. */
int listen_prepare(struct job *j, struct oci_process *p, struct hull_error *e);
/**
 * exec: with NOTIFY_SOCKET in our environment p gets one of its own, with an abstract name
 * (l->notify_name), since the container may have been made without a place for a socket.
 */
int exec_notify_prepare(struct job *j, struct oci_process *p, struct hull_error *e);
/** Whether the container was made with a notify directory and there is somebody to tell now. */
bool notify_wanted(int state_fd);
/**
 * In the foreground, with a readable socket: passes READY on with our own pid as MAINPID. To be called as
 * long as the program lives: what nobody reads blocks its sender sooner or later, and a BARRIER at once.
 * @param pid  the program
 */
void notify_pass_on(int sock, pid_t pid);
/**
 * Waits for READY of the container and passes it on with MAINPID, then waits until the manager has
 * dealt with it (BARRIER, 30 s). Returns also when the container ends.
 */
int notify_forward(int sock, int pidfd, pid_t pid, struct hull_error *e);
#endif
