/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: linux.resources (config-linux.md#control-groups) written down in the files
 * of cgroup v1. A value of 0 means "not set" for most members, as engines send it (Docker:
 * "shares": 0).
 */
#include <inttypes.h>
#include "cgroup/limits.h"

#define ADD(...)                             \
    do {                                     \
        int err_ = limits_add(__VA_ARGS__);  \
        if (err_ < 0)                        \
            return err_;                     \
    } while (0)

static int add_cpuset(struct cgroup_limits *l, const struct oci_cpu *c, struct hull_error *e)
{
    /* cpuset mounted with "noprefix" (Android) has plain names. */
    if (c->cpus && *c->cpus) {
        ADD(l, "linux.resources.cpu.cpus", "cpuset", "cpuset.cpus", LIMIT_EARLY, e, "%s", c->cpus);
        int r = limits_or(l, "cpus", e, "%s", c->cpus);
        if (r < 0)
            return r;
    }
    if (c->mems && *c->mems) {
        ADD(l, "linux.resources.cpu.mems", "cpuset", "cpuset.mems", LIMIT_EARLY, e, "%s", c->mems);
        return limits_or(l, "mems", e, "%s", c->mems);
    }
    return 0;
}

/*
 * The kernel insists on limit <= memsw at every moment, so the order depends on whether both grow
 * or shrink: what it refuses first is written again after the other.
 */
static int add_memory(struct cgroup_limits *l, const struct oci_memory *m, struct hull_error *e)
{
    int64_t limit = m->limit.set ? m->limit.v : 0, swap = m->swap.set ? m->swap.v : 0;
    if (limit)
        ADD(l, "linux.resources.memory.limit", "memory", "memory.limit_in_bytes",
            swap || limit == -1 ? LIMIT_AGAIN : 0, e, "%" PRId64, limit);
    if (swap)
        ADD(l, "linux.resources.memory.swap", "memory", "memory.memsw.limit_in_bytes", 0, e,
            "%" PRId64, swap);
    else if (limit == -1)
        ADD(l, "linux.resources.memory.limit", "memory", "memory.memsw.limit_in_bytes",
            LIMIT_OPTIONAL, e, "-1");
    if (m->reservation.set && m->reservation.v)
        ADD(l, "linux.resources.memory.reservation", "memory", "memory.soft_limit_in_bytes", 0, e,
            "%" PRId64, m->reservation.v);
    if (m->disableOOMKiller.set && m->disableOOMKiller.v)
        ADD(l, "linux.resources.memory.disableOOMKiller", "memory", "memory.oom_control", 0, e,
            "1");
    if (m->swappiness.set && m->swappiness.v != UINT64_MAX) {
        if (m->swappiness.v > 100)
            return error_at(e, "linux.resources.memory.swappiness", HULL_E_CONFIG,
                            "invalid memory swappiness value: %" PRIu64 " (valid range is 0-100)",
                            m->swappiness.v);
        ADD(l, "linux.resources.memory.swappiness", "memory", "memory.swappiness", 0, e,
            "%" PRIu64, m->swappiness.v);
    }
    return 0;
}

/*
 * quota, period and burst depend on each other and on the parent's: what is refused with EINVAL may
 * be accepted after the others.
 */
static int add_cpu(struct cgroup_limits *l, const struct oci_cpu *c, struct hull_error *e)
{
    bool quota = c->quota.set && c->quota.v;
    bool idle = c->idle.set;
    if (c->shares.set && c->shares.v)
        ADD(l, "linux.resources.cpu.shares", "cpu", "cpu.shares",
            LIMIT_READ_BACK | (idle ? LIMIT_AGAIN : 0), e, "%" PRIu64, c->shares.v);
    if (c->period.set && c->period.v)
        ADD(l, "linux.resources.cpu.period", "cpu", "cpu.cfs_period_us", quota ? LIMIT_AGAIN : 0, e,
            "%" PRIu64, c->period.v);
    if (c->burst.set)
        ADD(l, "linux.resources.cpu.burst", "cpu", "cpu.cfs_burst_us",
            LIMIT_OPTIONAL | (quota ? LIMIT_AGAIN : 0), e, "%" PRIu64, c->burst.v);
    if (quota)
        ADD(l, "linux.resources.cpu.quota", "cpu", "cpu.cfs_quota_us", 0, e, "%" PRId64,
            c->quota.v);
    if (idle)
        ADD(l, "linux.resources.cpu.idle", "cpu", "cpu.idle", 0, e, "%" PRId64, c->idle.v);
    /* Early: a process of a real-time policy can't join a group without runtime. */
    bool runtime = c->realtimeRuntime.set && c->realtimeRuntime.v;
    if (c->realtimePeriod.set && c->realtimePeriod.v)
        ADD(l, "linux.resources.cpu.realtimePeriod", "cpu", "cpu.rt_period_us",
            LIMIT_EARLY | (runtime ? LIMIT_AGAIN : 0), e, "%" PRIu64, c->realtimePeriod.v);
    if (runtime)
        ADD(l, "linux.resources.cpu.realtimeRuntime", "cpu", "cpu.rt_runtime_us", LIMIT_EARLY, e,
            "%" PRId64, c->realtimeRuntime.v);
    return 0;
}

static int add_throttle(struct cgroup_limits *l, const struct oci_throttle_list *list,
                        const char *member, const char *file, struct hull_error *e)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct oci_throttle_device *d = &list->v[i];
        const char *why = arena_printf(l->arena, "linux.resources.blockIO.%s[%zu]", member, i);
        ADD(l, why, "blkio", file, 0, e, "%" PRId64 ":%" PRId64 " %" PRIu64, d->major, d->minor,
            d->rate);
    }
    return 0;
}

