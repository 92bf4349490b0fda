/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Field tables: one row per JSON member says where it lives in a C struct. The same tables decode
 * (json/bind.h) and encode (json/write.h). The row macros compare the declared kind with the C type
 * of the member at compile time, so that a table cannot disagree with its struct.
 *
 *     static const struct field rlimit_fields[] = {
 *         STR(struct oci_rlimit, type, REQUIRED, ONEOF(rlimit_names)),
 *         U64(struct oci_rlimit, hard, REQUIRED),
 *     };
 *     static const struct json_type oci_rlimit_type =
 *         JSON_TYPE(struct oci_rlimit, rlimit_fields, "config.md#posix-process");
 *
 * Only files with tables include this header, since the macros have short names.
 */
#ifndef HULL_JSON_FIELD_H
#define HULL_JSON_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/macro.h"

enum field_kind {
    FIELD_BOOL,
    FIELD_OPT_BOOL,
    FIELD_I64,
    FIELD_I32,
    FIELD_U64,
    FIELD_U32,
    FIELD_U16,
    FIELD_OPT_I64,
    FIELD_OPT_I32,
    FIELD_OPT_U64,
    FIELD_OPT_U32,
    FIELD_OPT_U16,
    FIELD_STRING,      /* char *; "" is stored as NULL unless the field is required */
    FIELD_STRINGS,     /* {char **v; size_t n} */
    FIELD_U32S,        /* {uint32_t *v; size_t n} */
    FIELD_MAP,         /* {struct {char *key, *value;} *v; size_t n}, sorted by key */
    FIELD_OBJECT,      /* struct T * */
    FIELD_LIST,        /* {struct T *v; size_t n} */
    FIELD_OBJECT_MAP,  /* as a list, sorted by key; the first member of T is char *key */
    FIELD_KIND_COUNT
};

struct json_type;

struct field {
    const char             *name;
    const struct json_type *type;     /* of the object or of the elements */
    const char *const      *names;    /* the values a string may have, NULL-terminated; NULL: any */
    size_t                  offset;
    uint8_t                 kind;     /* enum field_kind */
    uint8_t                 name_len;
    bool                    required; /* absent is an error; always written */
    bool                    always;   /* written even when it is zero, as Go without omitempty */
};

struct json_type {
    const struct field *fields;
    size_t              n_fields;     /* at most 64 */
    size_t              size;         /* sizeof the C struct; at most JSON_ELEMENT_MAX in lists */
    const char         *doc;          /* section of the spec */
};

enum { JSON_ELEMENT_MAX = 256 };

/* Row attributes. */
#define REQUIRED .required = true
#define ALWAYS   .always = true
#define ONEOF(list) .names = (list)

#define JSON_TYPE(S, table, anchor) \
    { .fields = (table), .n_fields = COUNT_OF(table), .size = sizeof(S), .doc = (anchor) }

/* 0, if the condition holds; does not compile otherwise. */
#define FIELD_CHECK_(cond) \
    (0 * sizeof(struct { _Static_assert(cond, "field table and C type differ"); int unused; }))
#define FIELD_MEMBER_(S, m) (((S *)0)->m)
#define FIELD_IS_(S, m, T) __builtin_types_compatible_p(__typeof__(FIELD_MEMBER_(S, m)), T)
/* {T *v; size_t n} */
#define FIELD_IS_LIST_(S, m, T) \
    (FIELD_IS_(S, m.v, T *) && FIELD_IS_(S, m.n, size_t) && \
     offsetof(S, m.n) == offsetof(S, m.v) + sizeof(void *))
/* {bool set; T v} with v at its natural place */
#define FIELD_IS_OPT_(S, m, T) \
    (FIELD_IS_(S, m.set, bool) && FIELD_IS_(S, m.v, T) && \
     offsetof(S, m.v) == offsetof(S, m.set) + sizeof(T))

