/* SPDX-License-Identifier: Apache-2.0 */
/* Spec: config-linux.md, but for namespaces, sysctl and seccomp. */
#include <inttypes.h>
#include <string.h>
#include "json/words.h"
#include "oci/memory_policy.h"
#include "oci/validate_part.h"

static bool is_one_of(const char *s, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(s, *names) == 0)
            return true;
    return false;
}

static int check_paths(const struct oci_config *c, struct hull_error *e)
{
    const struct { const char *name; const struct oci_strs *list; } kinds[] = {
        {"maskedPaths", &c->linux_->maskedPaths},
        {"readonlyPaths", &c->linux_->readonlyPaths},
    };
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        if (kinds[k].list->n > 0 && !oci_namespace_find(c, "mount"))
            return error_at(e, oci_path("linux.%s", kinds[k].name).text, HULL_E_CONFIG,
                            "unable to restrict sys entries without a private MNT namespace");
        for (size_t i = 0; i < kinds[k].list->n; i++)
            if (kinds[k].list->v[i][0] != '/')
                return oci_invalid(e, oci_path("linux.%s[%zu]", kinds[k].name, i),
                                   "must be an absolute path, got %s",
                                   json_quote(kinds[k].list->v[i]).text);
    }
    return 0;
}

static int check_propagation(const struct oci_config *c, struct hull_error *e)
{
    static const char *const names[] = {
        "private",  "rprivate", "shared",     "rshared",     "slave",
        "rslave",   "unbindable", "runbindable", NULL,
    };
    const char *p = c->linux_->rootfsPropagation;
    if (p && !is_one_of(p, names))
        return error_at(e, "linux.rootfsPropagation", HULL_E_CONFIG,
                        "rootfsPropagation=%s is not supported", p);
    return 0;
}

static int check_devices(const struct oci_config *c, struct hull_error *e)
{
    for (size_t i = 0; i < c->linux_->devices.n; i++) {
        const struct oci_device *d = &c->linux_->devices.v[i];
        if (d->path[0] != '/')
            return oci_invalid(e, oci_path("linux.devices[%zu].path", i),
                               "must be an absolute path, got %s", json_quote(d->path).text);
        if (d->type[0] == 'p')
            continue;
        if (!d->major.set || !d->minor.set)
            return oci_invalid(e, oci_path("linux.devices[%zu]", i),
                               "type %s needs major and minor", d->type);
        if (d->major.v < 0 || d->major.v > UINT32_MAX || d->minor.v < 0 || d->minor.v > UINT32_MAX)
            return oci_invalid(e, oci_path("linux.devices[%zu]", i),
                               "there is no device number %" PRId64 ":%" PRId64, d->major.v,
                               d->minor.v);
    }
    return 0;
}

static int check_device_rules(const struct oci_resources *r, struct hull_error *e)
{
    static const char *const types[] = {"a", "b", "c", NULL};
    for (size_t i = 0; r && i < r->devices.n; i++) {
        const struct oci_device_rule *d = &r->devices.v[i];
        if (!d->access)
            return error_at(e, oci_path("linux.resources.devices[%zu].access", i).text,
                            HULL_E_CONFIG, "device access at %zu field cannot be empty", i);
        /* Other letters beside one of these are ignored, as runc does. */
        if (!strpbrk(d->access, "rwm"))
            return oci_invalid(e, oci_path("linux.resources.devices[%zu].access", i),
                               "expected letters of \"rwm\", got %s", json_quote(d->access).text);
        if (d->type && !is_one_of(d->type, types))
            return error_at(e, oci_path("linux.resources.devices[%zu].type", i).text, HULL_E_CONFIG,
                            "invalid cgroup device type %s", json_quote(d->type).text);
    }
    return 0;
}

/* As the kernel's dev_valid_name(). */
static bool is_device_name(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len < 16 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
           !name[strcspn(name, "/: \t\n\v\f\r")];
}

