/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: an update names some members of linux.resources. Two things follow from it
 * and what is stored: the resources as they are from now on, and what has to be written. The second
 * is little more than what was asked for: limits that nobody mentioned are not written again, since
 * an administrator may have changed them meanwhile. But some files take two members at once, or
 * limit each other, so those travel in pairs: memory.limit with swap, cpu.quota with period, and
 * cpu.shares when a group stops being idle.
 *
 * For numbers whose 0 means "not set" (Docker sends all of them), 0 leaves the stored value alone.
 * Lists by device, page size, interface or name are changed entry by entry; of equal entries the
 * last one counts. linux.resources.devices is never touched.
 */
#include "lib/update_merge.h"

#include <string.h>

/* Takes over an optional number if it is given, or if it is given and not 0. */
#define TAKE(to, from, m) \
    do { \
        if ((from)->m.set) \
            (to)->m = (from)->m; \
    } while (0)
#define TAKE_NONZERO(to, from, m) \
    do { \
        if ((from)->m.set && (from)->m.v != 0) \
            (to)->m = (from)->m; \
    } while (0)

/* A copy of *p, or zeros. */
static void *copy_of(struct arena *a, const void *p, size_t size)
{
    void *copy = arena_alloc(a, size);
    if (copy && p)
        memcpy(copy, p, size);
    return copy;
}

static int merge_memory(struct arena *a, const struct oci_memory *asked, struct oci_memory **all,
                        struct oci_memory **write)
{
    struct oci_memory *m = copy_of(a, *all, sizeof(*m)), *w = arena_alloc(a, sizeof(*w));
    if (!m || !w)
        return -1;
    const bool limit = asked->limit.set && asked->limit.v != 0;
    const bool swap = asked->swap.set && asked->swap.v != 0;
    TAKE_NONZERO(m, asked, limit);
    TAKE_NONZERO(m, asked, swap);
    /* Without a limit on memory there is none on memory and swap either. */
    if (limit && asked->limit.v == -1 && !swap)
        m->swap = (struct opt_i64){0};
    if (limit || swap) {
        w->limit = m->limit;
        w->swap = m->swap;
    }
    TAKE_NONZERO(m, asked, reservation);
    TAKE_NONZERO(w, asked, reservation);
    TAKE(m, asked, swappiness);
    TAKE(w, asked, swappiness);
    TAKE(m, asked, disableOOMKiller);
    TAKE(w, asked, disableOOMKiller);
    TAKE(m, asked, kernel);
    TAKE(w, asked, kernel);
    TAKE(m, asked, kernelTCP);
    TAKE(w, asked, kernelTCP);
    TAKE(m, asked, useHierarchy);
    /* A property of each update, as in runc, not of the container. */
    m->checkBeforeUpdate = asked->checkBeforeUpdate;
    w->checkBeforeUpdate = asked->checkBeforeUpdate;
    *all = m;
    *write = w;
    return 0;
}

static int merge_cpu(struct arena *a, const struct oci_cpu *asked, struct oci_cpu **all,
                     struct oci_cpu **write)
{
    struct oci_cpu *c = copy_of(a, *all, sizeof(*c)), *w = arena_alloc(a, sizeof(*w));
    if (!c || !w)
        return -1;
    TAKE_NONZERO(c, asked, quota);
    TAKE_NONZERO(c, asked, period);
    if ((asked->quota.set && asked->quota.v) || (asked->period.set && asked->period.v)) {
        w->quota = c->quota;
        w->period = c->period;
    }
    TAKE(c, asked, burst);
    TAKE(w, asked, burst);
    TAKE_NONZERO(c, asked, shares);
    TAKE_NONZERO(w, asked, shares);
    TAKE(c, asked, idle);
    TAKE(w, asked, idle);
    /* The kernel forgets the weight of a group that is made idle. */
    if (asked->idle.set && asked->idle.v == 0)
        w->shares = c->shares;
    TAKE_NONZERO(c, asked, realtimeRuntime);
    TAKE_NONZERO(w, asked, realtimeRuntime);
    TAKE_NONZERO(c, asked, realtimePeriod);
    TAKE_NONZERO(w, asked, realtimePeriod);
    if (asked->cpus)
        c->cpus = w->cpus = asked->cpus;
    if (asked->mems)
        c->mems = w->mems = asked->mems;
    *all = c;
    *write = w;
    return 0;
}

/*
 * Merges lists of structs: each element of asked replaces the last one of all that is the same
 * thing, else it is added.
 */
struct any_list { void *v; size_t n; };

static int merge_list(struct arena *a, struct any_list *all, const struct any_list *asked,
                      size_t size, bool (*same)(const void *x, const void *y),
                      void (*change)(void *old, const void *new))
{
    char *v = arena_array(a, all->n + asked->n + 1, size);
    size_t n = all->n;
    if (!v)
        return -1;
    if (n)
        memcpy(v, all->v, n * size);
    for (size_t i = 0; i < asked->n; i++) {
        const char *new = (const char *)asked->v + i * size;
        size_t at = n;
        while (at > 0 && !same(v + (at - 1) * size, new))
            at--;
        if (at > 0)
            change(v + (at - 1) * size, new);
        else
            memcpy(v + n++ * size, new, size);
    }
    *all = (struct any_list){v, n};
    return 0;
}

/* The typed lists have the layout of any_list (json/field.h checks it). */
#define MERGE_LIST(a, all, asked, T, same, change) \
    merge_list(a, (struct any_list *)&(all), (const struct any_list *)&(asked), sizeof(T), same, \
               change)

