/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes over a D-Bus socket, and gvariant text from annotations. Input: a letter and then
 * m: messages one after the other, t: a text, a: an address list.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "dbus/bus.h"
#include "dbus/type.h"
#include "dbus/variant.h"

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void fuzz_messages(const uint8_t *v, size_t size)
{
    while (size >= MESSAGE_HEADER) {
        const size_t n = message_length(v);
        struct message m;
        if (n == 0 || n > size)
            return;
        if (message_parse(v, n, &m) == 0) {
            require(m.body.len <= n);
            for (const char *p = m.signature; *p && !m.body.bad; p++) {
                if (*p == 's' || *p == 'o')
                    require(strlen(wire_read_string(&m.body)) < n);
                else if (*p == 'a')
                    require(wire_read_array(&m.body, 8) <= m.body.len);
                else if (*p == 'v')
                    wire_read_skip_basic(&m.body, wire_read_signature(&m.body));
                else
                    wire_read_skip_basic(&m.body, (const char[]){*p, '\0'});
            }
        }
        v += n;
        size -= n;
    }
}

/* A text that has a type is written as that type, or refused for a value that is out of range. */
static void fuzz_text(struct arena *a, const char *text)
{
    char signature[VARIANT_SIGNATURE_SIZE];
    struct wire_out o = {.arena = a};
    struct hull_error e;
    uint64_t v;
    if (variant_signature(text, signature, &e) < 0)
        return;
    require(type_length(signature) == strlen(signature) && *signature);
    (void)variant_write(text, signature, &o, &e);
    (void)variant_scaled(a, text, signature, 1000000, &v, &e);
}

static void fuzz_address(const char *text)
{
    char path[108];
    for (size_t i = 0, len = 0; i < 8; i++) {
        int r = bus_address_parse(text, i, path, sizeof(path), &len);
        require(r <= 0 || len < sizeof(path));
        if (r == 0)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    if (size == 0 || size > 65536)
        return 0;
    char *text = arena_strndup(&a, (const char *)data + 1, size - 1);
    if (data[0] == 'm')
        fuzz_messages(data + 1, size - 1);
    else if (text && data[0] == 't')
        fuzz_text(&a, text);
    else if (text)
        fuzz_address(text);
    arena_free(&a);
    return 0;
}
