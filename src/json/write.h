/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes JSON into a growing buffer: objects by field tables, or member by member. The output has
 * the form of Go's encoding/json (json.Marshal, or json.MarshalIndent when indent is set), with its
 * escapes: <, > and & as \u003c, \u003e and \u0026, U+2028 and U+2029 escaped, invalid UTF-8 as
 * \ufffd.
 *
 *     struct json_out o = {.indent = "  "};
 *     json_out_open_object(&o, NULL);
 *     json_out_string(&o, "id", id);
 *     json_out_close_object(&o);
 *     return json_out_take(&o, &text, e);
 *
 * No call but json_out_take reports a failure; after running out of memory the others do nothing.
 */
#ifndef HULL_JSON_WRITE_H
#define HULL_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"

struct json_type;

/** Zero-initialise; set indent ("\t", "  ") for the indented form. */
struct json_out {
    const char *indent;
    char       *buf;       /* malloc'd, not terminated; json_out_take or json_out_free ends it */
    size_t      len, cap;
    bool        borrowed;  /* buf and cap are the caller's, as long as they suffice */
    unsigned    level;
    bool        filled;    /* the innermost open object or array has a member */
    bool        failed;
};

/* key is NULL in arrays and at the top level. */
void json_out_open_object(struct json_out *o, const char *key);
void json_out_close_object(struct json_out *o);
void json_out_open_array(struct json_out *o, const char *key);
void json_out_close_array(struct json_out *o);
/** A NULL value is written as "". */
void json_out_string(struct json_out *o, const char *key, const char *value);
void json_out_int(struct json_out *o, const char *key, int64_t value);
void json_out_uint(struct json_out *o, const char *key, uint64_t value);
/** A number that is text in JSON's form already, e.g. "12.5". */
void json_out_number(struct json_out *o, const char *key, const char *text);
void json_out_bool(struct json_out *o, const char *key, bool value);
void json_out_null(struct json_out *o, const char *key);
/** A list of n strings. */
void json_out_strings(struct json_out *o, const char *key, char *const *v, size_t n);
/** A whole object by its table; absent members are left out. obj NULL is an object of zeros. */
void json_out_object(struct json_out *o, const char *key, const struct json_type *t,
                     const void *obj);
/** As json_out_object at the top level or in an array. */
void json_write(struct json_out *o, const struct json_type *t, const void *obj);
/** Bytes as they are, between values: newlines, or text that is JSON already. */
void json_out_raw(struct json_out *o, const char *text, size_t len);

/**
 * Ends the output.
 * @param ret  receives the NUL-terminated text; free() it
 * @return its length, or -ENOMEM
 */
ssize_t json_out_take(struct json_out *o, char **ret, struct hull_error *e);
void json_out_free(struct json_out *o);
#endif
