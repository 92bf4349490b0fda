/* SPDX-License-Identifier: Apache-2.0 */
/* Spec: config.md#posix-platform-hooks */
#include "json/field.h"
#include "oci/config.h"
#include "oci/schema.h"

static const struct field hook_fields[] = {
    STR(struct oci_hook, path, REQUIRED),
    STRS(struct oci_hook, args),
    STRS(struct oci_hook, env),
    OPT_I64(struct oci_hook, timeout),
};
static const struct json_type oci_hook_type =
    JSON_TYPE(struct oci_hook, hook_fields, "config.md#posix-platform-hooks");

static const struct field hooks_fields[] = {
    LIST(struct oci_hooks, prestart, oci_hook),
    LIST(struct oci_hooks, createRuntime, oci_hook),
    LIST(struct oci_hooks, createContainer, oci_hook),
    LIST(struct oci_hooks, startContainer, oci_hook),
    LIST(struct oci_hooks, poststart, oci_hook),
    LIST(struct oci_hooks, poststop, oci_hook),
};
const struct json_type oci_hooks_type =
    JSON_TYPE(struct oci_hooks, hooks_fields, "config.md#posix-platform-hooks");
