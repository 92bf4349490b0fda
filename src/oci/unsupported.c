/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hull reads but does not act on yet. Refusing is safer than ignoring: a container without its
 * seccomp filter or limits is not what the caller asked for. A row goes when its feature comes.
 */
#include <string.h>
#include "oci/validate_part.h"

struct process_row {
    const char *name;
    bool      (*used)(const struct oci_process *p);
};

struct config_row {
    const char *path;
    bool      (*used)(const struct oci_config *c);
};

#define PROCESS_USES(name, condition) \
    static bool name(const struct oci_process *p) { return condition; }
#define LINUX_USES(name, condition) \
    static bool name(const struct oci_config *c) \
    { \
        const struct oci_linux *l = c->linux_; \
        return condition; \
    }

PROCESS_USES(apparmor, p->apparmorProfile)
PROCESS_USES(selinux, p->selinuxLabel)

static const struct process_row process_rows[] = {
    {"apparmorProfile", apparmor},
    {"selinuxLabel", selinux},
};

LINUX_USES(mount_label, l->mountLabel)
LINUX_USES(intel_rdt, l->intelRdt)
LINUX_USES(net_devices, l->netDevices.n)

static const struct config_row config_rows[] = {
    {"linux.netDevices", net_devices},
    {"linux.mountLabel", mount_label},
    {"linux.intelRdt", intel_rdt},
};

static int unsupported(struct hull_error *e, struct oci_path at)
{
    return error_at(e, at.text, HULL_E_UNSUPPORTED, "%s: not supported yet", at.text);
}

static int check_mount(const struct oci_mount *m, size_t i, struct hull_error *e)
{
    if (m->uidMappings.n)
        return unsupported(e, oci_path("mounts[%zu].uidMappings", i));
    for (size_t k = 0; k < m->options.n; k++)
        if (strcmp(m->options.v[k], "idmap") == 0 || strcmp(m->options.v[k], "ridmap") == 0)
            return unsupported(e, oci_path("mounts[%zu].options[%zu]", i, k));
    return 0;
}

int oci_unsupported_process(const struct oci_process *p, const char *at, struct hull_error *e)
{
    for (size_t i = 0; i < COUNT_OF(process_rows); i++)
        if (process_rows[i].used(p))
            return unsupported(e, oci_path("%s%s%s", at, *at ? "." : "", process_rows[i].name));
    return 0;
}

int oci_unsupported(const struct oci_config *c, struct hull_error *e)
{
    int err = c->process ? oci_unsupported_process(c->process, "process", e) : 0;
    for (size_t i = 0; err == 0 && i < c->mounts.n; i++)
        err = check_mount(&c->mounts.v[i], i, e);
    for (size_t i = 0; err == 0 && i < COUNT_OF(config_rows); i++)
        if (config_rows[i].used(c))
            err = unsupported(e, oci_path("%s", config_rows[i].path));
    return err;
}
