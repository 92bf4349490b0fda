/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes through the decoder. What it accepts must survive encoding and decoding: the second
 * encoding is byte-equal to the first.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "json/bind.h"
#include "json/field.h"
#include "json/write.h"
#include "oci/config.h"
#include "oci/schema.h"

static void ignore(void *arg, const char *path, unsigned line, unsigned column)
{
    (void)arg;
    if (!*path || line == 0 || column == 0)
        abort();
}

static char *encode(const void *obj, size_t *ret_len)
{
    struct json_out o = {.indent = "\t"};
    struct hull_error e;
    char *text;
    json_write(&o, &oci_config_type, obj);
    ssize_t len = json_out_take(&o, &text, &e);
    if (len < 0)
        abort();
    *ret_len = (size_t)len;
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct json_bind_options o = {.unknown = ignore};
    struct arena a = {0};
    struct hull_error e;
    struct oci_config first = {0}, second = {0};
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (json_bind(text, size, &oci_config_type, &first, &a, &o, &e) == 0) {
        size_t len, len2;
        char *json = encode(&first, &len), *copy = strdup(json);
        if (!copy || json_bind(copy, len, &oci_config_type, &second, &a, &o, &e) < 0)
            abort();
        char *json2 = encode(&second, &len2);
        if (len != len2 || memcmp(json, json2, len) != 0)
            abort();
        free(json);
        free(json2);
        free(copy);
    } else if (!e.text[0] || strchr(e.text, '\n')) {
        abort();
    }
    arena_free(&a);
    free(text);
    return 0;
}
