/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * I is made by one clone3 and is the container's pid 1 from the start. It inherits P's memory (config
 * and plan) and walks the AT_INIT steps. Nothing of P may stay with it: the first step closes every
 * descriptor that no later step needs, and blanks the environment that /proc/1/environ shows.
 * After SYNC_COMMIT it waits at the gate (create) and executes the program. A failure before COMMIT
 * goes to P; after it to whoever waits at the gate, else as one bare line to stderr, as runc does.
 *
 * The gate is exec.fifo, opened O_RDWR before the pivot: `start` writes one byte that I reads, and
 * then waits until I's end is gone, which execve does (O_CLOEXEC); text in the fifo is I's error.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/sys.h"
#include "dev/console.h"
#include "mount/mount.h"
#include "ns/ns.h"
#include "process/process.h"
#include "run/run.h"
#include "seccomp/seccomp.h"
#include "state/state.h"

static int by_value(const void *a, const void *b)
{
    return *(const int *)a < *(const int *)b ? -1 : *(const int *)a > *(const int *)b;
}

void fds_close_except(int *keep, size_t n, unsigned preserve_fds)
{
    qsort(keep, n, sizeof(*keep), by_value);
    unsigned next = 3 + preserve_fds;
    for (size_t i = 0; i < n; i++) {
        if (keep[i] < (int)next)
            continue;
        if ((unsigned)keep[i] > next)
            (void)sys_close_range(next, (unsigned)keep[i] - 1, 0);
        next = (unsigned)keep[i] + 1;
    }
    (void)sys_close_range(next, ~0u, 0);
}

void environment_blank(void)
{
    for (char **v = environ; v && *v; v++)
        memset(*v, 0, strlen(*v));
}

/*
 * The host's procfs, while no mount of the container can be in front of it. With a user namespace given
 * by path we are in the mount namespace of that configuration already, whose /proc is not ours to trust.
 */
static int open_proc(struct launch *l, struct hull_error *e)
{
    if (l->ns_path[NS_USER] && l->ns_path[NS_MOUNT]) {
        l->proc_fd = proc_open_private();
        return l->proc_fd < 0 ? error_set(e, -l->proc_fd, "open a procfs in the mount namespace %s",
                                          l->ns_path[NS_MOUNT])
                              : 0;
    }
    l->proc_fd = openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return l->proc_fd < 0 ? error_set(e, errno, "open /proc") : 0;
}

