/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: linux.resources and annotations as unit properties (systemd.resource-control
 * (5)). systemd gets all that it has words for, since it writes its own idea of a limit into the
 * cgroup whenever it likes: at a daemon-reload, or when a neighbour changes. The same values go into
 * the cgroup's files afterwards (limits_v1.c, limits_v2.c), which also have the rest.
 *
 * Of a property that is there twice the last one counts, so "unified" comes last here too.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/idlist.h"
#include "cgroup/convert.h"
#include "cgroup/unit.h"
#include "dbus/variant.h"

#define CPU_PERIOD_DEFAULT 100000u   /* microseconds */
#define USEC_PER_SEC 1000000u
#define QUOTA_GRAIN 10000u           /* systemd keeps per cent of a CPU */
#define INFINITY_U64 UINT64_MAX

/* The versions that brought what older ones refuse. */
enum { WITH_QUOTA_PERIOD = 242, WITH_CPUSET = 244, WITH_IDLE = 252, WITH_OOM_POLICY = 253,
       WITH_ZSWAP = 253 };

#define ANNOTATION "org.systemd.property."

struct properties {
    const struct cgroup *cg;
    struct wire_out     *o;
    struct unit_names   *names;
    unsigned             version;
    struct hull_error   *e;
};

static void note(const struct properties *p, const char *name)
{
    struct unit_names *n = p->names;
    if (n && n->n < COUNT_OF(n->v))
        n->v[n->n++] = name;
}

static void add_u64(const struct properties *p, const char *name, uint64_t v)
{
    note(p, name);
    systemd_property_u64(p->o, name, v);
}

/* ------------------------------------------------------------------------------------------ start */

int unit_start_properties(const struct cgroup *cg, pid_t pid, unsigned version, struct wire_out *o,
                          struct hull_error *e)
{
    const struct cgroup_unit *u = cg->unit;
    char *description = arena_printf(o->arena, "libcontainer container %s", u->container);
    if (!description)
        return error_oom(e);
    systemd_property_string(o, "Description", description);
    if (u->is_slice) {
        /* Its place follows from its name; this makes systemd start the one above. */
        systemd_property(o, "Wants", "as");
        struct wire_array list = wire_array_begin(o, 4);
        wire_string(o, u->slice);
        wire_array_end(o, list);
    } else {
        systemd_property_string(o, "Slice", u->slice);
        systemd_property_bool(o, "Delegate", true);
    }
    if (pid > 0) {
        systemd_property(o, "PIDs", "au");
        struct wire_array list = wire_array_begin(o, 4);
        wire_u32(o, (uint32_t)pid);
        wire_array_end(o, list);
    }
    /* So that the container has these controllers without a limit too, as with the other driver. */
    systemd_property_bool(o, "MemoryAccounting", true);
    systemd_property_bool(o, "CPUAccounting", true);
    systemd_property_bool(o, cg->mode == CGROUP_V2 ? "IOAccounting" : "BlockIOAccounting", true);
    systemd_property_bool(o, "TasksAccounting", true);
    systemd_property_bool(o, "DefaultDependencies", false);
    /* Can't be changed later. */
    const struct oci_resources *r = u->resources;
    for (size_t i = 0; r && version >= WITH_OOM_POLICY && i < r->unified.n; i++) {
        const char *v = r->unified.v[i].value;
        if (strcmp(r->unified.v[i].key, "memory.oom.group") != 0)
            continue;
        if (strcmp(v, "0") == 0 || strcmp(v, "1") == 0)
            systemd_property_string(o, "OOMPolicy", *v == '1' ? "kill" : "continue");
    }
    return o->failed ? error_oom(e) : 0;
}

/* -------------------------------------------------------------------------------------- resources */

/* Microseconds of CPU time per second, as systemd rounds it. */
static uint64_t quota_per_sec(int64_t quota, uint64_t period)
{
    if (quota <= 0 || (uint64_t)quota > INFINITY_U64 / USEC_PER_SEC)
        return INFINITY_U64;
    const uint64_t v = (uint64_t)quota * USEC_PER_SEC / period;
    return (v + QUOTA_GRAIN - 1) / QUOTA_GRAIN * QUOTA_GRAIN;
}