#define FIELD_ROW_(S, m, json_name, k, cond, ...) \
    { .name = json_name, .name_len = sizeof(json_name) - 1, .kind = k, \
      .offset = offsetof(S, m) + FIELD_CHECK_(cond), ##__VA_ARGS__ }

#define BOOL(S, m, ...) FIELD_ROW_(S, m, #m, FIELD_BOOL, FIELD_IS_(S, m, bool), ##__VA_ARGS__)
#define I64(S, m, ...) FIELD_ROW_(S, m, #m, FIELD_I64, FIELD_IS_(S, m, int64_t), ##__VA_ARGS__)
#define I32(S, m, ...) FIELD_ROW_(S, m, #m, FIELD_I32, FIELD_IS_(S, m, int32_t), ##__VA_ARGS__)
#define U64(S, m, ...) FIELD_ROW_(S, m, #m, FIELD_U64, FIELD_IS_(S, m, uint64_t), ##__VA_ARGS__)
#define U32(S, m, ...) FIELD_ROW_(S, m, #m, FIELD_U32, FIELD_IS_(S, m, uint32_t), ##__VA_ARGS__)
#define U16(S, m, ...) FIELD_ROW_(S, m, #m, FIELD_U16, FIELD_IS_(S, m, uint16_t), ##__VA_ARGS__)

#define OPT_BOOL(S, m, ...) \
    FIELD_ROW_(S, m, #m, FIELD_OPT_BOOL, FIELD_IS_OPT_(S, m, bool), ##__VA_ARGS__)
#define OPT_I64(S, m, ...) \
    FIELD_ROW_(S, m, #m, FIELD_OPT_I64, FIELD_IS_OPT_(S, m, int64_t), ##__VA_ARGS__)
#define OPT_I32(S, m, ...) \
    FIELD_ROW_(S, m, #m, FIELD_OPT_I32, FIELD_IS_OPT_(S, m, int32_t), ##__VA_ARGS__)
#define OPT_U64(S, m, ...) \
    FIELD_ROW_(S, m, #m, FIELD_OPT_U64, FIELD_IS_OPT_(S, m, uint64_t), ##__VA_ARGS__)
#define OPT_U32(S, m, ...) \
    FIELD_ROW_(S, m, #m, FIELD_OPT_U32, FIELD_IS_OPT_(S, m, uint32_t), ##__VA_ARGS__)
#define OPT_U16(S, m, ...) \
    FIELD_ROW_(S, m, #m, FIELD_OPT_U16, FIELD_IS_OPT_(S, m, uint16_t), ##__VA_ARGS__)

/* A string member whose C name differs from the JSON name (C keywords and macros). */
#define STR_AS(S, m, json_name, ...) \
    FIELD_ROW_(S, m, json_name, FIELD_STRING, FIELD_IS_(S, m, char *), ##__VA_ARGS__)
#define STR(S, m, ...) STR_AS(S, m, #m, ##__VA_ARGS__)
#define STRS(S, m, ...) \
    FIELD_ROW_(S, m, #m, FIELD_STRINGS, FIELD_IS_LIST_(S, m, char *), ##__VA_ARGS__)
#define U32S(S, m, ...) \
    FIELD_ROW_(S, m, #m, FIELD_U32S, FIELD_IS_LIST_(S, m, uint32_t), ##__VA_ARGS__)
#define MAP(S, m, ...) \
    FIELD_ROW_(S, m, #m, FIELD_MAP, \
               FIELD_IS_(S, m.v->key, char *) && FIELD_IS_(S, m.v->value, char *) && \
                   sizeof(*FIELD_MEMBER_(S, m.v)) == 2 * sizeof(char *) && \
                   FIELD_IS_(S, m.n, size_t), \
               ##__VA_ARGS__)

/* T is the tag of the element struct; its table is T_type. */
#define OBJ_AS(S, m, json_name, T, ...) \
    FIELD_ROW_(S, m, json_name, FIELD_OBJECT, FIELD_IS_(S, m, struct T *), .type = &T##_type, \
               ##__VA_ARGS__)
#define OBJ(S, m, T, ...) OBJ_AS(S, m, #m, T, ##__VA_ARGS__)
#define LIST(S, m, T, ...) \
    FIELD_ROW_(S, m, #m, FIELD_LIST, \
               FIELD_IS_LIST_(S, m, struct T) && sizeof(struct T) <= JSON_ELEMENT_MAX, \
               .type = &T##_type, ##__VA_ARGS__)
#define OBJ_MAP(S, m, T, ...) \
    FIELD_ROW_(S, m, #m, FIELD_OBJECT_MAP, \
               FIELD_IS_LIST_(S, m, struct T) && sizeof(struct T) <= JSON_ELEMENT_MAX && \
                   offsetof(struct T, key) == 0, \
               .type = &T##_type, ##__VA_ARGS__)
#endif
