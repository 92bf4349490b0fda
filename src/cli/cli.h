/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line: option tables serve parsing, --help, completions and the man page check. Flags
 * follow the rules of Go's flag package, as callers of runc do: one or two dashes, "=" or the next
 * word, booleans take no word. Parsing stops at the first word that is no option if the command
 * takes any number of arguments (exec, ps); otherwise options may follow, as in runc since 1.5.
 */
#ifndef HULL_CLI_CLI_H
#define HULL_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "hull.h"

enum option_kind {
    OPT_FLAG,      /* bool */
    OPT_STRING,    /* const char *; --x= is as none */
    OPT_VALUE,     /* const char * that may be "" */
    OPT_UNSIGNED,  /* unsigned */
    OPT_STRINGS,   /* struct strings, repeatable */
    OPT_TRISTATE,  /* enum hull_tristate; --x, --x=true, --x=false */
    OPT_OPTIONAL,  /* const char *; --x is "", --x=V is "V" */
};

struct strings { char **v; size_t n; };

struct option {
    const char      *name;
    char             letter;    /* 0: none */
    enum option_kind kind;
    size_t           offset;    /* in the command's value struct */
    const char      *value;     /* placeholder in the help, "" for flags */
    const char      *help;
    bool             hidden;
};

/* Global flags. */
struct globals {
    bool        debug, systemd_cgroup, help, version;
    const char *root, *log, *log_format, *log_level, *rootless, *cgroup_manager;
};

struct cli {
    const char    *name;        /* basename of argv[0]: how we are called */
    const char    *program;     /* "runc" under that name, else "hull" */
    char         **argv;        /* as given, for sealing */
    struct globals g;
    hull_runtime  *rt;
    FILE          *log;         /* stderr or the log file; NULL with one of the next */
    int            journal;     /* socket of the journal, or -1 */
    bool           syslog;
    const char    *log_name;    /* identifier there */
    bool           log_json;
};

struct command {
    const char          *name;
    const char          *arguments;     /* "<container-id>" */
    const char          *summary;
    const char          *details;       /* NULL or paragraphs */
    const struct option *options;
    size_t               n_options;
    size_t               values_size;   /* of the value struct */
    int                  min_args, max_args;   /* max -1: any number */
    int                  fail_status;   /* exit code of an own failure: 1, exec 255 */
    int                  usage_status;  /* of a command line that is wrong; 0 stands for 1 */
    bool                 seals;         /* runs from the sealed copy */
    const char          *prefix;        /* "run failed": put in front of errors after the program's name */
    int (*run)(struct cli *c, void *values, char **args, int n_args, struct hull_error *e);
};

extern const struct option  global_options[];
extern const size_t         n_global_options;
extern const struct command *const commands[];
extern const size_t         n_commands;

extern const struct command cmd_checkpoint, cmd_create, cmd_delete, cmd_events, cmd_exec, cmd_features, cmd_kill, cmd_list,
    cmd_mounts, cmd_pause, cmd_ps, cmd_restore, cmd_resume, cmd_run, cmd_spec, cmd_start, cmd_state, cmd_update, cmd_wait;

/**
 * Parses options into values until the first other word.
 * @param argv  first word to look at; NULL-terminated
 * @return number of words consumed, or -1 with the message in text
 */
int options_parse(const struct option *o, size_t n, void *values, char **argv, char *text, size_t len);
/**
 * Parses options wherever they stand, up to a "--".
 * @param args  receives the other words and a NULL; room for all words
 * @return number of other words, or -1 with the message in text
 */
int options_parse_all(const struct option *o, size_t n, void *values, char **argv, char **args,
                      char *text, size_t len);
/** A zeroed struct of that size for the values, with HULL_AUTO where --x and --x=false differ from none; NULL: no memory. */
void *options_new(const struct option *o, size_t n, size_t size);
/** 1 or 0 for the words of Go and crun for a boolean, -1 for others. */
int options_bool(const char *s);
/** Releases the lists in values. */
void options_free(const struct option *o, size_t n, void *values);
void help_command(FILE *f, const struct cli *c, const struct command *cmd);
void help_global(FILE *f, const struct cli *c);

typedef int match_fn(struct cli *c, const char *id, const void *arg, struct hull_error *e);
/**
 * Calls fn for each container whose id the POSIX extended regular expression matches, wherever in it. One
 * that fails does not stop it. Takes grep(1).
 * @return 0, or negative with the last failure in e, those before it being logged
 */
int for_each_match(struct cli *c, const char *regex, match_fn *fn, const void *arg,
                   struct hull_error *e);
/**
 * Runs a program, found by PATH.
 * @param input       its standard input; NULL: ours
 * @param ret_text    receives its output and errors, malloc'd
 * @param ret_status  receives its status, as waitpid(2) has it
 * @return 0, or negative with e set: it could not be run
 */
int tool_output(char **argv, const char *input, char **ret_text, int *ret_status,
                struct hull_error *e);
/**
 * Opens the log: a file's path, with or without "file:", "journald:NAME", "syslog:NAME"; NULL or "": stderr.
 * @return 0 or -errno
 */
int log_open(struct cli *c, const char *target);
/** One line to the log in the format asked for. */
void log_write(const struct cli *c, enum hull_log_level level, const char *text);

#define FLAG_ROW(S, m, n, l, h) {n, l, OPT_FLAG, offsetof(S, m), "", h, false}
#define STRING_ROW(S, m, n, l, v, h) {n, l, OPT_STRING, offsetof(S, m), v, h, false}
#define UNSIGNED_ROW(S, m, n, l, v, h) {n, l, OPT_UNSIGNED, offsetof(S, m), v, h, false}
#define STRINGS_ROW(S, m, n, l, v, h) {n, l, OPT_STRINGS, offsetof(S, m), v, h, false}
#define TRISTATE_ROW(S, m, n, l, h) {n, l, OPT_TRISTATE, offsetof(S, m), "", h, false}
#endif
