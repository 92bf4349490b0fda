/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "cli/cli.h"
#include "commit.h"

static int features(struct cli *c, void *values, char **args, int n_args, struct hull_error *e)
{
    char *text = NULL;
    (void)values;
    (void)args;
    (void)n_args;
    int r = hull_features(c->rt, HULL_COMMIT, &text, e);
    if (r == 0)
        fputs(text, stdout);
    free(text);
    return r;
}

const struct command cmd_features = {
    .name = "features",
    .arguments = "",
    .summary = "show the enabled features",
    .details = "   The result is JSON as the runtime specification's features.md defines it; annotations\n"
               "   that begin with run.hull.host. say what this machine offers.",
    .max_args = 0,
    .fail_status = 1,
    .run = features,
};
