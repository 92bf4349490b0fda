/* SPDX-License-Identifier: Apache-2.0 */
/* Options that create and run share. */
#ifndef HULL_CLI_CREATE_OPTIONS_H
#define HULL_CLI_CREATE_OPTIONS_H

#include "cli/cli.h"

struct create_values {
    const char *bundle, *config, *console_socket, *pidfd_socket, *pid_file, *explain, *trace;
    bool        no_pivot, no_new_keyring, detach, keep, no_subreaper;
    unsigned    preserve_fds;
};

#define CREATE_OPTIONS                                                                              \
    STRING_ROW(struct create_values, bundle, "bundle", 'b', "string",                               \
               "path to the root of the bundle directory, defaults to the current directory"),      \
    STRING_ROW(struct create_values, config, "config", 'f', "string",                               \
               "name of the configuration file in the bundle (default: config.json)"),              \
    STRING_ROW(struct create_values, console_socket, "console-socket", 0, "string",                 \
               "path to an AF_UNIX socket which will receive a file descriptor referencing the "    \
               "master end of the console's pseudoterminal"),                                       \
    STRING_ROW(struct create_values, pidfd_socket, "pidfd-socket", 0, "string",                     \
               "path to an AF_UNIX socket which will receive a file descriptor referencing the "    \
               "init process"),                                                                     \
    STRING_ROW(struct create_values, pid_file, "pid-file", 0, "string",                             \
               "specify the file to write the process id to"),                                      \
    FLAG_ROW(struct create_values, no_pivot, "no-pivot", 0,                                         \
             "do not use pivot root to jail process inside rootfs"),                                \
    FLAG_ROW(struct create_values, no_new_keyring, "no-new-keyring", 0,                             \
             "do not create a new session keyring for the container"),                              \
    UNSIGNED_ROW(struct create_values, preserve_fds, "preserve-fds", 0, "int",                      \
                 "pass N additional file descriptors to the container"),                            \
    {"explain", 0, OPT_OPTIONAL, offsetof(struct create_values, explain), "",                       \
     "print the steps that would be taken and change nothing (--explain=json: as JSON)", false},    \
    STRING_ROW(struct create_values, trace, "trace", 0, "string",                                   \
               "write how long each step took to this file, for chrome://tracing or Perfetto")

static inline struct hull_create_options create_options_of(const struct create_values *v)
{
    return (struct hull_create_options){
        .size = sizeof(struct hull_create_options),
        .bundle = v->bundle,
        .config = v->config,
        .console_socket = v->console_socket,
        .pidfd_socket = v->pidfd_socket,
        .pid_file = v->pid_file,
        .no_pivot = v->no_pivot,
        .no_new_keyring = v->no_new_keyring,
        .preserve_fds = v->preserve_fds,
        .detach = v->detach,
        .keep = v->keep,
        .no_subreaper = v->no_subreaper,
        .trace = v->trace,
    };
}

/** --explain of create and run. */
int create_explain(struct cli *c, const struct create_values *v, const char *id, bool run,
                   struct hull_error *e);
#endif