static int check_net_devices(const struct oci_config *c, struct hull_error *e)
{
    if (c->linux_->netDevices.n > 0 && !oci_namespace_find(c, "network"))
        return error_at(e, "linux.netDevices", HULL_E_CONFIG,
                        "unable to move network devices without a NET namespace");
    for (size_t i = 0; i < c->linux_->netDevices.n; i++) {
        const struct oci_net_device *d = &c->linux_->netDevices.v[i];
        const char *bad = !is_device_name(d->key)               ? d->key
                          : d->name && !is_device_name(d->name) ? d->name
                                                                : NULL;
        if (bad)
            return error_at(e, "linux.netDevices", HULL_E_CONFIG,
                            "invalid network device name %s", json_quote(bad).text);
    }
    return 0;
}

static int check_intel_rdt(const struct oci_config *c, struct hull_error *e)
{
    const struct oci_intel_rdt *rdt = c->linux_->intelRdt;
    if (!rdt)
        return 0;
    const char *id = rdt->closID ? rdt->closID : "";
    if (strcmp(id, ".") == 0 || strcmp(id, "..") == 0 || (strlen(id) > 1 && strchr(id, '/')))
        return error_at(e, "linux.intelRdt.closID", HULL_E_CONFIG, "invalid intelRdt.ClosID %s",
                        json_quote(id).text);
    if (rdt->l3CacheSchema && strchr(rdt->l3CacheSchema, '\n'))
        return oci_invalid(e, oci_path("linux.intelRdt.l3CacheSchema"), "must be one line");
    if (rdt->memBwSchema &&
        (strncmp(rdt->memBwSchema, "MB:", 3) != 0 || strchr(rdt->memBwSchema, '\n')))
        return oci_invalid(e, oci_path("linux.intelRdt.memBwSchema"),
                           "must be one line that begins with \"MB:\"");
    for (size_t i = 0; i < rdt->schemata.n; i++)
        if (strchr(rdt->schemata.v[i], '\n'))
            return oci_invalid(e, oci_path("linux.intelRdt.schemata[%zu]", i), "must be one line");
    return 0;
}

static int check_memory_policy(const struct oci_config *c, struct hull_error *e)
{
    uint64_t mask[OCI_NODES_MAX / 64] = {0};
    int mode;
    const struct oci_memory_policy *p = c->linux_->memoryPolicy;
    return p ? oci_memory_policy_parse(p, &mode, mask, e) : 0;
}

static int check_time_offsets(const struct oci_config *c, struct hull_error *e)
{
    const struct oci_time_offsets *t = c->linux_->timeOffsets;
    const struct oci_namespace *ns = oci_namespace_find(c, "time");
    if (!t)
        return 0;
    if (!ns)
        return error_at(e, "linux.timeOffsets", HULL_E_CONFIG,
                        "time namespace offsets specified, but time namespace isn't enabled in the "
                        "config");
    if (ns->path)
        return error_at(e, "linux.timeOffsets", HULL_E_CONFIG,
                        "time namespace enabled, but both namespace path and time offsets "
                        "specified -- you may only provide one");
    if (t->monotonic && t->monotonic->nanosecs.v >= 1000000000)
        return oci_invalid(e, oci_path("linux.timeOffsets.monotonic.nanosecs"),
                           "%" PRIu32 " is not below one second", t->monotonic->nanosecs.v);
    if (t->boottime && t->boottime->nanosecs.v >= 1000000000)
        return oci_invalid(e, oci_path("linux.timeOffsets.boottime.nanosecs"),
                           "%" PRIu32 " is not below one second", t->boottime->nanosecs.v);
    return 0;
}

int oci_validate_linux(const struct oci_config *c, struct log *log, struct hull_error *e)
{
    int err;
    if ((err = check_paths(c, e)) < 0 ||
        (err = check_propagation(c, e)) < 0 ||
        (err = check_time_offsets(c, e)) < 0 ||
        (err = oci_validate_sysctl(c, e)) < 0 ||
        (err = check_devices(c, e)) < 0 ||
        (err = check_device_rules(c->linux_->resources, e)) < 0 ||
        (err = check_net_devices(c, e)) < 0 ||
        (err = oci_validate_seccomp(c->linux_->seccomp, e)) < 0 ||
        (err = check_intel_rdt(c, e)) < 0 ||
        (err = check_memory_policy(c, e)) < 0)
        return err;
    if (c->linux_->personality && c->linux_->personality->flags.n > 0)
        log_warning(log, "linux.personality.flags are ignored: none is defined");
    return 0;
}
