/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * config.md#hostname, config-linux.md#sysctl. I writes them in its own namespaces. Which keys are
 * namespaced is checked at validation; here a key becomes a path below sys/ of a private procfs, so
 * that a mount over the container's /proc can't turn the write to another file (CVE-2025-52881).
 */
#include "kernel/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "base/fd.h"
#include "base/proc.h"
#include "base/sys.h"

static int write_one(int proc, const struct oci_pair *kv, struct hull_error *e)
{
    char path[512];
    int n = snprintf(path, sizeof(path), "sys/%s", kv->key);
    if (n < 0 || (size_t)n >= sizeof(path))
        return error_at(e, "linux.sysctl", ENAMETOOLONG, "sysctl \"%.64s...\"", kv->key);
    /* "net.ipv4.ip_forward" and "net/ipv4/ip_forward" mean the same; in the second form a dot is part of a name. */
    if (!strchr(kv->key, '/'))
        for (char *p = path + 4; *p; p++)
            if (*p == '.')
                *p = '/';
    if (strstr(path, "/../") || strstr(path, "//"))
        return error_at(e, "linux.sysctl", HULL_E_CONFIG, "sysctl \"%s\" is not a valid name", kv->key);
    _cleanup_close_ int fd = proc_open_at(proc, path, O_WRONLY);
    if (fd < 0)
        return error_at(e, "linux.sysctl", -fd, "unable to set sysctl %s: open /proc/%s", kv->key, path);
    ssize_t w = write(fd, kv->value, strlen(kv->value));
    if (w < 0)
        return error_at(e, "linux.sysctl", errno, "unable to set sysctl %s to \"%s\": write /proc/%s", kv->key, kv->value, path);
    return 0;
}

int sysctl_step(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    _cleanup_close_ int proc = proc_open_private();
    if (proc < 0)
        return error_at(e, "linux.sysctl", -proc, "unable to open a procfs");
    const struct oci_map *m = &l->config->linux_->sysctl;
    for (size_t i = 0; i < m->n; i++) {
        int r = write_one(proc, &m->v[i], e);
        if (r < 0)
            return r;
    }
    return 0;
}

int hostname_step(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    if (sethostname(l->config->hostname, strlen(l->config->hostname)) < 0)
        return error_at(e, "hostname", errno, "sethostname \"%s\"", l->config->hostname);
    return 0;
}

int domainname_step(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    if (setdomainname(l->config->domainname, strlen(l->config->domainname)) < 0)
        return error_at(e, "domainname", errno, "setdomainname \"%s\"", l->config->domainname);
    return 0;
}
