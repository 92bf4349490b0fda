/* SPDX-License-Identifier: Apache-2.0 */
/* The linux object but for resources and seccomp. Spec: config-linux.md */
#include "json/field.h"
#include "oci/config.h"
#include "oci/schema.h"

static const char *const namespace_types[] = {
    "pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time", NULL,
};
static const char *const device_types[] = {"c", "b", "u", "p", NULL};
static const char *const personality_domains[] = {"LINUX", "LINUX32", NULL};

static const struct field namespace_fields[] = {
    STR(struct oci_namespace, type, REQUIRED, ONEOF(namespace_types)),
    STR(struct oci_namespace, path),
};
static const struct json_type oci_namespace_type =
    JSON_TYPE(struct oci_namespace, namespace_fields, "config-linux.md#namespaces");

static const struct field device_fields[] = {
    STR(struct oci_device, path, REQUIRED),
    STR(struct oci_device, type, REQUIRED, ONEOF(device_types)),
    OPT_I64(struct oci_device, major),
    OPT_I64(struct oci_device, minor),
    OPT_U32(struct oci_device, fileMode),
    OPT_U32(struct oci_device, uid),
    OPT_U32(struct oci_device, gid),
};
static const struct json_type oci_device_type =
    JSON_TYPE(struct oci_device, device_fields, "config-linux.md#devices");

static const struct field net_device_fields[] = {
    STR(struct oci_net_device, name),
};
static const struct json_type oci_net_device_type =
    JSON_TYPE(struct oci_net_device, net_device_fields, "config-linux.md#network-devices");

static const struct field intel_rdt_fields[] = {
    STR(struct oci_intel_rdt, closID),
    STRS(struct oci_intel_rdt, schemata),
    STR(struct oci_intel_rdt, l3CacheSchema),
    STR(struct oci_intel_rdt, memBwSchema),
    OPT_BOOL(struct oci_intel_rdt, enableMonitoring),
    /* until 1.2 */
    OPT_BOOL(struct oci_intel_rdt, enableCMT),
    OPT_BOOL(struct oci_intel_rdt, enableMBM),
};
static const struct json_type oci_intel_rdt_type =
    JSON_TYPE(struct oci_intel_rdt, intel_rdt_fields, "config-linux.md#intelrdt");

/* Values are checked by oci/validate_linux.c, whose words scripts of runc's users look for. */
static const struct field memory_policy_fields[] = {
    STR(struct oci_memory_policy, mode, ALWAYS),
    STR(struct oci_memory_policy, nodes, ALWAYS),
    STRS(struct oci_memory_policy, flags),
};
static const struct json_type oci_memory_policy_type =
    JSON_TYPE(struct oci_memory_policy, memory_policy_fields, "config-linux.md#memory-policy");

static const struct field personality_fields[] = {
    STR(struct oci_personality, domain, REQUIRED, ONEOF(personality_domains)),
    STRS(struct oci_personality, flags),
};
static const struct json_type oci_personality_type =
    JSON_TYPE(struct oci_personality, personality_fields, "config-linux.md#personality");

static const struct field time_offset_fields[] = {
    OPT_I64(struct oci_time_offset, secs),
    OPT_U32(struct oci_time_offset, nanosecs),
};
static const struct json_type oci_time_offset_type = JSON_TYPE(
    struct oci_time_offset, time_offset_fields, "config-linux.md#offset-for-time-namespace");

static const struct field time_offsets_fields[] = {
    OBJ(struct oci_time_offsets, monotonic, oci_time_offset),
    OBJ(struct oci_time_offsets, boottime, oci_time_offset),
};
static const struct json_type oci_time_offsets_type = JSON_TYPE(
    struct oci_time_offsets, time_offsets_fields, "config-linux.md#offset-for-time-namespace");

static const struct field linux_fields[] = {
    LIST(struct oci_linux, uidMappings, oci_id_mapping),
    LIST(struct oci_linux, gidMappings, oci_id_mapping),
    MAP(struct oci_linux, sysctl),
    OBJ(struct oci_linux, resources, oci_resources),
    STR(struct oci_linux, cgroupsPath),
    LIST(struct oci_linux, namespaces, oci_namespace),
    LIST(struct oci_linux, devices, oci_device),
    OBJ_MAP(struct oci_linux, netDevices, oci_net_device),
    OBJ(struct oci_linux, seccomp, oci_seccomp),
    STR(struct oci_linux, rootfsPropagation),
    STRS(struct oci_linux, maskedPaths),
    STRS(struct oci_linux, readonlyPaths),
    STR(struct oci_linux, mountLabel),
    OBJ(struct oci_linux, intelRdt, oci_intel_rdt),
    OBJ(struct oci_linux, memoryPolicy, oci_memory_policy),
    OBJ(struct oci_linux, personality, oci_personality),
    OBJ(struct oci_linux, timeOffsets, oci_time_offsets),
};
const struct json_type oci_linux_type =
    JSON_TYPE(struct oci_linux, linux_fields, "config-linux.md");
