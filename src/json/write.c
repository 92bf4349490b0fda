/* SPDX-License-Identifier: Apache-2.0 */
#include "json/write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "json/field.h"
#include "json/words.h"

static bool make_room(struct json_out *o, size_t size)
{
    if (o->failed)
        return false;
    if (size <= o->cap - o->len)
        return true;
    size_t cap = o->cap ? o->cap : 1024;
    while (cap - o->len < size) {
        if (cap > SIZE_MAX / 4) {
            o->failed = true;
            return false;
        }
        cap *= 2;
    }
    char *p = realloc(o->borrowed ? NULL : o->buf, cap);
    if (!p) {
        o->failed = true;
        return false;
    }
    if (o->borrowed)
        memcpy(p, o->buf, o->len);
    o->borrowed = false;
    o->buf = p;
    o->cap = cap;
    return true;
}

void json_out_raw(struct json_out *o, const char *text, size_t len)
{
    if (len == 0 || !make_room(o, len))
        return;
    memcpy(o->buf + o->len, text, len);
    o->len += len;
}

static void put(struct json_out *o, const char *text)
{
    json_out_raw(o, text, strlen(text));
}

static void newline(struct json_out *o)
{
    if (!o->indent)
        return;
    put(o, "\n");
    for (unsigned i = 0; i < o->level; i++)
        put(o, o->indent);
}

/* The escaped form of the character at s; *ret_len is the length of the character. */
static void escape(struct json_out *o, const unsigned char *s, size_t *ret_len)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    char buf[8];
    const char *at = strchr(from, *s);
    *ret_len = 1;
    if (at) {
        json_out_raw(o, (char[]){'\\', to[at - from]}, 2);
    } else if (*s < 0x80) {
        snprintf(buf, sizeof(buf), "\\u%04x", *s);
        put(o, buf);
    } else if ((*ret_len = json_utf8_len((const char *)s)) == 0) {
        *ret_len = 1;
        put(o, "\\ufffd");
    } else if (s[0] == 0xe2 && s[1] == 0x80 && (s[2] | 1) == 0xa9) {
        put(o, s[2] == 0xa8 ? "\\u2028" : "\\u2029");
    } else {
        json_out_raw(o, (const char *)s, *ret_len);
    }
}

static void put_string(struct json_out *o, const char *s)
{
    put(o, "\"");
    for (size_t len; s && *s; s += len) {
        const char *plain = s;
        while (*s >= 0x20 && (unsigned char)*s < 0x80 && !strchr("\"\\<>&", *s))
            s++;
        json_out_raw(o, plain, (size_t)(s - plain));
        len = 0;
        if (*s)
            escape(o, (const unsigned char *)s, &len);
    }
    put(o, "\"");
}

/* What comes before a value: comma, line break, key. */
static void begin_value(struct json_out *o, const char *key)
{
    if (o->level > 0) {
        if (o->filled)
            put(o, ",");
        newline(o);
    }
    o->filled = true;
    if (key) {
        put_string(o, key);
        put(o, o->indent ? ": " : ":");
    }
}

static void open_bracket(struct json_out *o, const char *key, const char *bracket)
{
    begin_value(o, key);
    put(o, bracket);
    o->level++;
    o->filled = false;
}

static void close_bracket(struct json_out *o, const char *bracket)
{
    o->level--;
    if (o->filled)
        newline(o);
    put(o, bracket);
    o->filled = true;
}

void json_out_open_object(struct json_out *o, const char *key)
{
    open_bracket(o, key, "{");
}

void json_out_close_object(struct json_out *o)
{
    close_bracket(o, "}");
}

void json_out_open_array(struct json_out *o, const char *key)
{
    open_bracket(o, key, "[");
}

void json_out_close_array(struct json_out *o)
{
    close_bracket(o, "]");
}

void json_out_string(struct json_out *o, const char *key, const char *value)
{
    begin_value(o, key);
    put_string(o, value);
}

void json_out_int(struct json_out *o, const char *key, int64_t value)
{
    char buf[24];
    snprintf(buf, sizeof(buf), "%" PRId64, value);
    begin_value(o, key);
    put(o, buf);
}

void json_out_uint(struct json_out *o, const char *key, uint64_t value)
{
    char buf[24];
    snprintf(buf, sizeof(buf), "%" PRIu64, value);
    begin_value(o, key);
    put(o, buf);
}

void json_out_number(struct json_out *o, const char *key, const char *text)
{
    begin_value(o, key);
    put(o, text);
}

void json_out_bool(struct json_out *o, const char *key, bool value)
{
    begin_value(o, key);
    put(o, value ? "true" : "false");
}

void json_out_null(struct json_out *o, const char *key)
{
    begin_value(o, key);
    put(o, "null");
}

void json_out_strings(struct json_out *o, const char *key, char *const *v, size_t n)
{
    json_out_open_array(o, key);
    for (size_t i = 0; i < n; i++)
        json_out_string(o, NULL, v[i]);
    json_out_close_array(o);
}

/* The shape of all lists and maps. */
struct list { const char *v; size_t n; };

static struct list load_list(const char *src)
{
    struct list l;
    memcpy(&l.v, src, sizeof(l.v));
    memcpy(&l.n, src + sizeof(l.v), sizeof(l.n));
    return l;
}

