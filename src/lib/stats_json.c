/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the JSON tree of runc's types/events.go, whose readers are programs: the
 * same keys in the same order, and the same ones left out when they are zero ("omitempty").
 */
#include "lib/stats_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "json/write.h"

/* Left out when it is 0. */
static void put(struct json_out *o, const char *key, uint64_t v)
{
    if (v != 0)
        json_out_uint(o, key, v);
}

static void put_list(struct json_out *o, const char *key, const struct cgroup_u64s *list)
{
    if (list->n == 0)
        return;
    json_out_open_array(o, key);
    for (size_t i = 0; i < list->n; i++)
        json_out_uint(o, NULL, list->v[i]);
    json_out_close_array(o);
}

/* Hundredths as Go prints the number: without zeros at the end. */
static void put_average(struct json_out *o, const char *key, uint64_t hundredths)
{
    char buf[32];
    const uint64_t rest = hundredths % 100;
    if (rest == 0)
        snprintf(buf, sizeof(buf), "%" PRIu64, hundredths / 100);
    else if (rest % 10 == 0)
        snprintf(buf, sizeof(buf), "%" PRIu64 ".%" PRIu64, hundredths / 100, rest / 10);
    else
        snprintf(buf, sizeof(buf), "%" PRIu64 ".%02" PRIu64, hundredths / 100, rest);
    json_out_number(o, key, buf);
}

static void put_psi_line(struct json_out *o, const char *key, const struct cgroup_psi_line *p)
{
    json_out_open_object(o, key);
    put_average(o, "avg10", p->avg10);
    put_average(o, "avg60", p->avg60);
    put_average(o, "avg300", p->avg300);
    json_out_uint(o, "total", p->total);
    json_out_close_object(o);
}

static void put_psi(struct json_out *o, const struct cgroup_psi *p)
{
    if (!p->known)
        return;
    json_out_open_object(o, "psi");
    put_psi_line(o, "some", &p->some);
    put_psi_line(o, "full", &p->full);
    json_out_close_object(o);
}

static void put_cpu(struct json_out *o, const struct cgroup_cpu_stats *c)
{
    json_out_open_object(o, "cpu");
    if (c->total || c->kernel || c->user || c->percpu.n || c->percpu_kernel.n || c->percpu_user.n) {
        json_out_open_object(o, "usage");
        put(o, "total", c->total);
        put_list(o, "percpu", &c->percpu);
        put_list(o, "percpu_kernel", &c->percpu_kernel);
        put_list(o, "percpu_user", &c->percpu_user);
        json_out_uint(o, "kernel", c->kernel);
        json_out_uint(o, "user", c->user);
        json_out_close_object(o);
    }
    if (c->periods || c->throttled_periods || c->throttled_time) {
        json_out_open_object(o, "throttling");
        put(o, "periods", c->periods);
        put(o, "throttledPeriods", c->throttled_periods);
        put(o, "throttledTime", c->throttled_time);
        json_out_close_object(o);
    }
    put_psi(o, &c->psi);
    json_out_close_object(o);
}

static void put_cpuset(struct json_out *o, const struct cgroup_cpuset_stats *c)
{
    json_out_open_object(o, "cpuset");
    put_list(o, "cpus", &c->cpus);
    json_out_uint(o, "cpu_exclusive", c->cpu_exclusive);
    put_list(o, "mems", &c->mems);
    json_out_uint(o, "mem_hardwall", c->mem_hardwall);
    json_out_uint(o, "mem_exclusive", c->mem_exclusive);
    json_out_uint(o, "memory_migrate", c->memory_migrate);
    json_out_uint(o, "memory_spread_page", c->memory_spread_page);
    json_out_uint(o, "memory_spread_slab", c->memory_spread_slab);
    json_out_uint(o, "memory_pressure", c->memory_pressure);
    json_out_uint(o, "sched_load_balance", c->sched_load_balance);
    json_out_int(o, "sched_relax_domain_level", c->sched_relax_domain_level);
    json_out_close_object(o);
}

