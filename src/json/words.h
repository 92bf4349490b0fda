/* SPDX-License-Identifier: Apache-2.0 */
/* Values of a configuration in messages: quoting and "did you mean"; UTF-8. */
#ifndef HULL_JSON_WORDS_H
#define HULL_JSON_WORDS_H

#include <stddef.h>

enum { JSON_QUOTE_MAX = 256 };
struct json_quoted { char text[JSON_QUOTE_MAX]; };

/**
 * The string in double quotes, on one line, as Go's %q prints it; a long one is cut and ends in
 * "...". Use: error_set(e, ..., "... %s", json_quote(s).text)
 * @param s  NULL is taken as ""
 */
struct json_quoted json_quote(const char *s);
/** The one of names (NULL-terminated) that s most likely means; NULL when none is near. */
const char *json_nearest(const char *const *names, const char *s);
/**
 * Length of the well-formed UTF-8 sequence of several bytes at s (Unicode table 3-7), 0 when it is
 * ill-formed or ASCII. s is NUL-terminated.
 */
size_t json_utf8_len(const char *s);
#endif
