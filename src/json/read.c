/* SPDX-License-Identifier: Apache-2.0 */
#include "json/read.h"

#include <stdio.h>
#include <string.h>
#include "json/words.h"

static int problem(struct json_reader *r, const char *text)
{
    r->problem = r->p >= r->end ? "unexpected end of text" : text;
    return -1;
}

void json_reader_init(struct json_reader *r, char *text, size_t len)
{
    *r = (struct json_reader){.p = text, .end = text + len, .line_start = text, .line = 1};
}

char json_peek(struct json_reader *r)
{
    char *p = r->p;
    for (;; p++) {
        switch (*p) {
        case '\n':
            r->line++;
            r->line_start = p + 1;
            break;
        case ' ':
        case '\t':
        case '\r':
            break;
        default:
            r->p = p;
            return *p;
        }
    }
}

struct json_place json_place(const struct json_reader *r)
{
    return (struct json_place){.line = r->line, .column = (unsigned)(r->p - r->line_start) + 1};
}

const char *json_describe_next(struct json_reader *r)
{
    char c = json_peek(r);
    switch (c) {
    case '"':
        return "string";
    case '{':
        return "object";
    case '[':
        return "array";
    case '-':
    case '0' ... '9':
        return "number";
    }
    if (r->p >= r->end)
        return "end of text";
    size_t left = (size_t)(r->end - r->p);
    if ((left >= 4 && memcmp(r->p, "true", 4) == 0) || (left >= 5 && memcmp(r->p, "false", 5) == 0))
        return "boolean";
    if (left >= 4 && memcmp(r->p, "null", 4) == 0)
        return "null";
    if (c > 0x20 && c < 0x7f)
        snprintf(r->problem_buf, sizeof(r->problem_buf), "'%c'", c);
    else
        snprintf(r->problem_buf, sizeof(r->problem_buf), "byte 0x%02x", (unsigned char)c);
    return r->problem_buf;
}

int json_unexpected(struct json_reader *r, const char *wanted)
{
    char buf[sizeof(r->problem_buf)];
    snprintf(buf, sizeof(buf), "expected %s, got %s", wanted, json_describe_next(r));
    memcpy(r->problem_buf, buf, sizeof(buf));
    return problem(r, r->problem_buf);
}

/*
 * The first byte that needs a look: a quote, a backslash, a control character or a byte of a
 * multi-byte sequence. Eight bytes at a time: a byte of the sum is 0x80 where the test holds, and
 * exact up to the first such byte.
 */
static char *skip_plain(char *p, const char *end)
{
    const uint64_t ones = UINT64_MAX / 0xff;
    for (; end - p >= 8; p += 8) {
        uint64_t w, quote, escape, hit;
        memcpy(&w, p, 8);
        quote = w ^ (ones * '"');
        escape = w ^ (ones * '\\');
        hit = ((quote - ones) & ~quote) | ((escape - ones) & ~escape);
        hit = (hit | ((w - ones * 0x20) & ~w) | w) & (ones * 0x80);
        if (hit) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            return p + __builtin_ctzll(hit) / 8;
#else
            break;
#endif
        }
    }
    while ((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
        p++;
    return p;
}

/* Four hexadecimal digits; -1 when there are none. */
static int hex4(const char *p)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (c | 0x20) - 'a' + 10;
        else
            return -1;
        v = v << 4 | digit;
    }
    return v;
}

static char *put_utf8(char *q, uint32_t c)
{
    if (c < 0x80) {
        *q++ = (char)c;
    } else if (c < 0x800) {
        *q++ = (char)(0xc0 | c >> 6);
        *q++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *q++ = (char)(0xe0 | c >> 12);
        *q++ = (char)(0x80 | (c >> 6 & 0x3f));
        *q++ = (char)(0x80 | (c & 0x3f));
    } else {
        *q++ = (char)(0xf0 | c >> 18);
        *q++ = (char)(0x80 | (c >> 12 & 0x3f));
        *q++ = (char)(0x80 | (c >> 6 & 0x3f));
        *q++ = (char)(0x80 | (c & 0x3f));
    }
    return q;
}

/* \uXXXX at r->p, with its second half when it is a surrogate; r->p moves behind it. */
static int read_unicode_escape(struct json_reader *r, uint32_t *ret)
{
    int high = hex4(r->p + 2);
    if (high < 0)
        return problem(r, "\\u needs four hexadecimal digits");
    if (high == 0)
        return problem(r, "U+0000 is not allowed in a string");
    uint32_t c = (uint32_t)high;
    size_t len = 6;
    if (c >= 0xd800 && c <= 0xdfff) {
        int low = -1;
        if (c < 0xdc00 && r->p[6] == '\\' && r->p[7] == 'u')
            low = hex4(r->p + 8);
        if (low < 0xdc00 || low > 0xdfff)
            return problem(r, "lone surrogate in a string");
        c = 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
        len = 12;
    }
    r->p += len;
    *ret = c;
    return 0;
}

/* The escape sequence at r->p, decoded to q. */
static int read_escape(struct json_reader *r, char **q)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (r->p[1] == 'u') {
        uint32_t c = 0;
        if (read_unicode_escape(r, &c) < 0)
            return -1;
        *q = put_utf8(*q, c);
        return 0;
    }
    const char *at = r->p[1] ? strchr(from, r->p[1]) : NULL;
    if (!at) {
        if (r->p + 1 >= r->end)
            r->p++;
        return problem(r, "unknown escape sequence in a string");
    }
    *(*q)++ = to[at - from];
    r->p += 2;
    return 0;
}

