/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>

#include "cli/cli.h"

struct values { bool all, regex; };
struct request { int sig; unsigned flags; };

static int kill_one(struct cli *c, const char *id, const void *arg, struct hull_error *e)
{
    const struct request *q = arg;
    return hull_kill(c->rt, id, q->sig, q->flags, e);
}

static int run_kill(struct cli *c, void *values, char **args, int n_args, struct hull_error *e)
{
    const struct values *v = values;
    int sig = n_args > 1 && *args[1] ? hull_signal_number(args[1]) : SIGTERM;
    if (sig < 0) {
        e->code = HULL_E_CONFIG;
        snprintf(e->text, sizeof(e->text), "unknown signal \"%s\"", args[1]);
        return -1;
    }
    const struct request q = {sig, v->all ? HULL_KILL_ALL : 0};
    return v->regex ? for_each_match(c, args[0], kill_one, &q, e) : kill_one(c, args[0], &q, e);
}

static const struct option options[] = {
    {"all", 'a', OPT_FLAG, offsetof(struct values, all), "", "(obsoleted, do not use)", true},
    FLAG_ROW(struct values, regex, "regex", 'r',
             "all containers whose id this extended regular expression matches"),
};

const struct command cmd_kill = {
    .name = "kill",
    .arguments = "<container-id> [signal]",
    .summary = "kill sends the specified signal (default: SIGTERM) to the container's init process",
    .options = options,
    .n_options = sizeof(options) / sizeof(*options),
    .values_size = sizeof(struct values),
    .min_args = 1,
    .max_args = 2,
    .fail_status = 1,
    .run = run_kill,
};
