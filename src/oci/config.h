/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of OCI runtime-spec 1.3 for Linux as C structs, in the order of the spec.
 * https://github.com/opencontainers/runtime-spec/blob/v1.3.0/config.md
 *
 * Filled by the field tables of schema_*.c. Everything lives in the arena and the file buffer that
 * oci_config_load was given. Absent is not zero: optional scalars are struct opt_*, an absent
 * string or object is NULL, an absent list has n == 0 (and v == NULL; an empty one has v != NULL).
 */
#ifndef HULL_OCI_CONFIG_H
#define HULL_OCI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct opt_bool { bool set; bool v; };
struct opt_i64 { bool set; int64_t v; };
struct opt_u64 { bool set; uint64_t v; };
struct opt_u32 { bool set; uint32_t v; };
struct opt_i32 { bool set; int32_t v; };
struct opt_u16 { bool set; uint16_t v; };

/* Any list: {pointer to n elements, n}. All typed lists have this layout. */
#define LIST_OF(T) struct { T *v; size_t n; }
struct oci_strs { char **v; size_t n; };
struct oci_u32s { uint32_t *v; size_t n; };
struct oci_pair { char *key; char *value; };
struct oci_map { struct oci_pair *v; size_t n; };

/* process */
struct oci_console_size { uint32_t height, width; };
struct oci_user {
    uint32_t        uid, gid;
    struct opt_u32  umask;
    struct oci_u32s additionalGids;
    char           *username;              /* Windows only, ignored */
};
struct oci_capabilities {
    struct oci_strs bounding, effective, inheritable, permitted, ambient;
};
struct oci_rlimit { char *type; uint64_t hard, soft; };
struct oci_scheduler {
    char           *policy;
    struct opt_i32  nice;
    struct opt_i32  priority;
    struct oci_strs flags;
    struct opt_u64  runtime, deadline, period;   /* nanoseconds */
};
struct oci_io_priority { char *class_; struct opt_i32 priority; };   /* JSON name "class" */
struct oci_cpu_affinity { char *initial, *final; };
struct oci_process {
    bool                     terminal;
    struct oci_console_size *consoleSize;
    struct oci_user         *user;
    struct oci_strs          args;
    char                    *commandLine;  /* Windows only, ignored */
    struct oci_strs          env;
    char                    *cwd;
    struct oci_capabilities *capabilities;
    LIST_OF(struct oci_rlimit) rlimits;
    struct opt_bool          noNewPrivileges;
    char                    *apparmorProfile;
    struct opt_i32           oomScoreAdj;
    struct oci_scheduler    *scheduler;
    char                    *selinuxLabel;
    struct oci_io_priority  *ioPriority;
    struct oci_cpu_affinity *execCPUAffinity;
};

struct oci_root { char *path; bool readonly; };

struct oci_id_mapping { uint32_t containerID, hostID, size; };
struct oci_id_mappings { struct oci_id_mapping *v; size_t n; };

struct oci_mount {
    char           *destination;
    char           *type;
    char           *source;
    struct oci_strs options;
    struct oci_id_mappings uidMappings, gidMappings;
};

struct oci_hook {
    char           *path;
    struct oci_strs args;
    struct oci_strs env;
    struct opt_i64  timeout;   /* seconds */
};
struct oci_hook_list { struct oci_hook *v; size_t n; };
struct oci_hooks {
    struct oci_hook_list prestart, createRuntime, createContainer, startContainer, poststart,
        poststop;
};

