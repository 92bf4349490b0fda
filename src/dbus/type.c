/* SPDX-License-Identifier: Apache-2.0 */
#include "dbus/type.h"

#include <string.h>

#define DEPTH_MAX 16   /* the specification allows 32 arrays and 32 structs */

static size_t length_at(const char *s, int depth);

/* "{KEY VALUE}", the key being of a basic type. */
static size_t entry_length(const char *s, int depth)
{
    if (!s[1] || strchr("av({", s[1]))
        return 0;
    const size_t key = length_at(s + 1, depth + 1);
    const size_t value = key ? length_at(s + 1 + key, depth + 1) : 0;
    return value && s[1 + key + value] == '}' ? key + value + 2 : 0;
}

static size_t struct_length(const char *s, int depth)
{
    size_t n = 1;
    while (s[n] && s[n] != ')') {
        const size_t part = length_at(s + n, depth + 1);
        if (part == 0)
            return 0;
        n += part;
    }
    return s[n] && n > 1 ? n + 1 : 0;
}

static size_t length_at(const char *s, int depth)
{
    if (depth > DEPTH_MAX || !*s)
        return 0;
    if (*s == '(')
        return struct_length(s, depth);
    if (*s != 'a')
        return strchr("ybnqiuxtdsogv", *s) ? 1 : 0;
    /* A dictionary entry can't be anywhere but in an array. */
    const size_t n = s[1] == '{' ? entry_length(s + 1, depth + 1) : length_at(s + 1, depth + 1);
    return n ? n + 1 : 0;
}

size_t type_length(const char *s)
{
    return length_at(s, 0);
}

bool type_is_signature(const char *s)
{
    if (strlen(s) > 255)
        return false;
    while (*s) {
        const size_t n = type_length(s);
        if (n == 0)
            return false;
        s += n;
    }
    return true;
}

bool type_is_object_path(const char *s)
{
    if (s[0] != '/')
        return false;
    for (const char *p = s; *p; p++) {
        const bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                           (*p >= '0' && *p <= '9') || *p == '_';
        if (!plain && (*p != '/' || p[1] == '/' || (p[1] == '\0' && p > s)))
            return false;
    }
    return true;
}

bool type_is_utf8(const char *s)
{
    for (const unsigned char *p = (const unsigned char *)s; *p;) {
        const size_t more = *p < 0x80 ? 0 : *p < 0xc2 ? 9 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : *p < 0xf5 ? 3 : 9;
        uint32_t c = more == 0 ? *p : *p & (0x3fu >> more);
        if (more == 9)
            return false;
        p++;
        for (size_t i = 0; i < more; i++, p++) {
            if ((*p & 0xc0) != 0x80)
                return false;
            c = c << 6 | (*p & 0x3fu);
        }
        if ((more == 2 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
            (more == 3 && (c < 0x10000 || c > 0x10ffff)))
            return false;
    }
    return true;
}

size_t type_put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    const size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | c);
    return n;
}
