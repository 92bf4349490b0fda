/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. Decoding keeps no places, for they would cost memory and time in every run
 * and are wanted only when a check fails. So the text is read a second time along the path: at each
 * level members are skipped until the name comes. A name given twice counts where it stands last,
 * as in json/bind.c, hence every member of the level is looked at.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/macro.h"
#include "json/read.h"
#include "oci/load.h"

/* The next part of a path: a name or an index. */
struct part {
    char   name[256];
    bool   is_index;
    size_t index;
};

static bool copy_name(struct part *ret, const char *s, size_t len)
{
    if (len >= sizeof(ret->name))
        return false;
    memcpy(ret->name, s, len);
    ret->name[len] = '\0';
    return true;
}

/* Takes one part off *path; false at the end and for what is no path. */
static bool next_part(const char **path, struct part *ret)
{
    const char *s = *path;
    ret->is_index = false;
    if (s[0] == '[' && s[1] == '"') {
        const char *close = strstr(s + 2, "\"]");
        if (!close || !copy_name(ret, s + 2, (size_t)(close - s - 2)))
            return false;
        *path = close + 2;
        return true;
    }
    if (s[0] == '[') {
        char *close;
        ret->is_index = true;
        ret->index = strtoul(s + 1, &close, 10);
        *path = close + 1;
        return *close == ']';
    }
    s += *s == '.';
    size_t len = strcspn(s, ".[");
    *path = s + len;
    return len > 0 && copy_name(ret, s, len);
}

/* Stops before the value of the part; the reader is at an object or array. */
static bool find_part(const struct json_reader *from, const struct part *part,
                      struct json_reader *ret)
{
    struct json_reader r = *from;
    bool found = false, exact = false;
    char *key;
    size_t len;
    if (json_peek(&r) != (part->is_index ? '[' : '{') || json_enter(&r) < 0)
        return false;
    for (size_t i = 0;; i++) {
        int more = part->is_index ? json_next_element(&r, i == 0)
                                  : json_next_member(&r, i == 0, &key, &len);
        if (more <= 0)
            return found;
        bool same = part->is_index ? i == part->index : strcmp(key, part->name) == 0;
        if (same || (!part->is_index && !exact && strcasecmp(key, part->name) == 0)) {
            found = true;
            exact |= same;
            json_peek(&r);
            *ret = r;
            if (part->is_index)
                return true;
        }
        if (json_skip_value(&r) < 0)
            return found;
    }
}

int oci_locate(const char *text, size_t len, const char *json_path, unsigned *ret_line,
               unsigned *ret_col)
{
    struct json_reader at, next;
    struct part part;
    bool any = false;
    /* Reading changes the text, so every level reads a fresh copy from the place found so far. */
    _cleanup_free_ char *copy = malloc(len + 1);
    if (!copy)
        return -ENOENT;
    copy[len] = '\0';
    memcpy(copy, text, len);
    json_reader_init(&at, copy, len);
    json_peek(&at);
    while (next_part(&json_path, &part) && find_part(&at, &part, &next)) {
        memcpy(copy, text, len);
        at = next;
        any = true;
    }
    if (!any)
        return -ENOENT;
    struct json_place place = json_place(&at);
    *ret_line = place.line;
    *ret_col = place.column;
    return 0;
}
