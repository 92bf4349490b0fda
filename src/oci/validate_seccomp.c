/* SPDX-License-Identifier: Apache-2.0 */
/* Spec: config-linux.md#seccomp */
#include <inttypes.h>
#include <string.h>
#include "json/words.h"
#include "oci/validate_part.h"

/* Only these two carry a number that the kernel hands on. */
static bool takes_errno(const char *action)
{
    return strcmp(action, "SCMP_ACT_ERRNO") == 0 || strcmp(action, "SCMP_ACT_TRACE") == 0;
}

static bool is_notify(const char *action)
{
    return strcmp(action, "SCMP_ACT_NOTIFY") == 0;
}

static int check_syscall(const struct oci_seccomp *s, size_t i, struct hull_error *e)
{
    const struct oci_seccomp_syscall *c = &s->syscalls.v[i];
    if (c->names.n == 0)
        return oci_invalid(e, oci_path("linux.seccomp.syscalls[%zu].names", i),
                           "must not be empty");
    if (c->errnoRet.set && !takes_errno(c->action))
        return oci_invalid(e, oci_path("linux.seccomp.syscalls[%zu].errnoRet", i),
                           "action %s takes no errno", c->action);
    if (is_notify(c->action) && !s->listenerPath)
        return error_at(e, oci_path("linux.seccomp.syscalls[%zu].action", i).text, HULL_E_CONFIG,
                        "seccomp listenerPath is not set");
    for (size_t k = 0; k < c->names.n; k++) {
        if (!*c->names.v[k])
            return error_at(e, oci_path("linux.seccomp.syscalls[%zu].names[%zu]", i, k).text,
                            HULL_E_CONFIG, "empty string is not a valid syscall");
        /* The runtime must write to its peer to hand over the notify descriptor. */
        if (is_notify(c->action) && strcmp(c->names.v[k], "write") == 0)
            return error_at(e, oci_path("linux.seccomp.syscalls[%zu].names[%zu]", i, k).text,
                            HULL_E_CONFIG, "SCMP_ACT_NOTIFY cannot be used for the write syscall");
    }
    for (size_t k = 0; k < c->args.n; k++)
        if (c->args.v[k].index > 5)
            return oci_invalid(e, oci_path("linux.seccomp.syscalls[%zu].args[%zu].index", i, k),
                               "%" PRIu32 " is above 5", c->args.v[k].index);
    return 0;
}

int oci_validate_seccomp(const struct oci_seccomp *s, struct hull_error *e)
{
    /* What Go writes of an empty struct: no filter. */
    if (!s || (!s->defaultAction && s->syscalls.n == 0))
        return 0;
    if (!s->defaultAction)
        return oci_invalid(e, oci_path("linux.seccomp.defaultAction"), "missing required field");
    if (is_notify(s->defaultAction))
        return error_at(e, "linux.seccomp.defaultAction", HULL_E_CONFIG,
                        "SCMP_ACT_NOTIFY cannot be used as default action");
    if (s->defaultErrnoRet.set && !takes_errno(s->defaultAction))
        return oci_invalid(e, oci_path("linux.seccomp.defaultErrnoRet"), "action %s takes no errno",
                           s->defaultAction);
    if (s->listenerMetadata && !s->listenerPath)
        return oci_invalid(e, oci_path("linux.seccomp.listenerMetadata"),
                           "makes no sense without listenerPath");
    for (size_t i = 0; i < s->syscalls.n; i++) {
        int err = check_syscall(s, i, e);
        if (err < 0)
            return err;
    }
    return 0;
}