int unit_resources(struct arena *a, const struct oci_resources *r, const struct oci_resources **ret,
                   struct hull_error *e)
{
    const struct oci_cpu *c = r ? r->cpu : NULL;
    const uint64_t period = c && c->period.set && c->period.v ? c->period.v : CPU_PERIOD_DEFAULT;
    const uint64_t per_sec = c && c->quota.set ? quota_per_sec(c->quota.v, period) : INFINITY_U64;
    *ret = r;
    if (per_sec == INFINITY_U64 || per_sec > INFINITY_U64 / period)
        return 0;
    const int64_t rounded = (int64_t)(per_sec * period / USEC_PER_SEC);
    /* The grain divides what most people write; then the quota stays as it is. */
    if ((uint64_t)c->quota.v * USEC_PER_SEC / period == per_sec)
        return 0;
    struct oci_resources *copy = arena_alloc(a, sizeof(*copy));
    struct oci_cpu *cpu = arena_alloc(a, sizeof(*cpu));
    if (!copy || !cpu)
        return error_oom(e);
    *copy = *r;
    *cpu = *c;
    cpu->quota.v = rounded;
    copy->cpu = cpu;
    *ret = copy;
    return 0;
}

static void add_quota(const struct properties *p, int64_t quota, uint64_t period)
{
    if (period && p->version >= WITH_QUOTA_PERIOD)
        add_u64(p, "CPUQuotaPeriodUSec", period);
    if (quota || period)
        add_u64(p, "CPUQuotaPerSecUSec",
                quota_per_sec(quota, period ? period : CPU_PERIOD_DEFAULT));
}

/* CPUs or memory nodes as a bit mask, the lowest in the first byte. */
static int add_set(const struct properties *p, const char *property, const char *file,
                   const char *list)
{
    uint64_t mask[IDLIST_BITS / 64] = {0};
    if (!list || !*list)
        return 0;
    if (p->version < WITH_CPUSET) {
        log_debug(p->cg->log, "systemd %u does not know %s", p->version, property);
        return 0;
    }
    if (idlist_parse(list, mask, IDLIST_BITS) <= 0)
        return error_at(p->e, "linux.resources", HULL_E_CONFIG,
                        "%s=\"%s\" conversion error: not a list of numbers", file, list);
    uint8_t bytes[IDLIST_BITS / 8];
    size_t n = 0;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(mask[i / 8] >> (8 * (i % 8)));
        if (bytes[i])
            n = i + 1;
    }
    note(p, property);
    systemd_property(p->o, property, "ay");
    struct wire_array a = wire_array_begin(p->o, 1);
    wire_raw(p->o, bytes, n);
    wire_array_end(p->o, a);
    return 0;
}

static void add_weight(const struct properties *p, uint64_t weight, bool idle)
{
    if (idle)
        log_warning(p->cg->log, "unable to apply both CPUWeight and CpuIdle to systemd, ignoring "
                                "CPUWeight");
    else
        add_u64(p, "CPUWeight", weight);
}

static int add_cpu(const struct properties *p, const struct oci_cpu *c)
{
    const bool v2 = p->cg->mode == CGROUP_V2, shares = c->shares.set && c->shares.v;
    const bool can_idle = v2 && c->idle.set && p->version >= WITH_IDLE;
    const bool idle = can_idle && c->idle.v == 1;
    if (idle)
        add_u64(p, "CPUWeight", 0);
    else if (can_idle && c->idle.v == 0 && !shares)
        add_u64(p, "CPUWeight", 100);   /* the kernel's default: idle no longer */
    if (shares && v2)
        add_weight(p, convert_shares_to_weight(c->shares.v), idle);
    else if (shares)
        add_u64(p, "CPUShares", c->shares.v);
    add_quota(p, c->quota.set ? c->quota.v : 0, c->period.set ? c->period.v : 0);
    int r = add_set(p, "AllowedCPUs", "cpuset.cpus", c->cpus);
    return r < 0 ? r : add_set(p, "AllowedMemoryNodes", "cpuset.mems", c->mems);
}