static void put_memory_data(struct json_out *o, const char *key, const struct cgroup_memory_data *d)
{
    if (!d->limit && !d->usage && !d->max && !d->failcnt)
        return;
    json_out_open_object(o, key);
    json_out_uint(o, "limit", d->limit);
    put(o, "usage", d->usage);
    put(o, "max", d->max);
    json_out_uint(o, "failcnt", d->failcnt);
    json_out_close_object(o);
}

static void put_memory(struct json_out *o, const struct cgroup_memory_stats *m)
{
    json_out_open_object(o, "memory");
    put(o, "cache", m->cache);
    put_memory_data(o, "usage", &m->usage);
    put_memory_data(o, "swap", &m->swap);
    put_memory_data(o, "kernel", &m->kernel);
    put_memory_data(o, "kernelTCP", &m->kernel_tcp);
    if (m->raw.n > 0) {
        json_out_open_object(o, "raw");
        for (size_t i = 0; i < m->raw.n; i++)
            json_out_uint(o, m->raw.v[i].key, m->raw.v[i].v);
        json_out_close_object(o);
    }
    put_psi(o, &m->psi);
    json_out_close_object(o);
}

static void put_pids(struct json_out *o, const struct cgroup_stats *st)
{
    json_out_open_object(o, "pids");
    put(o, "current", st->pids_current);
    put(o, "limit", st->pids_limit);
    json_out_close_object(o);
}

static void put_blkio(struct json_out *o, const struct cgroup_stats *st)
{
    static const char *const names[BLKIO_KIND_COUNT] = {
        [BLKIO_SERVICE_BYTES] = "ioServiceBytesRecursive",
        [BLKIO_SERVICED] = "ioServicedRecursive",
        [BLKIO_QUEUED] = "ioQueueRecursive",
        [BLKIO_SERVICE_TIME] = "ioServiceTimeRecursive",
        [BLKIO_WAIT_TIME] = "ioWaitTimeRecursive",
        [BLKIO_MERGED] = "ioMergedRecursive",
        [BLKIO_TIME] = "ioTimeRecursive",
        [BLKIO_SECTORS] = "sectorsRecursive",
    };
    json_out_open_object(o, "blkio");
    for (size_t k = 0; k < BLKIO_KIND_COUNT; k++) {
        if (st->blkio[k].n == 0)
            continue;
        json_out_open_array(o, names[k]);
        for (size_t i = 0; i < st->blkio[k].n; i++) {
            const struct cgroup_blkio_entry *b = &st->blkio[k].v[i];
            json_out_open_object(o, NULL);
            put(o, "major", b->major);
            put(o, "minor", b->minor);
            if (*b->op)
                json_out_string(o, "op", b->op);
            put(o, "value", b->value);
            json_out_close_object(o);
        }
        json_out_close_array(o);
    }
    put_psi(o, &st->blkio_psi);
    json_out_close_object(o);
}

static void put_hugetlb(struct json_out *o, const struct cgroup_stats *st)
{
    json_out_open_object(o, "hugetlb");
    for (size_t i = 0; i < st->hugetlb.n; i++) {
        const struct cgroup_hugetlb_stats *h = &st->hugetlb.v[i];
        json_out_open_object(o, h->size);
        put(o, "usage", h->usage);
        put(o, "max", h->max);
        json_out_uint(o, "failcnt", h->failcnt);
        json_out_close_object(o);
    }
    json_out_close_object(o);
}

int stats_json(const char *id, const struct cgroup_stats *st, const struct intelrdt_stats *rdt,
               char **ret, struct hull_error *e)
{
    struct json_out o = {0};
    json_out_open_object(&o, NULL);
    json_out_string(&o, "type", "stats");
    json_out_string(&o, "id", id);
    json_out_open_object(&o, "data");
    put_cpu(&o, &st->cpu);
    put_cpuset(&o, &st->cpuset);
    put_memory(&o, &st->memory);
    put_pids(&o, st);
    put_blkio(&o, st);
    put_hugetlb(&o, st);
    stats_put_intel_rdt(&o, rdt);
    json_out_null(&o, "network_interfaces");   /* only of libcontainer's own veth set-up */
    json_out_close_object(&o);
    json_out_close_object(&o);
    return json_out_take(&o, ret, e) < 0 ? -e->code : 0;
}
