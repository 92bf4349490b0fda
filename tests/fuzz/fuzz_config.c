/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a configuration: parse, all checks, and the place of every error in the text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "oci/load.h"
#include "oci/validate.h"

/* An error is one line and its path leads somewhere or nowhere, but never astray. */
static void check_error(const struct hull_error *e, const uint8_t *data, size_t size)
{
    unsigned line = 0, column = 0;
    if (e->code <= 0 || !e->text[0] || strchr(e->text, '\n'))
        abort();
    if (oci_locate((const char *)data, size, e->where, &line, &column) == 0 &&
        (line == 0 || column == 0 || column > size + 1))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct hull_error e = {0};
    struct oci_config *c;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (oci_config_parse(text, size, &a, NULL, &c, &e) < 0) {
        check_error(&e, data, size);
    } else {
        if (!c->linux_ || (c->process && !c->process->user))
            abort();
        if (oci_validate(c, NULL, &e) < 0)
            check_error(&e, data, size);
        if (oci_validate_rootless(c, &e) < 0)
            check_error(&e, data, size);
    }
    arena_free(&a);
    free(text);
    return 0;
}
