/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: cgroup v1's counters, each hierarchy in its own directory. Which blkio files
 * there are depends on the I/O scheduler and its debug options: the first group that is whole
 * counts.
 */
#include "cgroup/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/fd.h"
#include "cgroup/file.h"
#include "cgroup/ops.h"

#define NS_PER_TICK (1000000000 / 100)   /* USER_HZ is 100 on every architecture that we build for */

static int append(const struct stats_source *s, struct cgroup_u64s *list, size_t *cap, uint64_t v)
{
    if (list->n == *cap) {
        size_t more = *cap ? *cap * 2 : 16;
        uint64_t *new = arena_array(s->a, more, sizeof(*new));
        if (!new)
            return error_oom(s->e);
        if (list->n)
            memcpy(new, list->v, list->n * sizeof(*new));
        list->v = new;
        *cap = more;
    }
    list->v[list->n++] = v;
    return 0;
}

/* ------------------------------------------------------------------------------------------ cpu */

static int read_percpu(const struct stats_source *s, struct cgroup_cpu_stats *c)
{
    char *text, *save = NULL;
    size_t cap = 0;
    uint64_t v;
    int r = stats_text(s, "cpuacct.usage_percpu", &text);
    if (r <= 0)
        return r;
    r = 0;
    for (char *t = strtok_r(text, " \n", &save); t && r == 0; t = strtok_r(NULL, " \n", &save))
        r = stats_parse(t, &v) < 0 ? stats_malformed(s, "cpuacct.usage_percpu")
                                   : append(s, &c->percpu, &cap, v);
    return r;
}

/* "cpu user system", then a line for each CPU. */
static int read_percpu_modes(const struct stats_source *s, struct cgroup_cpu_stats *c)
{
    char *text, *lines = NULL;
    size_t user_cap = 0, kernel_cap = 0;
    int r = stats_text(s, "cpuacct.usage_all", &text);
    if (r <= 0)
        return r;
    r = 0;
    (void)strtok_r(text, "\n", &lines);
    for (char *line; r == 0 && (line = strtok_r(NULL, "\n", &lines));) {
        const char *user = strchr(line, ' ');
        const char *kernel = user ? strchr(user + 1, ' ') : NULL;
        uint64_t u, k;
        if (!kernel || stats_parse(user + 1, &u) < 0 || stats_parse(kernel + 1, &k) < 0)
            return stats_malformed(s, "cpuacct.usage_all");
        r = append(s, &c->percpu_user, &user_cap, u);
        if (r == 0)
            r = append(s, &c->percpu_kernel, &kernel_cap, k);
    }
    return r;
}

static int read_cpuacct(const struct stats_source *s, struct cgroup_stats *st)
{
    struct cgroup_cpu_stats *c = &st->cpu;
    struct cgroup_key_values kv = {0};
    int r = stats_key_values(s, "cpuacct.stat", &kv);
    c->user = stats_value(&kv, "user") * NS_PER_TICK;
    c->kernel = stats_value(&kv, "system") * NS_PER_TICK;
    if (r >= 0)
        r = stats_number(s, "cpuacct.usage", &c->total);
    if (r >= 0)
        r = read_percpu(s, c);
    return r < 0 ? r : read_percpu_modes(s, c);
}

static int read_cpu(const struct stats_source *s, struct cgroup_stats *st)
{
    struct cgroup_key_values kv;
    int r = stats_key_values(s, "cpu.stat", &kv);
    if (r <= 0)
        return r;
    st->cpu.periods = stats_value(&kv, "nr_periods");
    st->cpu.throttled_periods = stats_value(&kv, "nr_throttled");
    st->cpu.throttled_time = stats_value(&kv, "throttled_time");
    return 0;
}

/* --------------------------------------------------------------------------------------- cpuset */

/* "0-2,5" as 0 1 2 5. */
static int read_list(const struct stats_source *s, const char *name, struct cgroup_u64s *ret)
{
    enum { CPU_MAX = 1 << 16 };
    char file[64], *text, *save = NULL;
    size_t cap = 0;
    snprintf(file, sizeof(file), "cpuset.%s", name);
    int r = stats_text(s, file, &text);
    if (r == 0)
        r = stats_text(s, name, &text);   /* mounted with noprefix */
    if (r <= 0)
        return r;
    r = 0;
    for (char *t = strtok_r(text, ",\n", &save); t && r == 0; t = strtok_r(NULL, ",\n", &save)) {
        uint64_t from, to;
        const char *dash = strchr(t, '-');
        if (stats_parse(t, &from) < 0 || stats_parse(dash ? dash + 1 : t, &to) < 0 || to >= CPU_MAX)
            return stats_malformed(s, file);
        for (; from <= to && r == 0; from++)
            r = append(s, ret, &cap, from);
    }
    return r;
}

