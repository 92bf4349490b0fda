/* SPDX-License-Identifier: Apache-2.0 */
/* Annotations that change what is done (config.md#annotations): crun's run.oci.*, which engines set. */
#ifndef HULL_OCI_ANNOTATIONS_H
#define HULL_OCI_ANNOTATIONS_H

#include "oci/config.h"

/** The value of an annotation; NULL without it. Borrowed. */
const char *oci_annotation(const struct oci_config *c, const char *key);
/** Whether a switch is on: there, and neither "" nor "0". */
bool oci_annotation_on(const struct oci_config *c, const char *key);
/** Carries those over that have a place in the configuration (seccomp). */
void oci_annotations_apply(struct oci_config *c);

/* File on the host that the output of hooks is added to. */
#define ANNOTATION_HOOKS_STDOUT "run.oci.hooks.stdout"
#define ANNOTATION_HOOKS_STDERR "run.oci.hooks.stderr"
/* As --pidfd-socket of create and run. */
#define ANNOTATION_PIDFD_RECEIVER "run.oci.pidfd_receiver"
/* The program keeps the groups of the caller instead of process.user.additionalGids. */
#define ANNOTATION_KEEP_GROUPS "run.oci.keep_original_groups"
/* linux.seccomp.listenerPath, if that is not set. */
#define ANNOTATION_SECCOMP_RECEIVER "run.oci.seccomp.receiver"
/* A name of a system call that we do not know is an error. */
#define ANNOTATION_SECCOMP_STRICT "run.oci.seccomp_fail_unknown_syscall"
#endif
