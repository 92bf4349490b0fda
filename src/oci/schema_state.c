/* SPDX-License-Identifier: Apache-2.0 */
/* Spec: runtime.md#state */
#include "json/field.h"
#include "oci/config.h"
#include "oci/schema.h"

static const struct field state_fields[] = {
    STR(struct oci_state, ociVersion, REQUIRED),
    STR(struct oci_state, id, REQUIRED),
    OPT_I32(struct oci_state, pid, ALWAYS),
    STR(struct oci_state, status, REQUIRED),
    STR(struct oci_state, bundle, REQUIRED),
    STR(struct oci_state, rootfs, ALWAYS),
    STR(struct oci_state, created, ALWAYS),
    MAP(struct oci_state, annotations),
    STR(struct oci_state, owner, ALWAYS),
};
const struct json_type oci_state_type =
    JSON_TYPE(struct oci_state, state_fields, "runtime.md#state");

static const struct field hook_state_fields[] = {
    STR(struct oci_state, ociVersion, REQUIRED),
    STR(struct oci_state, id, REQUIRED),
    STR(struct oci_state, status, REQUIRED),
    OPT_I32(struct oci_state, pid),
    STR(struct oci_state, bundle, REQUIRED),
    MAP(struct oci_state, annotations),
};
const struct json_type oci_hook_state_type =
    JSON_TYPE(struct oci_state, hook_state_fields, "runtime.md#state");