static int read_flag(const struct stats_source *s, const char *name, uint64_t *ret)
{
    char file[64];
    snprintf(file, sizeof(file), "cpuset.%s", name);
    int r = stats_number(s, file, ret);
    return r == 0 ? stats_number(s, name, ret) : r;
}

static int read_cpuset(const struct stats_source *s, struct cgroup_stats *st)
{
    struct cgroup_cpuset_stats *c = &st->cpuset;
    const struct { const char *name; uint64_t *to; } flags[] = {
        {"cpu_exclusive", &c->cpu_exclusive},
        {"mem_hardwall", &c->mem_hardwall},
        {"mem_exclusive", &c->mem_exclusive},
        {"memory_migrate", &c->memory_migrate},
        {"memory_spread_page", &c->memory_spread_page},
        {"memory_spread_slab", &c->memory_spread_slab},
        {"memory_pressure", &c->memory_pressure},
        {"sched_load_balance", &c->sched_load_balance},
    };
    char *text;
    int r = read_list(s, "cpus", &c->cpus);
    if (r >= 0)
        r = read_list(s, "mems", &c->mems);
    for (size_t i = 0; r >= 0 && i < COUNT_OF(flags); i++)
        r = read_flag(s, flags[i].name, flags[i].to);
    if (r < 0)
        return r;
    r = stats_text(s, "cpuset.sched_relax_domain_level", &text);
    if (r == 0)
        r = stats_text(s, "sched_relax_domain_level", &text);
    if (r > 0)
        c->sched_relax_domain_level = strtoll(text, NULL, 10);
    return r;
}

/* --------------------------------------------------------------------------------------- memory */

static int read_memory_data(const struct stats_source *s, const char *prefix,
                            struct cgroup_memory_data *ret)
{
    const struct { const char *name; uint64_t *to; } files[] = {
        {"usage_in_bytes", &ret->usage},
        {"max_usage_in_bytes", &ret->max},
        {"failcnt", &ret->failcnt},
        {"limit_in_bytes", &ret->limit},   /* of kmem: gone in 6.x */
    };
    int r = 1;
    for (size_t i = 0; r > 0 && i < COUNT_OF(files); i++) {
        char file[64];
        snprintf(file, sizeof(file), "%s.%s", prefix, files[i].name);
        r = stats_number(s, file, files[i].to);
    }
    return r;
}

static int read_memory(const struct stats_source *s, struct cgroup_stats *st)
{
    struct cgroup_memory_stats *m = &st->memory;
    int r = stats_key_values(s, "memory.stat", &m->raw);
    if (r <= 0)
        return r;
    m->cache = stats_value(&m->raw, "cache");
    r = read_memory_data(s, "memory", &m->usage);
    if (r >= 0)
        r = read_memory_data(s, "memory.memsw", &m->swap);
    if (r >= 0)
        r = read_memory_data(s, "memory.kmem", &m->kernel);
    return r < 0 ? r : read_memory_data(s, "memory.kmem.tcp", &m->kernel_tcp);
}

static int read_pids(const struct stats_source *s, struct cgroup_stats *st)
{
    int r = stats_number(s, "pids.current", &st->pids_current);
    if (r >= 0)
        r = stats_number(s, "pids.max", &st->pids_limit);
    if (st->pids_limit == UINT64_MAX)
        st->pids_limit = 0;
    return r;
}

/* ---------------------------------------------------------------------------------------- blkio */

