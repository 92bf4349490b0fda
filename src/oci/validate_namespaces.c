/* SPDX-License-Identifier: Apache-2.0 */
/* Spec: config-linux.md#namespaces, #user-namespace-mappings, #sysctl */
#include <string.h>
#include "json/words.h"
#include "oci/validate_part.h"

static int check_mappings(const struct oci_id_mappings *map, const char *name,
                          struct hull_error *e)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct oci_id_mapping *m = &map->v[i];
        const uint64_t room = UINT64_C(1) << 32;
        if (m->size == 0)
            return oci_invalid(e, oci_path("linux.%s[%zu].size", name, i),
                               "must be greater than 0");
        if ((uint64_t)m->containerID + m->size > room || (uint64_t)m->hostID + m->size > room)
            return oci_invalid(e, oci_path("linux.%s[%zu].size", name, i),
                               "the range goes beyond 32 bits");
    }
    return 0;
}

static int check_user_namespace(const struct oci_config *c, struct hull_error *e)
{
    const struct oci_namespace *ns = oci_namespace_find(c, "user");
    const bool mappings = c->linux_->uidMappings.n || c->linux_->gidMappings.n;
    if (ns && !ns->path && !mappings)
        return error_at(e, "linux.uidMappings", HULL_E_CONFIG,
                        "user namespaces enabled, but no namespace path to join nor mappings to "
                        "apply specified");
    int err = check_mappings(&c->linux_->uidMappings, "uidMappings", e);
    return err < 0 ? err : check_mappings(&c->linux_->gidMappings, "gidMappings", e);
}

int oci_validate_namespaces(const struct oci_config *c, struct hull_error *e)
{
    for (size_t i = 0; i < c->linux_->namespaces.n; i++) {
        const struct oci_namespace *ns = &c->linux_->namespaces.v[i];
        if (oci_namespace_find(c, ns->type) != ns)
            return error_at(e, oci_path("linux.namespaces[%zu].type", i).text, HULL_E_CONFIG,
                            "malformed spec file: duplicated ns {%s %s}",
                            json_quote(ns->type).text, json_quote(ns->path).text);
        if (ns->path && ns->path[0] != '/')
            return oci_invalid(e, oci_path("linux.namespaces[%zu].path", i),
                               "must be an absolute path, got %s", json_quote(ns->path).text);
    }
    return check_user_namespace(c, e);
}

/*
 * sysctl(8) takes both a.b.c and a/b/c; in the second form a dot is part of a name ("eno2.100"),
 * which the first form writes as a slash. The dotted form of key into buf, false when it is too
 * long or has an empty part or one of dots alone, which would be a way out of /proc/sys.
 */
static bool normalise(const char *key, char *buf, size_t cap)
{
    const size_t len = strlen(key);
    const size_t separator = strcspn(key, "./");
    const bool slashes = key[separator] == '/';
    bool part = false;
    if (len >= cap)
        return false;
    for (size_t i = 0; i <= len; i++) {
        char c = key[i];
        if (slashes && c == '/')
            c = '.';
        else if (slashes && c == '.')
            c = '/';
        if ((c == '.' || c == '\0') && !part)
            return false;
        part = c != '.' && (part || c != '/');
        buf[i] = c;
    }
    return true;
}

static bool is_ipc_sysctl(const char *s)
{
    static const char *const names[] = {
        "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
        "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(s, names[i]) == 0)
            return true;
    return strncmp(s, "fs.mqueue.", 10) == 0;
}

static int check_sysctl(const struct oci_config *c, const char *key, struct hull_error *e)
{
    char name[256];
    const char *at = "linux.sysctl";
    const char *quoted;
    struct json_quoted q;
    if (!normalise(key, name, sizeof(name))) {
        q = json_quote(key);
        return error_at(e, at, HULL_E_CONFIG, "sysctl %s is not a valid name", q.text);
    }
    q = json_quote(name);
    quoted = q.text;
    if (is_ipc_sysctl(name))
        return oci_namespace_find(c, "ipc")
                   ? 0
                   : error_at(e, at, HULL_E_CONFIG,
                              "sysctl %s is not allowed in the hosts ipc namespace", quoted);
    if (strncmp(name, "net.", 4) == 0)
        return oci_namespace_find(c, "network")
                   ? 0
                   : error_at(e, at, HULL_E_CONFIG,
                              "sysctl %s not allowed in host network namespace", quoted);
    if (oci_namespace_find(c, "uts")) {
        if (strcmp(name, "kernel.domainname") == 0)
            return 0;
        if (strcmp(name, "kernel.hostname") == 0)
            return error_at(e, at, HULL_E_CONFIG,
                            "sysctl %s is not allowed as it conflicts with the OCI \"hostname\" "
                            "field",
                            quoted);
    }
    if (strncmp(name, "user.", 5) == 0)
        return oci_namespace_find(c, "user")
                   ? 0
                   : error_at(e, at, HULL_E_CONFIG,
                              "setting ucounts without a user namespace not allowed: %s", name);
    return error_at(e, at, HULL_E_CONFIG, "sysctl %s is not in a separate kernel namespace",
                    quoted);
}

int oci_validate_sysctl(const struct oci_config *c, struct hull_error *e)
{
    for (size_t i = 0; i < c->linux_->sysctl.n; i++) {
        int err = check_sysctl(c, c->linux_->sysctl.v[i].key, e);
        if (err < 0)
            return err;
    }
    return 0;
}
