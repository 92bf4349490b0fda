/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * A walk over an array. Each process carries out the steps that are its own, in order, and leaves the
 * number of the current kind in the shared page, so that the other one can name it. P's steps with an
 * effect outside of I have an undo; a failure runs them in reverse.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/run.h"

#ifdef HULL_FAULTS
/*
 * Fault injection for tests, not in release builds: HULL_FAULT=N:NUMBER fails step N of the plan
 * with errno NUMBER before it is carried out, N:SIG raises signal SIG, "s" in front of the number.
 */
static int fault(size_t index, struct hull_error *e)
{
    static long at = -2, number;
    static bool sig;
    if (at == -2) {
        const char *text = getenv("HULL_FAULT");
        char *colon = NULL;
        at = text ? strtol(text, &colon, 10) : -1;
        if (text && colon && *colon == ':') {
            sig = colon[1] == 's';
            number = strtol(colon + 1 + sig, NULL, 10);
        }
    }
    if (at < 0 || (size_t)at != index)
        return 0;
    if (!sig)
        return error_set(e, (int)number, "injected fault at step %zu", index);
    raise((int)number);
    return 0;
}
#else
static int fault(size_t index, struct hull_error *e)
{
    (void)index;
    (void)e;
    return 0;
}
#endif

static void debug_step(struct launch *l, size_t i, const struct step *s)
{
    if (!l->log || l->log->level < HULL_LOG_DEBUG)
        return;
    char detail[1024] = "";
    const struct step_kind_info *k = step_info(s->kind);
    if (k->print)
        k->print(l, s, detail, sizeof(detail));
    log_debug(l->log, "%s step %zu %s%s%s", s->where == AT_HOST ? "P" : "I", i, k->name,
              *detail ? " " : "", detail);
}

int plan_execute(struct launch *l, const struct plan *p, enum step_where where, size_t *ret_done,
                 struct hull_error *e)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct step *s = &p->v[i];
        if (s->where != where)
            continue;
        if (where == AT_INIT)
            l->crumb->step = s->kind;
        *ret_done = i;
        debug_step(l, i, s);
        if (l->traced_from)
            l->crumb->times[i].begin = trace_now();
        int r = fault(i, e);
        if (r == 0)
            r = step_info(s->kind)->run(l, s, e);
        if (l->traced_from)
            l->crumb->times[i].end = trace_now();
        if (r < 0) {
            if (!e->where[0])
                snprintf(e->where, sizeof(e->where), "%s", s->why ? s->why : step_info(s->kind)->name);
            return r;
        }
    }
    return 0;
}

void plan_rollback(struct launch *l, const struct plan *p, size_t done)
{
    for (size_t i = done + 1; i-- > 0;) {
        const struct step *s = &p->v[i];
        step_fn *undo = step_info(s->kind)->undo;
        if (s->where != AT_HOST || !undo)
            continue;
        struct hull_error err = {0};
        if (undo(l, s, &err) < 0)
            log_warning(l->log, "undo of %s: %s", step_info(s->kind)->name, err.text);
    }
}
