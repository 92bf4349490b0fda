/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

struct values {
    const char        *console_socket, *pidfd_socket, *cwd, *user, *process, *pid_file, *trace, *process_label,
        *apparmor;
    struct strings     env, caps, gids, cgroups;
    enum hull_tristate tty, no_new_privs;
    bool               detach, ignore_paused;
    unsigned           preserve_fds;
};

static int bad(struct hull_error *e, const char *text)
{
    e->code = HULL_E_CONFIG;
    snprintf(e->text, sizeof(e->text), "%s", text);
    return -1;
}

static int parse_gids(const struct strings *s, uint32_t **ret, struct hull_error *e)
{
    uint32_t *v = calloc(s->n + 1, sizeof(*v));
    for (size_t i = 0; v && i < s->n; i++) {
        char *end;
        errno = 0;
        unsigned long n = strtoul(s->v[i], &end, 10);
        if (s->v[i][0] < '0' || s->v[i][0] > '9' || *end || errno || n >= UINT32_MAX) {
            snprintf(e->text, sizeof(e->text), "parsing %s as int for gid failed: not a number below 4294967295", s->v[i]);
            e->code = HULL_E_CONFIG;
            free(v);
            return -1;
        }
        v[i] = (uint32_t)n;
    }
    *ret = v;
    return v ? 0 : bad(e, "out of memory");
}

static int exec(struct cli *c, void *values, char **args, int n_args, struct hull_error *e)
{
    struct values *v = values;
    if (n_args < 2 && !v->process)
        return bad(e, "process args cannot be empty");
    uint32_t *gids;
    if (parse_gids(&v->gids, &gids, e) < 0)
        return -1;
    struct hull_exec_options o = {
        .size = sizeof(o),
        .process_file = v->process,
        .args = args + 1,
        .cwd = v->cwd,
        .env = v->env.v,
        .user = v->user,
        .caps = v->caps.v,
        .additional_gids = gids,
        .n_additional_gids = v->gids.n,
        .tty = v->tty,
        .no_new_privs = v->no_new_privs,
        .apparmor = v->apparmor,
        .process_label = v->process_label,
        .detach = v->detach,
        .pid_file = v->pid_file,
        .console_socket = v->console_socket,
        .pidfd_socket = v->pidfd_socket,
        .preserve_fds = v->preserve_fds,
        .cgroups = v->cgroups.v,
        .ignore_paused = v->ignore_paused,
        .trace = v->trace,
    };
    int status = 0;
    int r = hull_exec(c->rt, args[0], &o, &status, e);
    free(gids);
    return r < 0 ? r : status;
}

static const struct option options[] = {
    STRING_ROW(struct values, console_socket, "console-socket", 0, "string",
               "path to an AF_UNIX socket which will receive a file descriptor referencing the master "
               "end of the console's pseudoterminal"),
    STRING_ROW(struct values, pidfd_socket, "pidfd-socket", 0, "string",
               "path to an AF_UNIX socket which will receive a file descriptor referencing the exec process"),
    STRING_ROW(struct values, cwd, "cwd", 0, "string", "current working directory in the container"),
    STRINGS_ROW(struct values, env, "env", 'e', "string", "set environment variables"),
    TRISTATE_ROW(struct values, tty, "tty", 't', "allocate a pseudo-TTY"),
    STRING_ROW(struct values, user, "user", 'u', "string", "UID (format: <uid>[:<gid>])"),
    STRINGS_ROW(struct values, gids, "additional-gids", 'g', "int", "additional gids"),
    STRING_ROW(struct values, process, "process", 'p', "string", "path to the process.json"),
    FLAG_ROW(struct values, detach, "detach", 'd', "detach from the container's process"),
    STRING_ROW(struct values, pid_file, "pid-file", 0, "string", "specify the file to write the process id to"),
    STRING_ROW(struct values, process_label, "process-label", 0, "string", "set the asm process label for the process commonly used with selinux"),
    STRING_ROW(struct values, apparmor, "apparmor", 0, "string", "set the apparmor profile for the process"),
    TRISTATE_ROW(struct values, no_new_privs, "no-new-privs", 0, "set the no new privileges value for the process"),
    STRINGS_ROW(struct values, caps, "cap", 'c', "string", "add a capability to the bounding set for the process"),
    UNSIGNED_ROW(struct values, preserve_fds, "preserve-fds", 0, "int", "pass N additional file descriptors to the container"),
    STRINGS_ROW(struct values, cgroups, "cgroup", 0, "string", "run the process in an (existing) sub-cgroup(s). Format is [<controller>:]<cgroup>."),
    STRING_ROW(struct values, trace, "trace", 0, "string",
               "write how long each step took to this file, for chrome://tracing or Perfetto"),
    FLAG_ROW(struct values, ignore_paused, "ignore-paused", 0, "allow exec in a paused container"),
};

const struct command cmd_exec = {
    .name = "exec",
    .arguments = "<container-id> <command> [command options]  || -p process.json <container-id>",
    .summary = "execute new process inside the container",
    .options = options,
    .n_options = sizeof(options) / sizeof(*options),
    .values_size = sizeof(struct values),
    .min_args = 1,
    .max_args = -1,
    .fail_status = 255,
    .seals = true,
    .prefix = "exec failed",
    .run = exec,
};
