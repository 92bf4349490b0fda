/* SPDX-License-Identifier: Apache-2.0 */
/* Options that checkpoint and restore share. */
#ifndef HULL_CLI_CRIU_OPTIONS_H
#define HULL_CLI_CRIU_OPTIONS_H

#include "cli/cli.h"

struct criu_values {
    const char    *image_path, *work_path, *parent_path, *page_server, *status_fd, *cgroups_mode,
        *network_lock, *lsm_profile, *lsm_mount_context;
    struct strings empty_ns;
    bool           leave_running, pre_dump, lazy_pages, auto_dedup, tcp_established,
        tcp_skip_in_flight, tcp_close, ext_unix_sk, shell_job, file_locks, link_remap;
    /* restore */
    const char    *bundle, *config, *console_socket, *pid_file;
    bool           detach, no_pivot, no_subreaper;
};

#define CRIU_OPTIONS                                                                                \
    STRING_ROW(struct criu_values, work_path, "work-path", 0, "string",                             \
               "path for saving work files and logs"),                                              \
    FLAG_ROW(struct criu_values, tcp_established, "tcp-established", 0,                             \
             "allow open tcp connections"),                                                         \
    FLAG_ROW(struct criu_values, ext_unix_sk, "ext-unix-sk", 0, "allow external unix sockets"),     \
    FLAG_ROW(struct criu_values, shell_job, "shell-job", 0, "allow shell jobs"),                    \
    FLAG_ROW(struct criu_values, file_locks, "file-locks", 0, "handle file locks, for safety"),     \
    STRING_ROW(struct criu_values, cgroups_mode, "manage-cgroups-mode", 0, "string",                \
               "cgroups mode: soft|full|strict|ignore (default: soft)"),                            \
    STRING_ROW(struct criu_values, network_lock, "network-lock", 0, "string",                       \
               "how the network is locked meanwhile: iptables|nftables|skip"),                      \
    STRINGS_ROW(struct criu_values, empty_ns, "empty-ns", 0, "string",                              \
                "create a namespace, but don't restore its properties"),                            \
    FLAG_ROW(struct criu_values, auto_dedup, "auto-dedup", 0,                                       \
             "enable auto deduplication of memory images"),                                         \
    FLAG_ROW(struct criu_values, lazy_pages, "lazy-pages", 0,                                       \
             "use userfaultfd to lazily restore memory pages")

/** Fills the library's options; 0 or negative with the error set. Strings and lists are shared. */
int criu_options_of(const struct criu_values *v, struct hull_criu_options *ret, struct hull_error *e);
#endif
