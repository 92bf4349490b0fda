/* SPDX-License-Identifier: Apache-2.0 */
/* linux.resources, also of update. Spec: config-linux.md#control-groups */
#include "json/field.h"
#include "oci/config.h"
#include "oci/schema.h"

static const struct field device_rule_fields[] = {
    BOOL(struct oci_device_rule, allow, REQUIRED),
    STR(struct oci_device_rule, type),
    OPT_I64(struct oci_device_rule, major),
    OPT_I64(struct oci_device_rule, minor),
    STR(struct oci_device_rule, access),
};
static const struct json_type oci_device_rule_type =
    JSON_TYPE(struct oci_device_rule, device_rule_fields, "config-linux.md#allowed-device-list");

static const struct field memory_fields[] = {
    OPT_I64(struct oci_memory, limit),
    OPT_I64(struct oci_memory, reservation),
    OPT_I64(struct oci_memory, swap),
    OPT_I64(struct oci_memory, kernel),
    OPT_I64(struct oci_memory, kernelTCP),
    OPT_U64(struct oci_memory, swappiness),
    OPT_BOOL(struct oci_memory, disableOOMKiller),
    OPT_BOOL(struct oci_memory, useHierarchy),
    OPT_BOOL(struct oci_memory, checkBeforeUpdate),
};
static const struct json_type oci_memory_type =
    JSON_TYPE(struct oci_memory, memory_fields, "config-linux.md#memory");

static const struct field cpu_fields[] = {
    OPT_U64(struct oci_cpu, shares),
    OPT_I64(struct oci_cpu, quota),
    OPT_U64(struct oci_cpu, burst),
    OPT_U64(struct oci_cpu, period),
    OPT_I64(struct oci_cpu, realtimeRuntime),
    OPT_U64(struct oci_cpu, realtimePeriod),
    STR(struct oci_cpu, cpus),
    STR(struct oci_cpu, mems),
    OPT_I64(struct oci_cpu, idle),
};
static const struct json_type oci_cpu_type =
    JSON_TYPE(struct oci_cpu, cpu_fields, "config-linux.md#cpu");

static const struct field pids_fields[] = {
    OPT_I64(struct oci_pids, limit),
};
static const struct json_type oci_pids_type =
    JSON_TYPE(struct oci_pids, pids_fields, "config-linux.md#pids");

static const struct field weight_device_fields[] = {
    I64(struct oci_weight_device, major, REQUIRED),
    I64(struct oci_weight_device, minor, REQUIRED),
    OPT_U16(struct oci_weight_device, weight),
    OPT_U16(struct oci_weight_device, leafWeight),
};
static const struct json_type oci_weight_device_type =
    JSON_TYPE(struct oci_weight_device, weight_device_fields, "config-linux.md#block-io");

static const struct field throttle_device_fields[] = {
    I64(struct oci_throttle_device, major, REQUIRED),
    I64(struct oci_throttle_device, minor, REQUIRED),
    U64(struct oci_throttle_device, rate, REQUIRED),
};
static const struct json_type oci_throttle_device_type =
    JSON_TYPE(struct oci_throttle_device, throttle_device_fields, "config-linux.md#block-io");

static const struct field block_io_fields[] = {
    OPT_U16(struct oci_block_io, weight),
    OPT_U16(struct oci_block_io, leafWeight),
    LIST(struct oci_block_io, weightDevice, oci_weight_device),
    LIST(struct oci_block_io, throttleReadBpsDevice, oci_throttle_device),
    LIST(struct oci_block_io, throttleWriteBpsDevice, oci_throttle_device),
    LIST(struct oci_block_io, throttleReadIOPSDevice, oci_throttle_device),
    LIST(struct oci_block_io, throttleWriteIOPSDevice, oci_throttle_device),
};
static const struct json_type oci_block_io_type =
    JSON_TYPE(struct oci_block_io, block_io_fields, "config-linux.md#block-io");

static const struct field hugepage_limit_fields[] = {
    STR(struct oci_hugepage_limit, pageSize, REQUIRED),
    U64(struct oci_hugepage_limit, limit, REQUIRED),
};
static const struct json_type oci_hugepage_limit_type =
    JSON_TYPE(struct oci_hugepage_limit, hugepage_limit_fields, "config-linux.md#huge-page-limits");

static const struct field interface_priority_fields[] = {
    STR(struct oci_interface_priority, name, REQUIRED),
    U32(struct oci_interface_priority, priority, REQUIRED),
};
static const struct json_type oci_interface_priority_type =
    JSON_TYPE(struct oci_interface_priority, interface_priority_fields, "config-linux.md#network");

static const struct field network_fields[] = {
    OPT_U32(struct oci_network, classID),
    LIST(struct oci_network, priorities, oci_interface_priority),
};
static const struct json_type oci_network_type =
    JSON_TYPE(struct oci_network, network_fields, "config-linux.md#network");

static const struct field rdma_fields[] = {
    OPT_U32(struct oci_rdma, hcaHandles),
    OPT_U32(struct oci_rdma, hcaObjects),
};
static const struct json_type oci_rdma_type =
    JSON_TYPE(struct oci_rdma, rdma_fields, "config-linux.md#rdma");

static const struct field resources_fields[] = {
    LIST(struct oci_resources, devices, oci_device_rule),
    OBJ(struct oci_resources, memory, oci_memory),
    OBJ(struct oci_resources, cpu, oci_cpu),
    OBJ(struct oci_resources, pids, oci_pids),
    OBJ(struct oci_resources, blockIO, oci_block_io),
    LIST(struct oci_resources, hugepageLimits, oci_hugepage_limit),
    OBJ(struct oci_resources, network, oci_network),
    OBJ_MAP(struct oci_resources, rdma, oci_rdma),
    MAP(struct oci_resources, unified),
};
const struct json_type oci_resources_type =
    JSON_TYPE(struct oci_resources, resources_fields, "config-linux.md#control-groups");
