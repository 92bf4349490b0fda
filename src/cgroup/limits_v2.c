/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: linux.resources in the files of cgroup v2, converted where the scale differs
 * (convert.c). What v2 has no word for (swappiness, disableOOMKiller, kernel memory, real-time,
 * leaf weights, network) is left out silently, as runc does. "unified" is written last and wins.
 */
#include <inttypes.h>
#include <string.h>
#include "cgroup/convert.h"
#include "cgroup/limits.h"

#define ADD(...)                             \
    do {                                     \
        int err_ = limits_add(__VA_ARGS__);  \
        if (err_ < 0)                        \
            return err_;                     \
    } while (0)

#define CPU_PERIOD_DEFAULT 100000   /* cgroup-v2.rst, cpu.max */

/* Bytes of v1's scale: 0 is not set, -1 unlimited. */
static int add_bytes(struct cgroup_limits *l, const char *why, const char *file, int64_t v,
                     struct hull_error *e)
{
    if (v == 0)
        return 0;
    if (v == -1)
        return limits_add(l, why, "memory", file, 0, e, "max");
    return limits_add(l, why, "memory", file, 0, e, "%" PRId64, v);
}

static int add_memory(struct cgroup_limits *l, const struct oci_memory *m, struct hull_error *e)
{
    int64_t limit = m->limit.set ? m->limit.v : 0, swap = m->swap.set ? m->swap.v : 0, max = 0;
    const char *why = "linux.resources.memory.swap";
    const char *text = convert_swap(swap, limit, &max);
    if (text)
        return error_at(e, why, HULL_E_CONFIG, "%s", text);
    /* Without swap accounting there is no such file, which is as good as no swap or no limit. */
    if (max == -1)
        ADD(l, why, "memory", "memory.swap.max", LIMIT_OPTIONAL, e, "max");
    else if (max == 0 && swap > 0)
        ADD(l, why, "memory", "memory.swap.max", LIMIT_OPTIONAL, e, "0");
    else if (max != 0)
        ADD(l, why, "memory", "memory.swap.max", 0, e, "%" PRId64, max);
    int r = add_bytes(l, "linux.resources.memory.limit", "memory.max", limit, e);
    if (r == 0 && m->reservation.set)
        r = add_bytes(l, "linux.resources.memory.reservation", "memory.low", m->reservation.v, e);
    if (m->checkBeforeUpdate.set && m->checkBeforeUpdate.v)
        l->check = m;
    return r;
}

static int add_throttle(struct cgroup_limits *l, const struct oci_throttle_list *list,
                        const char *member, const char *key, struct hull_error *e)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct oci_throttle_device *d = &list->v[i];
        const char *why = arena_printf(l->arena, "linux.resources.blockIO.%s[%zu]", member, i);
        if (d->rate == 0)   /* v1: 0 lifts the limit */
            ADD(l, why, "io", "io.max", 0, e, "%" PRId64 ":%" PRId64 " %s=max", d->major, d->minor,
                key);
        else
            ADD(l, why, "io", "io.max", 0, e, "%" PRId64 ":%" PRId64 " %s=%" PRIu64, d->major,
                d->minor, key, d->rate);
    }
    return 0;
}

static int add_io(struct cgroup_limits *l, const struct oci_block_io *b, struct hull_error *e)
{
    int r = 0;
    if (b->weight.set && b->weight.v) {
        ADD(l, "linux.resources.blockIO.weight", "io", "io.bfq.weight", 0, e, "%u", b->weight.v);
        r = limits_or(l, "io.weight", e, "%" PRIu64, convert_blkio_weight(b->weight.v));
    }
    for (size_t i = 0; r == 0 && i < b->weightDevice.n; i++) {
        const struct oci_weight_device *d = &b->weightDevice.v[i];
        if (!d->weight.set || !d->weight.v)
            continue;
        const char *why = arena_printf(l->arena, "linux.resources.blockIO.weightDevice[%zu]", i);
        ADD(l, why, "io", "io.bfq.weight", LIMIT_OPTIONAL | LIMIT_BFQ_DEVICE, e,
            "%" PRId64 ":%" PRId64 " %u\n", d->major, d->minor, d->weight.v);
    }
    if (r == 0)
        r = add_throttle(l, &b->throttleReadBpsDevice, "throttleReadBpsDevice", "rbps", e);
    if (r == 0)
        r = add_throttle(l, &b->throttleWriteBpsDevice, "throttleWriteBpsDevice", "wbps", e);
    if (r == 0)
        r = add_throttle(l, &b->throttleReadIOPSDevice, "throttleReadIOPSDevice", "riops", e);
    if (r == 0)
        r = add_throttle(l, &b->throttleWriteIOPSDevice, "throttleWriteIOPSDevice", "wiops", e);
    return r;
}

