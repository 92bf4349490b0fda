/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: cgroup v2's counters in the terms of v1, which the readers of `events` know:
 * microseconds become nanoseconds, swap is counted together with memory, io.stat's line per device
 * becomes tables. All from one directory; a missing file is a controller that is not enabled.
 */
#include "cgroup/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "base/fd.h"
#include "cgroup/file.h"
#include "cgroup/ops.h"

static int read_pids(const struct stats_source *s, struct cgroup_stats *st)
{
    char *text;
    int r = stats_number(s, "pids.current", &st->pids_current);
    if (r < 0)
        return r;
    if (r > 0) {
        r = stats_number(s, "pids.max", &st->pids_limit);
        if (st->pids_limit == UINT64_MAX)
            st->pids_limit = 0;
        return r;
    }
    /* Without the controller, count; a threaded cgroup has no readable cgroup.procs. */
    r = stats_text(s, "cgroup.procs", &text);
    if (r < 0 && s->e->code == EOPNOTSUPP)
        r = stats_text(s, "cgroup.threads", &text);
    for (const char *p = r > 0 ? text : ""; *p; p++)
        st->pids_current += *p == '\n';
    return r;
}

/* ------------------------------------------------------------------------------------- pressure */

/* "12.34" in hundredths. */
static int parse_average(const char *text, uint64_t *ret)
{
    uint64_t whole;
    if (stats_parse(text, &whole) < 0)
        return -EINVAL;
    const char *dot = text + strspn(text, "0123456789");
    unsigned fraction = 0, place = 10;
    for (const char *p = dot + 1; *dot == '.' && *p >= '0' && *p <= '9' && place; p++, place /= 10)
        fraction += (unsigned)(*p - '0') * place;
    *ret = whole * 100 + fraction;
    return 0;
}

static int parse_pressure(char *line, struct cgroup_psi_line *ret)
{
    char *save = NULL;
    int r = 0;
    for (char *t = strtok_r(line, " ", &save); t && r == 0; t = strtok_r(NULL, " ", &save)) {
        char *value = strchr(t, '=');
        if (!value)
            return -EINVAL;
        *value++ = '\0';
        if (strcmp(t, "avg10") == 0)
            r = parse_average(value, &ret->avg10);
        else if (strcmp(t, "avg60") == 0)
            r = parse_average(value, &ret->avg60);
        else if (strcmp(t, "avg300") == 0)
            r = parse_average(value, &ret->avg300);
        else if (strcmp(t, "total") == 0)
            r = stats_parse(value, &ret->total);
    }
    return r;
}

static int read_psi(const struct stats_source *s, const char *file, struct cgroup_psi *ret)
{
    char *text, *save = NULL;
    int r = stats_text(s, file, &text);
    /* Distributors' kernels that want psi=1 on the command line answer the read with EOPNOTSUPP. */
    if (r < 0 && s->e->code == EOPNOTSUPP)
        return 0;
    if (r <= 0)
        return r;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        struct cgroup_psi_line *to = strncmp(line, "some ", 5) == 0   ? &ret->some
                                     : strncmp(line, "full ", 5) == 0 ? &ret->full
                                                                      : NULL;
        if (to && parse_pressure(line + 5, to) < 0)
            return stats_malformed(s, file);
    }
    ret->known = true;
    return 1;
}

/* --------------------------------------------------------------------------------------- memory */

static int read_memory_data(const struct stats_source *s, const char *prefix,
                            struct cgroup_memory_data *ret)
{
    char file[64];
    snprintf(file, sizeof(file), "%s.current", prefix);
    int r = stats_number(s, file, &ret->usage);
    if (r <= 0)
        return r;
    snprintf(file, sizeof(file), "%s.max", prefix);
    r = stats_number(s, file, &ret->limit);
    if (r < 0)
        return r;
    snprintf(file, sizeof(file), "%s.peak", prefix);   /* 5.19, of swap 6.5 */
    return stats_number(s, file, &ret->max);
}

static int read_memory(const struct stats_source *s, struct cgroup_memory_stats *m)
{
    int r = stats_key_values(s, "memory.stat", &m->raw);
    if (r <= 0)
        return r;
    m->cache = stats_value(&m->raw, "file");
    r = read_memory_data(s, "memory", &m->usage);
    if (r >= 0)
        r = read_memory_data(s, "memory.swap", &m->swap);
    if (r < 0)
        return r;
    m->swap.usage += m->usage.usage;
    if (m->swap.limit != UINT64_MAX) {
        const uint64_t both = m->swap.limit + m->usage.limit;
        m->swap.limit = both < m->swap.limit ? UINT64_MAX : both;
    }
    m->swap.max = 0;   /* two peaks have no sum */
    return 0;
}

