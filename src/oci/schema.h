/* SPDX-License-Identifier: Apache-2.0 */
/* The field tables of the configuration, one schema_*.c per chapter of the spec. */
#ifndef HULL_OCI_SCHEMA_H
#define HULL_OCI_SCHEMA_H

struct json_type;

/* struct oci_config and its parts; see oci/config.h */
extern const struct json_type oci_config_type;
extern const struct json_type oci_process_type;
extern const struct json_type oci_mount_type;
extern const struct json_type oci_mounts_type;    /* struct oci_config, mounts alone */
extern const struct json_type oci_id_mapping_type;
extern const struct json_type oci_hooks_type;
extern const struct json_type oci_linux_type;
extern const struct json_type oci_resources_type;
extern const struct json_type oci_seccomp_type;
/* struct oci_state twice: with runc's additions, as `state` and `list` print it, and as the spec
 * has it, for hooks and the seccomp agent. */
extern const struct json_type oci_state_type;
extern const struct json_type oci_hook_state_type;
#endif
