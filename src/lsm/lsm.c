/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * Both modules are told through /proc/self/attr, by I itself. A container that mounts something of
 * its own over /proc could otherwise turn the write into one to another file (CVE-2019-16884,
 * CVE-2025-52881), so the procfs is opened afresh and each component is checked. The writes come
 * before the capabilities go and before no_new_privs; they take effect at execve, so that hooks
 * which init runs by then are confined too.
 */
#include "lsm/lsm.h"

#include <stdio.h>
#include "base/fd.h"
#include "base/proc.h"
#include "host/lsm.h"

int lsm_check(const struct oci_process *p, struct hull_error *e)
{
    if (p->selinuxLabel && !host_has_selinux())
        return error_at(e, "process.selinuxLabel", HULL_E_CONFIG,
                        "selinux label is specified in config, but selinux is disabled or not "
                        "supported");
    return 0;
}

int lsm_step_exec(struct launch *l, const struct step *s, struct hull_error *e)
{
    const struct oci_process *p = l->config->process;
    (void)s;
    _cleanup_close_ int proc = proc_open_private();
    if (proc < 0)
        return error_set(e, -proc, "unable to open a procfs for the security label");
    int r = p->apparmorProfile ? apparmor_change_on_exec(proc, p->apparmorProfile, e) : 0;
    return r == 0 && p->selinuxLabel ? selinux_set_exec_label(proc, p->selinuxLabel, e) : r;
}

int lsm_step_key(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    _cleanup_close_ int proc = proc_open_private();
    if (proc < 0)
        return error_set(e, -proc, "unable to open a procfs for the security label");
    return selinux_set_key_label(proc, l->config->process->selinuxLabel, e);
}

void lsm_print(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    const struct oci_process *p = l->config->process;
    (void)s;
    snprintf(buf, len, "%s%s%s", p->apparmorProfile ? p->apparmorProfile : "",
             p->apparmorProfile && p->selinuxLabel ? " " : "",
             p->selinuxLabel ? p->selinuxLabel : "");
}
