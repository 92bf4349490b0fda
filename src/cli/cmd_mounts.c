/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/cli.h"

static int mounts(struct cli *c, void *values, char **args, int n_args, struct hull_error *e)
{
    (void)values;
    (void)n_args;
    const bool remove = strcmp(args[0], "remove") == 0;
    if (remove || strcmp(args[0], "add") == 0)
        return hull_mounts(c->rt, args[1], remove ? HULL_MOUNTS_REMOVE : HULL_MOUNTS_ADD, args[2], e);
    e->code = HULL_E_CONFIG;
    snprintf(e->text, sizeof(e->text), "unknown command %s: mounts knows add and remove", args[0]);
    return -1;
}

const struct command cmd_mounts = {
    .name = "mounts",
    .arguments = "add|remove <container-id> <file>",
    .summary = "add mounts to a running container, or remove them",
    .details = "   The file is a JSON array of mounts, as in a configuration. Sources are paths of the host.\n"
               "   To remove mounts only their destinations count.",
    .min_args = 3,
    .max_args = 3,
    .fail_status = 1,
    .seals = true,
    .run = mounts,
};
