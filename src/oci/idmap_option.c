/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: "idmap=uids=0-1-10#10-11-10;gids=0-100-10". Each triple is a line of uid_map:
 * the first id in the file system, the first id on the host, how many. With "@" in front of a triple
 * its second number is an id in the container's user namespace, and the range of linux.uidMappings
 * that it lies in says which one that is on the host. A triple that goes on beyond that range is not
 * split, as with crun.
 */
#include "oci/idmap_option.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct option_place {
    size_t      mount, option;
    const char *text;
};

static int refuse(const struct option_place *at, const char *why, struct hull_error *e)
{
    char where[64];
    snprintf(where, sizeof(where), "mounts[%zu].options[%zu]", at->mount, at->option);
    return error_at(e, where, HULL_E_CONFIG, "%s: invalid option %s: %s", where, at->text, why);
}

/* A number below 2^32 and what ends it. */
static bool take_number(const char **p, const char *ends, uint32_t *ret)
{
    const char *s = *p;
    uint64_t v = 0;
    while (*s >= '0' && *s <= '9' && v <= UINT32_MAX)
        v = v * 10 + (uint64_t)(*s++ - '0');
    if (s == *p || v > UINT32_MAX || !strchr(ends, *s))
        return false;
    *ret = (uint32_t)v;
    *p = s + (*s == '-');
    return true;
}

static bool to_host(const struct oci_id_mappings *container, uint32_t *id)
{
    for (size_t i = 0; i < container->n; i++) {
        const struct oci_id_mapping *m = &container->v[i];
        if (*id >= m->containerID && *id - m->containerID < m->size) {
            *id = m->hostID + (*id - m->containerID);
            return true;
        }
    }
    return false;
}

/* The triples up to ";" or the end. */
static int take_map(const struct option_place *at, const char **p, const struct oci_id_mappings *container,
                    struct arena *a, struct oci_id_mappings *ret, struct hull_error *e)
{
    size_t max = 1;
    for (const char *s = *p; *s && *s != ';'; s++)
        max += *s == '#';
    *ret = (struct oci_id_mappings){.v = arena_array(a, max, sizeof(*ret->v))};
    if (!ret->v)
        return error_oom(e);
    for (bool more = true; more;) {
        struct oci_id_mapping *m = &ret->v[ret->n++];
        const bool relative = **p == '@';
        *p += relative;
        if (!take_number(p, "-", &m->containerID) || !take_number(p, "-", &m->hostID) ||
            !take_number(p, "#;", &m->size))
            return refuse(at, "a mapping is three numbers, as 0-1000-10", e);
        if (relative && !to_host(container, &m->hostID))
            return refuse(at, "a mapping with @ starts outside of the user namespace mappings", e);
        more = **p == '#';
        *p += more;
    }
    return 0;
}

static int apply(const struct option_place *at, const char *p, const struct oci_config *c, struct arena *a,
                 struct oci_mount *m, struct hull_error *e)
{
    struct oci_id_mappings uids = {0}, gids = {0};
    int r = 0;
    while (r == 0 && *p) {
        const bool uid = strncmp(p, "uids=", 5) == 0;
        if (!uid && strncmp(p, "gids=", 5) != 0)
            return refuse(at, "only uids= and gids= are known", e);
        p += 5;
        r = take_map(at, &p, uid ? &c->linux_->uidMappings : &c->linux_->gidMappings, a, uid ? &uids : &gids, e);
        p += *p == ';';
    }
    if (r < 0 || m->uidMappings.n > 0 || m->gidMappings.n > 0)
        return r;
    m->uidMappings = uids;
    m->gidMappings = gids;
    return 0;
}

int oci_idmap_options_apply(struct oci_config *c, struct arena *a, struct hull_error *e)
{
    for (size_t i = 0; i < c->mounts.n; i++) {
        struct oci_mount *m = &c->mounts.v[i];
        for (size_t k = 0; k < m->options.n; k++) {
            const struct option_place at = {.mount = i, .option = k, .text = m->options.v[k]};
            const size_t word = *at.text == 'r' ? 6 : 5;
            if (strncmp(at.text, "ridmap=", word + 1) != 0 && strncmp(at.text, "idmap=", word + 1) != 0)
                continue;
            int r = apply(&at, at.text + word + 1, c, a, m, e);
            if (r < 0)
                return r;
            m->options.v[k] = arena_strndup(a, at.text, word);
            if (!m->options.v[k])
                return error_oom(e);
        }
    }
    return 0;
}
