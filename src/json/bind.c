/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. Recursive descent over the types, not over the text: a field table has no
 * cycles, so the recursion is as deep as the deepest type; what no table describes is skipped by
 * the reader's own loop. Each level keeps a frame (member name or index) on the C stack, which is
 * only turned into a path when something fails.
 *
 * Elements of a list are collected on a scratch stack, nested lists on top of outer ones, and moved
 * to the arena in one piece at the end of the list. Members are stored with memcpy: the tables have
 * checked sizes and types, and memcpy through offsets leaves no aliasing questions.
 */
#include "json/bind.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "json/field.h"
#include "json/read.h"
#include "json/words.h"

enum { SCRATCH_FIRST = 4096, NAMES_SHOWN = 8 };

struct frame {
    const struct frame *up;
    const char         *name;    /* of a member or a key; NULL: an index */
    size_t              index;
    bool                is_key;  /* name is a key of the configuration, not of a table */
};

struct binder {
    struct json_reader              r;
    struct arena                   *arena;
    const struct json_bind_options *options;
    struct hull_error              *e;
    const struct frame             *top;
    char                           *scratch;
    size_t                          scratch_len, scratch_cap;
    char                           *scratch_heap;   /* scratch once it has outgrown first */
    _Alignas(max_align_t) char      first[SCRATCH_FIRST];
};

static const struct {
    uint8_t     size;       /* of the value; for opt kinds of the inner value */
    bool        opt;
    bool        is_signed;
    int64_t     min;
    uint64_t    max;
    const char *expected;
} kinds[FIELD_KIND_COUNT] = {
    [FIELD_BOOL] = {.size = sizeof(bool)},
    [FIELD_OPT_BOOL] = {.size = sizeof(bool), .opt = true},
    [FIELD_I64] = {8, false, true, INT64_MIN, INT64_MAX, "a 64-bit integer"},
    [FIELD_I32] = {4, false, true, INT32_MIN, INT32_MAX, "a 32-bit integer"},
    [FIELD_U64] = {8, false, false, 0, UINT64_MAX, "an unsigned 64-bit integer"},
    [FIELD_U32] = {4, false, false, 0, UINT32_MAX, "an unsigned 32-bit integer"},
    [FIELD_U16] = {2, false, false, 0, UINT16_MAX, "an unsigned 16-bit integer"},
    [FIELD_OPT_I64] = {8, true, true, INT64_MIN, INT64_MAX, "a 64-bit integer"},
    [FIELD_OPT_I32] = {4, true, true, INT32_MIN, INT32_MAX, "a 32-bit integer"},
    [FIELD_OPT_U64] = {8, true, false, 0, UINT64_MAX, "an unsigned 64-bit integer"},
    [FIELD_OPT_U32] = {4, true, false, 0, UINT32_MAX, "an unsigned 32-bit integer"},
    [FIELD_OPT_U16] = {2, true, false, 0, UINT16_MAX, "an unsigned 16-bit integer"},
    [FIELD_STRING] = {.size = sizeof(char *)},
    [FIELD_STRINGS] = {.size = sizeof(char *) + sizeof(size_t)},
    [FIELD_U32S] = {.size = sizeof(char *) + sizeof(size_t)},
    [FIELD_MAP] = {.size = sizeof(char *) + sizeof(size_t)},
    [FIELD_OBJECT] = {.size = sizeof(char *)},
    [FIELD_LIST] = {.size = sizeof(char *) + sizeof(size_t)},
    [FIELD_OBJECT_MAP] = {.size = sizeof(char *) + sizeof(size_t)},
};

/* Paths and errors */

static bool is_plain_name(const char *s)
{
    if (!*s)
        return false;
    for (; *s; s++)
        if (!((*s | 0x20) >= 'a' && (*s | 0x20) <= 'z') && !(*s >= '0' && *s <= '9') && *s != '_')
            return false;
    return true;
}

