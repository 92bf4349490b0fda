/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values in GVariant's text format ("gvariant text", docs.gtk.org/glib/gvariant-text-format.html),
 * as the annotations org.systemd.property.NAME have them: 'text', uint64 5, @as [], [('/x', 'rw')],
 * {'key': <true>}. Without a type a number is an int32, or a double if it has a point. Maybe types
 * and handles, which D-Bus or systemd do not have, are refused.
 */
#ifndef HULL_DBUS_VARIANT_H
#define HULL_DBUS_VARIANT_H

#include "base/error.h"
#include "dbus/wire.h"

#define VARIANT_SIGNATURE_SIZE 256

/**
 * Finds the type of a text.
 * @param ret  receives the signature
 * @return 0, or -HULL_E_CONFIG saying what is expected at which offset
 */
int variant_signature(const char *text, char ret[VARIANT_SIGNATURE_SIZE], struct hull_error *e);
/** Appends the value to o as that type (one complete type). 0, -HULL_E_CONFIG or -ENOMEM. */
int variant_write(const char *text, const char *signature, struct wire_out *o,
                  struct hull_error *e);
/**
 * A number times scale.
 * @return 0, or -HULL_E_CONFIG if it is no number, negative, or too large: "not a number"
 */
int variant_scaled(struct arena *a, const char *text, const char *signature, uint64_t scale,
                   uint64_t *ret, struct hull_error *e);
#endif
