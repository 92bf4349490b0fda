/* SPDX-License-Identifier: Apache-2.0 */
/* Spec: config.md#mounts; for callers that are not root also what their mappings allow. */
#include <stdlib.h>
#include <string.h>
#include "json/words.h"
#include "oci/mount.h"
#include "oci/validate_part.h"

static bool is_idmapped(const struct oci_mount *m)
{
    return oci_mount_has_option(m, "idmap") || oci_mount_has_option(m, "ridmap") ||
           m->uidMappings.n || m->gidMappings.n;
}

static int check_idmap(const struct oci_config *c, const struct oci_mount *m, size_t i,
                       struct hull_error *e)
{
    const bool mappings = m->uidMappings.n || m->gidMappings.n;
    const struct oci_path at = oci_path("mounts[%zu]", i);
    if (!is_idmapped(m))
        return 0;
    if (!oci_mount_is_bind(m))
        return error_at(e, at.text, HULL_E_CONFIG,
                        "invalid mount %s: id-mapped mounts are only supported for bind-mounts",
                        json_quote(m->destination).text);
    if ((mappings && (!m->uidMappings.n || !m->gidMappings.n)) ||
        (!mappings && !oci_namespace_find(c, "user")))
        return error_at(e, at.text, HULL_E_CONFIG,
                        "invalid mount %s: id-mapped mounts must have both uid and gid mappings "
                        "specified",
                        json_quote(m->destination).text);
    return 0;
}

int oci_validate_mounts(const struct oci_config *c, struct log *log, struct hull_error *e)
{
    for (size_t i = 0; i < c->mounts.n; i++) {
        const struct oci_mount *m = &c->mounts.v[i];
        if (!*m->destination)
            return oci_invalid(e, oci_path("mounts[%zu].destination", i), "must not be empty");
        if (*m->destination != '/')
            log_warning(log,
                        "mount destination %s is not absolute. Support for non-absolute mount "
                        "destinations will be removed in a future release.",
                        m->destination);
        int err = check_idmap(c, m, i, e);
        if (err < 0)
            return err;
    }
    return 0;
}

static bool is_mapped(const struct oci_id_mappings *map, unsigned long long id)
{
    for (size_t i = 0; i < map->n; i++)
        if (id >= map->v[i].containerID && id - map->v[i].containerID < map->v[i].size)
            return true;
    return false;
}

/* One option; only uid= and gid= with a number matter, the kernel judges the rest. */
static int check_id_option(const struct oci_config *c, const struct oci_option *o, size_t i,
                           struct hull_error *e)
{
    const bool uid = strncmp(o->word, "uid=", 4) == 0;
    if (!uid && strncmp(o->word, "gid=", 4) != 0)
        return 0;
    char *end;
    unsigned long long id = strtoull(o->word + 4, &end, 10);
    if (end == o->word + 4 || end != o->word + o->len || o->word[4] == '-')
        return 0;
    if (is_mapped(uid ? &c->linux_->uidMappings : &c->linux_->gidMappings, id))
        return 0;
    return error_at(e, oci_path("mounts[%zu].options[%zu]", i, o->entry).text, HULL_E_CONFIG,
                    "cannot specify %.*s mount option for rootless container: user namespaces "
                    "enabled, but no mapping found for %cid %llu",
                    (int)o->len, o->word, uid ? 'u' : 'g', id);
}

/* What takes rights over the host. */
static int check_root_only(const struct oci_config *c, struct hull_error *e)
{
    if (c->linux_->netDevices.n > 0)
        return error_at(e, "linux.netDevices", HULL_E_CONFIG,
                        "network devices are not supported for rootless containers");
    for (size_t i = 0; i < c->mounts.n; i++)
        if (is_idmapped(&c->mounts.v[i]))
            return error_at(e, oci_path("mounts[%zu]", i).text, HULL_E_CONFIG,
                            "invalid mount %s: id-mapped mounts are not supported for rootless "
                            "containers",
                            json_quote(c->mounts.v[i].destination).text);
    return 0;
}

int oci_validate_rootless(const struct oci_config *c, struct hull_error *e)
{
    const struct oci_namespace *user = oci_namespace_find(c, "user");
    if (!user)
        return error_at(e, "linux.namespaces", HULL_E_CONFIG,
                        "rootless container requires user namespaces");
    if (check_root_only(c, e) < 0)
        return -e->code;
    if (user->path)
        return 0; /* the mappings of the joined namespace are not in the configuration */
    if (c->linux_->uidMappings.n == 0)
        return error_at(e, "linux.uidMappings", HULL_E_CONFIG,
                        "rootless containers requires at least one UID mapping");
    if (c->linux_->gidMappings.n == 0)
        return error_at(e, "linux.gidMappings", HULL_E_CONFIG,
                        "rootless containers requires at least one GID mapping");
    for (size_t i = 0; i < c->mounts.n; i++)
        for (struct oci_option o = { 0 }; oci_option_next(&c->mounts.v[i].options, &o);) {
            int err = check_id_option(c, &o, i, e);
            if (err < 0)
                return err;
        }
    return 0;
}