static int add_weights(struct cgroup_limits *l, const struct oci_block_io *b, struct hull_error *e)
{
    int r = 0;
    if (b->weight.set && b->weight.v) {
        ADD(l, "linux.resources.blockIO.weight", "blkio", "blkio.weight", 0, e, "%u", b->weight.v);
        r = limits_or(l, "blkio.bfq.weight", e, "%u", b->weight.v);
    }
    if (r == 0 && b->leafWeight.set && b->leafWeight.v)
        ADD(l, "linux.resources.blockIO.leafWeight", "blkio", "blkio.leaf_weight", 0, e, "%u",
            b->leafWeight.v);
    for (size_t i = 0; r == 0 && i < b->weightDevice.n; i++) {
        const struct oci_weight_device *d = &b->weightDevice.v[i];
        const char *why = arena_printf(l->arena, "linux.resources.blockIO.weightDevice[%zu]", i);
        if (d->weight.set && d->weight.v) {
            ADD(l, why, "blkio", "blkio.weight_device", 0, e, "%" PRId64 ":%" PRId64 " %u",
                d->major, d->minor, d->weight.v);
            r = limits_or(l, "blkio.bfq.weight_device", e, "%" PRId64 ":%" PRId64 " %u", d->major,
                          d->minor, d->weight.v);
        }
        if (r == 0 && d->leafWeight.set && d->leafWeight.v)
            ADD(l, why, "blkio", "blkio.leaf_weight_device", 0, e, "%" PRId64 ":%" PRId64 " %u",
                d->major, d->minor, d->leafWeight.v);
    }
    return r;
}

static int add_block_io(struct cgroup_limits *l, const struct oci_block_io *b, struct hull_error *e)
{
    int r = add_weights(l, b, e);
    if (r == 0)
        r = add_throttle(l, &b->throttleReadBpsDevice, "throttleReadBpsDevice",
                         "blkio.throttle.read_bps_device", e);
    if (r == 0)
        r = add_throttle(l, &b->throttleWriteBpsDevice, "throttleWriteBpsDevice",
                         "blkio.throttle.write_bps_device", e);
    if (r == 0)
        r = add_throttle(l, &b->throttleReadIOPSDevice, "throttleReadIOPSDevice",
                         "blkio.throttle.read_iops_device", e);
    if (r == 0)
        r = add_throttle(l, &b->throttleWriteIOPSDevice, "throttleWriteIOPSDevice",
                         "blkio.throttle.write_iops_device", e);
    return r;
}

static int add_network(struct cgroup_limits *l, const struct oci_network *n, struct hull_error *e)
{
    if (n->classID.set && n->classID.v)
        ADD(l, "linux.resources.network.classID", "net_cls", "net_cls.classid", 0, e, "%" PRIu32,
            n->classID.v);
    for (size_t i = 0; i < n->priorities.n; i++)
        ADD(l, "linux.resources.network.priorities", "net_prio", "net_prio.ifpriomap", 0, e,
            "%s %" PRIu32, n->priorities.v[i].name ? n->priorities.v[i].name : "",
            n->priorities.v[i].priority);
    return 0;
}

int limits_v1(struct arena *a, const struct oci_resources *r, struct cgroup_limits *ret,
              struct hull_error *e)
{
    *ret = (struct cgroup_limits){.arena = a};
    if (r->unified.n > 0)
        return error_at(e, "linux.resources.unified", HULL_E_CONFIG,
                        "invalid configuration: cannot use unified on cgroup v1");
    int err = 0;
    if (r->cpu)
        err = add_cpuset(ret, r->cpu, e);
    if (err == 0 && r->memory)
        err = add_memory(ret, r->memory, e);
    if (err == 0 && r->cpu)
        err = add_cpu(ret, r->cpu, e);
    if (err == 0)
        err = limits_add_pids(ret, r, e);
    if (err == 0 && r->blockIO)
        err = add_block_io(ret, r->blockIO, e);
    if (err == 0)
        err = limits_add_hugetlb(ret, r, "limit_in_bytes", e);
    if (err == 0 && r->network)
        err = add_network(ret, r->network, e);
    if (err == 0)
        err = limits_add_rdma(ret, r, e);
    return err;
}
