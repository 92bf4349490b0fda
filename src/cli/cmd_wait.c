/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

static int wait_container(struct cli *c, void *values, char **args, int n_args, struct hull_error *e)
{
    int status = 0;
    (void)values;
    (void)n_args;
    int r = hull_wait(c->rt, args[0], &status, e);
    return r < 0 ? r : status;
}

const struct command cmd_wait = {
    .name = "wait",
    .arguments = "<container-id>",
    .summary = "wait for the end of a container and return its exit code",
    .details = "   The wait command blocks until the container's first process has ended, and exits with its\n"
               "   exit code, or 128 plus the number of the signal that killed it. It exits with 255 on failure\n"
               "   and with 254 if the container has ended but nobody can tell any more how.",
    .min_args = 1,
    .max_args = 1,
    .fail_status = 255,
    .usage_status = 255, /* 1 would be the container's */
    .run = wait_container,
};
