/* SPDX-License-Identifier: Apache-2.0 */
#include "base/idlist.h"

#include <string.h>

static const char *skip_blanks(const char *s)
{
    return s + strspn(s, " \t");
}

/* A number of digits alone; *s moves behind it. -1: none, or not below limit. */
static int64_t number(const char **s, size_t limit)
{
    uint64_t v = 0;
    const size_t digits = strspn(*s, "0123456789");
    for (size_t i = 0; i < digits && v < limit; i++)
        v = v * 10 + (uint64_t)((*s)[i] - '0');
    *s += digits;
    return digits > 0 && v < limit ? (int64_t)v : -1;
}

int64_t idlist_parse(const char *text, uint64_t *mask, size_t bits)
{
    uint64_t own[IDLIST_BITS / 64];
    const char *s = text ? text : "";
    int64_t count = 0;
    if (bits > IDLIST_BITS)
        return -1;
    if (!*s)
        return 0;
    if (!mask)
        memset(mask = own, 0, (bits + 63) / 64 * sizeof(*own));
    for (;;) {
        s = skip_blanks(s);
        if (*s && *s != ',') {
            const int64_t first = number(&s, bits);
            int64_t last = first;
            if (*s == '-') {
                s++;
                last = number(&s, bits);
            }
            s = skip_blanks(s);
            if (first < 0 || last < first || (*s && *s != ','))
                return -1;
            for (int64_t i = first; i <= last; i++) {
                const uint64_t bit = UINT64_C(1) << (i % 64);
                count += !(mask[i / 64] & bit);
                mask[i / 64] |= bit;
            }
        }
        if (!*s)
            return count > 0 ? count : -1;
        s++;
    }
}
