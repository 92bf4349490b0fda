/* SPDX-License-Identifier: Apache-2.0 */
/* The command table, the global flags, and what is common to all commands: log, help, exit code. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "commit.h"

enum { UNKNOWN_STATUS = 254 }; /* exit code of wait when it can't tell the container's */

#define G(m) offsetof(struct globals, m)
const struct option global_options[] = {
    {"debug", 0, OPT_FLAG, G(debug), "", "enable debug logging", false},
    {"log", 0, OPT_STRING, G(log), "string", "set the log file to write logs to (default is '/dev/stderr')", false},
    {"log-format", 0, OPT_STRING, G(log_format), "string", "set the log format ('text' (default), or 'json')", false},
    {"root", 0, OPT_STRING, G(root), "string", "root directory for storage of container state (this should be located in tmpfs)", false},
    {"log-level", 0, OPT_STRING, G(log_level), "string", "what to log: 'error', 'warning', 'info' (default) or 'debug'", false},
    {"systemd-cgroup", 0, OPT_FLAG, G(systemd_cgroup), "", "enable systemd cgroup support, expects cgroupsPath to be of form \"slice:prefix:name\"", false},
    {"cgroup-manager", 0, OPT_STRING, G(cgroup_manager), "string", "'cgroupfs' (default), 'systemd' as --systemd-cgroup, or 'disabled': make no cgroup", false},
    {"rootless", 0, OPT_STRING, G(rootless), "string", "ignore cgroup permission errors ('true', 'false', or 'auto')", false},
    {"version", 'v', OPT_FLAG, G(version), "", "print the version", false},
    {"V", 0, OPT_FLAG, G(version), "", "", true}, /* crun's */
    {"help", 'h', OPT_FLAG, G(help), "", "show help", true},
};
const size_t n_global_options = sizeof(global_options) / sizeof(*global_options);

const struct command *const commands[] = {
    &cmd_checkpoint, &cmd_create, &cmd_delete, &cmd_events,  &cmd_exec,   &cmd_features,
    &cmd_kill,       &cmd_list,   &cmd_mounts, &cmd_pause,   &cmd_ps,      &cmd_restore, &cmd_resume,
    &cmd_run,        &cmd_spec,   &cmd_start,  &cmd_state,   &cmd_update,
    &cmd_wait,
};
const size_t n_commands = sizeof(commands) / sizeof(*commands);

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < n_commands; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

/* A closed standard stream would be given to the first file we open: put /dev/null there. */
static int standard_streams(void)
{
    struct pollfd p[3] = {{.fd = 0}, {.fd = 1}, {.fd = 2}};
    if (poll(p, 3, 0) < 0)
        return 0;
    for (int i = 0; i < 3; i++)
        if (p[i].revents & POLLNVAL && openat(AT_FDCWD, "/dev/null", i == 0 ? O_RDONLY : O_WRONLY) != i)
            return -1;
    return 0;
}

/* The level asked for; negative: --log-level has another word. */
static int level_wanted(const struct cli *c)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};
    const char *given = c->g.log_level;
    if (c->g.debug || !given || !*given)
        return c->g.debug ? HULL_LOG_DEBUG : HULL_LOG_INFO;
    for (int i = HULL_LOG_ERROR; i <= HULL_LOG_DEBUG; i++)
        if (strcmp(given, words[i]) == 0)
            return i;
    return -1;
}

static void log_line_to(void *arg, enum hull_log_level level, const char *text)
{
    const struct cli *c = arg;
    /* What only explains is for people and for log files: callers who read our output compare it. */
    if (level != HULL_LOG_INFO || c->log != stderr || level_wanted(c) > HULL_LOG_INFO || isatty(2))
        log_write(c, level, text);
}

/* The error goes to the log, and to stderr as well when the log is a file: engines read both. */
static int fail(const struct cli *c, int status, const char *text)
{
    log_write(c, HULL_LOG_ERROR, text);
    if (c->log != stderr)
        fprintf(stderr, "%s\n", text);
    return status;
}