static void add_memory(const struct properties *p, const struct oci_memory *m)
{
    const bool v2 = p->cg->mode == CGROUP_V2;
    const int64_t limit = m->limit.set ? m->limit.v : 0;
    int64_t swap = 0;
    /* -1 is infinity in both worlds. */
    if (limit)
        add_u64(p, v2 ? "MemoryMax" : "MemoryLimit", (uint64_t)limit);
    if (!v2)
        return;
    if (m->reservation.set && m->reservation.v)
        add_u64(p, "MemoryLow", (uint64_t)m->reservation.v);
    const bool given = m->swap.set && m->swap.v > 0;
    if (!convert_swap(m->swap.set ? m->swap.v : 0, limit, &swap) && (swap || given))
        add_u64(p, "MemorySwapMax", (uint64_t)swap);
}

static void add_block_io(const struct properties *p, const struct oci_block_io *b)
{
    const bool v2 = p->cg->mode == CGROUP_V2;
    if (b->weight.set && b->weight.v)
        add_u64(p, v2 ? "IOWeight" : "BlockIOWeight",
                v2 ? convert_blkio_weight(b->weight.v) : b->weight.v);
    for (size_t i = 0; v2 && i < b->weightDevice.n; i++) {
        const struct oci_weight_device *d = &b->weightDevice.v[i];
        char *path = arena_printf(p->o->arena, "/dev/block/%" PRId64 ":%" PRId64, d->major, d->minor);
        if (!path || !d->weight.set || !d->weight.v)
            continue;
        systemd_property(p->o, "IODeviceWeight", "a(st)");
        struct wire_array list = wire_array_begin(p->o, 8);
        wire_string(p->o, path);
        wire_u64(p->o, convert_blkio_weight(d->weight.v));
        wire_array_end(p->o, list);
    }
}

/* ---------------------------------------------------------------------------------------- unified */

static int bad_value(const struct properties *p, const char *key, const char *value)
{
    return error_at(p->e, "linux.resources.unified", HULL_E_CONFIG,
                    "unified resource \"%s\" value conversion error: \"%s\" is not a number", key,
                    value);
}

/* A number or "max" with blanks around it, as the kernel takes it; and what follows. */
static int parse_word(const char **text, uint64_t *ret)
{
    const char *s = *text + strspn(*text, " \t\n");
    const size_t n = strcspn(s, " \t\n");
    if (n == 3 && memcmp(s, "max", n) == 0) {
        *ret = INFINITY_U64;
    } else {
        char *end;
        errno = 0;
        *ret = strtoull(s, &end, 10);
        if (*s < '0' || *s > '9' || errno || end != s + n)
            return -EINVAL;
    }
    *text = s + n + strspn(s + n, " \t\n");
    return 0;
}

static int add_number(const struct properties *p, const char *key, const char *value,
                      const char *property)
{
    const char *rest = value;
    uint64_t v;
    if (parse_word(&rest, &v) < 0 || *rest)
        return bad_value(p, key, value);
    /* systemd takes no 0 there; 1 does the same, for init is counted. */
    add_u64(p, property, v == 0 && strcmp(key, "pids.max") == 0 ? 1 : v);
    return 0;
}

static int add_cpu_max(const struct properties *p, const char *key, const char *value)
{
    const char *rest = value;
    uint64_t quota, period = CPU_PERIOD_DEFAULT;
    if (parse_word(&rest, &quota) < 0 || (*rest && parse_word(&rest, &period) < 0) || *rest ||
        period == 0 || (quota != INFINITY_U64 && quota > INT64_MAX))
        return bad_value(p, key, value);
    add_quota(p, quota == INFINITY_U64 ? 0 : (int64_t)quota, period);
    return 0;
}

static const char *unified_value(const struct oci_map *m, const char *key)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->v[i].key, key) == 0)
            return m->v[i].value;
    return "";
}