static bool same_throttle(const void *x, const void *y)
{
    const struct oci_throttle_device *p = x, *q = y;
    return p->major == q->major && p->minor == q->minor;
}

static void change_throttle(void *old, const void *new)
{
    memcpy(old, new, sizeof(struct oci_throttle_device));
}

static bool same_weight(const void *x, const void *y)
{
    const struct oci_weight_device *p = x, *q = y;
    return p->major == q->major && p->minor == q->minor;
}

static void change_weight(void *old, const void *new)
{
    struct oci_weight_device *to = old;
    const struct oci_weight_device *from = new;
    TAKE(to, from, weight);
    TAKE(to, from, leafWeight);
}

static bool same_page_size(const void *x, const void *y)
{
    const struct oci_hugepage_limit *p = x, *q = y;
    return strcmp(p->pageSize, q->pageSize) == 0;
}

static void change_page_size(void *old, const void *new)
{
    memcpy(old, new, sizeof(struct oci_hugepage_limit));
}

static bool same_interface(const void *x, const void *y)
{
    const struct oci_interface_priority *p = x, *q = y;
    return strcmp(p->name, q->name) == 0;
}

static void change_interface(void *old, const void *new)
{
    memcpy(old, new, sizeof(struct oci_interface_priority));
}

static bool same_rdma(const void *x, const void *y)
{
    const struct oci_rdma *p = x, *q = y;
    return strcmp(p->key, q->key) == 0;
}

static void change_rdma(void *old, const void *new)
{
    struct oci_rdma *to = old;
    const struct oci_rdma *from = new;
    TAKE(to, from, hcaHandles);
    TAKE(to, from, hcaObjects);
}

static bool same_key(const void *x, const void *y)
{
    const struct oci_pair *p = x, *q = y;
    return strcmp(p->key, q->key) == 0;
}

static void change_key(void *old, const void *new)
{
    memcpy(old, new, sizeof(struct oci_pair));
}

static int merge_block_io(struct arena *a, const struct oci_block_io *asked,
                          struct oci_block_io **all)
{
    struct oci_block_io *b = copy_of(a, *all, sizeof(*b));
    if (!b)
        return -1;
    TAKE_NONZERO(b, asked, weight);
    TAKE_NONZERO(b, asked, leafWeight);
    int r = MERGE_LIST(a, b->weightDevice, asked->weightDevice, struct oci_weight_device,
                       same_weight, change_weight);
    struct oci_throttle_list *const lists[][2] = {
        {&b->throttleReadBpsDevice, (struct oci_throttle_list *)&asked->throttleReadBpsDevice},
        {&b->throttleWriteBpsDevice, (struct oci_throttle_list *)&asked->throttleWriteBpsDevice},
        {&b->throttleReadIOPSDevice, (struct oci_throttle_list *)&asked->throttleReadIOPSDevice},
        {&b->throttleWriteIOPSDevice, (struct oci_throttle_list *)&asked->throttleWriteIOPSDevice},
    };
    for (size_t i = 0; r == 0 && i < COUNT_OF(lists); i++)
        r = MERGE_LIST(a, *lists[i][0], *lists[i][1], struct oci_throttle_device, same_throttle,
                       change_throttle);
    *all = b;
    return r;
}

static int merge_network(struct arena *a, const struct oci_network *asked,
                         struct oci_network **all)
{
    struct oci_network *n = copy_of(a, *all, sizeof(*n));
    if (!n)
        return -1;
    TAKE_NONZERO(n, asked, classID);
    *all = n;
    return MERGE_LIST(a, n->priorities, asked->priorities, struct oci_interface_priority,
                      same_interface, change_interface);
}

static int merge_pids(struct arena *a, const struct oci_pids *asked, struct oci_pids **all)
{
    struct oci_pids *p = copy_of(a, *all, sizeof(*p));
    if (!p)
        return -1;
    TAKE(p, asked, limit);
    *all = p;
    return 0;
}

int resources_merge(struct arena *a, const struct oci_resources *stored,
                    const struct oci_resources *asked, struct oci_resources *ret_all,
                    struct oci_resources *ret_write, struct hull_error *e)
{
    struct oci_resources all = {0}, write = *asked;
    int r = 0;
    if (stored)
        all = *stored;
    write.devices.v = NULL;
    write.devices.n = 0;
    if (asked->memory)
        r = merge_memory(a, asked->memory, &all.memory, &write.memory);
    if (r == 0 && asked->cpu)
        r = merge_cpu(a, asked->cpu, &all.cpu, &write.cpu);
    if (r == 0 && asked->pids)
        r = merge_pids(a, asked->pids, &all.pids);
    if (r == 0 && asked->blockIO)
        r = merge_block_io(a, asked->blockIO, &all.blockIO);
    if (r == 0)
        r = MERGE_LIST(a, all.hugepageLimits, asked->hugepageLimits, struct oci_hugepage_limit,
                       same_page_size, change_page_size);
    if (r == 0 && asked->network)
        r = merge_network(a, asked->network, &all.network);
    if (r == 0)
        r = MERGE_LIST(a, all.rdma, asked->rdma, struct oci_rdma, same_rdma, change_rdma);
    if (r == 0)
        r = MERGE_LIST(a, all.unified, asked->unified, struct oci_pair, same_key, change_key);
    if (r < 0)
        return error_oom(e);
    *ret_all = all;
    *ret_write = write;
    return 0;
}