static int open_log(struct cli *c)
{
    char text[512];
    if (level_wanted(c) < 0)
        return fail(c, 1, "invalid log-level: error, warning, info or debug");
    if (c->g.log_format && strcmp(c->g.log_format, "json") == 0)
        c->log_json = true;
    else if (c->g.log_format && *c->g.log_format && strcmp(c->g.log_format, "text") != 0)
        return fail(c, 1, "invalid log-format");
    int r = log_open(c, c->g.log);
    if (r == 0)
        return 0;
    (void)log_open(c, NULL);
    snprintf(text, sizeof(text), "open %s: %s", c->g.log, hull_errno_text(-r));
    return fail(c, 1, text);
}

static int open_runtime(struct cli *c, struct hull_error *e)
{
    struct hull_options o = {
        .size = sizeof(o),
        .root = c->g.root && *c->g.root ? c->g.root : NULL,
        .name = c->program,
        .systemd_cgroup = c->g.systemd_cgroup,
        .rootless = HULL_AUTO,
        .log = log_line_to,
        .log_arg = c,
        .log_level = (enum hull_log_level)level_wanted(c),
    };
    const char *m = c->g.cgroup_manager;
    if (m && *m) {
        o.no_cgroup = strcmp(m, "disabled") == 0;
        o.systemd_cgroup = strcmp(m, "systemd") == 0;
        if (!o.no_cgroup && !o.systemd_cgroup && strcmp(m, "cgroupfs") != 0) {
            e->code = HULL_E_CONFIG;
            snprintf(e->text, sizeof(e->text),
                     "invalid value for --cgroup-manager: %s (cgroupfs, systemd or disabled)", m);
            return -1;
        }
    }
    const char *r = c->g.rootless;
    if (r && *r && strcmp(r, "auto") != 0) {
        const int yes = options_bool(r);
        o.rootless = yes > 0 ? HULL_YES : HULL_NO;
        if (yes < 0) {
            e->code = HULL_E_CONFIG;
            snprintf(e->text, sizeof(e->text), "invalid value for --rootless: %s (true, false or auto)", r);
            return -1;
        }
    }
    return hull_open(&o, &c->rt, e);
}

/* "hull run failed: ..." as runc has it. */
static int report(const struct cli *c, const struct command *cmd, const struct hull_error *e)
{
    char text[sizeof(e->text) + 128];
    if (cmd->prefix)
        snprintf(text, sizeof(text), "%s%s%s: %s", cmd->prefix[0] == ' ' ? c->program : "",
                 cmd->prefix, "", e->text);
    else
        snprintf(text, sizeof(text), "%s", e->text);
    return fail(c, e->code == HULL_E_STATUS_UNKNOWN ? UNKNOWN_STATUS : cmd->fail_status, text);
}

static int usage(const struct cli *c, const struct command *cmd, const char *text)
{
    fprintf(stderr, "Incorrect Usage: %s\n\n", text);
    help_command(stdout, c, cmd);
    return fail(c, cmd->usage_status ? cmd->usage_status : 1, text);
}

static bool wants_help(char **words)
{
    for (; *words && (*words)[0] == '-' && strcmp(*words, "--") != 0; words++)
        if (strcmp(*words, "-h") == 0 || strcmp(*words, "--help") == 0 || strcmp(*words, "-help") == 0)
            return true;
    return false;
}

static int check_count(const struct cli *c, const struct command *cmd, int n)
{
    char text[512];
    if (n >= cmd->min_args && (cmd->max_args < 0 || n <= cmd->max_args))
        return 0;
    if (cmd->min_args == cmd->max_args)
        snprintf(text, sizeof(text), "%s: \"%s\" requires exactly %d argument(s)", c->name, cmd->name, cmd->min_args);
    else if (n < cmd->min_args)
        snprintf(text, sizeof(text), "%s: \"%s\" requires a minimum of %d argument(s)", c->name, cmd->name, cmd->min_args);
    else
        snprintf(text, sizeof(text), "%s: \"%s\" requires a maximum of %d argument(s)", c->name, cmd->name, cmd->max_args);
    return usage(c, cmd, text);
}

