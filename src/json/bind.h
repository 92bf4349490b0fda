/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes JSON text straight into C structs by field tables (json/field.h). There is no document
 * tree: strings stay in the text, lists and objects go into the arena.
 *
 *  - null means absent; of a member given twice the last one counts.
 *  - Names match exactly or, failing that, without regard to the case of ASCII letters, because
 *    users of runc rely on Go's reader doing so.
 *  - Numbers are integers within the range of the field, written without fraction and exponent.
 *  - Unknown members are checked for syntax, skipped and reported.
 */
#ifndef HULL_JSON_BIND_H
#define HULL_JSON_BIND_H

#include <stdbool.h>
#include <stddef.h>
#include "base/arena.h"
#include "base/error.h"

struct json_type;

struct json_bind_options {
    /* Called for each unknown member; path is only valid during the call. May be NULL. */
    void (*unknown)(void *arg, const char *path, unsigned line, unsigned column);
    void  *arg;
    bool   bare;    /* the text is the value of the only member of t, without the object around it */
};

/**
 * Decodes one object, or with bare the value of its member.
 * @param text  writable, NUL at text[len]; strings of obj point into it, so it must live as long
 * @param len   bytes, at most 16 MiB
 * @param t     the table of *obj
 * @param obj   zeroed by the caller; its contents are undefined after a failure
 * @param a     receives lists and nested objects
 * @param o     may be NULL
 * @return 0; -HULL_E_CONFIG with where = JSON path, text = "PATH: expected WHAT, got FOUND
 *         (LINE:COLUMN)" or "PATH: missing required field (LINE:COLUMN of the object)", columns in
 *         bytes; -ENOMEM
 */
int json_bind(char *text, size_t len, const struct json_type *t, void *obj, struct arena *a,
              const struct json_bind_options *o, struct hull_error *e);
#endif
