/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers by regular expression, as crun has it. grep(1) does the matching: a matcher in the C library
 * would be a tenth of this program. All ids come first, as what is done to one may remove it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "cli/cli.h"

static int put_id(void *arg, const struct hull_state *s)
{
    return fprintf(arg, "%s\n", s->id) < 0 ? -1 : 0;
}

/* The ids, a line each; NULL: e is set. */
static char *all_ids(struct cli *c, struct hull_error *e)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    int r = f ? hull_list(c->rt, put_id, f, e) : -1;
    if ((f && fclose(f) != 0) || !f) {
        e->code = HULL_E_STATE;
        snprintf(e->text, sizeof(e->text), "out of memory");
        r = -1;
    }
    if (r < 0) {
        free(text);
        text = NULL;
    }
    return text;
}

/* Those that match. */
static char *matching(const char *regex, const char *ids, struct hull_error *e)
{
    char *argv[] = {(char *)"grep", (char *)"-E", (char *)"-e", (char *)regex, NULL}, *text = NULL;
    int status = 0;
    if (tool_output(argv, ids, &text, &status, e) < 0)
        return NULL;
    /* 1: none */
    if (WIFEXITED(status) && WEXITSTATUS(status) <= 1)
        return text;
    text[strcspn(text, "\n")] = '\0';
    e->code = HULL_E_CONFIG;
    snprintf(e->text, sizeof(e->text), "invalid regular expression \"%s\": %s", regex, text);
    free(text);
    return NULL;
}

int for_each_match(struct cli *c, const char *regex, match_fn *fn, const void *arg,
                   struct hull_error *e)
{
    char *ids = all_ids(c, e), *matches = ids ? matching(regex, ids, e) : NULL, *rest = NULL;
    free(ids);
    if (!matches)
        return -1;
    for (const char *id = strtok_r(matches, "\n", &rest); id; id = strtok_r(NULL, "\n", &rest)) {
        struct hull_error one = {0};
        if (fn(c, id, arg, &one) == 0)
            continue;
        if (e->code)
            log_write(c, HULL_LOG_ERROR, e->text);
        *e = one;
    }
    free(matches);
    return e->code ? -1 : 0;
}
