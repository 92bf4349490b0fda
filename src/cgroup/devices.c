/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the rules of linux.resources.devices are applied in order, each to the
 * result of those before, in the way of the v1 controller: a rule for all devices sets the default
 * and forgets the rest, others add or remove exceptions. The result is the same filter on v1 and
 * v2.
 *
 * Where the v1 controller silently ignores a rule (a denial that is narrower than what has been
 * allowed) we refuse it, as runc does. A denial that is wider than single exceptions removes them,
 * which the kernel would ignore too. A rule of type "a" that names numbers or less than "rwm" means
 * what it says, for both kinds of devices; v1 takes it for "all devices".
 *
 * The default rules follow the user's, so nobody can switch them off.
 */
#include "cgroup/devices.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct device_exception defaults[] = {
    {'c', DEVICE_ANY, DEVICE_ANY, DEVICE_MKNOD},
    {'b', DEVICE_ANY, DEVICE_ANY, DEVICE_MKNOD},
    {'c', 1, 3, DEVICE_RWM},               /* null */
    {'c', 1, 8, DEVICE_RWM},               /* random */
    {'c', 1, 7, DEVICE_RWM},               /* full */
    {'c', 5, 0, DEVICE_RWM},               /* tty */
    {'c', 1, 5, DEVICE_RWM},               /* zero */
    {'c', 1, 9, DEVICE_RWM},               /* urandom */
    {'c', 136, DEVICE_ANY, DEVICE_RWM},    /* pts */
    {'c', 5, 2, DEVICE_RWM},               /* ptmx */
    {'c', 10, 200, DEVICE_RWM},            /* net/tun: VPNs broke when it was dropped once */
};

static int compare(const struct device_exception *a, const struct device_exception *b)
{
    if (a->major != b->major)
        return a->major < b->major ? -1 : 1;
    if (a->minor != b->minor)
        return a->minor < b->minor ? -1 : 1;
    return a->type - b->type;
}

/* Index of x, or of the place where it belongs. */
static size_t find(const struct device_filter *f, const struct device_exception *x, bool *ret_found)
{
    size_t i = 0;
    while (i < f->n && compare(&f->v[i], x) < 0)
        i++;
    *ret_found = i < f->n && compare(&f->v[i], x) == 0;
    return i;
}

static int insert(struct device_filter *f, const struct device_exception *x, struct hull_error *e)
{
    bool found;
    size_t i = find(f, x, &found);
    if (found) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): what is found is in f->v */
        f->v[i].access |= x->access;
        return 0;
    }
    if (f->n == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 32;
        struct device_exception *v = arena_array(f->arena, cap, sizeof(*v));
        if (!v)
            return error_oom(e);
        if (f->n)
            memcpy(v, f->v, f->n * sizeof(*v));
        f->v = v;
        f->cap = cap;
    }
    memmove(&f->v[i + 1], &f->v[i], (f->n - i) * sizeof(*f->v));
    f->v[i] = *x;
    f->n++;
    return 0;
}

static void print(const struct device_exception *x, char *buf, size_t len)
{
    char major[24] = "*", minor[24] = "*";
    if (x->major != DEVICE_ANY)
        snprintf(major, sizeof(major), "%" PRId64, x->major);
    if (x->minor != DEVICE_ANY)
        snprintf(minor, sizeof(minor), "%" PRId64, x->minor);
    snprintf(buf, len, "%c %s:%s %s%s%s", x->type, major, minor, x->access & DEVICE_READ ? "r" : "",
             x->access & DEVICE_WRITE ? "w" : "", x->access & DEVICE_MKNOD ? "m" : "");
}

/* Whether wide matches everything that x does. */
static bool covers(const struct device_exception *wide, const struct device_exception *x)
{
    return wide->type == x->type && (wide->major == DEVICE_ANY || wide->major == x->major) &&
           (wide->minor == DEVICE_ANY || wide->minor == x->minor);
}

static int take_out(struct device_filter *f, const struct device_exception *x, struct hull_error *e)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct device_exception *w = &f->v[i];
        if (compare(w, x) != 0 && covers(w, x) && (w->access & x->access)) {
            char rule[64], wide[64];
            print(x, rule, sizeof(rule));
            print(w, wide, sizeof(wide));
            return error_set(
                e, HULL_E_CONFIG,
                "unable to remove '%s' exception: requested rule [%s] not supported by "
                "devices cgroupv1 (cannot punch hole in existing wildcard rule [%s])",
                f->default_allow ? "deny" : "allow", rule, wide);
        }
    }
    size_t out = 0;
    for (size_t i = 0; i < f->n; i++) {
        struct device_exception y = f->v[i];
        if (f->default_allow ? compare(&y, x) == 0 : covers(x, &y))
            y.access &= ~x->access;
        if (y.access)
            f->v[out++] = y;
    }
    f->n = out;
    return 0;
}

static int apply(struct device_filter *f, bool allow, const struct device_exception *x,
                 struct hull_error *e)
{
    return allow == f->default_allow ? take_out(f, x, e) : insert(f, x, e);
}

static int parse_access(const char *s, unsigned *ret)
{
    unsigned access = 0;
    for (; *s; s++) {
        unsigned bit = *s == 'r' ? DEVICE_READ : *s == 'w' ? DEVICE_WRITE : *s == 'm' ? DEVICE_MKNOD
                                                                                     : 0;
        access |= bit; /* other letters are ignored, as runc does */
    }
    *ret = access;
    return access ? 0 : -EINVAL;
}

