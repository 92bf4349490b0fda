/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * --trace: how long each step took, as a file that chrome://tracing and Perfetto show (Trace Event
 * Format, "X" events in microseconds). Both processes note the times in the page that they share, so
 * that what I did is there when I is the container's program, or dead. The clock is CLOCK_REALTIME, the
 * only one that a time namespace leaves alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "json/write.h"
#include "run/run.h"

uint64_t trace_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void microseconds(struct json_out *o, const char *key, uint64_t ns)
{
    char text[32];
    snprintf(text, sizeof(text), "%llu.%03u", (unsigned long long)(ns / 1000), (unsigned)(ns % 1000));
    json_out_number(o, key, text);
}

static void open_event(struct json_out *o, const char *name, const char *kind, bool init)
{
    json_out_open_object(o, NULL);
    json_out_string(o, "name", name);
    json_out_string(o, "ph", kind);
    json_out_int(o, "pid", 1);
    json_out_int(o, "tid", init ? 2 : 1);
}

static void add_name(struct json_out *o, bool init)
{
    open_event(o, "thread_name", "M", init);
    json_out_open_object(o, "args");
    json_out_string(o, "name", init ? "init" : "parent");
    json_out_close_object(o);
    json_out_close_object(o);
}

static void add_span(struct json_out *o, uint64_t from, uint64_t begin, uint64_t end)
{
    microseconds(o, "ts", begin > from ? begin - from : 0);
    microseconds(o, "dur", end > begin ? end - begin : 0);
}

static void add_step(struct json_out *o, const struct launch *l, size_t i, uint64_t now)
{
    const struct step *s = &l->plan->v[i];
    const struct step_time *t = &l->crumb->times[i];
    const struct step_kind_info *k = step_info(s->kind);
    char detail[1024] = "";
    if (t->begin == 0)
        return; /* never came to it */
    if (k->print)
        k->print(l, s, detail, sizeof(detail));
    open_event(o, k->name, "X", s->where == AT_INIT);
    /* The last step of I, or of a plan that failed, has no end of its own. */
    add_span(o, l->traced_from, t->begin, t->end ? t->end : now);
    json_out_open_object(o, "args");
    json_out_int(o, "step", (int64_t)i);
    if (*detail)
        json_out_string(o, "detail", detail);
    if (s->why)
        json_out_string(o, "field", s->why);
    json_out_close_object(o);
    json_out_close_object(o);
}

static int write_file(const char *path, const char *text)
{
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
}

void trace_write(const struct launch *l)
{
    const uint64_t now = trace_now();
    if (!l->traced_from || !l->crumb)
        return;
    struct json_out o = {.indent = " "};
    json_out_open_object(&o, NULL);
    json_out_open_array(&o, "traceEvents");
    add_name(&o, false);
    add_name(&o, true);
    open_event(&o, "prepare", "X", false);
    add_span(&o, l->traced_from, l->traced_from, l->crumb->times[0].begin);
    json_out_close_object(&o);
    for (size_t i = 0; i < l->plan->n; i++)
        add_step(&o, l, i, now);
    json_out_close_array(&o);
    json_out_string(&o, "displayTimeUnit", "ms");
    json_out_close_object(&o);
    json_out_raw(&o, "\n", 1);
    struct hull_error err;
    _cleanup_free_ char *text = NULL;
    int r = json_out_take(&o, &text, &err) < 0 ? -ENOMEM : 0;
    if (r == 0)
        r = write_file(l->options->trace, text);
    if (r < 0)
        log_warning(l->log, "could not write the trace %s: %s", l->options->trace, errno_text(-r));
}
