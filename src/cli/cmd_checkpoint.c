/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/criu_options.h"

int criu_options_of(const struct criu_values *v, struct hull_criu_options *ret, struct hull_error *e)
{
    *ret = (struct hull_criu_options){
        .size = sizeof(*ret),
        .image_path = v->image_path,
        .work_path = v->work_path,
        .parent_path = v->parent_path,
        .page_server = v->page_server,
        .manage_cgroups_mode = v->cgroups_mode,
        .network_lock = v->network_lock,
        .lsm_profile = v->lsm_profile,
        .lsm_mount_context = v->lsm_mount_context,
        .empty_ns = v->empty_ns.v,
        .status_fd = -1,
        .leave_running = v->leave_running,
        .pre_dump = v->pre_dump,
        .lazy_pages = v->lazy_pages,
        .auto_dedup = v->auto_dedup,
        .tcp_established = v->tcp_established,
        .tcp_skip_in_flight = v->tcp_skip_in_flight,
        .tcp_close = v->tcp_close,
        .ext_unix_sk = v->ext_unix_sk,
        .shell_job = v->shell_job,
        .file_locks = v->file_locks,
        .link_remap = v->link_remap,
    };
    if (!v->status_fd)
        return 0;
    char *end;
    long fd = strtol(v->status_fd, &end, 0);
    if (!*v->status_fd || *end || fd < -1 || fd > 1 << 20) {
        e->code = HULL_E_CONFIG;
        snprintf(e->text, sizeof(e->text), "invalid --status-fd argument %s", v->status_fd);
        return -1;
    }
    ret->status_fd = (int)fd;
    return 0;
}

static int checkpoint(struct cli *c, void *values, char **args, int n_args, struct hull_error *e)
{
    struct hull_criu_options o;
    (void)n_args;
    int r = criu_options_of(values, &o, e);
    if (r < 0)
        return r;
    return hull_checkpoint(c->rt, args[0], &o, e);
}

static const struct option options[] = {
    STRING_ROW(struct criu_values, image_path, "image-path", 0, "string",
               "path for saving criu image files"),
    STRING_ROW(struct criu_values, parent_path, "parent-path", 0, "string",
               "path for previous criu image files in pre-dump"),
    FLAG_ROW(struct criu_values, pre_dump, "pre-dump", 0,
             "dump container's memory information only, leave the container running after this"),
    FLAG_ROW(struct criu_values, leave_running, "leave-running", 0,
             "leave the process running after checkpointing"),
    FLAG_ROW(struct criu_values, tcp_skip_in_flight, "tcp-skip-in-flight", 0,
             "skip in-flight tcp connections"),
    FLAG_ROW(struct criu_values, link_remap, "link-remap", 0,
             "allow one to link unlinked files back when possible"),
    STRING_ROW(struct criu_values, status_fd, "status-fd", 0, "int",
               "criu writes \\0 to this FD once lazy-pages is ready (default: -1)"),
    STRING_ROW(struct criu_values, page_server, "page-server", 0, "string",
               "ADDRESS:PORT of the page server"),
    CRIU_OPTIONS,
};

const struct command cmd_checkpoint = {
    .name = "checkpoint",
    .arguments = "<container-id>",
    .summary = "checkpoint a running container",
    .details = "   Saves the processes of a running container as images, with the help of criu, and\n"
               "   removes the container.",
    .options = options,
    .n_options = sizeof(options) / sizeof(*options),
    .values_size = sizeof(struct criu_values),
    .min_args = 1,
    .max_args = 1,
    .fail_status = 1,
    .run = checkpoint,
};