static int add_unified(const struct properties *p, const struct oci_map *m)
{
    static const struct { const char *key, *property; unsigned since; } numbers[] = {
        {"memory.high", "MemoryHigh", 0},        {"memory.low", "MemoryLow", 0},
        {"memory.max", "MemoryMax", 0},          {"memory.min", "MemoryMin", 0},
        {"memory.swap.max", "MemorySwapMax", 0}, {"memory.zswap.max", "MemoryZSwapMax", WITH_ZSWAP},
        {"pids.max", "TasksMax", 0},             {"cpu.weight", "CPUWeight", 0},
    };
    const char *asked = unified_value(m, "cpu.idle");
    const bool idle = p->version >= WITH_IDLE && strcmp(asked, "1") == 0;
    int r = 0;
    if (idle)
        add_u64(p, "CPUWeight", 0);
    for (size_t i = 0; r == 0 && i < m->n; i++) {
        const char *key = m->v[i].key, *value = m->v[i].value;
        if (idle && strcmp(key, "cpu.weight") == 0) {
            log_warning(p->cg->log, "unable to apply both cpu.weight and cpu.idle to systemd, "
                                    "ignoring cpu.weight");
            continue;
        }
        for (size_t j = 0; r == 0 && j < COUNT_OF(numbers); j++)
            if (strcmp(key, numbers[j].key) == 0 && p->version >= numbers[j].since)
                r = add_number(p, key, value, numbers[j].property);
        if (r == 0 && strcmp(key, "cpu.max") == 0)
            r = add_cpu_max(p, key, value);
        if (r == 0 && strcmp(key, "cpuset.cpus") == 0)
            r = add_set(p, "AllowedCPUs", "cpuset.cpus", value);
        if (r == 0 && strcmp(key, "cpuset.mems") == 0)
            r = add_set(p, "AllowedMemoryNodes", "cpuset.mems", value);
    }
    return r;
}

int unit_resource_properties(const struct cgroup *cg, const struct oci_resources *r,
                             unsigned version, struct wire_out *o, struct unit_names *names,
                             struct hull_error *e)
{
    const struct properties p = {cg, o, names, version, e};
    int err = 0;
    if (!r)
        return 0;
    if (r->memory)
        add_memory(&p, r->memory);
    if (r->cpu)
        err = add_cpu(&p, r->cpu);
    if (r->pids && r->pids->limit.set) {
        const int64_t limit = r->pids->limit.v;
        add_u64(&p, "TasksMax", limit < 0 ? INFINITY_U64 : limit == 0 ? 1 : (uint64_t)limit);
    }
    if (r->blockIO)
        add_block_io(&p, r->blockIO);
    if (err == 0 && cg->mode == CGROUP_V2)
        err = add_unified(&p, &r->unified);
    return err == 0 && o->failed ? error_oom(e) : err;
}

/* ------------------------------------------------------------------------------------ annotations */

static const char *name_fault(const char *name)
{
    if (strlen(name) < 3)
        return "too short";
    for (const char *c = name; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z')))
            return "contains non-alphabetic character";
    return NULL;
}

/* Units are written TimeoutStopSec=, but the property is TimeoutStopUSec. */
static bool in_seconds(const char *name)
{
    const size_t n = strlen(name);
    return n > 3 && strcmp(name + n - 3, "Sec") == 0 && name[n - 4] >= 'a' && name[n - 4] <= 'z';
}

static int add_annotation(const char *name, const char *text, struct wire_out *o,
                          struct hull_error *e)
{
    char signature[VARIANT_SIGNATURE_SIZE];
    int r = variant_signature(text, signature, e);
    if (r < 0)
        return r;
    if (in_seconds(name)) {
        uint64_t usec;
        char *full = arena_printf(o->arena, "%.*sUSec", (int)strlen(name) - 3, name);
        if (!full)
            return error_oom(e);
        r = variant_scaled(o->arena, text, signature, USEC_PER_SEC, &usec, e);
        if (r == 0)
            systemd_property_u64(o, full, usec);
        return r;
    }
    systemd_property(o, name, signature);
    return variant_write(text, signature, o, e);
}

int unit_annotation_properties(const struct oci_map *annotations, struct wire_out *o,
                               struct hull_error *e)
{
    for (size_t i = 0; i < annotations->n; i++) {
        const char *key = annotations->v[i].key, *value = annotations->v[i].value;
        if (strncmp(key, ANNOTATION, strlen(ANNOTATION)) != 0)
            continue;
        const char *name = key + strlen(ANNOTATION), *fault = name_fault(name);
        if (fault)
            return error_at(e, "annotations", HULL_E_CONFIG, "annotation %s name incorrect: %s", key,
                            fault);
        int r = add_annotation(name, value, o, e);
        if (r < 0) {
            if (r == -ENOMEM)
                return r;
            strcpy(e->where, "annotations");
            return error_prefix(e, "annotation %s=%s value parse error", key, value);
        }
    }
    return o->failed ? error_oom(e) : 0;
}
