/* SPDX-License-Identifier: Apache-2.0 */
/* Spec: config-linux.md#seccomp */
#include "json/field.h"
#include "oci/config.h"
#include "oci/schema.h"

static const char *const actions[] = {
    "SCMP_ACT_KILL",  "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP",
    "SCMP_ACT_ERRNO", "SCMP_ACT_TRACE",        "SCMP_ACT_ALLOW",       "SCMP_ACT_LOG",
    "SCMP_ACT_NOTIFY", NULL,
};

static const char *const architectures[] = {
    "SCMP_ARCH_X86",        "SCMP_ARCH_X86_64",      "SCMP_ARCH_X32",
    "SCMP_ARCH_ARM",        "SCMP_ARCH_AARCH64",     "SCMP_ARCH_LOONGARCH64",
    "SCMP_ARCH_M68K",       "SCMP_ARCH_MIPS",        "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32",  "SCMP_ARCH_MIPSEL",      "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",        "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",    "SCMP_ARCH_S390",        "SCMP_ARCH_S390X",
    "SCMP_ARCH_SH",         "SCMP_ARCH_SHEB",        "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64",   "SCMP_ARCH_RISCV64",     NULL,
};

static const char *const filter_flags[] = {
    "SECCOMP_FILTER_FLAG_TSYNC",
    "SECCOMP_FILTER_FLAG_LOG",
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
    NULL,
};

static const char *const operators[] = {
    "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE",        "SCMP_CMP_EQ",
    "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ", NULL,
};

static const struct field seccomp_arg_fields[] = {
    U32(struct oci_seccomp_arg, index, REQUIRED),
    U64(struct oci_seccomp_arg, value, REQUIRED),
    OPT_U64(struct oci_seccomp_arg, valueTwo),
    STR(struct oci_seccomp_arg, op, REQUIRED, ONEOF(operators)),
};
static const struct json_type oci_seccomp_arg_type =
    JSON_TYPE(struct oci_seccomp_arg, seccomp_arg_fields, "config-linux.md#seccomp");

static const struct field seccomp_syscall_fields[] = {
    STRS(struct oci_seccomp_syscall, names, REQUIRED),
    STR(struct oci_seccomp_syscall, action, REQUIRED, ONEOF(actions)),
    OPT_U32(struct oci_seccomp_syscall, errnoRet),
    LIST(struct oci_seccomp_syscall, args, oci_seccomp_arg),
};
static const struct json_type oci_seccomp_syscall_type =
    JSON_TYPE(struct oci_seccomp_syscall, seccomp_syscall_fields, "config-linux.md#seccomp");

static const struct field seccomp_fields[] = {
    STR(struct oci_seccomp, defaultAction, ONEOF(actions)),
    OPT_U32(struct oci_seccomp, defaultErrnoRet),
    STRS(struct oci_seccomp, architectures, ONEOF(architectures)),
    STRS(struct oci_seccomp, flags, ONEOF(filter_flags)),
    STR(struct oci_seccomp, listenerPath),
    STR(struct oci_seccomp, listenerMetadata),
    LIST(struct oci_seccomp, syscalls, oci_seccomp_syscall),
};
const struct json_type oci_seccomp_type =
    JSON_TYPE(struct oci_seccomp, seccomp_fields, "config-linux.md#seccomp");
