/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of the D-Bus wire format (D-Bus specification, "Marshaling"), in our own byte order.
 * Alignment counts from the start of the buffer, so a message body has a buffer of its own.
 */
#ifndef HULL_DBUS_WIRE_H
#define HULL_DBUS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"

/* Zero-initialise and set arena. After a failure (out of memory) every call does nothing. */
struct wire_out {
    struct arena *arena;
    uint8_t      *v;
    size_t        len, cap;
    bool          failed;
};

void wire_pad(struct wire_out *o, size_t align);
/** Appends bytes as they are. */
void wire_raw(struct wire_out *o, const void *p, size_t n);
void wire_u8(struct wire_out *o, uint8_t v);
void wire_u16(struct wire_out *o, uint16_t v);
void wire_u32(struct wire_out *o, uint32_t v);   /* also int32, boolean */
void wire_u64(struct wire_out *o, uint64_t v);   /* also int64, and the bits of a double */
void wire_string(struct wire_out *o, const char *s);      /* also an object path */
void wire_signature(struct wire_out *o, const char *s);   /* at most 255 bytes; begins a variant */

/* An array being written. */
struct wire_array { size_t length_at, start; };
/** @param align  of the elements: 8 for structs and dictionary entries */
struct wire_array wire_array_begin(struct wire_out *o, size_t align);
void              wire_array_end(struct wire_out *o, struct wire_array a);

/* A value being read. bad is set by the first thing that can't be; then every call gives 0 or "". */
struct wire_in {
    const uint8_t *v;
    size_t         len, at;
    bool           bad;
};

void     wire_read_pad(struct wire_in *in, size_t align);
uint8_t  wire_read_u8(struct wire_in *in);
uint32_t wire_read_u32(struct wire_in *in);
uint64_t wire_read_u64(struct wire_in *in);
/** A string or object path; it lies in the buffer, NUL-terminated. Never NULL. */
const char *wire_read_string(struct wire_in *in);
const char *wire_read_signature(struct wire_in *in);
/** Begins an array and returns where it ends; 0 and bad if that is beyond the buffer. */
size_t   wire_read_array(struct wire_in *in, size_t align);
/** Skips a value of a basic type; another one is bad. */
void     wire_read_skip_basic(struct wire_in *in, const char *signature);

/** Alignment of a type by the first character of its signature; 0: no type. */
size_t wire_align(char type);
#endif
