/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: turns mounts, root.readonly, linux.rootfsPropagation, readonlyPaths and
 * maskedPaths into steps. Pure. The kind of a mount follows from its type and options alone; what
 * the kernel or the rootfs answers is dealt with by the step. A source below the rootfs is opened
 * by I when its turn comes, since an earlier mount may have put something there.
 */
#include <stdio.h>
#include <string.h>
#include "base/path.h"
#include "mount/internal.h"

enum { CAP_SYS_ADMIN_NR = 21 };

static int mount_error(struct hull_error *e, int code, size_t i, const char *member,
                       const char *dest, const char *text)
{
    char where[64];
    snprintf(where, sizeof(where), "mounts[%zu]%s", i, member);
    return error_at(e, where, code, "invalid mount \"%s\": %s", dest ? dest : "", text);
}

static enum mount_kind mount_kind_of(const struct oci_mount *m, const struct mount_options *o)
{
    static const struct { const char *type; enum mount_kind kind; } kinds[] = {
        { "proc",   MOUNT_PROC },
        { "sysfs",  MOUNT_SYSFS },
        { "tmpfs",  MOUNT_TMPFS },
        { "cgroup", MOUNT_CGROUP },
    };
    /* Both together change what is mounted there, as in mount(2). */
    if (o->flags & MS_REMOUNT)
        return MOUNT_REMOUNT;
    if (o->flags & MS_BIND)
        return MOUNT_BIND;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (m->type && strcmp(m->type, kinds[i].type) == 0)
            return kinds[i].kind;
    return MOUNT_FS;
}

/* The index of the option that a data word came from, as ".options[2]". */
static void option_where(const struct oci_mount *m, const char *word, char *buf, size_t len)
{
    snprintf(buf, len, ".options");
    for (size_t i = 0; i < m->options.n; i++)
        if (strstr(m->options.v[i], word)) {
            snprintf(buf, len, ".options[%zu]", i);
            return;
        }
}

static int check_mount(const struct oci_mount *m, size_t i, const struct mount_step *s,
                       struct hull_error *e)
{
    if (idmap_wanted(s) && s->kind != MOUNT_BIND)
        return mount_error(e, HULL_E_CONFIG, i, "", m->destination,
                           "id-mapped mounts are only supported for bind-mounts");
    if (s->kind != MOUNT_BIND && s->kind != MOUNT_REMOUNT && (!m->type || !*m->type))
        return mount_error(e, HULL_E_CONFIG, i, ".type", m->destination,
                           "neither a type nor the option bind is given");
    if ((s->o.flags & MS_BIND) && s->o.data.n > 0) {
        char member[32];
        option_where(m, s->o.data.v[0], member, sizeof(member));
        return mount_error(e, HULL_E_CONFIG, i, member, m->destination,
                           "bind mounts cannot have any filesystem-specific options applied");
    }
    if (s->kind == MOUNT_BIND && (!m->source || !*m->source))
        return mount_error(e, HULL_E_CONFIG, i, ".source", m->destination,
                           "a bind mount needs a source");
    return 0;
}

/* The part of path below dir, "" for dir itself, NULL when it is elsewhere. Both are clean. */
static const char *path_below(const char *path, const char *dir)
{
    size_t len = strlen(dir);
    if (len == 1)
        return NULL;    /* a rootfs of "/": everything would be below */
    if (strncmp(path, dir, len) != 0 || (path[len] != '/' && path[len] != '\0'))
        return NULL;
    return path + len;
}

static int set_source(const struct launch *l, struct mount_step *s, struct hull_error *e)
{
    const char *source = s->config->source ? s->config->source : "";
    s->source = source;
    if (s->kind != MOUNT_BIND)
        return 0;
    if (*source != '/')
        source = arena_printf(l->arena, "%s/%s", l->bundle, source);
    s->source = source ? path_clean(l->arena, source) : NULL;
    if (!s->source)
        return error_oom(e);
    s->below = l->rootfs ? path_below(s->source, l->rootfs) : NULL;
    return 0;
}

