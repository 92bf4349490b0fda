/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * config.md, process.capabilities. Order in the process: the bounding set first (needs
 * CAP_SETPCAP), then the change of user with PR_SET_KEEPCAPS, then permitted, effective and
 * inheritable by one capset(2), ambient last (a capability must be permitted and inheritable to be
 * raised). An absent `capabilities` means none at all. The inheritable set is never filled beyond
 * the config (CVE-2022-29162). What the kernel does not know or we do not hold is a warning, not a
 * failure, as the spec asks.
 */
#include "process/process.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <strings.h>
#include "base/sys.h"

/* In the order of linux/capability.h. */
static const char *const names[] = {
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
    "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER",
    "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
};

int caps_number(const char *name)
{
    if (strncasecmp(name, "CAP_", 4) == 0)
        name += 4;
    for (unsigned i = 0; i < COUNT_OF(names); i++)
        if (strcasecmp(names[i] + 4, name) == 0)
            return (int)i;
    return -1;
}

const char *caps_name(unsigned number)
{
    return number < COUNT_OF(names) ? names[number] : NULL;
}

/* Adds the names of unknown ones to the list "unknown", each once. */
static uint64_t to_mask(const struct oci_strs *list, char *unknown, size_t cap)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < list->n; i++) {
        int n = caps_number(list->v[i]);
        if (n >= 0) {
            mask |= UINT64_C(1) << n;
        } else if (!strstr(unknown, list->v[i])) {
            size_t used = strlen(unknown);
            if (used + strlen(list->v[i]) + 2 < cap) {
                if (used > 0)
                    unknown[used++] = ' ';
                memcpy(unknown + used, list->v[i], strlen(list->v[i]) + 1);
            }
        }
    }
    return mask;
}

void caps_from_config(const struct oci_capabilities *c, struct log *log, struct cap_sets *ret)
{
    *ret = (struct cap_sets){0};
    if (!c)
        return;
    char unknown[1024] = "";
    ret->bounding = to_mask(&c->bounding, unknown, sizeof(unknown));
    ret->effective = to_mask(&c->effective, unknown, sizeof(unknown));
    ret->permitted = to_mask(&c->permitted, unknown, sizeof(unknown));
    ret->inheritable = to_mask(&c->inheritable, unknown, sizeof(unknown));
    ret->ambient = to_mask(&c->ambient, unknown, sizeof(unknown));
    if (unknown[0])
        log_warning(log, "ignoring unknown or unavailable capabilities: [%s]", unknown);
}

static int get(uint64_t *ret_permitted, uint64_t *ret_inheritable)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct d[2];
    if (syscall(SYS_capget, &h, d) < 0)
        return -errno;
    *ret_permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
    *ret_inheritable = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
    return 0;
}

int caps_set_bounding(uint64_t mask, struct hull_error *e)
{
    /* The kernel may know capabilities that our table does not: EINVAL ends the list. */
    for (int i = 0; i < 64; i++) {
        if (mask & UINT64_C(1) << i)
            continue;
        if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0) {
            if (errno == EINVAL)
                break;
            return error_set(e, errno, "unable to apply bounding set: drop %s",
                             caps_name((unsigned)i) ? caps_name((unsigned)i) : "capability");
        }
    }
    return 0;
}

static void raise_ambient(uint64_t ambient, struct log *log)
{
    for (int i = 0; i < 64; i++)
        if (ambient & UINT64_C(1) << i &&
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
            log_warning(log, "can't raise ambient capability %s: %s",
                        caps_name((unsigned)i) ? caps_name((unsigned)i) : "?", errno_text(errno));
}

static int apply(const struct cap_sets *s, uint64_t more, struct hull_error *e)
{
    const uint64_t permitted = s->permitted | more, effective = s->effective | more;
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct d[2] = {
        {(uint32_t)effective, (uint32_t)permitted, (uint32_t)s->inheritable},
        {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(s->inheritable >> 32)},
    };
    return syscall(SYS_capset, &h, d) < 0 ? error_set(e, errno, "unable to apply caps") : 0;
}

int caps_reduce(const struct cap_sets *s, struct hull_error *e)
{
    return apply(s, 0, e);
}

int caps_set(struct cap_sets *s, uint64_t keep, struct log *log, struct hull_error *e)
{
    uint64_t have = 0, have_inheritable = 0;
    int r = get(&have, &have_inheritable);
    if (r < 0)
        return error_set(e, -r, "unable to apply caps: capget");
    const uint64_t lack = (s->permitted | s->effective) & ~have;
    for (unsigned i = 0; i < 64; i++)
        if (lack & UINT64_C(1) << i)
            log_warning(log, "capability %s can't be granted: the runtime does not have it",
                        caps_name(i) ? caps_name(i) : "?");
    s->permitted &= have;
    s->effective &= s->permitted;
    /* Beyond our permitted set the kernel wants inheritable ones to be in the old one or CAP_SETPCAP. */
    s->inheritable &= have | have_inheritable;
    r = apply(s, keep & have, e);
    if (r < 0)
        return r;
    /* What is not inheritable any more has left the ambient set by itself. */
    if (s->inheritable != 0 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
        return error_set(e, errno, "unable to apply caps: clear the ambient set");
    raise_ambient(s->ambient, log);
    return 0;
}
