/* SPDX-License-Identifier: Apache-2.0 */
/* hull_kill and signal names. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fd.h"
#include "base/sys.h"
#include "lib/runtime.h"

static const struct { const char *name; int number; } signals[] = {
    {"ABRT", SIGABRT}, {"ALRM", SIGALRM}, {"BUS", SIGBUS},   {"CHLD", SIGCHLD}, {"CLD", SIGCHLD},
    {"CONT", SIGCONT}, {"FPE", SIGFPE},   {"HUP", SIGHUP},   {"ILL", SIGILL},   {"INT", SIGINT},
    {"IO", SIGIO},     {"IOT", SIGIOT},   {"KILL", SIGKILL}, {"PIPE", SIGPIPE}, {"POLL", SIGIO},
    {"PROF", SIGPROF}, {"PWR", SIGPWR},   {"QUIT", SIGQUIT}, {"SEGV", SIGSEGV}, {"STKFLT", SIGSTKFLT},
    {"STOP", SIGSTOP}, {"SYS", SIGSYS},   {"TERM", SIGTERM}, {"TRAP", SIGTRAP}, {"TSTP", SIGTSTP},
    {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU}, {"URG", SIGURG},   {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
    {"VTALRM", SIGVTALRM}, {"WINCH", SIGWINCH}, {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},
};

/* "MIN+3", "MAX-2": the kernel's real-time signals 34 (as libcs count) to 64. */
static int real_time(const char *s)
{
    enum { RT_MIN = 34, RT_MAX = 64 };
    int base = strncasecmp(s, "MIN", 3) == 0 ? RT_MIN : strncasecmp(s, "MAX", 3) == 0 ? RT_MAX : -1;
    if (base < 0)
        return -1;
    s += 3;
    if (*s == '\0')
        return base;
    if (*s != (base == RT_MIN ? '+' : '-'))
        return -1;
    char *end;
    long n = strtol(s + 1, &end, 10);
    if (end == s + 1 || *end || n < 0 || n > RT_MAX - RT_MIN)
        return -1;
    return base == RT_MIN ? RT_MIN + (int)n : RT_MAX - (int)n;
}

int hull_signal_number(const char *name)
{
    if (name[0] >= '0' && name[0] <= '9') {
        char *end;
        errno = 0;
        long n = strtol(name, &end, 10);
        return errno || *end || n > 64 ? -1 : (int)n;
    }
    if (strncasecmp(name, "SIG", 3) == 0)
        name += 3;
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        if (strcasecmp(signals[i].name, name) == 0)
            return signals[i].number;
    return strncasecmp(name, "RT", 2) == 0 ? real_time(name + 2) : -1;
}

int hull_kill(hull_runtime *rt, const char *id, int sig, unsigned flags, struct hull_error *e)
{
    _cleanup_container_ struct container c = CONTAINER_INIT;
    int r = container_open(rt, id, 0, &c, e);
    if (r < 0)
        return r;
    const bool all = flags & HULL_KILL_ALL;
    /* Without a pid namespace of its own the end of init ends nobody else: KILL goes to everyone. */
    if (sig == SIGKILL && !c.state->private_pid_namespace) {
        r = cgroup_kill_all(c.cgroup, sig, e);
        if (r != -ENOENT)
            return r;
    }
    _cleanup_close_ int fd = container_pidfd(&c, e);
    if (fd < 0)
        return all ? 0 : -e->code;
    if (sys_pidfd_send_signal(fd, sig) < 0) {
        if (errno == ESRCH)
            return all ? 0 : error_set(e, HULL_E_STATE, "container not running");
        return error_set(e, errno, "error sending signal %d to container", sig);
    }
    /* A frozen process takes its SIGKILL only after it is thawed. */
    if (sig == SIGKILL && c.status == STATUS_PAUSED)
        (void)cgroup_freeze(c.cgroup, false, e);
    return 0;
}