/* A tmpfs may have to be filled, and /dev gets its nodes: both are made read-only at the end. */
static bool is_late(const struct mount_step *s)
{
    return (s->o.flags & MS_RDONLY) && s->kind != MOUNT_BIND &&
           (s->kind == MOUNT_TMPFS || strcmp(s->dest, "/dev") == 0);
}

/* A destination given as the host's path of the place in the rootfs means that place, as in runc. */
static const char *strip_rootfs(const struct launch *l, const char *dest)
{
    const size_t n = l->rootfs ? strlen(l->rootfs) : 0;
    if (n > 1 && strncmp(dest, l->rootfs, n) == 0 && dest[n] == '/')
        return dest + n;
    return dest;
}

int mount_step_new(const struct launch *l, size_t i, struct mount_step **ret, struct hull_error *e)
{
    const struct oci_mount *m = &l->config->mounts.v[i];
    if (!m->destination || !*m->destination)
        return mount_error(e, HULL_E_CONFIG, i, ".destination", "", "the destination is empty");
    struct mount_step *s = arena_alloc(l->arena, sizeof(*s));
    char *rooted = arena_printf(l->arena, "/%s", m->destination);
    if (!s || !rooted)
        return error_oom(e);
    s->config = m;
    s->index = i;
    s->dest = path_clean(l->arena, rooted);
    if (!s->dest)
        return error_oom(e);
    s->dest = strip_rootfs(l, s->dest);
    *ret = s;
    return mount_options_parse(l->arena, &m->options, &s->o, e);
}

static int make_step(const struct launch *l, size_t i, const struct mount_step **ret,
                     struct hull_error *e)
{
    const struct oci_mount *m = &l->config->mounts.v[i];
    struct mount_step *s;
    int r = mount_step_new(l, i, &s, e);
    if (r < 0)
        return r;
    s->kind = mount_kind_of(m, &s->o);
    r = check_mount(m, i, s, e);
    if (r == 0 && l->running)
        r = running_check(s, e);
    if (r < 0)
        return r;
    r = set_source(l, s, e);
    if (r < 0)
        return r;
    if (is_late(s)) {
        s->late_fd = arena_alloc(l->arena, sizeof(*s->late_fd));
        if (!s->late_fd)
            return error_oom(e);
        *s->late_fd = -1;
    }
    *ret = s;
    return 0;
}

int mount_plan_sources(const struct launch *l, struct plan *p, struct hull_error *e)
{
    const bool for_userns = l->has_ns[NS_USER] && host_has_cap(l->host, CAP_SYS_ADMIN_NR);
    for (size_t i = 0; i < l->config->mounts.n; i++) {
        const struct mount_step *s = NULL;
        int r = make_step(l, i, &s, e);
        if (r < 0)
            return r;
        if (s->kind != MOUNT_BIND ||
            (!l->running && !idmap_wanted(s) && (!for_userns || s->below)))
            continue;
        r = plan_pushf(p, AT_HOST, STEP_SOURCE_OPEN, s, i, e, "mounts[%zu].source", i);
        if (r < 0)
            return r;
    }
    return 0;
}

/* I clones, P maps, I attaches. */
static bool needs_parent(const struct launch *l, const struct mount_step *s)
{
    return l->has_ns[NS_USER] && s->below && idmap_wanted(s);
}

int mount_plan_idmap(const struct launch *l, struct plan *p, struct hull_error *e)
{
    for (size_t i = 0; i < l->config->mounts.n; i++) {
        const struct mount_step *s = NULL;
        int r = make_step(l, i, &s, e);
        if (r == 0 && needs_parent(l, s))
            r = plan_pushf(p, AT_HOST, STEP_IDMAP, s, i, e, "mounts[%zu]", i);
        if (r < 0)
            return r;
    }
    return 0;
}

int mount_plan(const struct launch *l, struct plan *p, struct hull_error *e)
{
    if (label_check(l, e) < 0)
        return -e->code;
    for (size_t i = 0; i < l->config->mounts.n; i++) {
        const struct mount_step *s = NULL;
        int r = make_step(l, i, &s, e);
        if (r < 0)
            return r;
        if (*s->config->destination != '/')
            log_warning(l->log,
                        "mount destination %s is not absolute. Support for non-absolute mount "
                        "destinations will be removed in a future release.",
                        s->config->destination);
        r = plan_pushf(p, AT_INIT, needs_parent(l, s) ? STEP_MOUNT_WITH_PARENT : STEP_MOUNT, s, i,
                       e, "mounts[%zu]", i);
        if (r < 0)
            return r;
    }
    return 0;
}