int init_step_begin(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    log_debug(l->log, "child process in init()"); /* scripts look for runc's words */
    const size_t sources = l->source_fds ? l->config->mounts.n : 0;
    /* With a user namespace only P can use these. */
    const size_t maps = l->idmap_fds && !l->has_ns[NS_USER] ? l->config->mounts.n : 0;
    int *keep = arena_array(l->arena, NS_COUNT + 7 + sources + maps, sizeof(*keep));
    size_t n = 0;
    if (!keep)
        return error_oom(e);
    int r = stdio_attach(l, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < sources; i++)
        keep[n++] = l->source_fds[i];
    for (size_t i = 0; i < maps; i++)
        keep[n++] = l->idmap_fds[i];
    for (int i = 0; i < NS_COUNT; i++)
        keep[n++] = l->ns_fd[i];
    keep[n++] = l->sync_fd;
    keep[n++] = l->fifo_fd;
    keep[n++] = l->console_sock;
    keep[n++] = l->bundle_fd;
    keep[n++] = l->proc_fd;
    keep[n++] = l->join_pidfd;
    keep[n++] = l->join_root;
    fds_close_except(keep, n, l->options->preserve_fds);
    l->state_fd = l->root_fd = l->signal_fd = l->peer_fd = l->init_pidfd = -1;
    fd_close(&l->proc_fd);
    if (!l->staged && open_proc(l, e) < 0)
        return -e->code;
    /* The death of P before COMMIT must end us; its end of the socket tells it too, but not while we block. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return error_set(e, errno, "prctl(PR_SET_PDEATHSIG)");
    if (setsid() < 0)
        return error_set(e, errno, "setsid");
    /* Unprivileged P has to write our maps, which it may only while we are dumpable. */
    if (!(l->rootless && l->has_ns[NS_USER]) && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return error_set(e, errno, "prctl(PR_SET_DUMPABLE)");
    environment_blank();
    return 0;
}

int init_step_mount_with_parent(struct launch *l, const struct step *s, struct hull_error *e)
{
    int r = mount_clone_below(l, s, e);
    if (r == 0)
        r = sync_send_tree(l, l->source_fds[s->index], e);
    if (r == 0)
        r = sync_await_init(l, SYNC_IDMAPPED, e);
    return r < 0 ? r : mount_step_mount(l, s, e);
}

int init_step_console(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    _cleanup_close_ int master = -1;
    _cleanup_close_ int slave = -1;
    int r = console_open(l, &master, &slave, e);
    if (r < 0)
        return r;
    if (l->console_sock >= 0) {
        r = fd_send(l->console_sock, master, "/dev/ptmx", strlen("/dev/ptmx"));
        if (r < 0)
            return error_set(e, -r, "send the terminal to the console socket");
        fd_close(&l->console_sock);
    } else {
        r = sync_send_console(l, master, e);
        if (r < 0)
            return r;
    }
    if (l->has_ns[NS_MOUNT] && l->rootfs) {
        r = console_bind(l, slave, e);
        if (r < 0)
            return r;
    }
    return console_adopt(slave, e);
}

static void end(int sig)
{
    sys_exit(128 + sig);
}

static void nothing(int sig)
{
    (void)sig;
}

/*
 * What the program starts with, and what holds until then; execve takes the handlers away again. A
 * created container can be killed: pid 1 gets a signal from outside only if it has a handler for it. A
 * hook or a peer that does not read is no reason to die.
 */
static void signals_ready(const struct launch *l)
{
    static const int deadly[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    const struct sigaction act = {.sa_handler = end}, none = {.sa_handler = nothing};
    (void)sigaction(SIGPIPE, &none, NULL);
    for (size_t i = 0; l->fifo_fd >= 0 && i < COUNT_OF(deadly); i++)
        (void)sigaction(deadly[i], &act, NULL);
    signals_reset(l->ignored & ~(UINT64_C(1) << (SIGPIPE - 1)));
}

/* Waits for `start`; never returns without being told to go. */
static void gate(struct launch *l)
{
    char byte;
    ssize_t n;
    do
        n = read(l->fifo_fd, &byte, 1);
    while (n < 0 && errno == EINTR);
    if (n != 1)
        sys_exit(1);
}

/* After COMMIT: to the one who waits (start or run), or to stderr as one bare line. */
static void fail_late(struct launch *l, const struct hull_error *e, bool to_waiter)
    __attribute__((noreturn));
static void fail_late(struct launch *l, const struct hull_error *e, bool to_waiter)
{
    if (to_waiter && l->fifo_fd >= 0) {
        (void)fd_write_all(l->fifo_fd, e->text, strlen(e->text));
    } else if (to_waiter && l->sync_fd >= 0) {
        sync_send_error(l, e);
    } else {
        char line[sizeof(e->text) + 1];
        int n = snprintf(line, sizeof(line), "%s\n", e->text);
        (void)fd_write_all(2, line, (size_t)n);
    }
    sys_exit(255);
}

static void start_container_hooks(struct launch *l)
{
    const struct oci_hook_list *hooks = hooks_of(l->config, HOOK_START_CONTAINER);
    if (!hooks)
        return;
    struct hull_error err = {0};
    struct hook_run run = {.kind = HOOK_START_CONTAINER, .env = l->env};
    struct oci_state st = {.ociVersion = (char *)HULL_SPEC_VERSION, .id = (char *)l->id,
                           .status = (char *)"created", .pid = {true, getpid()},
                           .bundle = (char *)l->bundle, .annotations = l->config->annotations};
    run.state = state_hook_json(&st, l->arena);
    if (!run.state || hooks_run(hooks, &run, &err) < 0)
        fail_late(l, &err, true);
}

int init_step_ready(struct launch *l, const struct step *s, struct hull_error *e)
{
    int keep[] = {l->sync_fd, l->fifo_fd};
    const unsigned preserve = l->options->preserve_fds;
    (void)s;
    log_debug(l->log, "%s", l->join_pid > 0 ? "setns_init: about to exec"
                                      : "init: closing the pipe to signal completion");
    fds_close_except(keep, COUNT_OF(keep), preserve);
    fd_close_forget();
    l->rootfs_fd = l->masks_fd = l->proc_fd = l->dev_null_fd = -1;
    /* What is open now and not preserved has FD_CLOEXEC: nothing is left to do for it after the filter. */
    for (unsigned i = 0; i < preserve; i++) {
        int flags = fcntl(3 + (int)i, F_GETFD);
        if (flags > 0)
            (void)fcntl(3 + (int)i, F_SETFD, flags & ~FD_CLOEXEC);
    }
    signals_ready(l);
    /* P may be gone the moment it has sent COMMIT; until then end of file on the socket ends us. */
    if (prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) < 0)
        return error_set(e, errno, "prctl(PR_SET_PDEATHSIG)");
    return 0;
}

int init_step_seccomp(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    int r = seccomp_install(l->seccomp, l->log, &l->seccomp_fd, e);
    return r < 0 || l->seccomp_fd < 0 ? r : sync_send_seccomp(l, e);
}

/* Whether the program's filter lets us look for the reason: a call that it kills for would cost the message. */
static bool may_look(const struct launch *l)
{
    static const int calls[] = {SYS_openat, SYS_close, SYS_pread64, SYS_faccessat2, SYS_readlinkat, SYS_statfs, SYS_uname,
#ifdef SYS_open
                                SYS_open, SYS_stat, SYS_readlink,
#endif
#ifdef SYS_newfstatat
                                SYS_newfstatat,
#endif
                                SYS_fstat};
    const uint64_t any[6] = {0};
    for (size_t i = 0; l->seccomp && i < COUNT_OF(calls); i++)
        if (!seccomp_allows(l->seccomp, calls[i], any))
            return false;
    return true;
}

/*
 * execve has failed: one line with the reason before runc's words, which others match on. When the
 * interpreter of a script is not there, the output of `run` has to be these words alone (callers compare
 * it), and the reason goes to P's log.
 */
static void refused(struct launch *l, int err) __attribute__((noreturn));
static void refused(struct launch *l, int err)
{
    struct hull_error e;
    char why[EXEC_WHY_MAX] = "";
    const bool quiet = err == ENOENT && l->run && l->join_pid == 0;
    if (may_look(l) && exec_why(l->argv0_path, err, why, sizeof(why)) && quiet) {
        log_line(l->log, HULL_LOG_INFO, "%s", why);
        why[0] = '\0';
    }
    error_set(&e, err, "%s%sexec %s", why, *why ? ": " : "", l->argv0_path);
    fail_late(l, &e, false);
}

int init_step_exec(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    (void)e;
    fd_close(&l->seccomp_fd); /* P has it: COMMIT came after */
    if (l->fifo_fd >= 0) {
        fd_close(&l->sync_fd);
        gate(l);
    }
    start_container_hooks(l);
    const struct oci_process *p = l->config->process;
    execve(l->argv0_path, p->args.v, l->env);
    refused(l, errno);
}

void init_main(struct launch *l, const struct plan *p)
{
    struct hull_error err = {0};
    struct log log;
    sync_log_to_parent(l, &log);
    size_t done;
    /* It returns only on failure, since the last step does not; but where no program is run (mounts). */
    if (plan_execute(l, p, AT_INIT, &done, &err) == 0)
        sys_exit(0);
    mount_take_back(l);
    sync_send_error(l, &err);
    sys_exit(1);
}
