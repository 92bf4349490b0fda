/* SPDX-License-Identifier: Apache-2.0 */
/* D-Bus messages: a header and a body. Pure. */
#ifndef HULL_DBUS_MESSAGE_H
#define HULL_DBUS_MESSAGE_H

#include "dbus/wire.h"

enum message_kind { MESSAGE_CALL = 1, MESSAGE_RETURN, MESSAGE_ERROR, MESSAGE_SIGNAL };

/* The fixed part of every message; its length can be told from it. */
enum { MESSAGE_HEADER = 16, MESSAGE_MAX = 16 << 20 };

/* What a call is addressed to. All but interface and member are the same for one object. */
struct message_target {
    const char *destination;
    const char *path;
    const char *interface;
    const char *member;
};

/* A received message. Strings ("" when absent) and the body lie in the buffer it was parsed from. */
struct message {
    enum message_kind kind;
    uint32_t          reply_serial;
    const char       *path, *interface, *member, *error_name, *sender, *signature;
    struct wire_in    body;
};

/**
 * Appends a method call to o, which must be 8-byte aligned (len).
 * @param signature  of the body, "" without
 */
void message_call(struct wire_out *o, uint32_t serial, const struct message_target *t,
                  const char *signature, const struct wire_out *body);
/**
 * The length of the message that begins with these MESSAGE_HEADER bytes.
 * @return 0 if it is no message, has the other byte order, or is longer than MESSAGE_MAX
 */
size_t message_length(const uint8_t header[MESSAGE_HEADER]);
/** Parses a whole message of that length. 0, or -EBADMSG. */
int message_parse(const uint8_t *v, size_t len, struct message *ret);
#endif
