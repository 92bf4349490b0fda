/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: D-Bus values, each padded to its own size. What is read is not trusted. */
#include "dbus/wire.h"

#include <string.h>

#define ARRAY_MAX (64u << 20)   /* of the specification */

static bool room(struct wire_out *o, size_t n)
{
    if (o->failed)
        return false;
    if (o->len + n <= o->cap)
        return true;
    size_t cap = o->cap ? o->cap * 2 : 512;
    while (cap < o->len + n)
        cap *= 2;
    uint8_t *v = arena_alloc(o->arena, cap);
    if (!v) {
        o->failed = true;
        return false;
    }
    if (o->len)
        memcpy(v, o->v, o->len);
    o->v = v;
    o->cap = cap;
    return true;
}

void wire_raw(struct wire_out *o, const void *p, size_t n)
{
    if (n == 0 || !room(o, n))
        return;
    memcpy(o->v + o->len, p, n);
    o->len += n;
}

void wire_pad(struct wire_out *o, size_t align)
{
    static const uint8_t zeros[8];
    wire_raw(o, zeros, (align - o->len % align) % align);
}

void wire_u8(struct wire_out *o, uint8_t v)
{
    wire_raw(o, &v, sizeof(v));
}

void wire_u16(struct wire_out *o, uint16_t v)
{
    wire_pad(o, sizeof(v));
    wire_raw(o, &v, sizeof(v));
}

void wire_u32(struct wire_out *o, uint32_t v)
{
    wire_pad(o, sizeof(v));
    wire_raw(o, &v, sizeof(v));
}

void wire_u64(struct wire_out *o, uint64_t v)
{
    wire_pad(o, sizeof(v));
    wire_raw(o, &v, sizeof(v));
}

void wire_string(struct wire_out *o, const char *s)
{
    const size_t n = strlen(s);
    wire_u32(o, (uint32_t)n);
    wire_raw(o, s, n + 1);
}

void wire_signature(struct wire_out *o, const char *s)
{
    const size_t n = strlen(s);
    if (n > 255) {
        o->failed = true;
        return;
    }
    wire_u8(o, (uint8_t)n);
    wire_raw(o, s, n + 1);
}

struct wire_array wire_array_begin(struct wire_out *o, size_t align)
{
    struct wire_array a;
    wire_u32(o, 0);
    a.length_at = o->len - sizeof(uint32_t);
    wire_pad(o, align);   /* does not count as part of the array */
    a.start = o->len;
    return a;
}

void wire_array_end(struct wire_out *o, struct wire_array a)
{
    if (o->failed)
        return;
    const size_t n = o->len - a.start;
    const uint32_t length = (uint32_t)n;
    if (n > ARRAY_MAX)
        o->failed = true;
    else
        memcpy(o->v + a.length_at, &length, sizeof(length));
}

/* --------------------------------------------------------------------------------------- reading */

static const uint8_t *take(struct wire_in *in, size_t n)
{
    if (in->bad || n > in->len - in->at) {
        in->bad = true;
        return NULL;
    }
    const uint8_t *p = in->v + in->at;
    in->at += n;
    return p;
}

void wire_read_pad(struct wire_in *in, size_t align)
{
    (void)take(in, (align - in->at % align) % align);
}

uint8_t wire_read_u8(struct wire_in *in)
{
    const uint8_t *p = take(in, 1);
    return p ? *p : 0;
}

uint32_t wire_read_u32(struct wire_in *in)
{
    uint32_t v = 0;
    wire_read_pad(in, sizeof(v));
    const uint8_t *p = take(in, sizeof(v));
    if (p)
        memcpy(&v, p, sizeof(v));
    return v;
}

uint64_t wire_read_u64(struct wire_in *in)
{
    uint64_t v = 0;
    wire_read_pad(in, sizeof(v));
    const uint8_t *p = take(in, sizeof(v));
    if (p)
        memcpy(&v, p, sizeof(v));
    return v;
}

/* n bytes and a NUL, without another one in between. */
static const char *text(struct wire_in *in, size_t n)
{
    const uint8_t *p = n < in->len ? take(in, n + 1) : NULL;
    if (!p || p[n] != '\0' || memchr(p, '\0', n)) {
        in->bad = true;
        return "";
    }
    return (const char *)p;
}

const char *wire_read_string(struct wire_in *in)
{
    const uint32_t n = wire_read_u32(in);
    return in->bad ? "" : text(in, n);
}

const char *wire_read_signature(struct wire_in *in)
{
    const uint8_t n = wire_read_u8(in);
    return in->bad ? "" : text(in, n);
}

size_t wire_read_array(struct wire_in *in, size_t align)
{
    const uint32_t n = wire_read_u32(in);
    wire_read_pad(in, align);
    if (in->bad || n > ARRAY_MAX || n > in->len - in->at) {
        in->bad = true;
        return 0;
    }
    return in->at + n;
}

size_t wire_align(char type)
{
    switch (type) {
    case 'y': case 'g': case 'v':
        return 1;
    case 'n': case 'q':
        return 2;
    case 'b': case 'i': case 'u': case 'h': case 's': case 'o': case 'a':
        return 4;
    case 'x': case 't': case 'd': case '(': case '{':
        return 8;
    default:
        return 0;
    }
}

void wire_read_skip_basic(struct wire_in *in, const char *signature)
{
    const char type = signature[0];
    if (type == '\0' || signature[1] != '\0' || strchr("av({", type) || wire_align(type) == 0)
        in->bad = true;
    else if (type == 's' || type == 'o')
        (void)wire_read_string(in);
    else if (type == 'g')
        (void)wire_read_signature(in);
    else {
        wire_read_pad(in, wire_align(type));
        (void)take(in, wire_align(type));
    }
}
