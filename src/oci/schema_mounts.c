/* SPDX-License-Identifier: Apache-2.0 */
/* The top level, root and mounts. Spec: config.md */
#include "json/field.h"
#include "oci/config.h"
#include "oci/schema.h"

static const struct field root_fields[] = {
    STR(struct oci_root, path, REQUIRED),
    BOOL(struct oci_root, readonly),
};
static const struct json_type oci_root_type =
    JSON_TYPE(struct oci_root, root_fields, "config.md#root");

static const struct field id_mapping_fields[] = {
    U32(struct oci_id_mapping, containerID, REQUIRED),
    U32(struct oci_id_mapping, hostID, REQUIRED),
    U32(struct oci_id_mapping, size, REQUIRED),
};
const struct json_type oci_id_mapping_type = JSON_TYPE(
    struct oci_id_mapping, id_mapping_fields, "config-linux.md#user-namespace-mappings");

static const struct field mount_fields[] = {
    STR(struct oci_mount, destination, REQUIRED),
    STR(struct oci_mount, type),
    STR(struct oci_mount, source),
    STRS(struct oci_mount, options),
    LIST(struct oci_mount, uidMappings, oci_id_mapping),
    LIST(struct oci_mount, gidMappings, oci_id_mapping),
};
const struct json_type oci_mount_type =
    JSON_TYPE(struct oci_mount, mount_fields, "config.md#mounts");

static const struct field mounts_fields[] = {
    LIST(struct oci_config, mounts, oci_mount),
};
const struct json_type oci_mounts_type =
    JSON_TYPE(struct oci_config, mounts_fields, "config.md#mounts");

static const struct field config_fields[] = {
    STR(struct oci_config, ociVersion, REQUIRED),
    OBJ(struct oci_config, process, oci_process),
    OBJ(struct oci_config, root, oci_root),
    STR(struct oci_config, hostname),
    STR(struct oci_config, domainname),
    LIST(struct oci_config, mounts, oci_mount),
    OBJ(struct oci_config, hooks, oci_hooks),
    MAP(struct oci_config, annotations),
    OBJ_AS(struct oci_config, linux_, "linux", oci_linux),
};
const struct json_type oci_config_type =
    JSON_TYPE(struct oci_config, config_fields, "config.md");