int rootfs_plan_readonly(const struct launch *l, struct plan *p, struct hull_error *e)
{
    if (!l->has_ns[NS_MOUNT])
        return 0;
    struct rootfs_readonly *arg = arena_alloc(p->arena, sizeof(*arg));
    const struct mount_step **late = arena_array(p->arena, p->n + 1, sizeof(*late));
    if (!arg || !late)
        return error_oom(e);
    for (size_t i = 0; i < p->n; i++) {
        const struct mount_step *s = p->v[i].arg;
        if (p->v[i].kind == STEP_MOUNT && s->late_fd)
            late[arg->n++] = s;
    }
    arg->late = late;
    arg->root = l->config->root && l->config->root->readonly;
    if (!arg->root && arg->n == 0)
        return 0;
    return plan_push(p, AT_INIT, STEP_ROOTFS_READONLY, "root.readonly", arg, 0, e);
}

/* One step for a list of paths in the container, without duplicates. */
static int plan_paths(const struct launch *l, struct plan *p, enum step_kind kind, const char *why,
                      const struct oci_strs *paths, struct hull_error *e)
{
    if (paths->n == 0)
        return 0;
    if (!l->has_ns[NS_MOUNT])
        return error_at(e, why, HULL_E_CONFIG,
                        "unable to restrict sys entries without a private MNT namespace");
    struct oci_strs *list = arena_alloc(p->arena, sizeof(*list));
    if (!list || !(list->v = arena_array(p->arena, paths->n, sizeof(*list->v))))
        return error_oom(e);
    for (size_t i = 0; i < paths->n; i++) {
        char *clean = path_clean(p->arena, paths->v[i]);
        if (!clean)
            return error_oom(e);
        bool seen = false;
        for (size_t k = 0; k < list->n && !seen; k++)
            seen = strcmp(list->v[k], clean) == 0;
        if (!seen)
            list->v[list->n++] = clean;
    }
    return plan_push(p, AT_INIT, kind, why, list, 0, e);
}

int mount_plan_readonly(const struct launch *l, struct plan *p, struct hull_error *e)
{
    return plan_paths(l, p, STEP_READONLY_PATHS, "linux.readonlyPaths",
                      &l->config->linux_->readonlyPaths, e);
}

int mount_plan_masked(const struct launch *l, struct plan *p, struct hull_error *e)
{
    return plan_paths(l, p, STEP_MASK_PATHS, "linux.maskedPaths", &l->config->linux_->maskedPaths,
                      e);
}

/* Appends to a line that may be full already. */
static void add(char *buf, size_t len, size_t *at, const char *sep, const char *text)
{
    if (*at >= len)
        return;
    int n = snprintf(buf + *at, len - *at, "%s%s", sep, text);
    *at += n > 0 ? (size_t)n : 0;
}

void mount_print(const struct launch *l, const struct step *st, char *buf, size_t len)
{
    (void)l;
    const struct mount_step *s = st->arg;
    const char *type = s->kind == MOUNT_BIND ? "bind" : s->config->type ? s->config->type : "-";
    size_t at = 0;
    char index[32];
    snprintf(index, sizeof(index), "mounts[%zu]", s->index);
    add(buf, len, &at, "", index);
    add(buf, len, &at, " ", type);
    if (s->kind == MOUNT_BIND) {
        add(buf, len, &at, " ", s->source);
        if (st->kind == STEP_SOURCE_OPEN)
            return;
    }
    add(buf, len, &at, " ", s->dest);
    for (size_t i = 0; i < s->config->options.n; i++)
        add(buf, len, &at, i ? "," : " ", s->config->options.v[i]);
}

void mount_print_paths(const struct launch *l, const struct step *st, char *buf, size_t len)
{
    (void)l;
    const struct oci_strs *list = st->arg;
    size_t at = 0;
    for (size_t i = 0; i < list->n; i++)
        add(buf, len, &at, i ? " " : "", list->v[i]);
}
