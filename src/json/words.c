/* SPDX-License-Identifier: Apache-2.0 */
#include "json/words.h"

#include <stdio.h>
#include <string.h>

struct json_quoted json_quote(const char *s)
{
    struct json_quoted ret;
    char *q = ret.text, *const limit = ret.text + sizeof(ret.text) - sizeof("\\x00...\"");
    *q++ = '"';
    for (; s && *s; s++) {
        static const char from[] = "\n\t\r\a\b\f\v", to[] = "ntrabfv";
        unsigned char c = (unsigned char)*s;
        const char *escape;
        if (q >= limit) {
            /* Leave no half of a UTF-8 sequence behind. */
            while (q > ret.text + 1 && (c & 0xc0) == 0x80)
                c = (unsigned char)*--q;
            q = stpcpy(q, "...");
            break;
        }
        if (c == '"' || c == '\\') {
            *q++ = '\\';
            *q++ = (char)c;
        } else if (c >= 0x20 && c != 0x7f) {
            *q++ = (char)c;
        } else if ((escape = strchr(from, c))) {
            *q++ = '\\';
            *q++ = to[escape - from];
        } else {
            q += sprintf(q, "\\x%02x", c);
        }
    }
    *q++ = '"';
    *q = '\0';
    return ret;
}

enum { WORD_MAX = 40 };

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

/* Levenshtein distance without regard to case. */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1], n = strlen(b);
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t cost = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
            diagonal = row[j];
            if (cost > row[j] + 1)
                cost = row[j] + 1;
            if (cost > row[j - 1] + 1)
                cost = row[j - 1] + 1;
            row[j] = cost;
        }
    }
    return row[n];
}

const char *json_nearest(const char *const *names, const char *s)
{
    const char *best = NULL;
    size_t len = strlen(s);
    size_t best_distance = len / 3 + 2; /* further away it would be another word */
    if (len == 0 || len > WORD_MAX)
        return NULL;
    for (; *names; names++) {
        if (strlen(*names) > WORD_MAX)
            continue;
        size_t d = distance(s, *names);
        if (d < best_distance && d < strlen(*names)) {
            best = *names;
            best_distance = d;
        }
    }
    return best;
}

size_t json_utf8_len(const char *s)
{
    const unsigned char *p = (const unsigned char *)s;
    unsigned char low = 0x80, high = 0xbf;
    size_t n;
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;
    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;
        if (p[0] == 0xe0)
            low = 0xa0;
        if (p[0] == 0xed)
            high = 0x9f;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        if (p[0] == 0xf0)
            low = 0x90;
        if (p[0] == 0xf4)
            high = 0x8f;
    } else {
        return 0;
    }
    /* A NUL is no continuation byte, so this stops in time. */
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    return n;
}