static int add_cpu(struct cgroup_limits *l, const struct oci_cpu *c, struct hull_error *e)
{
    int64_t quota = c->quota.set ? c->quota.v : 0;
    uint64_t period = c->period.set ? c->period.v : 0;
    if (c->idle.set)
        ADD(l, "linux.resources.cpu.idle", "cpu", "cpu.idle", 0, e, "%" PRId64, c->idle.v);
    /* As makes_idle. */
    if (c->shares.set && c->shares.v && !(c->idle.set && c->idle.v == 1))
        ADD(l, "linux.resources.cpu.shares", "cpu", "cpu.weight", 0, e, "%" PRIu64,
            convert_shares_to_weight(c->shares.v));
    if (c->burst.set)
        ADD(l, "linux.resources.cpu.burst", "cpu", "cpu.max.burst", quota ? LIMIT_AGAIN : 0, e,
            "%" PRIu64, c->burst.v);
    if (quota || period) {
        const char *why = quota ? "linux.resources.cpu.quota" : "linux.resources.cpu.period";
        if (!period)
            period = CPU_PERIOD_DEFAULT;
        if (quota > 0)
            ADD(l, why, "cpu", "cpu.max", 0, e, "%" PRId64 " %" PRIu64, quota, period);
        else
            ADD(l, why, "cpu", "cpu.max", 0, e, "max %" PRIu64, period);
    }
    return 0;
}

static int add_cpuset(struct cgroup_limits *l, const struct oci_cpu *c, struct hull_error *e)
{
    if (c->cpus && *c->cpus)
        ADD(l, "linux.resources.cpu.cpus", "cpuset", "cpuset.cpus", 0, e, "%s", c->cpus);
    if (c->mems && *c->mems)
        ADD(l, "linux.resources.cpu.mems", "cpuset", "cpuset.mems", 0, e, "%s", c->mems);
    return 0;
}

/* 5.15: an idle group has no weight, writing one is EINVAL. */
static bool makes_idle(const struct oci_map *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->v[i].key, "cpu.idle") == 0 && m->v[i].value[0] == '1')
            return true;
    return false;
}

static int add_unified(struct cgroup_limits *l, const struct oci_map *m, struct hull_error *e)
{
    const bool idle = makes_idle(m);
    for (size_t i = 0; i < m->n; i++) {
        const char *key = m->v[i].key;
        const char *why = arena_printf(l->arena, "linux.resources.unified[\"%s\"]", key);
        if (!why)
            return error_oom(e);
        if (strchr(key, '/'))
            return error_at(e, why, HULL_E_CONFIG,
                            "unified resource \"%s\" must be a file name (no slashes)", key);
        const char *dot = strchr(key, '.');
        if (!dot || dot == key)
            return error_at(e, why, HULL_E_CONFIG,
                            "unified resource \"%s\" must be in the form CONTROLLER.PARAMETER",
                            key);
        if (idle && strcmp(key, "cpu.weight") == 0)
            continue;
        const char *controller = arena_strndup(l->arena, key, (size_t)(dot - key));
        if (!controller)
            return error_oom(e);
        ADD(l, why, controller, key, LIMIT_LINES | LIMIT_UNIFIED, e, "%s", m->v[i].value);
    }
    return 0;
}

int limits_v2(struct arena *a, const struct oci_resources *r, struct cgroup_limits *ret,
              struct hull_error *e)
{
    *ret = (struct cgroup_limits){.arena = a};
    int err = limits_add_pids(ret, r, e);
    if (err == 0 && r->memory)
        err = add_memory(ret, r->memory, e);
    if (err == 0 && r->blockIO)
        err = add_io(ret, r->blockIO, e);
    if (err == 0 && r->cpu)
        err = add_cpu(ret, r->cpu, e);
    if (err == 0 && r->cpu)
        err = add_cpuset(ret, r->cpu, e);
    if (err == 0)
        err = limits_add_hugetlb(ret, r, "max", e);
    if (err == 0)
        err = limits_add_rdma(ret, r, e);
    if (err == 0)
        err = add_unified(ret, &r->unified, e);
    return err;
}
