/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/annotations.h"

#include <stddef.h>
#include <string.h>

const char *oci_annotation(const struct oci_config *c, const char *key)
{
    for (size_t i = 0; i < c->annotations.n; i++)
        if (strcmp(c->annotations.v[i].key, key) == 0)
            return c->annotations.v[i].value;
    return NULL;
}

bool oci_annotation_on(const struct oci_config *c, const char *key)
{
    const char *value = oci_annotation(c, key);
    return value && *value && strcmp(value, "0") != 0;
}

void oci_annotations_apply(struct oci_config *c)
{
    struct oci_seccomp *s = c->linux_->seccomp;
    if (!s)
        return;
    const char *receiver = oci_annotation(c, ANNOTATION_SECCOMP_RECEIVER);
    if (receiver && *receiver && !s->listenerPath)
        s->listenerPath = (char *)receiver;
    s->strict = oci_annotation_on(c, ANNOTATION_SECCOMP_STRICT);
}
