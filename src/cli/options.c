/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const struct option *find(const struct option *o, size_t n, const char *name, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if ((strlen(o[i].name) == len && memcmp(o[i].name, name, len) == 0) ||
            (len == 1 && o[i].letter && o[i].letter == name[0]))
            return &o[i];
    return NULL;
}

int options_bool(const char *s)
{
    static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True", "yes"};
    static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False", "no"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) { /* Go's words and crun's */
        if (strcmp(s, yes[i]) == 0)
            return 1;
        if (strcmp(s, no[i]) == 0)
            return 0;
    }
    return -1;
}

static int store_bool(const struct option *o, void *slot, const char *value, char *text, size_t len)
{
    int b = value ? options_bool(value) : 1;
    if (b < 0) {
        snprintf(text, len, "invalid boolean value \"%s\" for -%s", value, o->name);
        return -1;
    }
    if (o->kind == OPT_FLAG)
        *(bool *)slot = b;
    else
        *(enum hull_tristate *)slot = b ? HULL_YES : HULL_NO;
    return 0;
}

static int store(const struct option *o, void *values, char *value, char *text, size_t len)
{
    void *slot = (char *)values + o->offset;
    switch (o->kind) {
    case OPT_FLAG:
    case OPT_TRISTATE:
        return store_bool(o, slot, value, text, len);
    case OPT_OPTIONAL:
        *(const char **)slot = value ? value : "";
        return 0;
    case OPT_STRING:
        /* As runc: an empty value is none, since scripts pass unset variables on. */
        *(const char **)slot = *value ? value : NULL;
        return 0;
    case OPT_VALUE:
        *(const char **)slot = value;
        return 0;
    case OPT_UNSIGNED: {
        char *end;
        errno = 0;
        unsigned long n = strtoul(value, &end, 10);
        if (*value < '0' || *value > '9' || *end || errno || n > INT_MAX) {
            snprintf(text, len, "invalid value \"%s\" for flag -%s: not a number", value, o->name);
            return -1;
        }
        *(unsigned *)slot = (unsigned)n;
        return 0;
    }
    case OPT_STRINGS: {
        struct strings *list = slot;
        char **v = realloc(list->v, (list->n + 2) * sizeof(*v));
        if (!v) {
            snprintf(text, len, "out of memory");
            return -1;
        }
        v[list->n++] = value;
        v[list->n] = NULL;
        list->v = v;
        return 0;
    }
    }
    return -1;
}

int options_parse(const struct option *o, size_t n, void *values, char **argv, char *text, size_t len)
{
    int i = 0;
    for (; argv[i]; i++) {
        char *word = argv[i];
        if (word[0] != '-' || word[1] == '\0')
            break;
        if (strcmp(word, "--") == 0)
            return i + 1;
        word += word[1] == '-' ? 2 : 1;
        size_t name = strcspn(word, "=");
        const struct option *opt = find(o, n, word, name);
        if (!opt) {
            snprintf(text, len, "flag provided but not defined: -%.*s", (int)name, word);
            return -1;
        }
        char *value = word[name] == '=' ? word + name + 1 : NULL;
        const bool wants = opt->kind == OPT_STRING || opt->kind == OPT_VALUE || opt->kind == OPT_UNSIGNED ||
                           opt->kind == OPT_STRINGS;
        if (!value && wants) {
            value = argv[++i];
            if (!value) {
                snprintf(text, len, "flag needs an argument: -%s", opt->name);
                return -1;
            }
        }
        if (store(opt, values, value, text, len) < 0)
            return -1;
    }
    return i;
}

int options_parse_all(const struct option *o, size_t n, void *values, char **argv, char **args,
                      char *text, size_t len)
{
    int n_args = 0;
    for (bool options = true;;) {
        int used = options ? options_parse(o, n, values, argv, text, len) : 0;
        if (used < 0)
            return used;
        if (used > 0 && strcmp(argv[used - 1], "--") == 0)
            options = false;
        argv += used;
        args[n_args] = *argv;
        if (!*argv++)
            return n_args;
        n_args++;
    }
}

void *options_new(const struct option *o, size_t n, size_t size)
{
    char *values = calloc(1, size + 1);
    for (size_t i = 0; values && i < n; i++)
        if (o[i].kind == OPT_TRISTATE)
            *(enum hull_tristate *)(values + o[i].offset) = HULL_AUTO;
    return values;
}

void options_free(const struct option *o, size_t n, void *values)
{
    for (size_t i = 0; i < n; i++)
        if (o[i].kind == OPT_STRINGS)
            free(((struct strings *)((char *)values + o[i].offset))->v);
}

static void print_options(FILE *f, const struct option *o, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (o[i].hidden)
            continue;
        int w = fprintf(f, "   --%s%s%s", o[i].name, *o[i].value ? " " : "", o[i].value);
        if (o[i].letter)
            w += fprintf(f, ", -%c%s%s", o[i].letter, *o[i].value ? " " : "", o[i].value);
        fprintf(f, "%*s%s\n", w < 40 ? 40 - w : 2, "", o[i].help);
    }
    fprintf(f, "   --help, -h%*sshow help\n", 27, "");
}

void help_command(FILE *f, const struct cli *c, const struct command *cmd)
{
    fprintf(f, "NAME:\n   %s %s - %s\n\nUSAGE:\n   %s %s [command options] %s\n", c->name, cmd->name,
            cmd->summary, c->name, cmd->name, cmd->arguments);
    if (cmd->details)
        fprintf(f, "\nDESCRIPTION:\n%s\n", cmd->details);
    fprintf(f, "\nOPTIONS:\n");
    print_options(f, cmd->options, cmd->n_options);
}

void help_global(FILE *f, const struct cli *c)
{
    fprintf(f,
            "NAME:\n   %s - Open Container Initiative runtime\n\n"
            "%s is a command line client for running applications packaged according to\n"
            "the Open Container Initiative (OCI) format.\n\n"
            "USAGE:\n   %s [global options] command [command options] [arguments...]\n\n"
            "VERSION:\n   %s\n\nCOMMANDS:\n",
            c->program, c->program, c->name, HULL_VERSION);
    for (size_t i = 0; i < n_commands; i++)
        fprintf(f, "   %-11s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(f, "   %-11s %s\n\nGLOBAL OPTIONS:\n", "help", "shows a list of commands or help for one command");
    print_options(f, global_options, n_global_options);
}