static size_t append_path(const struct frame *f, char *buf, size_t cap)
{
    if (!f)
        return 0;
    size_t len = append_path(f->up, buf, cap);
    int n;
    if (!f->name)
        n = snprintf(buf + len, cap - len, "[%zu]", f->index);
    else if (f->is_key && !is_plain_name(f->name))
        n = snprintf(buf + len, cap - len, "[%s]", json_quote(f->name).text);
    else
        n = snprintf(buf + len, cap - len, "%s%s", len ? "." : "", f->name);
    len += n < 0 ? 0 : (size_t)n;
    return len < cap ? len : cap - 1;
}

static int fail_at(struct binder *b, struct json_place at, const char *fmt, ...) PRINTF_LIKE(3, 4);
static int fail_at(struct binder *b, struct json_place at, const char *fmt, ...)
{
    char path[sizeof(b->e->where)] = "", what[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    append_path(b->top, path, sizeof(path));
    return error_at(b->e, path, HULL_E_CONFIG, "%s%s%s (%u:%u)", path, *path ? ": " : "", what,
                    at.line, at.column);
}

/* The reader has said what is wrong and stands there. */
static int fail_syntax(struct binder *b)
{
    return fail_at(b, json_place(&b->r), "%s", b->r.problem);
}

static int fail_expected(struct binder *b, const char *wanted)
{
    json_unexpected(&b->r, wanted);
    return fail_syntax(b);
}

static int fail_name(struct binder *b, struct json_place at, const char *const *names,
                     const char *got)
{
    char list[1024] = "", meant[64] = "";
    size_t n = 0, len = 0;
    for (; names[n]; n++)
        if (n < NAMES_SHOWN)
            len += (size_t)snprintf(list + len, sizeof(list) - len, "%s\"%s\"", n ? ", " : "",
                                    names[n]);
    if (n > NAMES_SHOWN)
        snprintf(list + len, sizeof(list) - len, " and %zu more", n - NAMES_SHOWN);
    const char *near = json_nearest(names, got);
    if (near)
        snprintf(meant, sizeof(meant), "; did you mean \"%s\"?", near);
    return fail_at(b, at, "expected %s%s, got %s%s", n > 1 ? "one of " : "", list,
                   json_quote(got).text, meant);
}

/* Scratch stack */

static int push(struct binder *b, const void *data, size_t size)
{
    if (size > b->scratch_cap - b->scratch_len) {
        size_t cap = b->scratch_cap * 2;
        char *p = realloc(b->scratch_heap, cap);
        if (!p)
            return error_oom(b->e);
        if (!b->scratch_heap)
            memcpy(p, b->first, b->scratch_len);
        b->scratch = b->scratch_heap = p;
        b->scratch_cap = cap;
    }
    memcpy(b->scratch + b->scratch_len, data, size);
    b->scratch_len += size;
    return 0;
}

/* Keys of one document lie in the order of the text, so equal keys sort by their place. */
static int compare_keys(const void *a, const void *b)
{
    const char *ka, *kb;
    memcpy(&ka, a, sizeof(ka));
    memcpy(&kb, b, sizeof(kb));
    int order = strcmp(ka, kb);
    return order ? order : ka < kb ? -1 : ka > kb;
}

/* Sorts the elements by their key (the first member); of equal keys the last one stays. */
static size_t sort_by_key(char *v, size_t n, size_t size)
{
    size_t kept = 0;
    qsort(v, n, size, compare_keys);
    for (size_t i = 0; i < n; i++) {
        const char *key, *next;
        memcpy(&key, v + i * size, sizeof(key));
        if (i + 1 < n) {
            memcpy(&next, v + (i + 1) * size, sizeof(next));
            if (strcmp(key, next) == 0)
                continue;
        }
        memmove(v + kept++ * size, v + i * size, size);
    }
    return kept;
}

/* Moves what lies above mark to the arena and stores {pointer, count} at dst. */
static int store_list(struct binder *b, char *dst, size_t mark, size_t size, bool keyed)
{
    size_t n = (b->scratch_len - mark) / size;
    char *v = arena_array(b->arena, n + 1, size);
    if (!v)
        return error_oom(b->e);
    memcpy(v, b->scratch + mark, n * size);
    b->scratch_len = mark;
    if (keyed && n > 1)
        n = sort_by_key(v, n, size);
    memcpy(dst, &v, sizeof(v));
    memcpy(dst + sizeof(v), &n, sizeof(n));
    return 0;
}

/* Scalars */

static int bind_string(struct binder *b, const char *const *names, char **ret)
{
    size_t len;
    json_peek(&b->r);
    struct json_place at = json_place(&b->r);
    if (json_read_string(&b->r, ret, &len) < 0)
        return fail_syntax(b);
    if (!names)
        return 0;
    for (const char *const *n = names; *n; n++)
        if (strcmp(*n, *ret) == 0)
            return 0;
    return fail_name(b, at, names, *ret);
}

static int bind_integer(struct binder *b, enum field_kind kind, char *dst)
{
    struct json_number n;
    char c = json_peek(&b->r);
    struct json_place at = json_place(&b->r);
    if (c != '-' && (c < '0' || c > '9'))
        return fail_expected(b, "integer");
    if (json_read_number(&b->r, &n) < 0)
        return fail_syntax(b);
    uint64_t limit = n.negative ? -(uint64_t)kinds[kind].min : kinds[kind].max;
    if (!n.integer || n.overflow || n.magnitude > limit ||
        (n.negative && !kinds[kind].is_signed)) {
        int shown = n.len < 40 ? (int)n.len : 40;
        return fail_at(b, at, "expected %s, got %.*s%s", kinds[kind].expected, shown, n.text,
                       n.len > 40 ? "..." : "");
    }
    uint64_t v64 = n.negative ? -n.magnitude : n.magnitude;
    uint32_t v32 = (uint32_t)v64;
    uint16_t v16 = (uint16_t)v64;
    switch (kinds[kind].size) {
    case 8:
        memcpy(dst, &v64, 8);
        break;
    case 4:
        memcpy(dst, &v32, 4);
        break;
    default:
        memcpy(dst, &v16, 2);
    }
    return 0;
}

/* Lists and objects */

static int bind_object(struct binder *b, const struct json_type *t, char *obj);

/* One element of a list, pushed onto the scratch stack. */
static int bind_element(struct binder *b, const struct field *f, char *key)
{
    _Alignas(max_align_t) char element[JSON_ELEMENT_MAX];
    char *s;
    uint32_t u32;
    int err;
    switch (f->kind) {
    case FIELD_STRINGS:
        err = bind_string(b, f->names, &s);
        return err ? err : push(b, &s, sizeof(s));
    case FIELD_U32S:
        err = bind_integer(b, FIELD_U32, (char *)&u32);
        return err ? err : push(b, &u32, sizeof(u32));
    case FIELD_MAP:
        err = bind_string(b, NULL, &s);
        return err ? err : push(b, (char *[]){key, s}, 2 * sizeof(s));
    default:
        memset(element, 0, f->type->size);
        err = bind_object(b, f->type, element);
        if (key)
            memcpy(element, &key, sizeof(key));
        return err ? err : push(b, element, f->type->size);
    }
}

static size_t element_size(const struct field *f)
{
    switch (f->kind) {
    case FIELD_STRINGS:
        return sizeof(char *);
    case FIELD_U32S:
        return sizeof(uint32_t);
    case FIELD_MAP:
        return 2 * sizeof(char *);
    default:
        return f->type->size;
    }
}

static int bind_list(struct binder *b, const struct field *f, char *dst)
{
    if (json_peek(&b->r) != '[')
        return fail_expected(b, "array");
    if (json_enter(&b->r) < 0)
        return fail_syntax(b);
    const size_t mark = b->scratch_len;
    struct frame frame = {.up = b->top};
    int more, err;
    for (; (more = json_next_element(&b->r, frame.index == 0)) > 0; frame.index++) {
        b->top = &frame;
        err = bind_element(b, f, NULL);
        if (err < 0)
            return err;
        b->top = frame.up;
    }
    return more < 0 ? fail_syntax(b) : store_list(b, dst, mark, element_size(f), false);
}

static int bind_map(struct binder *b, const struct field *f, char *dst)
{
    if (json_peek(&b->r) != '{')
        return fail_expected(b, "object");
    if (json_enter(&b->r) < 0)
        return fail_syntax(b);
    const size_t mark = b->scratch_len;
    struct frame frame = {.up = b->top, .is_key = true};
    char *key;
    size_t len;
    bool first = true;
    int more, err;
    for (; (more = json_next_member(&b->r, first, &key, &len)) > 0; first = false) {
        if (json_peek(&b->r) == 'n') {
            if (json_read_null(&b->r) < 0)
                return fail_syntax(b);
            continue;
        }
        frame.name = key;
        b->top = &frame;
        err = bind_element(b, f, key);
        if (err < 0)
            return err;
        b->top = frame.up;
    }
    return more < 0 ? fail_syntax(b) : store_list(b, dst, mark, element_size(f), true);
}

static int bind_nested(struct binder *b, const struct json_type *t, char *dst)
{
    char *obj = arena_alloc(b->arena, t->size);
    if (!obj)
        return error_oom(b->e);
    memcpy(dst, &obj, sizeof(obj));
    return bind_object(b, t, obj);
}

static int bind_value(struct binder *b, const struct field *f, char *dst)
{
    char *s;
    bool boolean;
    int err;
    switch (f->kind) {
    case FIELD_BOOL:
    case FIELD_OPT_BOOL:
        if (json_read_bool(&b->r, &boolean) < 0)
            return fail_syntax(b);
        memcpy(dst, &boolean, sizeof(boolean));
        return 0;
    case FIELD_STRING:
        /* Go's structs do not tell "" from absent, so engines write either for "none". */
        if (!f->required && json_peek(&b->r) == '"' && b->r.p[1] == '"') {
            b->r.p += 2;
            s = NULL;
        } else if ((err = bind_string(b, f->names, &s)) < 0) {
            return err;
        }
        memcpy(dst, &s, sizeof(s));
        return 0;
    case FIELD_STRINGS:
    case FIELD_U32S:
    case FIELD_LIST:
        return bind_list(b, f, dst);
    case FIELD_MAP:
    case FIELD_OBJECT_MAP:
        return bind_map(b, f, dst);
    case FIELD_OBJECT:
        return bind_nested(b, f->type, dst);
    default:
        return bind_integer(b, f->kind, dst);
    }
}

/* One member whose key and colon are read; *ret_set tells whether it is there (not null). */
static int bind_field(struct binder *b, const struct field *f, char *obj, bool *ret_set)
{
    const bool opt = kinds[f->kind].opt, set = true;
    const size_t size = kinds[f->kind].size;
    char *dst = obj + f->offset;
    if (json_peek(&b->r) == 'n') {
        if (json_read_null(&b->r) < 0)
            return fail_syntax(b);
        memset(dst, 0, opt ? 2 * size : size);
        *ret_set = false;
        return 0;
    }
    *ret_set = true;
    if (!opt)
        return bind_value(b, f, dst);
    memcpy(dst, &set, sizeof(set));
    return bind_value(b, f, dst + size);
}

static bool same_but_for_case(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char x = a[i], y = b[i];
        if (x != y && ((x ^ y) != 0x20 || (x | 0x20) < 'a' || (x | 0x20) > 'z'))
            return false;
    }
    return true;
}