int json_read_string(struct json_reader *r, char **ret, size_t *ret_len)
{
    if (json_peek(r) != '"')
        return json_unexpected(r, "string");
    char *start = ++r->p, *q = start;
    for (;;) {
        char *stop = skip_plain(r->p, r->end);
        size_t plain = (size_t)(stop - r->p);
        if (q != r->p)
            memmove(q, r->p, plain);
        q += plain;
        r->p = stop;
        if (*stop == '"')
            break;
        if (*stop == '\\') {
            if (read_escape(r, &q) < 0)
                return -1;
            continue;
        }
        size_t n = json_utf8_len(stop);
        if (n == 0)
            return problem(r, (unsigned char)*stop < 0x20 ? "control character in a string"
                                                          : "invalid UTF-8 in a string");
        memmove(q, stop, n);
        q += n;
        r->p += n;
    }
    r->p++;
    *q = '\0';
    *ret = start;
    *ret_len = (size_t)(q - start);
    return 0;
}

static char *skip_digits(char *p)
{
    while (*p >= '0' && *p <= '9')
        p++;
    return p;
}

int json_read_number(struct json_reader *r, struct json_number *ret)
{
    char c = json_peek(r);
    if (c != '-' && (c < '0' || c > '9'))
        return json_unexpected(r, "number");
    char *start = r->p, *p = start + (c == '-');
    struct json_number n = {.text = start, .negative = c == '-', .integer = true};
    char *digits = p;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(n.magnitude, 10, &n.magnitude) ||
            __builtin_add_overflow(n.magnitude, (uint64_t)(*p - '0'), &n.magnitude))
            n.overflow = true;
    if (p == digits || (*digits == '0' && p > digits + 1)) {
        r->p = p == digits ? p : digits;
        return problem(r, p == digits ? "malformed number" : "number with a leading zero");
    }
    if (*p == '.') {
        n.integer = false;
        char *fraction = p + 1;
        r->p = p = skip_digits(fraction);
        if (p == fraction)
            return problem(r, "malformed number");
    }
    if (*p == 'e' || *p == 'E') {
        n.integer = false;
        char *exponent = p + 1 + (p[1] == '+' || p[1] == '-');
        r->p = p = skip_digits(exponent);
        if (p == exponent)
            return problem(r, "malformed number");
    }
    n.len = (size_t)(p - start);
    r->p = p;
    *ret = n;
    return 0;
}

static bool take_word(struct json_reader *r, const char *word, size_t len)
{
    json_peek(r);
    if ((size_t)(r->end - r->p) < len || memcmp(r->p, word, len) != 0)
        return false;
    r->p += len;
    return true;
}

int json_read_bool(struct json_reader *r, bool *ret)
{
    if (take_word(r, "true", 4))
        *ret = true;
    else if (take_word(r, "false", 5))
        *ret = false;
    else
        return json_unexpected(r, "boolean");
    return 0;
}

int json_read_null(struct json_reader *r)
{
    return take_word(r, "null", 4) ? 0 : json_unexpected(r, "null");
}

int json_enter(struct json_reader *r)
{
    if (r->depth >= JSON_DEPTH_MAX)
        return problem(r, "nested too deeply");
    r->depth++;
    r->p++;
    return 0;
}

/* Common part of members and elements: 1 = another one follows. */
static int next_item(struct json_reader *r, bool first, char close, const char *wanted)
{
    char c = json_peek(r);
    if (c == close) {
        r->p++;
        r->depth--;
        return 0;
    }
    if (first)
        return 1;
    if (c != ',')
        return json_unexpected(r, wanted);
    r->p++;
    json_peek(r);
    return 1;
}

int json_next_member(struct json_reader *r, bool first, char **ret_key, size_t *ret_len)
{
    int more = next_item(r, first, '}', "',' or '}'");
    if (more <= 0)
        return more;
    if (json_peek(r) != '"')
        return json_unexpected(r, first ? "a member name or '}'" : "a member name");
    if (json_read_string(r, ret_key, ret_len) < 0)
        return -1;
    if (json_peek(r) != ':')
        return json_unexpected(r, "':'");
    r->p++;
    return 1;
}

int json_next_element(struct json_reader *r, bool first)
{
    return next_item(r, first, ']', "',' or ']'");
}

int json_skip_value(struct json_reader *r)
{
    /* Bit n: level n is an object. The reader allows 64 levels. */
    uint64_t objects = 0;
    unsigned base = r->depth;
    bool first = false;
    for (;;) {
        char c = json_peek(r), *key;
        size_t len;
        struct json_number number;
        bool boolean;
        int err;
        first = false;
        switch (c) {
        case '{':
        case '[':
            err = json_enter(r);
            if (err == 0) {
                uint64_t bit = UINT64_C(1) << (r->depth - 1);
                objects = c == '{' ? objects | bit : objects & ~bit;
                first = true;
            }
            break;
        case '"':
            err = json_read_string(r, &key, &len);
            break;
        case 't':
        case 'f':
            err = json_read_bool(r, &boolean);
            break;
        case 'n':
            err = json_read_null(r);
            break;
        case '-':
        case '0' ... '9':
            err = json_read_number(r, &number);
            break;
        default:
            err = json_unexpected(r, "a value");
        }
        /* Close what ends here, then go to the next value. */
        for (int more = 0; err == 0 && more == 0; first = false) {
            if (r->depth == base)
                return 0;
            if (objects >> (r->depth - 1) & 1)
                more = json_next_member(r, first, &key, &len);
            else
                more = json_next_element(r, first);
            err = more < 0 ? -1 : 0;
        }
        if (err < 0)
            return -1;
    }
}
