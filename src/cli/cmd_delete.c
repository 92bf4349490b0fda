/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

struct values { bool force; };

static int delete(struct cli *c, void *values, char **args, int n_args, struct hull_error *e)
{
    const struct values *v = values;
    (void)n_args;
    return hull_delete(c->rt, args[0], v->force ? HULL_DELETE_FORCE : 0, e);
}

static const struct option options[] = {
    FLAG_ROW(struct values, force, "force", 'f',
             "Forcibly deletes the container if it is still running (uses SIGKILL)"),
};

const struct command cmd_delete = {
    .name = "delete",
    .arguments = "<container-id>",
    .summary = "delete any resources held by the container often used with detached container",
    .options = options,
    .n_options = sizeof(options) / sizeof(*options),
    .values_size = sizeof(struct values),
    .min_args = 1,
    .max_args = 1,
    .fail_status = 1,
    .run = delete,
};
