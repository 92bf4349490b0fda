/* SPDX-License-Identifier: Apache-2.0 */
/* hull_state_get, hull_state_json, hull_list, hull_list_json, hull_spec. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "json/write.h"
#include "lib/runtime.h"
#include "oci/example.h"
#include "oci/schema.h"

struct state_holder {
    struct hull_state state;
    struct arena      arena;
};

static int public_state(const struct container *c, const char *owner, struct hull_state **ret,
                        struct hull_error *e)
{
    struct state_holder *h = calloc(1, sizeof(*h));
    if (!h)
        return error_oom(e);
    const struct container_state *s = c->state;
    const char **pairs = arena_array(&h->arena, 2 * s->annotations.n + 1, sizeof(*pairs));
    h->state = (struct hull_state){
        .oci_version = arena_strdup(&h->arena, s->ociVersion ? s->ociVersion : ""),
        .id = arena_strdup(&h->arena, s->id),
        .pid = c->status == STATUS_STOPPED ? 0 : s->init_process_pid,
        .status = status_name(c->status),
        .bundle = arena_strdup(&h->arena, s->bundle ? s->bundle : ""),
        .rootfs = arena_strdup(&h->arena, s->rootfs ? s->rootfs : ""),
        .created = arena_strdup(&h->arena, s->created ? s->created : ""),
        .owner = arena_strdup(&h->arena, owner),
        .annotations = pairs,
    };
    const struct hull_state *p = &h->state;
    if (!pairs || !p->oci_version || !p->id || !p->bundle || !p->rootfs || !p->created || !p->owner) {
        hull_state_free(&h->state);
        return error_oom(e);
    }
    for (size_t i = 0; i < s->annotations.n; i++) {
        pairs[2 * i] = arena_strdup(&h->arena, s->annotations.v[i].key);
        pairs[2 * i + 1] = arena_strdup(&h->arena, s->annotations.v[i].value);
    }
    *ret = &h->state;
    return 0;
}

void hull_state_free(struct hull_state *s)
{
    if (!s)
        return;
    struct state_holder *h = (struct state_holder *)s; /* its first member */
    arena_free(&h->arena);
    free(h);
}

int hull_state_get(hull_runtime *rt, const char *id, struct hull_state **ret, struct hull_error *e)
{
    _cleanup_container_ struct container c = CONTAINER_INIT;
    int r = container_open(rt, id, 0, &c, e);
    return r < 0 ? r : public_state(&c, "", ret, e);
}

int hull_state_json(hull_runtime *rt, const char *id, char **ret, struct hull_error *e)
{
    _cleanup_container_ struct container c = CONTAINER_INIT;
    int r = container_open(rt, id, 0, &c, e);
    if (r < 0)
        return r;
    struct oci_state st;
    state_to_oci(c.state, c.status, &st);
    struct json_out o = {.indent = "  "};
    json_write(&o, &oci_state_type, &st);
    return json_out_take(&o, ret, e) < 0 ? -e->code : 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of the directories in the state root, sorted. */
static int names_in(int fd, struct arena *a, char ***ret, size_t *ret_n, struct hull_error *e)
{
    DIR *d = fdopendir(fd);
    if (!d) {
        close(fd);
        return error_set(e, errno, "read the state root");
    }
    size_t n = 0, cap = 0;
    char **v = NULL;
    int r = 0;
    for (struct dirent *ent; r == 0 && (ent = readdir(d));) {
        struct hull_error bad;
        if (ent->d_type != DT_DIR || state_check_id(ent->d_name, &bad) < 0)
            continue;
        if (n == cap) {
            cap = cap ? cap * 2 : 64;
            char **more = arena_array(a, cap, sizeof(*more));
            if (!more)
                r = error_oom(e);
            else if (n > 0)
                memcpy(more, v, n * sizeof(*v));
            v = more;
        }
        if (r == 0 && !(v[n++] = arena_strdup(a, ent->d_name)))
            r = error_oom(e);
    }
    closedir(d);
    if (r == 0 && n > 1)
        qsort(v, n, sizeof(*v), by_name);
    *ret = v;
    *ret_n = n;
    return r;
}

/* The user's name from the host's passwd, else his number; the last answer is kept. */
static const char *owner_name(uint32_t uid, char *buf, size_t len)
{
    struct passwd *pw = getpwuid(uid);
    if (pw)
        snprintf(buf, len, "%s", pw->pw_name);
    else
        snprintf(buf, len, "#%u", uid);
    return buf;
}

int hull_list(hull_runtime *rt, int (*cb)(void *arg, const struct hull_state *s), void *arg,
              struct hull_error *e)
{
    int fd = state_open_root(rt->root, false, e);
    /* The default root need not exist; one that was asked for must. */
    if (fd == -ENOENT && !rt->options.root)
        return 0;
    if (fd < 0)
        return -e->code;
    _cleanup_arena_ struct arena a = {0};
    char **names = NULL, owner[256];
    size_t n = 0;
    int r = names_in(fd, &a, &names, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        _cleanup_container_ struct container c = CONTAINER_INIT;
        struct hull_error broken;
        struct hull_state *s;
        if (container_open(rt, names[i], 0, &c, &broken) < 0) {
            if (broken.code != HULL_E_NOT_FOUND) /* deleted meanwhile */
                log_warning(&rt->log, "container %s can't be listed: %s", names[i], broken.text);
            continue;
        }
        r = public_state(&c, owner_name(c.state->owner, owner, sizeof(owner)), &s, e);
        if (r < 0)
            return r;
        r = cb(arg, s);
        hull_state_free(s);
    }
    return r;
}

static int list_json_one(void *arg, const struct hull_state *s)
{
    struct json_out *o = arg;
    struct oci_map notes = {0};
    while (s->annotations[2 * notes.n])
        notes.n++;
    _cleanup_free_ struct oci_pair *v = calloc(notes.n + 1, sizeof(*v));
    if (!v)
        return -ENOMEM;
    for (size_t i = 0; i < notes.n; i++)
        v[i] = (struct oci_pair){(char *)s->annotations[2 * i], (char *)s->annotations[2 * i + 1]};
    notes.v = v;
    struct oci_state st = {
        .ociVersion = (char *)s->oci_version, .id = (char *)s->id, .status = (char *)s->status,
        .pid = {true, s->pid}, .bundle = (char *)s->bundle, .rootfs = (char *)s->rootfs,
        .created = (char *)s->created, .annotations = notes, .owner = (char *)s->owner,
    };
    if (o->len == 0)
        json_out_open_array(o, NULL);
    json_write(o, &oci_state_type, &st);
    return 0;
}

int hull_list_json(hull_runtime *rt, char **ret, struct hull_error *e)
{
    struct json_out o = {0};
    int r = hull_list(rt, list_json_one, &o, e);
    if (r < 0) {
        json_out_free(&o);
        return r;
    }
    if (o.len == 0)
        json_out_null(&o, NULL);
    else
        json_out_close_array(&o);
    return json_out_take(&o, ret, e) < 0 ? -e->code : 0;
}

int hull_spec(hull_runtime *rt, bool rootless, char **ret, struct hull_error *e)
{
    int r = runtime_host(rt, e);
    if (r < 0)
        return r;
    return oci_example_text(rootless, rt->host.cgroup_mode == CGROUP_V2, rt->host.euid,
                            rt->host.egid, ret, e);
}
