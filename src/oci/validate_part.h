/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the validator. */
#ifndef HULL_OCI_VALIDATE_PART_H
#define HULL_OCI_VALIDATE_PART_H

#include <stdbool.h>
#include "base/macro.h"
#include "oci/validate.h"

/* A JSON path made from a format: oci_path("mounts[%zu].source", i).text */
struct oci_path { char text[256]; };
struct oci_path oci_path(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* -HULL_E_CONFIG with the text "PATH: ..." */
int oci_invalid(struct hull_error *e, struct oci_path at, const char *fmt, ...) PRINTF_LIKE(3, 4);

int oci_validate_namespaces(const struct oci_config *c, struct hull_error *e);
int oci_validate_linux(const struct oci_config *c, struct log *log, struct hull_error *e);
int oci_validate_sysctl(const struct oci_config *c, struct hull_error *e);
int oci_validate_seccomp(const struct oci_seccomp *s, struct hull_error *e);
#endif
