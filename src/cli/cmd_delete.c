/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

struct values { bool force, regex; };

static int delete_one(struct cli *c, const char *id, const void *values, struct hull_error *e)
{
    const struct values *v = values;
    return hull_delete(c->rt, id, v->force ? HULL_DELETE_FORCE : 0, e);
}

static int delete(struct cli *c, void *values, char **args, int n_args, struct hull_error *e)
{
    const struct values *v = values;
    (void)n_args;
    return v->regex ? for_each_match(c, args[0], delete_one, v, e) : delete_one(c, args[0], v, e);
}

static const struct option options[] = {
    FLAG_ROW(struct values, force, "force", 'f',
             "Forcibly deletes the container if it is still running (uses SIGKILL)"),
    FLAG_ROW(struct values, regex, "regex", 'r',
             "all containers whose id this extended regular expression matches"),
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
