/* SPDX-License-Identifier: Apache-2.0 */
/* The process object, also of exec's process file. Spec: config.md#process */
#include "json/field.h"
#include "oci/config.h"
#include "oci/schema.h"

static const char *const rlimit_names[] = {
    "RLIMIT_AS",      "RLIMIT_CORE",    "RLIMIT_CPU",        "RLIMIT_DATA",
    "RLIMIT_FSIZE",   "RLIMIT_LOCKS",   "RLIMIT_MEMLOCK",    "RLIMIT_MSGQUEUE",
    "RLIMIT_NICE",    "RLIMIT_NOFILE",  "RLIMIT_NPROC",      "RLIMIT_RSS",
    "RLIMIT_RTPRIO",  "RLIMIT_RTTIME",  "RLIMIT_SIGPENDING", "RLIMIT_STACK",
    NULL,
};

static const char *const scheduler_policies[] = {
    "SCHED_OTHER", "SCHED_FIFO",     "SCHED_RR", "SCHED_BATCH", "SCHED_ISO",
    "SCHED_IDLE",  "SCHED_DEADLINE", NULL,
};

static const char *const scheduler_flags[] = {
    "SCHED_FLAG_RESET_ON_FORK",
    "SCHED_FLAG_RECLAIM",
    "SCHED_FLAG_DL_OVERRUN",
    "SCHED_FLAG_KEEP_POLICY",
    "SCHED_FLAG_KEEP_PARAMS",
    "SCHED_FLAG_UTIL_CLAMP_MIN",
    "SCHED_FLAG_UTIL_CLAMP_MAX",
    NULL,
};

static const char *const io_priority_classes[] = {
    "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE", NULL,
};

static const struct field console_size_fields[] = {
    U32(struct oci_console_size, height, REQUIRED),
    U32(struct oci_console_size, width, REQUIRED),
};
static const struct json_type oci_console_size_type =
    JSON_TYPE(struct oci_console_size, console_size_fields, "config.md#process");

static const struct field user_fields[] = {
    U32(struct oci_user, uid, ALWAYS),
    U32(struct oci_user, gid, ALWAYS),
    OPT_U32(struct oci_user, umask),
    U32S(struct oci_user, additionalGids),
    STR(struct oci_user, username),
};
static const struct json_type oci_user_type =
    JSON_TYPE(struct oci_user, user_fields, "config.md#posix-platform-user");

static const struct field capabilities_fields[] = {
    STRS(struct oci_capabilities, bounding),
    STRS(struct oci_capabilities, effective),
    STRS(struct oci_capabilities, inheritable),
    STRS(struct oci_capabilities, permitted),
    STRS(struct oci_capabilities, ambient),
};
static const struct json_type oci_capabilities_type =
    JSON_TYPE(struct oci_capabilities, capabilities_fields, "config.md#linux-process");

static const struct field rlimit_fields[] = {
    STR(struct oci_rlimit, type, REQUIRED, ONEOF(rlimit_names)),
    U64(struct oci_rlimit, hard, REQUIRED),
    U64(struct oci_rlimit, soft, REQUIRED),
};
static const struct json_type oci_rlimit_type =
    JSON_TYPE(struct oci_rlimit, rlimit_fields, "config.md#posix-process");

static const struct field scheduler_fields[] = {
    STR(struct oci_scheduler, policy, REQUIRED, ONEOF(scheduler_policies)),
    OPT_I32(struct oci_scheduler, nice),
    OPT_I32(struct oci_scheduler, priority),
    STRS(struct oci_scheduler, flags, ONEOF(scheduler_flags)),
    OPT_U64(struct oci_scheduler, runtime),
    OPT_U64(struct oci_scheduler, deadline),
    OPT_U64(struct oci_scheduler, period),
};
static const struct json_type oci_scheduler_type =
    JSON_TYPE(struct oci_scheduler, scheduler_fields, "config.md#linux-process");

static const struct field io_priority_fields[] = {
    STR_AS(struct oci_io_priority, class_, "class", REQUIRED, ONEOF(io_priority_classes)),
    OPT_I32(struct oci_io_priority, priority),
};
static const struct json_type oci_io_priority_type =
    JSON_TYPE(struct oci_io_priority, io_priority_fields, "config.md#linux-process");

static const struct field cpu_affinity_fields[] = {
    STR(struct oci_cpu_affinity, initial),
    STR(struct oci_cpu_affinity, final),
};
static const struct json_type oci_cpu_affinity_type =
    JSON_TYPE(struct oci_cpu_affinity, cpu_affinity_fields, "config.md#linux-process");

static const struct field process_fields[] = {
    BOOL(struct oci_process, terminal),
    OBJ(struct oci_process, consoleSize, oci_console_size),
    OBJ(struct oci_process, user, oci_user, ALWAYS),
    STRS(struct oci_process, args),
    STR(struct oci_process, commandLine),
    STRS(struct oci_process, env),
    STR(struct oci_process, cwd, REQUIRED),
    OBJ(struct oci_process, capabilities, oci_capabilities),
    LIST(struct oci_process, rlimits, oci_rlimit),
    OPT_BOOL(struct oci_process, noNewPrivileges),
    STR(struct oci_process, apparmorProfile),
    OPT_I32(struct oci_process, oomScoreAdj),
    OBJ(struct oci_process, scheduler, oci_scheduler),
    STR(struct oci_process, selinuxLabel),
    OBJ(struct oci_process, ioPriority, oci_io_priority),
    OBJ(struct oci_process, execCPUAffinity, oci_cpu_affinity),
};
const struct json_type oci_process_type =
    JSON_TYPE(struct oci_process, process_fields, "config.md#process");
