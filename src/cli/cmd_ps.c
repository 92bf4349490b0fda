/* SPDX-License-Identifier: Apache-2.0 */
/* ps: the lines of ps(1) that are about the container's processes. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"

struct values { const char *format; };

struct pids { pid_t *v; size_t n; };

static int fail(struct hull_error *e, int code, const char *text, const char *more)
{
    e->code = code;
    snprintf(e->text, sizeof(e->text), "%s%s%s", text, *more ? ": " : "", more);
    return -1;
}

static int print_json(const struct pids *p)
{
    if (p->n == 0) {
        puts("null");   /* as Go prints a list that nothing was added to */
        return 0;
    }
    for (size_t i = 0; i < p->n; i++)
        printf("%c%d", i ? ',' : '[', (int)p->v[i]);
    puts("]");
    return 0;
}

/* Runs ps(1). */
static int run_ps(char **argv, char **ret_text, struct hull_error *e)
{
    char *text = NULL;
    int status = 0;
    if (tool_output(argv, NULL, &text, &status, e) < 0)
        return -1;
    if (status != 0) {
        char code[32];
        snprintf(code, sizeof(code), WIFEXITED(status) ? "exit status %d" : "signal %d",
                 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
        fail(e, HULL_E_STATE, code, text);
        free(text);
        return -1;
    }
    *ret_text = text;
    return 0;
}

/* Which column of the header is PID; -1: none. */
static int pid_column(const char *header)
{
    int column = 0;
    for (const char *p = header + strspn(header, " \t"); *p; column++) {
        size_t len = strcspn(p, " \t");
        if (len == 3 && memcmp(p, "PID", 3) == 0)
            return column;
        p += len;
        p += strspn(p, " \t");
    }
    return -1;
}

static const char *field(const char *line, int column)
{
    const char *p = line + strspn(line, " \t");
    for (; column > 0; column--) {
        p += strcspn(p, " \t");
        p += strspn(p, " \t");
    }
    return p;
}

static bool contains(const struct pids *p, const char *text)
{
    char *end;
    long pid = strtol(text, &end, 10);
    for (size_t i = 0; end != text && i < p->n; i++)
        if (p->v[i] == pid)
            return true;
    return false;
}

static int print_table(const struct pids *p, char **args, int n_args, struct hull_error *e)
{
    char **argv = calloc((size_t)n_args + 3, sizeof(*argv)), *text = NULL, *lines = NULL;
    if (!argv)
        return fail(e, ENOMEM, strerror(ENOMEM), "");
    argv[0] = (char *)"ps";
    argv[1] = (char *)"-ef";
    for (int i = 0; i < n_args; i++)
        argv[1 + i] = args[i];
    int r = run_ps(argv, &text, e);
    free(argv);
    if (r < 0)
        return r;
    const char *line = strtok_r(text, "\n", &lines);
    int column = line ? pid_column(line) : -1;
    if (column < 0)
        r = fail(e, HULL_E_STATE, "couldn't find PID field in ps output", "");
    else
        puts(line);
    while (r == 0 && (line = strtok_r(NULL, "\n", &lines)))
        if (contains(p, field(line, column)))
            puts(line);
    free(text);
    return r;
}

static int ps(struct cli *c, void *values, char **args, int n_args, struct hull_error *e)
{
    const struct values *v = values;
    struct pids p = {0};
    const bool json = v->format && strcmp(v->format, "json") == 0;
    if (v->format && !json && strcmp(v->format, "table") != 0)
        return fail(e, HULL_E_CONFIG, "invalid format option", "");
    int r = hull_pids(c->rt, args[0], &p.v, &p.n, e);
    if (r < 0)
        return r;
    r = json ? print_json(&p) : print_table(&p, args + 1, n_args - 1, e);
    free(p.v);
    return r;
}

static const struct option options[] = {
    STRING_ROW(struct values, format, "format", 'f', "string",
               "select one of: table or json (default: \"table\")"),
};

const struct command cmd_ps = {
    .name = "ps",
    .arguments = "<container-id> [ps options]",
    .summary = "ps displays the processes running inside a container",
    .options = options,
    .n_options = sizeof(options) / sizeof(*options),
    .values_size = sizeof(struct values),
    .min_args = 1,
    .max_args = -1,
    .fail_status = 1,
    .run = ps,
};
