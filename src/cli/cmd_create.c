/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/create_options.h"

static int create(struct cli *c, void *values, char **args, int n_args, struct hull_error *e)
{
    struct create_values *v = values;
    (void)n_args;
    if (v->explain)
        return create_explain(c, v, args[0], false, e);
    struct hull_create_options o = create_options_of(v);
    return hull_create(c->rt, args[0], &o, e);
}

static const struct option options[] = {CREATE_OPTIONS};

const struct command cmd_create = {
    .name = "create",
    .arguments = "<container-id>",
    .summary = "create a container",
    .details = "   Makes a container from a bundle, a directory with a config.json and a root\n"
               "   filesystem. Its program does not run before \"start\".",
    .options = options,
    .n_options = sizeof(options) / sizeof(*options),
    .values_size = sizeof(struct create_values),
    .min_args = 1,
    .max_args = 1,
    .fail_status = 1,
    .seals = true,
    .prefix = " create failed",
    .run = create,
};
