/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

static int start(struct cli *c, void *values, char **args, int n_args, struct hull_error *e)
{
    (void)values;
    (void)n_args;
    return hull_start(c->rt, args[0], e);
}

const struct command cmd_start = {
    .name = "start",
    .arguments = "<container-id>",
    .summary = "executes the user defined process in a created container",
    .min_args = 1,
    .max_args = 1,
    .fail_status = 1,
    .run = start,
};