static void write_list(struct json_out *o, const struct field *f, const char *src)
{
    const struct list l = load_list(src);
    const bool map = f->kind == FIELD_MAP || f->kind == FIELD_OBJECT_MAP;
    if (l.n == 0 && !f->always && !f->required)
        return;
    open_bracket(o, f->name, map ? "{" : "[");
    for (size_t i = 0; i < l.n; i++) {
        char *s[2] = {NULL, NULL};
        uint32_t u32;
        const char *element;
        switch (f->kind) {
        case FIELD_U32S:
            memcpy(&u32, l.v + i * sizeof(u32), sizeof(u32));
            json_out_uint(o, NULL, u32);
            break;
        case FIELD_STRINGS:
            memcpy(s, l.v + i * sizeof(*s), sizeof(*s));
            json_out_string(o, NULL, s[0]);
            break;
        case FIELD_MAP:
            memcpy(s, l.v + i * sizeof(s), sizeof(s));
            json_out_string(o, s[0], s[1]);
            break;
        default:
            element = l.v + i * f->type->size;
            if (map)
                memcpy(s, element, sizeof(*s));
            json_out_object(o, s[0], f->type, element);
        }
    }
    close_bracket(o, map ? "}" : "]");
}

static int64_t load_integer(const char *src, enum field_kind kind)
{
    int64_t i64;
    int32_t i32;
    uint32_t u32;
    uint16_t u16;
    switch (kind) {
    case FIELD_I32:
    case FIELD_OPT_I32:
        memcpy(&i32, src, sizeof(i32));
        return i32;
    case FIELD_U32:
    case FIELD_OPT_U32:
        memcpy(&u32, src, sizeof(u32));
        return u32;
    case FIELD_U16:
    case FIELD_OPT_U16:
        memcpy(&u16, src, sizeof(u16));
        return u16;
    default:
        memcpy(&i64, src, sizeof(i64)); /* a uint64_t keeps its bits */
        return i64;
    }
}

static void write_integer(struct json_out *o, const struct field *f, const char *src, bool opt)
{
    int64_t v = load_integer(src, f->kind);
    if (v == 0 && !opt && !f->always && !f->required)
        return;
    if (f->kind == FIELD_U64 || f->kind == FIELD_OPT_U64)
        json_out_uint(o, f->name, (uint64_t)v);
    else
        json_out_int(o, f->name, v);
}

static void write_opt(struct json_out *o, const struct field *f, const char *src)
{
    /* {bool set; T v}: v lies at its own size. */
    static const uint8_t at[FIELD_KIND_COUNT] = {
        [FIELD_OPT_BOOL] = 1, [FIELD_OPT_I64] = 8, [FIELD_OPT_I32] = 4,
        [FIELD_OPT_U64] = 8,  [FIELD_OPT_U32] = 4, [FIELD_OPT_U16] = 2,
    };
    bool set;
    memcpy(&set, src, sizeof(set));
    if (!set && !f->always)
        return;
    src += at[f->kind];
    if (f->kind == FIELD_OPT_BOOL) {
        memcpy(&set, src, sizeof(set));
        json_out_bool(o, f->name, set);
    } else {
        write_integer(o, f, src, true);
    }
}

static void write_field(struct json_out *o, const struct field *f, const char *src)
{
    const bool keep = f->always || f->required;
    const char *p;
    bool boolean;
    switch (f->kind) {
    case FIELD_BOOL:
        memcpy(&boolean, src, sizeof(boolean));
        if (boolean || keep)
            json_out_bool(o, f->name, boolean);
        break;
    case FIELD_OPT_BOOL:
    case FIELD_OPT_I64:
    case FIELD_OPT_I32:
    case FIELD_OPT_U64:
    case FIELD_OPT_U32:
    case FIELD_OPT_U16:
        write_opt(o, f, src);
        break;
    case FIELD_STRING:
        memcpy(&p, src, sizeof(p));
        if ((p && *p) || keep)
            json_out_string(o, f->name, p);
        break;
    case FIELD_OBJECT:
        memcpy(&p, src, sizeof(p));
        if (p || keep)
            json_out_object(o, f->name, f->type, p);
        break;
    case FIELD_STRINGS:
    case FIELD_U32S:
    case FIELD_MAP:
    case FIELD_LIST:
    case FIELD_OBJECT_MAP:
        write_list(o, f, src);
        break;
    default:
        write_integer(o, f, src, false);
    }
}

void json_out_object(struct json_out *o, const char *key, const struct json_type *t,
                     const void *obj)
{
    static const _Alignas(max_align_t) char zeros[JSON_ELEMENT_MAX];
    const char *src = obj ? obj : zeros;
    json_out_open_object(o, key);
    if (obj || t->size <= sizeof(zeros))
        for (size_t i = 0; i < t->n_fields; i++)
            write_field(o, &t->fields[i], src + t->fields[i].offset);
    json_out_close_object(o);
}

void json_write(struct json_out *o, const struct json_type *t, const void *obj)
{
    json_out_object(o, NULL, t, obj);
}

ssize_t json_out_take(struct json_out *o, char **ret, struct hull_error *e)
{
    json_out_raw(o, "", 1);
    if (o->failed) {
        json_out_free(o);
        return error_oom(e);
    }
    ssize_t len = (ssize_t)o->len - 1;
    char *text = o->borrowed ? strdup(o->buf) : o->buf;
    if (!text)
        return error_oom(e);
    *ret = text;
    *o = (struct json_out){.indent = o->indent};
    return len;
}

void json_out_free(struct json_out *o)
{
    if (!o->borrowed)
        free(o->buf);
    *o = (struct json_out){.indent = o->indent};
}