int device_filter_add(struct device_filter *f, const struct oci_device_rule *rule,
                      struct hull_error *e)
{
    const char *type = rule->type && *rule->type ? rule->type : "a";
    struct device_exception x = {
        .type = type[0],
        .major = rule->major.set ? rule->major.v : DEVICE_ANY,
        .minor = rule->minor.set ? rule->minor.v : DEVICE_ANY,
    };
    if (type[1] || !strchr("abc", type[0]))
        return error_set(e, HULL_E_CONFIG, "invalid cgroup device type \"%s\"", type);
    if (parse_access(rule->access ? rule->access : "", &x.access) < 0)
        return error_set(e, HULL_E_CONFIG, "invalid device access \"%s\"",
                         rule->access ? rule->access : "");
    /* Larger numbers don't exist (12 and 20 bits) and would not fit a BPF comparison. */
    if (x.major < DEVICE_ANY || x.major > INT32_MAX)
        return error_set(e, HULL_E_CONFIG, "invalid major %" PRId64, x.major);
    if (x.minor < DEVICE_ANY || x.minor > INT32_MAX)
        return error_set(e, HULL_E_CONFIG, "invalid minor %" PRId64, x.minor);
    if (x.type != 'a')
        return apply(f, rule->allow, &x, e);
    if (x.major == DEVICE_ANY && x.minor == DEVICE_ANY && x.access == DEVICE_RWM) {
        f->default_allow = rule->allow;
        f->n = 0;
        return 0;
    }
    x.type = 'b';
    int r = apply(f, rule->allow, &x, e);
    x.type = 'c';
    return r < 0 ? r : apply(f, rule->allow, &x, e);
}

int device_filter_build(struct arena *a, const struct oci_resources *r, struct device_filter *ret,
                        struct hull_error *e)
{
    struct device_filter f = {.arena = a};
    for (size_t i = 0; r && i < r->devices.n; i++) {
        const struct oci_device_rule *rule = &r->devices.v[i];
        char where[64];
        snprintf(where, sizeof(where), "linux.resources.devices[%zu]", i);
        if (!rule->access || !*rule->access)
            return error_at(e, where, HULL_E_CONFIG,
                            "device access at %zu field cannot be empty", i);
        int err = device_filter_add(&f, rule, e);
        if (err < 0) {
            snprintf(e->where, sizeof(e->where), "%s", where);
            return err;
        }
    }
    for (size_t i = 0; i < COUNT_OF(defaults); i++) {
        int err = apply(&f, true, &defaults[i], e);
        if (err < 0)
            return err;
    }
    *ret = f;
    return 0;
}

static int parse_number(const char *s, int64_t *ret)
{
    if (strcmp(s, "*") == 0) {
        *ret = DEVICE_ANY;
        return 0;
    }
    char *end;
    errno = 0;
    unsigned long v = strtoul(s, &end, 10);
    if (*s < '0' || *s > '9' || errno || *end || v > UINT32_MAX)
        return -EINVAL;
    *ret = (int64_t)v;
    return 0;
}

int device_filter_parse_list(struct arena *a, char *text, struct device_filter *ret,
                             struct hull_error *e)
{
    struct device_filter f = {.arena = a};
    for (char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        char *next = line + len + (line[len] == '\n');
        line[len] = '\0';
        char *save = NULL;
        char *type = strtok_r(line, " :", &save), *major = strtok_r(NULL, " :", &save);
        char *minor = strtok_r(NULL, " :", &save), *access = strtok_r(NULL, " :", &save);
        struct device_exception x = {.type = type ? type[0] : 0};
        if (!access || parse_number(major, &x.major) < 0 || parse_number(minor, &x.minor) < 0 ||
            parse_access(access, &x.access) < 0 || !strchr("abc", x.type))
            return error_set(e, HULL_E_CONFIG, "malformed devices.list rule %s", line);
        if (x.type == 'a') {
            f.default_allow = true;
            f.n = 0;
        } else if (!f.default_allow) {
            int r = insert(&f, &x, e);
            if (r < 0)
                return r;
        }
        line = next;
    }
    *ret = f;
    return 0;
}

static void push(struct device_changes *c, bool allow, const struct device_exception *x,
                 unsigned access)
{
    struct device_exception y = *x;
    y.access = access;
    c->v[c->n].allow = allow;
    print(&y, c->v[c->n].text, sizeof(c->v[c->n].text));
    c->n++;
}

static unsigned access_of(const struct device_filter *f, const struct device_exception *x)
{
    bool found;
    size_t i = find(f, x, &found);
    return found ? f->v[i].access : 0;
}

int device_filter_transition(const struct device_filter *from, const struct device_filter *to,
                             struct arena *a, struct device_changes *ret, struct hull_error *e)
{
    static const struct device_filter empty;
    struct device_changes c = {arena_array(a, 1 + from->n + to->n, sizeof(*c.v)), 0};
    if (!c.v)
        return error_oom(e);
    /* The exceptions of a filter that allows by default can't be read, so it must be reset. */
    if (from->default_allow || from->default_allow != to->default_allow) {
        c.v[c.n].allow = to->default_allow;
        snprintf(c.v[c.n].text, sizeof(c.v[c.n].text), "a *:* rwm");
        c.n++;
        from = &empty;
    }
    for (size_t i = 0; i < from->n; i++) {
        unsigned lost = from->v[i].access & ~access_of(to, &from->v[i]);
        if (lost)
            push(&c, to->default_allow, &from->v[i], lost);
    }
    for (size_t i = 0; i < to->n; i++) {
        unsigned gained = to->v[i].access & ~access_of(from, &to->v[i]);
        if (gained)
            push(&c, !to->default_allow, &to->v[i], gained);
    }
    *ret = c;
    return 0;
}