/* ------------------------------------------------------------------------------------------- io */

static int add_io(const struct stats_source *s, struct cgroup_stats *st, uint64_t major,
                  uint64_t minor, char *item)
{
    static const struct { const char *key, *op; enum cgroup_blkio_kind kind; } known[] = {
        {"rbytes=", "Read", BLKIO_SERVICE_BYTES}, {"wbytes=", "Write", BLKIO_SERVICE_BYTES},
        {"rios=", "Read", BLKIO_SERVICED},        {"wios=", "Write", BLKIO_SERVICED},
    };
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        size_t len = strlen(known[i].key);
        struct cgroup_blkio_entry entry = {major, minor, known[i].op, 0};
        if (strncmp(item, known[i].key, len) != 0)
            continue;
        if (stats_parse(item + len, &entry.value) < 0)
            return stats_malformed(s, "io.stat");
        return stats_blkio_add(s, &st->blkio[known[i].kind], &entry);
    }
    return 0;
}

static int read_io(const struct stats_source *s, struct cgroup_stats *st)
{
    char *text, *lines = NULL;
    int r = stats_text(s, "io.stat", &text);
    if (r <= 0)
        return r;
    r = 0;
    for (char *line = strtok_r(text, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
        char *items = NULL, *device = strtok_r(line, " ", &items);
        const char *colon = device ? strchr(device, ':') : NULL;
        uint64_t major, minor;
        if (!colon || stats_parse(device, &major) < 0 || stats_parse(colon + 1, &minor) < 0)
            continue;   /* 5.13 and older print devices without numbers in a line of another */
        for (char *t = strtok_r(NULL, " ", &items); t && r == 0; t = strtok_r(NULL, " ", &items))
            r = add_io(s, st, major, minor, t);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ------------------------------------------------------------------------------------ the others */

static int read_cpu(const struct stats_source *s, struct cgroup_cpu_stats *c)
{
    struct cgroup_key_values kv;
    int r = stats_key_values(s, "cpu.stat", &kv);
    if (r <= 0)
        return r;
    c->total = stats_value(&kv, "usage_usec") * 1000;
    c->user = stats_value(&kv, "user_usec") * 1000;
    c->kernel = stats_value(&kv, "system_usec") * 1000;
    c->periods = stats_value(&kv, "nr_periods");
    c->throttled_periods = stats_value(&kv, "nr_throttled");
    c->throttled_time = stats_value(&kv, "throttled_usec") * 1000;
    return 0;
}

static int read_hugetlb(const struct stats_source *s, struct cgroup_hugetlb_stats *h)
{
    char file[64];
    struct cgroup_key_values events;
    snprintf(file, sizeof(file), "hugetlb.%s.rsvd.current", h->size);
    int r = stats_number(s, file, &h->usage);
    if (r == 0) {
        snprintf(file, sizeof(file), "hugetlb.%s.current", h->size);
        r = stats_number(s, file, &h->usage);
    }
    if (r <= 0)
        return r;
    snprintf(file, sizeof(file), "hugetlb.%s.events", h->size);
    r = stats_key_values(s, file, &events);
    if (r > 0)
        h->failcnt = stats_value(&events, "max");
    return r < 0 ? r : 1;
}

int stats_v2(const struct cgroup *cg, struct arena *a, struct cgroup_stats *ret,
             struct hull_error *e)
{
    const struct cgroup_dir *d = cgroup_members(cg);
    if (!d)
        return 0;
    _cleanup_close_ int dir = cgroup_dir_open(d);
    if (dir < 0)
        return error_set(e, -dir, "open %s", d->dir);
    const struct stats_source s = {.a = a, .dir = dir, .d = d, .e = e};
    int r = read_pids(&s, ret);
    if (r >= 0)
        r = read_memory(&s, &ret->memory);
    if (r >= 0)
        r = read_psi(&s, "memory.pressure", &ret->memory.psi);
    if (r >= 0)
        r = read_io(&s, ret);
    if (r >= 0)
        r = read_psi(&s, "io.pressure", &ret->blkio_psi);
    if (r >= 0)
        r = read_cpu(&s, &ret->cpu);
    if (r >= 0)
        r = read_psi(&s, "cpu.pressure", &ret->cpu.psi);
    if (r >= 0)
        r = stats_hugetlb(&s, ret, read_hugetlb);
    return r < 0 ? r : 0;
}
