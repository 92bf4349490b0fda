/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/criu_options.h"

static int restore(struct cli *c, void *values, char **args, int n_args, struct hull_error *e)
{
    const struct criu_values *v = values;
    struct hull_create_options o = {
        .size = sizeof(o),
        .bundle = v->bundle,
        .config = v->config,
        .console_socket = v->console_socket,
        .pid_file = v->pid_file,
        .no_pivot = v->no_pivot,
        .detach = v->detach,
        .no_subreaper = v->no_subreaper,
    };
    struct hull_criu_options criu;
    int status = 0;
    (void)n_args;
    int r = criu_options_of(v, &criu, e);
    if (r < 0)
        return r;
    r = hull_restore(c->rt, args[0], &o, &criu, &status, e);
    return r < 0 ? r : status;
}

static const struct option options[] = {
    STRING_ROW(struct criu_values, console_socket, "console-socket", 0, "string",
               "path to an AF_UNIX socket which will receive a file descriptor referencing the "
               "master end of the console's pseudoterminal"),
    STRING_ROW(struct criu_values, image_path, "image-path", 0, "string",
               "path to criu image files for restoring"),
    STRING_ROW(struct criu_values, bundle, "bundle", 'b', "string",
               "path to the root of the bundle directory"),
    STRING_ROW(struct criu_values, config, "config", 'f', "string",
               "name of the configuration file in the bundle (default: config.json)"),
    FLAG_ROW(struct criu_values, detach, "detach", 'd', "detach from the container's process"),
    STRING_ROW(struct criu_values, pid_file, "pid-file", 0, "string",
               "specify the file to write the process id to"),
    FLAG_ROW(struct criu_values, no_subreaper, "no-subreaper", 0,
             "disable the use of the subreaper used to reap reparented processes"),
    FLAG_ROW(struct criu_values, no_pivot, "no-pivot", 0, "has no effect: criu makes the root"),
    FLAG_ROW(struct criu_values, tcp_close, "tcp-close", 0, "close the tcp connections of the images"),
    STRING_ROW(struct criu_values, lsm_profile, "lsm-profile", 0, "string",
               "an LSM profile to be used during restore in the form of TYPE:NAME"),
    STRING_ROW(struct criu_values, lsm_mount_context, "lsm-mount-context", 0, "string",
               "an LSM mount context to be used during restore"),
    CRIU_OPTIONS,
};

const struct command cmd_restore = {
    .name = "restore",
    .arguments = "<container-id>",
    .summary = "restore a container from a previous checkpoint",
    .details = "   Makes a container whose processes go on from the images that \"checkpoint\" has\n"
               "   saved. In the foreground the exit code is that of its first process.",
    .options = options,
    .n_options = sizeof(options) / sizeof(*options),
    .values_size = sizeof(struct criu_values),
    .min_args = 1,
    .max_args = 1,
    .fail_status = 1,
    .run = restore,
};
