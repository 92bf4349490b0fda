/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pull tokenizer for JSON as RFC 8259 has it, nothing more: no comments, no trailing commas, no
 * byte order mark, valid UTF-8 only. Strings are unescaped in place and NUL-terminated, so the text
 * must be writable; a string with U+0000 is refused since no C string can hold it.
 *
 * A reader stands between two tokens. After a failure its position is that of the offending byte
 * and problem says what is wrong.
 */
#ifndef HULL_JSON_READ_H
#define HULL_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JSON_DEPTH_MAX = 64,
    JSON_TEXT_MAX = 16 * 1024 * 1024,   /* bytes */
};

struct json_reader {
    char       *p;
    const char *end;          /* *end is NUL */
    const char *line_start;
    unsigned    line;         /* from 1 */
    unsigned    depth;        /* of open objects and arrays */
    const char *problem;
    char        problem_buf[64];
};

/* A place in the text; the column counts bytes from 1. */
struct json_place { unsigned line, column; };

struct json_number {
    const char *text;         /* not NUL-terminated */
    size_t      len;
    bool        negative;
    bool        integer;      /* neither fraction nor exponent */
    bool        overflow;     /* the magnitude needs more than 64 bits */
    uint64_t    magnitude;    /* of an integer */
};

/** text[len] must be a readable NUL. The text belongs to the caller and is changed by reading. */
void json_reader_init(struct json_reader *r, char *text, size_t len);
/** Skips white space; the first byte of the next token, or 0 at the end of the text. */
char json_peek(struct json_reader *r);
struct json_place json_place(const struct json_reader *r);

/* All of these return 0 on success and -1 with problem set. */
int json_read_string(struct json_reader *r, char **ret, size_t *ret_len);
int json_read_number(struct json_reader *r, struct json_number *ret);
int json_read_bool(struct json_reader *r, bool *ret);
int json_read_null(struct json_reader *r);
/** Reads and checks any value without keeping it. */
int json_skip_value(struct json_reader *r);

/** Enters the object or array whose bracket comes next; the caller has peeked at it. */
int json_enter(struct json_reader *r);
/**
 * The next member of the object that was entered.
 * @param first  true for the call after json_enter
 * @return 1 with the key and the colon read, 0 when the object is closed, -1 on failure
 */
int json_next_member(struct json_reader *r, bool first, char **ret_key, size_t *ret_len);
/** As json_next_member for an array; on 1 the reader stands before the element. */
int json_next_element(struct json_reader *r, bool first);

/** What comes next, in words for "expected X, got Y". */
const char *json_describe_next(struct json_reader *r);
/** Sets problem to "expected WANTED, got ..." for what comes next; returns -1. */
int json_unexpected(struct json_reader *r, const char *wanted);
#endif
