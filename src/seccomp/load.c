/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation seccomp(2), in I. Without no_new_privs the kernel asks for CAP_SYS_ADMIN.
 * TSYNC is accepted and not set, as by runc: I has one thread, and execve would end others.
 */
#include <errno.h>
#include <linux/seccomp.h>

#include "base/sys.h"
#include "seccomp/seccomp.h"

unsigned seccomp_flags_supported(unsigned flags)
{
    static const unsigned all[] = {SECCOMP_FLAG_LOG, SECCOMP_FLAG_SPEC_ALLOW,
                                   SECCOMP_FLAG_NEW_LISTENER, SECCOMP_FLAG_WAIT_KILLABLE_RECV};
    unsigned known = 0;
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (!(flags & all[i]))
            continue;
        /* EINVAL: unknown flag; EFAULT: known, but there is no program at NULL. */
        const unsigned with =
            all[i] == SECCOMP_FLAG_WAIT_KILLABLE_RECV ? SECCOMP_FLAG_NEW_LISTENER : 0;
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, all[i] | with, NULL) < 0 &&
            errno == EFAULT)
            known |= all[i];
    }
    return known;
}

int seccomp_install(const struct seccomp_program *p, struct log *log, int *ret_notify_fd,
                    struct hull_error *e)
{
    const unsigned wanted = p->flags_by_default ? seccomp_flags_supported(p->flags) : p->flags;
    const unsigned flags = wanted | (p->has_notify ? (unsigned)SECCOMP_FLAG_NEW_LISTENER : 0);
    struct sock_fprog program = {.len = (unsigned short)p->n, .filter = p->v};
    log_debug(log, "seccomp filter flags: %u", flags);
    long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    if (r < 0 && errno == EINVAL && flags & ~seccomp_flags_supported(flags))
        return error_at(e, "linux.seccomp.flags", errno,
                        "unable to init seccomp: this kernel does not know all of the flags %u",
                        flags);
    if (r < 0)
        return error_at(e, "linux.seccomp", errno,
                        "unable to init seccomp: error loading seccomp filter into kernel: "
                        "error loading seccomp filter");
    *ret_notify_fd = p->has_notify ? (int)r : -1;
    return 0;
}
