/* SPDX-License-Identifier: Apache-2.0 */
/* --explain: the plan as text, one step a line, or as a JSON array. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/write.h"
#include "run/run.h"

static char *as_json(const struct launch *l, const struct plan *p)
{
    struct json_out o = {.indent = "  "};
    struct hull_error err;
    char *text = NULL;
    json_out_open_array(&o, NULL);
    for (size_t i = 0; i < p->n; i++) {
        const struct step_kind_info *k = step_info(p->v[i].kind);
        char detail[1024] = "";
        if (k->print)
            k->print(l, &p->v[i], detail, sizeof(detail));
        json_out_open_object(&o, NULL);
        json_out_int(&o, "step", (int64_t)i);
        json_out_string(&o, "process", p->v[i].where == AT_HOST ? "parent" : "init");
        json_out_string(&o, "kind", k->name);
        if (*detail)
            json_out_string(&o, "detail", detail);
        if (p->v[i].why)
            json_out_string(&o, "field", p->v[i].why);
        if (k->undo)
            json_out_bool(&o, "undo", true);
        json_out_close_object(&o);
    }
    json_out_close_array(&o);
    json_out_raw(&o, "\n", 1);
    return json_out_take(&o, &text, &err) < 0 ? NULL : text;
}

char *plan_explain(const struct launch *l, const struct plan *p, bool json)
{
    if (json)
        return as_json(l, p);
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    if (!f)
        return NULL;
    for (size_t i = 0; i < p->n; i++) {
        const struct step *s = &p->v[i];
        const struct step_kind_info *k = step_info(s->kind);
        char detail[1024] = "";
        if (k->print)
            k->print(l, s, detail, sizeof(detail));
        int n = fprintf(f, " %c %3zu  %-18s %s", s->where == AT_HOST ? 'P' : 'I', i, k->name, detail);
        if (s->why && !strstr(detail, s->why))
            fprintf(f, "%*s%s", n < 64 ? 64 - n : 2, "", s->why);
        if (k->undo)
            fprintf(f, "  (undone on failure)");
        fputc('\n', f);
    }
    return fclose(f) == 0 ? text : NULL;
}