/* Files are mostly written in the order of the tables: look from the field after the last hit. */
static const struct field *find_field(const struct json_type *t, size_t from, const char *key,
                                      size_t len)
{
    for (size_t i = 0; i < t->n_fields; i++) {
        size_t at = from + i < t->n_fields ? from + i : from + i - t->n_fields;
        const struct field *f = &t->fields[at];
        if (f->name_len == len && memcmp(f->name, key, len) == 0)
            return f;
    }
    for (size_t i = 0; i < t->n_fields; i++) {
        const struct field *f = &t->fields[i];
        if (f->name_len == len && same_but_for_case(f->name, key, len))
            return f;
    }
    return NULL;
}

static int skip_unknown(struct binder *b, const char *key)
{
    struct frame frame = {.up = b->top, .name = key, .is_key = true};
    b->top = &frame;
    json_peek(&b->r);
    const struct json_place at = json_place(&b->r);
    if (json_skip_value(&b->r) < 0)
        return fail_syntax(b);
    if (b->options && b->options->unknown) {
        char path[sizeof(b->e->where)] = "";
        append_path(&frame, path, sizeof(path));
        b->options->unknown(b->options->arg, path, at.line, at.column);
    }
    b->top = frame.up;
    return 0;
}

static int check_required(struct binder *b, const struct json_type *t, uint64_t seen,
                          struct json_place object)
{
    for (size_t i = 0; i < t->n_fields; i++) {
        if (!t->fields[i].required || (seen >> i & 1))
            continue;
        struct frame frame = {.up = b->top, .name = t->fields[i].name};
        b->top = &frame;
        return fail_at(b, object, "missing required field");
    }
    return 0;
}

