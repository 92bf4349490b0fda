/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/mount.h"

#include <string.h>

static size_t word_len(const char *s)
{
    bool quoted = false;
    size_t n = 0;
    for (; s[n] && (quoted || s[n] != ','); n++)
        if (s[n] == '"')
            quoted = !quoted;
    return n;
}

bool oci_option_next(const struct oci_strs *options, struct oci_option *o)
{
    const char *p = o->word ? o->word + o->len : options->n > 0 ? options->v[0] : NULL;
    while (p) {
        p += strspn(p, ",");
        if (*p) {
            o->word = p;
            o->len = word_len(p);
            return true;
        }
        p = ++o->entry < options->n ? options->v[o->entry] : NULL;
    }
    return false;
}

bool oci_option_is(const struct oci_option *o, const char *word)
{
    return strncmp(o->word, word, o->len) == 0 && word[o->len] == '\0';
}

bool oci_mount_has_option(const struct oci_mount *m, const char *word)
{
    for (struct oci_option o = { 0 }; oci_option_next(&m->options, &o);)
        if (oci_option_is(&o, word))
            return true;
    return false;
}

bool oci_mount_is_bind(const struct oci_mount *m)
{
    return oci_mount_has_option(m, "bind") || oci_mount_has_option(m, "rbind");
}

bool oci_mount_is_cgroup(const struct oci_mount *m)
{
    return m->type && (strcmp(m->type, "cgroup") == 0 || strcmp(m->type, "cgroup2") == 0);
}
