/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

static int resume(struct cli *c, void *values, char **args, int n_args, struct hull_error *e)
{
    (void)values;
    (void)n_args;
    return hull_resume(c->rt, args[0], e);
}

const struct command cmd_resume = {
    .name = "resume",
    .arguments = "<container-id>",
    .summary = "resumes all processes that have been previously paused",
    .details = "   The resume command resumes all processes in the instance of the container.\n"
               "   Use the list command to identify instances of containers and their current status.",
    .min_args = 1,
    .max_args = 1,
    .fail_status = 1,
    .run = resume,
};
