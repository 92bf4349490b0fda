/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the spec and runc demand of a configuration beyond its shape. Pure: nothing of the host is
 * looked at. Messages are in runc's words where runc has them; the error's where is the JSON path.
 * Checks that need the host (does a namespace path lead to our own, is cgroup v1 in use) belong to
 * the features.
 */
#ifndef HULL_OCI_VALIDATE_H
#define HULL_OCI_VALIDATE_H

#include "base/error.h"
#include "base/log.h"
#include "oci/config.h"

/**
 * Checks a whole configuration for create and run.
 * @param log  receives warnings about what is allowed but deprecated; may be NULL
 * @return 0 or -HULL_E_CONFIG
 */
int oci_validate(const struct oci_config *c, struct log *log, struct hull_error *e);
/**
 * Checks a process object, also of exec.
 * @param at  its JSON path for the error's where: "process", or "" for a process file
 */
int oci_validate_process(const struct oci_process *p, const char *at, struct hull_error *e);
/** The part of oci_validate that is about mounts, for those of a running container. */
int oci_validate_mounts(const struct oci_config *c, struct log *log, struct hull_error *e);
/** What a caller whose effective user id is not 0 needs in addition. */
int oci_validate_rootless(const struct oci_config *c, struct hull_error *e);

/** The namespace of that type in linux.namespaces, NULL when it is not listed. */
const struct oci_namespace *oci_namespace_find(const struct oci_config *c, const char *type);
#endif
