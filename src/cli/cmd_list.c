/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

struct values { const char *format; bool quiet; };

/* Rows are collected first, since the width of the columns follows from all of them. */
enum { COLUMNS = 6 };
struct rows { char *(*v)[COLUMNS]; size_t n; };

static int add(struct rows *r, const char *const cell[COLUMNS])
{
    char *(*v)[COLUMNS] = realloc(r->v, (r->n + 1) * sizeof(*v));
    if (!v)
        return -1;
    r->v = v;
    memset(v[r->n], 0, sizeof(v[r->n]));
    char **row = v[r->n++];
    for (int i = 0; i < COLUMNS; i++)
        if (!(row[i] = strdup(cell[i])))
            return -1;
    return 0;
}

static void rows_free(struct rows *r)
{
    for (size_t i = 0; i < r->n; i++)
        for (int col = 0; col < COLUMNS; col++)
            free(r->v[i][col]);
    free(r->v);
}

static int table_row(void *arg, const struct hull_state *s)
{
    char pid[16];
    snprintf(pid, sizeof(pid), "%d", s->pid);
    return add(arg, (const char *const[]){s->id, pid, s->status, s->bundle, s->created, s->owner});
}

static int quiet_row(void *arg, const struct hull_state *s)
{
    (void)arg;
    puts(s->id);
    return 0;
}

/* Columns at least 12 wide, 3 blanks apart, as Go's tabwriter is set up by runc. */
static void print_table(const struct rows *r)
{
    int width[COLUMNS] = {0};
    for (int col = 0; col + 1 < COLUMNS; col++)
        for (size_t i = 0; i < r->n; i++) {
            int w = (int)strlen(r->v[i][col]) + 3;
            if (w > width[col])
                width[col] = w;
            if (width[col] < 12)
                width[col] = 12;
        }
    for (size_t i = 0; i < r->n; i++) {
        for (int col = 0; col < COLUMNS; col++)
            printf("%-*s", width[col], r->v[i][col]);
        putchar('\n');
    }
}

static int list_json(struct cli *c, struct hull_error *e)
{
    char *text = NULL;
    int r = hull_list_json(c->rt, &text, e);
    if (r == 0)
        puts(text);
    free(text);
    return r;
}

static int list(struct cli *c, void *values, char **args, int n_args, struct hull_error *e)
{
    const struct values *v = values;
    (void)args;
    (void)n_args;
    if (v->quiet)
        return hull_list(c->rt, quiet_row, NULL, e);
    if (v->format && strcmp(v->format, "json") == 0)
        return list_json(c, e);
    if (v->format && strcmp(v->format, "table") != 0) {
        e->code = HULL_E_CONFIG;
        snprintf(e->text, sizeof(e->text), "invalid format option");
        return -1;
    }
    struct rows rows = {0};
    int r = add(&rows, (const char *const[]){"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"});
    if (r == 0)
        r = hull_list(c->rt, table_row, &rows, e);
    if (r == 0)
        print_table(&rows);
    rows_free(&rows);
    return r;
}

static const struct option options[] = {
    STRING_ROW(struct values, format, "format", 'f', "string", "select one of: table or json (default: \"table\")"),
    FLAG_ROW(struct values, quiet, "quiet", 'q', "display only container IDs"),
};

const struct command cmd_list = {
    .name = "list",
    .arguments = "",
    .summary = "lists containers started by the runtime with the given root",
    .options = options,
    .n_options = sizeof(options) / sizeof(*options),
    .values_size = sizeof(struct values),
    .min_args = 0,
    .max_args = 0,
    .fail_status = 1,
    .run = list,
};