/* linux.resources */
struct oci_device_rule {
    bool           allow;
    char          *type;      /* a b c; absent = a */
    struct opt_i64 major, minor;
    char          *access;    /* of "rwm" */
};
struct oci_memory {
    struct opt_i64  limit, reservation, swap, kernel, kernelTCP;   /* bytes; -1 = unlimited */
    struct opt_u64  swappiness;
    struct opt_bool disableOOMKiller, useHierarchy, checkBeforeUpdate;
};
struct oci_cpu {
    struct opt_u64 shares;
    struct opt_i64 quota;          /* microseconds per period */
    struct opt_u64 burst;          /* microseconds */
    struct opt_u64 period;         /* microseconds */
    struct opt_i64 realtimeRuntime;
    struct opt_u64 realtimePeriod;
    char          *cpus, *mems;
    struct opt_i64 idle;
};
struct oci_pids { struct opt_i64 limit; };
struct oci_weight_device { int64_t major, minor; struct opt_u16 weight, leafWeight; };
struct oci_throttle_device { int64_t major, minor; uint64_t rate; };
struct oci_throttle_list { struct oci_throttle_device *v; size_t n; };
struct oci_block_io {
    struct opt_u16 weight, leafWeight;
    LIST_OF(struct oci_weight_device) weightDevice;
    struct oci_throttle_list throttleReadBpsDevice, throttleWriteBpsDevice, throttleReadIOPSDevice,
        throttleWriteIOPSDevice;
};
struct oci_hugepage_limit { char *pageSize; uint64_t limit; };
struct oci_interface_priority { char *name; uint32_t priority; };
struct oci_network {
    struct opt_u32 classID;
    LIST_OF(struct oci_interface_priority) priorities;
};
struct oci_rdma { char *key; struct opt_u32 hcaHandles, hcaObjects; };   /* key: device name */
struct oci_resources {
    LIST_OF(struct oci_device_rule) devices;
    struct oci_memory   *memory;
    struct oci_cpu      *cpu;
    struct oci_pids     *pids;
    struct oci_block_io *blockIO;
    LIST_OF(struct oci_hugepage_limit) hugepageLimits;
    struct oci_network  *network;
    LIST_OF(struct oci_rdma) rdma;
    struct oci_map       unified;
};

/* linux */
struct oci_namespace { char *type; char *path; };
struct oci_device {
    char          *type;      /* c b u p */
    char          *path;
    struct opt_i64 major, minor;
    struct opt_u32 fileMode;
    struct opt_u32 uid, gid;
};
struct oci_net_device { char *key; char *name; };   /* key: name on the host */
struct oci_seccomp_arg {
    uint32_t index;
    uint64_t value;
    struct opt_u64 valueTwo;
    char    *op;
};
struct oci_seccomp_syscall {
    struct oci_strs names;
    char           *action;
    struct opt_u32  errnoRet;
    LIST_OF(struct oci_seccomp_arg) args;
};
struct oci_seccomp {
    char           *defaultAction;
    struct opt_u32  defaultErrnoRet;
    struct oci_strs architectures;
    struct oci_strs flags;
    char           *listenerPath, *listenerMetadata;
    LIST_OF(struct oci_seccomp_syscall) syscalls;
    bool            strict;   /* not a member: see oci/annotations.h */
};
struct oci_intel_rdt {
    char           *closID;
    struct oci_strs schemata;
    char           *l3CacheSchema, *memBwSchema;
    struct opt_bool enableMonitoring, enableCMT, enableMBM;
};
struct oci_memory_policy { char *mode; char *nodes; struct oci_strs flags; };
struct oci_personality { char *domain; struct oci_strs flags; };
struct oci_time_offset { struct opt_i64 secs; struct opt_u32 nanosecs; };
struct oci_time_offsets { struct oci_time_offset *monotonic, *boottime; };
struct oci_linux {
    struct oci_id_mappings uidMappings, gidMappings;
    struct oci_map        sysctl;
    struct oci_resources *resources;
    char                 *cgroupsPath;
    LIST_OF(struct oci_namespace) namespaces;
    LIST_OF(struct oci_device) devices;
    LIST_OF(struct oci_net_device) netDevices;
    struct oci_seccomp   *seccomp;
    char                 *rootfsPropagation;
    struct oci_strs       maskedPaths;
    struct oci_strs       readonlyPaths;
    char                 *mountLabel;
    struct oci_intel_rdt *intelRdt;
    struct oci_memory_policy *memoryPolicy;
    struct oci_personality   *personality;
    struct oci_time_offsets  *timeOffsets;
};

struct oci_config {
    char               *ociVersion;
    struct oci_process *process;
    struct oci_root    *root;
    char               *hostname;
    char               *domainname;
    LIST_OF(struct oci_mount) mounts;
    struct oci_hooks   *hooks;
    struct oci_map      annotations;
    struct oci_linux   *linux_;      /* JSON name "linux"; never NULL after loading */
};

/* The state that hooks get and `state` prints: runtime-spec, runtime.md#state. */
struct oci_state {
    char           *ociVersion;
    char           *id;
    char           *status;
    struct opt_i32  pid;
    char           *bundle;
    char           *rootfs;       /* runc's addition */
    char           *created;      /* runc's addition */
    struct oci_map  annotations;
    char           *owner;        /* runc's addition */
};
#endif
