/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "cli/cli.h"

static int state(struct cli *c, void *values, char **args, int n_args, struct hull_error *e)
{
    char *text = NULL;
    (void)values;
    (void)n_args;
    int r = hull_state_json(c->rt, args[0], &text, e);
    if (r == 0)
        fputs(text, stdout);
    free(text);
    return r;
}

const struct command cmd_state = {
    .name = "state",
    .arguments = "<container-id>",
    .summary = "output the state of a container",
    .min_args = 1,
    .max_args = 1,
    .fail_status = 1,
    .run = state,
};
