/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures and the other kinds of D-Bus strings that have a form. Pure. */
#ifndef HULL_DBUS_TYPE_H
#define HULL_DBUS_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The length of the complete type that s begins with, 0 if there is none (or it nests too deeply). */
size_t type_length(const char *s);
/** Any number of complete types, at most 255 bytes. */
bool type_is_signature(const char *s);
bool type_is_object_path(const char *s);
bool type_is_utf8(const char *s);
/** Writes a code point (at most 0x10ffff) and returns the number of bytes, at most 4. */
size_t type_put_utf8(char *out, uint32_t c);
#endif
