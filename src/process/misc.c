/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * The small things of `process`: working directory, session keyring, personality, OOM score,
 * signal dispositions. Each is one or two system calls.
 */
#include "process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include "base/fd.h"
#include "base/sys.h"

int cwd_enter(const char *cwd, struct hull_error *e)
{
    if (chdir(cwd) < 0)
        return error_at(e, "process.cwd", errno, "chdir to cwd (\"%s\") set in config.json failed",
                        cwd);
    /* The raw call: it says "(unreachable)/..." for a directory outside the root (CVE-2024-21626). */
    char real[PATH_MAX];
    if (syscall(SYS_getcwd, real, sizeof(real)) < 0)
        return error_at(e, "process.cwd", errno, "failed to verify if current working directory is safe: getcwd");
    if (real[0] != '/')
        return error_at(e, "process.cwd", HULL_E_INIT,
                        "current working directory is outside of container mount namespace root "
                        "-- possible container breakout detected");
    return 0;
}

int keyring_join(const char *id, struct hull_error *e)
{
    enum { JOIN_SESSION_KEYRING = 1, SETPERM = 5 };
    char name[1100];
    snprintf(name, sizeof(name), "_ses.%s", id);
    long key = sys_keyctl(JOIN_SESSION_KEYRING, (unsigned long)name, 0, 0);
    if (key < 0) {
        /* Kernels without keyrings, or an outer container's filter that hides them. */
        if (errno == ENOSYS || errno == EPERM || errno == EACCES)
            return 0;
        return error_set(e, errno, "unable to join session keyring: unable to create session key");
    }
    /* The kernel's own rights of a new session keyring, and search for the user, so that a later exec
     * as another user can use the ring. A ring of that name that we only joined may refuse. */
    enum { POS_ALL = 0x3f000000, USR_VIEW_READ_LINK = 0x00130000, USR_SEARCH = 0x00080000 };
    (void)sys_keyctl(SETPERM, (unsigned long)key, POS_ALL | USR_VIEW_READ_LINK | USR_SEARCH, 0);
    return 0;
}

static int domain_of(const struct oci_personality *p, unsigned long *ret)
{
    if (strcmp(p->domain, "LINUX") == 0)
        *ret = PER_LINUX;
    else if (strcmp(p->domain, "LINUX32") == 0)
        *ret = PER_LINUX32;
    else
        return -1;
    return 0;
}

int personality_check(const struct oci_personality *p, struct log *log, struct hull_error *e)
{
    unsigned long domain;
    if (domain_of(p, &domain) < 0)
        return error_at(e, "linux.personality.domain", HULL_E_CONFIG, "invalid personality domain %s",
                        p->domain);
    if (p->flags.n > 0)
        log_warning(log, "personality flags are not supported at this time");
    return 0;
}

int personality_set(const struct oci_personality *p, struct hull_error *e)
{
    unsigned long domain = PER_LINUX;
    (void)domain_of(p, &domain);
    if (syscall(SYS_personality, domain) < 0)
        return error_at(e, "linux.personality", errno, "personality");
    return 0;
}

int oom_score_set(int pid, int value, struct hull_error *e)
{
    char path[48], text[16];
    if (pid)
        snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
    else
        snprintf(path, sizeof(path), "/proc/self/oom_score_adj");
    snprintf(text, sizeof(text), "%d", value);
    int r = fd_write_file(AT_FDCWD, path, text);
    if (r < 0)
        return error_at(e, "process.oomScoreAdj", -r, "write to %s", path);
    return 0;
}

void signals_reset(uint64_t ignored)
{
    for (int s = 1; s <= 64 && ignored >> (s - 1); s++)
        if (ignored >> (s - 1) & 1)
            sys_signal_default(s);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}
