/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/create_options.h"

int create_explain(struct cli *c, const struct create_values *v, const char *id, bool run,
                   struct hull_error *e)
{
    struct hull_create_options o = create_options_of(v);
    char *text = NULL;
    int r = hull_explain(c->rt, id, &o, run, strcmp(v->explain, "json") == 0, &text, e);
    if (r == 0)
        fputs(text, stdout);
    free(text);
    return r;
}

static int run(struct cli *c, void *values, char **args, int n_args, struct hull_error *e)
{
    struct create_values *v = values;
    (void)n_args;
    if (v->explain)
        return create_explain(c, v, args[0], true, e);
    struct hull_create_options o = create_options_of(v);
    int status = 0;
    int r = hull_run(c->rt, args[0], &o, &status, e);
    return r < 0 ? r : status;
}

static const struct option options[] = {
    CREATE_OPTIONS,
    FLAG_ROW(struct create_values, detach, "detach", 'd', "detach from the container's process"),
    FLAG_ROW(struct create_values, keep, "keep", 0, "do not delete the container after it exits"),
    FLAG_ROW(struct create_values, no_subreaper, "no-subreaper", 0,
             "disable the use of the subreaper used to reap reparented processes"),
};

const struct command cmd_run = {
    .name = "run",
    .arguments = "<container-id>",
    .summary = "create and run a container",
    .details = "   Makes a container from a bundle and starts it. In the foreground the exit code is\n"
               "   that of its program (128+n when it was killed by signal n).",
    .options = options,
    .n_options = sizeof(options) / sizeof(*options),
    .values_size = sizeof(struct create_values),
    .min_args = 1,
    .max_args = 1,
    .fail_status = 1,
    .seals = true,
    .prefix = " run failed",
    .run = run,
};
