/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRIU's remote calls: the messages of its rpc.proto that we use, as C structs, and their encoding
 * as Protocol Buffers (proto2) by field table.
 */
#ifndef HULL_CRIU_RPC_H
#define HULL_CRIU_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/arena.h"
#include "oci/config.h"

/* criu_req_type */
enum criu_type {
    CRIU_EMPTY, CRIU_DUMP, CRIU_RESTORE, CRIU_CHECK, CRIU_PRE_DUMP, CRIU_PAGE_SERVER, CRIU_NOTIFY,
    CRIU_CPUINFO_DUMP, CRIU_CPUINFO_CHECK, CRIU_FEATURE_CHECK, CRIU_VERSION, CRIU_WAIT_PID,
};
/* criu_cg_mode */
enum criu_cg_mode {
    CRIU_CG_IGNORE, CRIU_CG_NONE, CRIU_CG_PROPS, CRIU_CG_SOFT, CRIU_CG_FULL, CRIU_CG_STRICT,
    CRIU_CG_DEFAULT,
};
/* criu_network_lock_method */
enum criu_network_lock { CRIU_LOCK_IPTABLES = 1, CRIU_LOCK_NFTABLES, CRIU_LOCK_SKIP };

struct criu_page_server { char *address; struct opt_i32 port; };
struct criu_mount_map { char *key, *val; };
struct criu_join_ns { char *ns, *ns_file; };
struct criu_inherit_fd { char *key; struct opt_i32 fd; };
struct criu_cgroup_root { char *ctrl, *path; };

/* criu_opts. A bool that is false is not sent: that is CRIU's default for all of these. */
struct criu_opts {
    struct opt_i32 images_dir_fd, pid, work_dir_fd, log_level, manage_cgroups_mode, status_fd,
        network_lock;
    struct opt_u32 empty_ns;
    bool leave_running, ext_unix_sk, tcp_established, evasive_devices, shell_job, file_locks,
        notify_scripts, track_mem, auto_dedup, link_remap, manage_cgroups, rst_sibling,
        tcp_skip_in_flight, lazy_pages, orphan_pts_master, tcp_close;
    char *log_file, *root, *parent_img, *freeze_cgroup, *config_file, *lsm_profile, *lsm_mount_context;
    struct criu_page_server *ps;
    LIST_OF(struct criu_mount_map) ext_mnt;
    LIST_OF(struct criu_cgroup_root) cg_root;
    LIST_OF(struct criu_inherit_fd) inherit_fd;
    LIST_OF(struct criu_join_ns) join_ns;
    struct oci_strs external;
};

struct criu_features { bool mem_track, lazy_pages; };
struct criu_version { struct opt_i32 major, minor, sublevel; char *gitid; };
struct criu_notify { char *script; struct opt_i32 pid; };

struct criu_request {
    struct opt_i32        type;            /* enum criu_type */
    struct criu_opts     *opts;
    bool                  notify_success;
    bool                  keep_open;       /* there is a further request */
    struct criu_features *features;
};

struct criu_response {
    struct opt_i32        type;
    bool                  success;
    struct criu_notify   *notify;
    struct opt_i32        cr_errno;
    struct criu_features *features;
    struct criu_version  *version;
};

/**
 * Encodes a request.
 * @param ret  bytes in a
 * @return their number, or -ENOMEM
 */
ssize_t rpc_encode(const struct criu_request *req, struct arena *a, uint8_t **ret);
/**
 * Decodes a response; fields that are not in struct criu_response are skipped.
 * @param a    owns strings and parts of ret
 * @return 0, -EBADMSG or -ENOMEM
 */
int rpc_decode(const uint8_t *buf, size_t len, struct arena *a, struct criu_response *ret);
#endif