/* "8:0 Read 1282048" or "8:0 6792"; "Total N" ends a file. *ret_n is the number of entries. */
static int read_blkio_file(const struct stats_source *s, const char *file,
                           struct cgroup_blkio_list *ret)
{
    char *text, *lines = NULL;
    int r = stats_text(s, file, &text);
    if (r <= 0)
        return r;
    for (char *line = strtok_r(text, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
        char *save = NULL, *field[4] = {NULL};
        size_t n = 0;
        for (char *t = strtok_r(line, " :", &save); t && n < 4; t = strtok_r(NULL, " :", &save))
            field[n++] = t;
        struct cgroup_blkio_entry entry = {.op = n == 4 ? field[2] : ""};
        if (n == 2 && strcmp(field[0], "Total") == 0)
            continue;
        if (n < 3 || stats_parse(field[0], &entry.major) < 0 ||
            stats_parse(field[1], &entry.minor) < 0 || stats_parse(field[n - 1], &entry.value) < 0)
            return stats_malformed(s, file);
        r = stats_blkio_add(s, ret, &entry);
        if (r < 0)
            return r;
    }
    return ret->n > 0;
}

struct blkio_file { const char *name; enum cgroup_blkio_kind kind; };

#define BLKIO_ALL(p) \
    {p "sectors_recursive", BLKIO_SECTORS}, {p "io_service_time_recursive", BLKIO_SERVICE_TIME}, \
    {p "io_wait_time_recursive", BLKIO_WAIT_TIME}, {p "io_merged_recursive", BLKIO_MERGED}, \
    {p "io_queued_recursive", BLKIO_QUEUED}, {p "time_recursive", BLKIO_TIME}, \
    {p "io_serviced_recursive", BLKIO_SERVICED}, {p "io_service_bytes_recursive", BLKIO_SERVICE_BYTES}

static int read_blkio(const struct stats_source *s, struct cgroup_stats *st)
{
    static const struct blkio_file groups[][9] = {
        {BLKIO_ALL("blkio.bfq.")},   /* with CONFIG_BFQ_CGROUP_DEBUG */
        {{"blkio.bfq.io_serviced_recursive", BLKIO_SERVICED},
         {"blkio.bfq.io_service_bytes_recursive", BLKIO_SERVICE_BYTES}},
        {BLKIO_ALL("blkio.")},       /* CFQ, before 5.0 */
        {{"blkio.throttle.io_serviced_recursive", BLKIO_SERVICED},
         {"blkio.throttle.io_service_bytes_recursive", BLKIO_SERVICE_BYTES}},
        {{"blkio.throttle.io_serviced", BLKIO_SERVICED},
         {"blkio.throttle.io_service_bytes", BLKIO_SERVICE_BYTES}},
    };
    for (size_t g = 0; g < COUNT_OF(groups); g++) {
        for (const struct blkio_file *f = groups[g]; f->name; f++) {
            struct cgroup_blkio_list list = {0};
            int r = read_blkio_file(s, f->name, &list);
            if (r > 0)
                st->blkio[f->kind] = list;
            else if (f != groups[g])
                return r;
            else
                break;
            if (!f[1].name)
                return 0;
        }
    }
    return 0;
}

/* -------------------------------------------------------------------------------------- hugetlb */

static int read_hugetlb(const struct stats_source *s, struct cgroup_hugetlb_stats *h)
{
    struct cgroup_memory_data data = {0};
    char prefix[64];
    snprintf(prefix, sizeof(prefix), "hugetlb.%s.rsvd", h->size);
    int r = read_memory_data(s, prefix, &data);
    if (r == 0) {
        snprintf(prefix, sizeof(prefix), "hugetlb.%s", h->size);
        r = read_memory_data(s, prefix, &data);
    }
    h->usage = data.usage;
    h->max = data.max;
    h->failcnt = data.failcnt;
    return r;
}

static int read_hugetlbs(const struct stats_source *s, struct cgroup_stats *st)
{
    return stats_hugetlb(s, st, read_hugetlb);
}

int stats_v1(const struct cgroup *cg, struct arena *a, struct cgroup_stats *ret,
             struct hull_error *e)
{
    static const struct {
        const char *controller;
        int (*read)(const struct stats_source *s, struct cgroup_stats *st);
    } readers[] = {
        {"cpuset", read_cpuset}, {"memory", read_memory}, {"cpu", read_cpu},
        {"cpuacct", read_cpuacct}, {"pids", read_pids}, {"blkio", read_blkio},
        {"hugetlb", read_hugetlbs},
    };
    for (size_t i = 0; i < COUNT_OF(readers); i++) {
        const struct cgroup_dir *d = cgroup_find(cg, readers[i].controller);
        _cleanup_close_ int dir = d && !d->missing ? cgroup_dir_open(d) : -ENOENT;
        if (dir == -ENOENT)
            continue;
        if (dir < 0)
            return error_set(e, -dir, "open %s", d->dir);
        const struct stats_source s = {.a = a, .dir = dir, .d = d, .e = e};
        int r = readers[i].read(&s, ret);
        if (r < 0)
            return r;
    }
    return 0;
}
