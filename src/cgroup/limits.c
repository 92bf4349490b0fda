/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what limits_v1.c and limits_v2.c share. See limits.h. */
#include "cgroup/limits.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

PRINTF_LIKE(2, 0) static char *vformat(struct arena *a, const char *fmt, va_list ap)
{
    char buf[256];
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(buf, sizeof(buf), fmt, ap);
    char *s = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (s)
        vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    return s;
}

int limits_add(struct cgroup_limits *l, const char *why, const char *controller, const char *file,
               unsigned flags, struct hull_error *e, const char *value, ...)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        struct cgroup_limit *v = arena_array(l->arena, cap, sizeof(*v));
        if (!v)
            return error_oom(e);
        if (l->n)
            memcpy(v, l->v, l->n * sizeof(*v));
        l->v = v;
        l->cap = cap;
    }
    va_list ap;
    va_start(ap, value);
    char *text = vformat(l->arena, value, ap);
    va_end(ap);
    if (!text || !file)
        return error_oom(e);
    l->v[l->n++] = (struct cgroup_limit){
        .why = why, .controller = controller, .file = file, .value = text, .flags = flags};
    return 0;
}

int limits_or(struct cgroup_limits *l, const char *file, struct hull_error *e, const char *value,
              ...)
{
    struct cgroup_limit *last = &l->v[l->n - 1];
    va_list ap;
    va_start(ap, value);
    last->other_value = vformat(l->arena, value, ap);
    va_end(ap);
    last->other_file = file;
    return last->other_value ? 0 : error_oom(e);
}

int limits_add_hugetlb(struct cgroup_limits *l, const struct oci_resources *r, const char *suffix,
                       struct hull_error *e)
{
    for (size_t i = 0; i < r->hugepageLimits.n; i++) {
        const struct oci_hugepage_limit *h = &r->hugepageLimits.v[i];
        const char *size = h->pageSize ? h->pageSize : "";
        const char *why = arena_printf(l->arena, "linux.resources.hugepageLimits[%zu]", i);
        if (!*size || size[strspn(size, "0123456789KMGTB")])
            return error_at(e, why ? why : "", HULL_E_CONFIG, "invalid hugepage size \"%s\"", size);
        int err =
            limits_add(l, why, "hugetlb", arena_printf(l->arena, "hugetlb.%s.%s", size, suffix), 0,
                       e, "%" PRIu64, h->limit);
        /* 5.7: reservations count on their own; without this limit a process meets SIGBUS. */
        if (err == 0)
            err = limits_add(l, why, "hugetlb",
                             arena_printf(l->arena, "hugetlb.%s.rsvd.%s", size, suffix),
                             LIMIT_OPTIONAL, e, "%" PRIu64, h->limit);
        if (err < 0)
            return err;
    }
    return 0;
}

int limits_add_rdma(struct cgroup_limits *l, const struct oci_resources *r, struct hull_error *e)
{
    for (size_t i = 0; i < r->rdma.n; i++) {
        const struct oci_rdma *d = &r->rdma.v[i];
        const char *why = arena_printf(l->arena, "linux.resources.rdma.%s", d->key);
        if (!why)
            return error_oom(e);
        if (!*d->key || d->key[strcspn(d->key, " \t\n")])
            return error_at(e, why, HULL_E_CONFIG, "invalid rdma device name \"%s\"", d->key);
        char handles[32] = "", objects[32] = "";
        if (d->hcaHandles.set)
            snprintf(handles, sizeof(handles), " hca_handle=%" PRIu32, d->hcaHandles.v);
        if (d->hcaObjects.set)
            snprintf(objects, sizeof(objects), " hca_object=%" PRIu32, d->hcaObjects.v);
        int err = limits_add(l, why, "rdma", "rdma.max", 0, e, "%s%s%s", d->key, handles, objects);
        if (err < 0)
            return err;
    }
    return 0;
}

int limits_add_pids(struct cgroup_limits *l, const struct oci_resources *r, struct hull_error *e)
{
    if (!r->pids || !r->pids->limit.set)
        return 0;
    const char *why = "linux.resources.pids.limit";
    int64_t limit = r->pids->limit.v;
    if (limit < 0)
        return limits_add(l, why, "pids", "pids.max", 0, e, "max");
    /* systemd knows no TasksMax=0; 1 does the same, for the container's init is counted. */
    return limits_add(l, why, "pids", "pids.max", 0, e, "%" PRId64, limit ? limit : 1);
}

int limits_build(const struct cgroup *cg, struct arena *a, const struct oci_resources *r,
                 struct cgroup_limits *ret, struct hull_error *e)
{
    static const struct oci_resources nothing;
    if (!r)
        r = &nothing;
    if (r->memory && (r->memory->kernel.set || r->memory->kernelTCP.set))
        log_warning(cg->log, "Kernel memory settings are ignored and will be removed");
    return cg->mode == CGROUP_V2 ? limits_v2(a, r, ret, e) : limits_v1(a, r, ret, e);
}
