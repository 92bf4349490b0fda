/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: a message begins with byte order, kind, flags, version, body length, serial
 * and an array of (code, variant) fields, padded to 8; the body follows. A peer on this machine
 * writes in our byte order.
 */
#include "dbus/message.h"

#include <errno.h>
#include <string.h>

enum { FIELD_PATH = 1, FIELD_INTERFACE, FIELD_MEMBER, FIELD_ERROR_NAME, FIELD_REPLY_SERIAL,
       FIELD_DESTINATION, FIELD_SENDER, FIELD_SIGNATURE };
enum { VERSION = 1 };

static uint8_t byte_order(void)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first ? 'l' : 'B';
}

static void field(struct wire_out *o, uint8_t code, const char *signature, const char *value)
{
    wire_pad(o, 8);
    wire_u8(o, code);
    wire_signature(o, signature);
    if (*signature == 'g')
        wire_signature(o, value);
    else
        wire_string(o, value);
}

void message_call(struct wire_out *o, uint32_t serial, const struct message_target *t,
                  const char *signature, const struct wire_out *body)
{
    wire_u8(o, byte_order());
    wire_u8(o, MESSAGE_CALL);
    wire_u8(o, 0);
    wire_u8(o, VERSION);
    wire_u32(o, body ? (uint32_t)body->len : 0);
    wire_u32(o, serial);
    struct wire_array fields = wire_array_begin(o, 8);
    field(o, FIELD_PATH, "o", t->path);
    field(o, FIELD_INTERFACE, "s", t->interface);
    field(o, FIELD_MEMBER, "s", t->member);
    field(o, FIELD_DESTINATION, "s", t->destination);
    if (*signature)
        field(o, FIELD_SIGNATURE, "g", signature);
    wire_array_end(o, fields);
    wire_pad(o, 8);
    if (body) {
        o->failed |= body->failed;
        wire_raw(o, body->v, body->len);
    }
}

size_t message_length(const uint8_t header[MESSAGE_HEADER])
{
    uint32_t body, fields;
    memcpy(&body, header + 4, sizeof(body));
    memcpy(&fields, header + 12, sizeof(fields));
    if (header[0] != byte_order() || header[3] != VERSION || body > MESSAGE_MAX ||
        fields > MESSAGE_MAX)
        return 0;
    const size_t n = ((size_t)MESSAGE_HEADER + fields + 7) / 8 * 8 + body;
    return n <= MESSAGE_MAX ? n : 0;
}

static void read_field(struct wire_in *in, struct message *m)
{
    static const char *const types[] = {
        [FIELD_PATH] = "o",         [FIELD_INTERFACE] = "s",    [FIELD_MEMBER] = "s",
        [FIELD_ERROR_NAME] = "s",   [FIELD_REPLY_SERIAL] = "u", [FIELD_DESTINATION] = "s",
        [FIELD_SENDER] = "s",       [FIELD_SIGNATURE] = "g",
    };
    const char **const strings[] = {
        [FIELD_PATH] = &m->path,             [FIELD_INTERFACE] = &m->interface,
        [FIELD_MEMBER] = &m->member,         [FIELD_ERROR_NAME] = &m->error_name,
        [FIELD_REPLY_SERIAL] = NULL,         [FIELD_DESTINATION] = NULL,
        [FIELD_SENDER] = &m->sender,         [FIELD_SIGNATURE] = &m->signature,
    };
    wire_read_pad(in, 8);
    const uint8_t code = wire_read_u8(in);
    const char *type = wire_read_signature(in);
    if (code < FIELD_PATH || code > FIELD_SIGNATURE) {
        wire_read_skip_basic(in, type);   /* of a later version */
        return;
    }
    if (strcmp(type, types[code]) != 0)
        in->bad = true;
    else if (code == FIELD_REPLY_SERIAL)
        m->reply_serial = wire_read_u32(in);
    else {
        const char *s = *type == 'g' ? wire_read_signature(in) : wire_read_string(in);
        if (strings[code])
            *strings[code] = s;
    }
}

int message_parse(const uint8_t *v, size_t len, struct message *ret)
{
    struct wire_in in = {.v = v, .len = len};
    struct message m = {.path = "", .interface = "", .member = "", .error_name = "", .sender = "",
                        .signature = ""};
    if (len < MESSAGE_HEADER || message_length(v) != len)
        return -EBADMSG;
    if (v[1] < MESSAGE_CALL || v[1] > MESSAGE_SIGNAL)
        return -EBADMSG;
    m.kind = (enum message_kind)v[1];
    in.at = 12;
    const size_t end = wire_read_array(&in, 8);
    while (!in.bad && in.at < end)
        read_field(&in, &m);
    if (!in.bad && in.at != end)
        in.bad = true;
    wire_read_pad(&in, 8);
    if (in.bad)
        return -EBADMSG;
    m.body = (struct wire_in){.v = v + in.at, .len = len - in.at};
    *ret = m;
    return 0;
}