static int bind_object(struct binder *b, const struct json_type *t, char *obj)
{
    assert(t->n_fields <= 64);
    if (json_peek(&b->r) != '{')
        return fail_expected(b, "object");
    const struct json_place start = json_place(&b->r);
    if (json_enter(&b->r) < 0)
        return fail_syntax(b);
    struct frame frame = {.up = b->top};
    uint64_t seen = 0;
    size_t next = 0, len;
    char *key;
    bool first = true;
    int more, err;
    for (; (more = json_next_member(&b->r, first, &key, &len)) > 0; first = false) {
        const struct field *f = find_field(t, next, key, len);
        if (!f) {
            err = skip_unknown(b, key);
            if (err < 0)
                return err;
            continue;
        }
        size_t index = (size_t)(f - t->fields);
        bool set = false;
        frame.name = f->name;
        b->top = &frame;
        err = bind_field(b, f, obj, &set);
        if (err < 0)
            return err;
        b->top = frame.up;
        seen = set ? seen | UINT64_C(1) << index : seen & ~(UINT64_C(1) << index);
        next = index + 1;
    }
    return more < 0 ? fail_syntax(b) : check_required(b, t, seen, start);
}

int json_bind(char *text, size_t len, const struct json_type *t, void *obj, struct arena *a,
              const struct json_bind_options *o, struct hull_error *e)
{
    struct binder b = {.arena = a, .options = o, .e = e, .scratch_cap = SCRATCH_FIRST};
    b.scratch = b.first;
    if (len > JSON_TEXT_MAX)
        return error_set(e, HULL_E_CONFIG, "more than 16 MiB of JSON text");
    json_reader_init(&b.r, text, len);
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        return error_set(e, HULL_E_CONFIG, "byte order mark is not allowed in JSON (1:1)");
    json_peek(&b.r);
    if (b.r.p >= b.r.end)
        return error_set(e, HULL_E_CONFIG, "the JSON text is empty");
    const struct frame bare = {.name = t->fields[0].name};
    bool set;
    if (o && o->bare)
        b.top = &bare;
    int err = b.top ? bind_field(&b, &t->fields[0], obj, &set) : bind_object(&b, t, obj);
    if (err == 0) {
        json_peek(&b.r);
        if (b.r.p < b.r.end)
            err = fail_expected(&b, "end of text");
    }
    free(b.scratch_heap);
    return err;
}