static int run_with(struct cli *c, const struct command *cmd, void *values, char **words, char **args)
{
    struct hull_error err = {0};
    char text[512];
    int n = 0;
    if (cmd->max_args < 0) {
        int used = options_parse(cmd->options, cmd->n_options, values, words, text, sizeof(text));
        if (used < 0)
            return usage(c, cmd, text);
        const bool ended = used > 0 && strcmp(words[used - 1], "--") == 0;
        for (char **w = words + used; *w; w++) {
            /* "exec ID -- command", a habit from other tools */
            if (ended || w != words + used + 1 || strcmp(*w, "--") != 0)
                args[n++] = *w;
        }
    } else {
        n = options_parse_all(cmd->options, cmd->n_options, values, words, args, text, sizeof(text));
        if (n < 0)
            return usage(c, cmd, text);
    }
    int status = check_count(c, cmd, n);
    if (status != 0)
        return status;
    if (cmd->seals && hull_seal(c->argv, environ, &err) < 0)
        return report(c, cmd, &err);
    if (open_runtime(c, &err) < 0)
        return report(c, cmd, &err);
    status = cmd->run(c, values, args, n, &err);
    hull_close(c->rt);
    return status < 0 ? report(c, cmd, &err) : status;
}

static int run_command(struct cli *c, const struct command *cmd, char **words)
{
    if (wants_help(words)) {
        help_command(stdout, c, cmd);
        return 0;
    }
    size_t n = 0;
    while (words[n])
        n++;
    void *values = options_new(cmd->options, cmd->n_options, cmd->values_size);
    char **args = calloc(n + 1, sizeof(*args));
    int status = values && args ? run_with(c, cmd, values, words, args) : fail(c, 1, "out of memory");
    if (values)
        options_free(cmd->options, cmd->n_options, values);
    free(args);
    free(values);
    return status;
}

static int help(struct cli *c, char **words)
{
    const struct command *cmd = *words ? find_command(*words) : NULL;
    char text[256];
    if (cmd) {
        help_command(stdout, c, cmd);
        return 0;
    }
    if (!*words) {
        help_global(stdout, c);
        return 0;
    }
    snprintf(text, sizeof(text), "No help topic for '%s'", *words);
    return fail(c, 3, text);
}

int main(int argc, char **argv)
{
    struct cli c = {.argv = argv, .log = stderr, .journal = -1};
    char text[512];
    if (argc < 1 || standard_streams() < 0)
        return 1;
    const char *slash = strrchr(argv[0], '/');
    c.name = slash ? slash + 1 : argv[0];
    c.program = strcmp(c.name, "runc") == 0 ? "runc" : "hull";
    int used = options_parse(global_options, n_global_options, &c.g, argv + 1, text, sizeof(text));
    if (used < 0) {
        fprintf(stderr, "Incorrect Usage: %s\n\n", text);
        help_global(stdout, &c);
        return fail(&c, 1, text);
    }
    char **words = argv + 1 + used;
    if (c.g.version) {
        printf("%s version %s\ncommit: %s\nspec: %s\n", c.program, HULL_VERSION, HULL_COMMIT, HULL_SPEC_VERSION);
        return 0;
    }
    if (c.g.help || !*words || strcmp(*words, "help") == 0 || strcmp(*words, "h") == 0)
        return help(&c, *words && !c.g.help ? words + 1 : words);
    if (open_log(&c) != 0)
        return 1;
    const struct command *cmd = find_command(*words);
    if (!cmd) {
        snprintf(text, sizeof(text), "No help topic for '%s'", *words);
        return fail(&c, 3, text);
    }
    return run_command(&c, cmd, words + 1);
}
