/* SPDX-License-Identifier: Apache-2.0 */
#include "step/step.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int plan_push(struct plan *p, enum step_where where, enum step_kind kind, const char *why,
              const void *arg, size_t index, struct hull_error *e)
{
    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 96;
        struct step *v = arena_array(p->arena, cap, sizeof(*v));
        if (!v)
            return error_oom(e);
        if (p->n > 0)
            memcpy(v, p->v, p->n * sizeof(*v));
        p->v = v;
        p->cap = cap;
    }
    p->v[p->n++] = (struct step){
        .kind = kind, .where = where, .why = why, .arg = arg, .index = index};
    return 0;
}

int plan_pushf(struct plan *p, enum step_where where, enum step_kind kind, const void *arg,
               size_t index, struct hull_error *e, const char *why, ...)
{
    char buf[256];
    va_list ap;
    va_start(ap, why);
    vsnprintf(buf, sizeof(buf), why, ap);
    va_end(ap);
    char *copy = arena_strdup(p->arena, buf);
    if (!copy)
        return error_oom(e);
    return plan_push(p, where, kind, copy, arg, index, e);
}
