/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hull reads but does not act on yet. Refusing is safer than ignoring: a container without its
 * seccomp filter or limits is not what the caller asked for. A row goes when its feature comes.
 */
#include <string.h>
#include "oci/validate_part.h"

struct config_row {
    const char *path;
    bool      (*used)(const struct oci_config *c);
};

#define LINUX_USES(name, condition) \
    static bool name(const struct oci_config *c) \
    { \
        const struct oci_linux *l = c->linux_; \
        return condition; \
    }

LINUX_USES(intel_rdt, l->intelRdt)

static const struct config_row config_rows[] = {
    {"linux.intelRdt", intel_rdt},
};

static int unsupported(struct hull_error *e, struct oci_path at)
{
    return error_at(e, at.text, HULL_E_UNSUPPORTED, "%s: not supported yet", at.text);
}

int oci_unsupported(const struct oci_config *c, struct hull_error *e)
{
    int err = 0;
    for (size_t i = 0; err == 0 && i < COUNT_OF(config_rows); i++)
        if (config_rows[i].used(c))
            err = unsupported(e, oci_path("%s", config_rows[i].path));
    return err;
}
