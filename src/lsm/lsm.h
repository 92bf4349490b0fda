/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.apparmorProfile and process.selinuxLabel (config.md#linux-process), for init and exec.
 * Mount labels are mount/label.c's.
 */
#ifndef HULL_LSM_LSM_H
#define HULL_LSM_LSM_H

#include "step/launch.h"
#include "step/step.h"

/** A label without SELinux is an error before anything is made. Looks at the host. */
int lsm_check(const struct oci_process *p, struct hull_error *e);
/** Sets profile and label that the next execve takes. I, while its procfs is out of anybody's reach. */
step_fn lsm_step_exec;
/** Labels keys that are made from now on, before the session keyring is. I. */
step_fn lsm_step_key;

step_print_fn lsm_print;

/** aa_change_onexec. proc_fd is a procfs to be trusted. */
int apparmor_change_on_exec(int proc_fd, const char *profile, struct hull_error *e);
int selinux_set_exec_label(int proc_fd, const char *label, struct hull_error *e);
/** A kernel that labels no keys is no error. */
int selinux_set_key_label(int proc_fd, const char *label, struct hull_error *e);
#endif
