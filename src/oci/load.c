/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdbool.h>
#include <string.h>
#include "base/fd.h"
#include "json/bind.h"
#include "json/field.h"
#include "json/read.h"
#include "oci/annotations.h"
#include "oci/idmap_option.h"
#include "oci/schema.h"

static void log_unknown(void *arg, const char *path, unsigned line, unsigned column)
{
    log_debug(arg, "unknown field %s (%u:%u) is ignored", path, line, column);
}

static struct json_bind_options bind_options(struct log *log)
{
    return (struct json_bind_options){
        .arg = log, .unknown = log && log->level >= HULL_LOG_DEBUG ? log_unknown : NULL};
}

/* An object of type t in the arena; NULL with the error set. */
static void *parse(char *text, size_t len, const struct json_type *t, struct arena *a,
                   struct log *log, struct hull_error *e)
{
    const struct json_bind_options o = bind_options(log);
    void *obj = arena_alloc(a, t->size);
    if (!obj) {
        error_oom(e);
        return NULL;
    }
    return json_bind(text, len, t, obj, a, &o, e) < 0 ? NULL : obj;
}

static int add_user(struct oci_process *p, struct arena *a, struct hull_error *e)
{
    if (!p->user)
        p->user = arena_alloc(a, sizeof(*p->user)); /* 0:0 */
    return p->user ? 0 : error_oom(e);
}

int oci_config_parse(char *text, size_t len, struct arena *a, struct log *log,
                     struct oci_config **ret, struct hull_error *e)
{
    struct oci_config *c = parse(text, len, &oci_config_type, a, log, e);
    if (!c)
        return -e->code;
    if (!c->linux_)
        c->linux_ = arena_alloc(a, sizeof(*c->linux_));
    if (!c->linux_)
        return error_oom(e);
    if (c->process) {
        int err = add_user(c->process, a, e);
        if (err < 0)
            return err;
    }
    oci_annotations_apply(c);
    *ret = c;
    return oci_idmap_options_apply(c, a, e);
}

static int read_failed(const char *name, struct hull_error *e)
{
    return errno == EFBIG ? error_set(e, HULL_E_CONFIG, "%s: more than 16 MiB of JSON text", name)
                          : error_set(e, errno, "open %s", name);
}

/* The whole file; NULL with the error set. */
static char *read_text(int dirfd, const char *name, struct arena *a, size_t *ret_len,
                       struct hull_error *e)
{
    char *text = fd_read_file(dirfd, name, JSON_TEXT_MAX, a, ret_len);
    if (!text)
        read_failed(name, e);
    return text;
}

int oci_config_load(int dirfd, const char *name, struct arena *a, struct log *log,
                    struct oci_config **ret, struct hull_error *e)
{
    size_t len;
    char *text = read_text(dirfd, name, a, &len, e);
    if (!text && e->code == ENOENT)
        return error_set(e, HULL_E_CONFIG, "JSON specification file %s not found", name);
    if (!text)
        return -e->code;
    int err = oci_config_parse(text, len, a, log, ret, e);
    return err < 0 ? error_prefix(e, "%s", name) : 0;
}

/* The caller names it, and it may well be a pipe: "--process <(jq ...)". NULL with the error set. */
static char *read_stream(const char *path, struct arena *a, size_t *ret_len, struct hull_error *e)
{
    _cleanup_close_ int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    char *text = fd < 0 ? NULL : fd_read_stream(fd, JSON_TEXT_MAX, a, ret_len);
    if (!text)
        read_failed(path, e);
    return text;
}

int oci_mounts_load(const char *path, struct arena *a, struct log *log, struct oci_config *c,
                    struct hull_error *e)
{
    struct json_bind_options o = bind_options(log);
    size_t len;
    o.bare = true;
    char *text = read_stream(path, a, &len, e);
    if (!text)
        return -e->code;
    memset(&c->mounts, 0, sizeof(c->mounts));
    int err = json_bind(text, len, &oci_mounts_type, c, a, &o, e);
    if (err == 0)
        err = oci_idmap_options_apply(c, a, e);
    return err < 0 ? error_prefix(e, "%s", path) : 0;
}

int oci_process_load(const char *path, struct arena *a, struct log *log, struct oci_process **ret,
                     struct hull_error *e)
{
    size_t len;
    char *text = read_stream(path, a, &len, e);
    if (!text)
        return -e->code;
    struct oci_process *p = parse(text, len, &oci_process_type, a, log, e);
    if (!p)
        return error_prefix(e, "%s", path);
    int err = add_user(p, a, e);
    if (err < 0)
        return err;
    *ret = p;
    return 0;
}

int oci_resources_parse(char *text, size_t len, struct arena *a, struct log *log,
                        struct oci_resources **ret, struct hull_error *e)
{
    struct oci_resources *r = parse(text, len, &oci_resources_type, a, log, e);
    if (!r)
        return -e->code;
    *ret = r;
    return 0;
}

/* Whether the text ends in "(LINE:COLUMN)" or "(PATH, LINE:COLUMN)". */
static bool has_place(const char *text)
{
    static const char digits[] = "0123456789";
    const char *line = strrchr(text, '(');
    const char *comma = line ? strrchr(line, ',') : NULL;
    if (line)
        line = comma && comma[1] == ' ' ? comma + 2 : line + 1;
    size_t n = line ? strspn(line, digits) : 0;
    if (n == 0 || line[n] != ':')
        return false;
    const char *column = line + n + 1;
    n = strspn(column, digits);
    return n > 0 && strcmp(column + n, ")") == 0;
}

int oci_error_locate(int dirfd, const char *name, struct hull_error *e)
{
    size_t len, used = strlen(e->text);
    unsigned line, column;
    _cleanup_arena_ struct arena a = {0};
    const bool ours = e->code == HULL_E_CONFIG || e->code == HULL_E_UNSUPPORTED;
    if (!ours || !e->where[0] || has_place(e->text))
        return -e->code;
    char *text = fd_read_file(dirfd, name, JSON_TEXT_MAX, &a, &len);
    if (text && oci_locate(text, len, e->where, &line, &column) == 0)
        /* Messages in the words of runc do not name the member. */
        snprintf(e->text + used, sizeof(e->text) - used, " (%s%s%u:%u)",
                 strstr(e->text, e->where) ? "" : e->where, strstr(e->text, e->where) ? "" : ", ",
                 line, column);
    return -e->code;
}
