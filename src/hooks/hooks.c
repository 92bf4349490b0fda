/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * A hook gets the state as JSON on its standard input and must not be able to block the runtime: it
 * may ignore its input (EPIPE is no error), write without end, leave grandchildren that hold its
 * pipes, or run over its timeout. So the pipes are non-blocking, one poll loop serves them together
 * with a pidfd of the hook, and when the hook itself has ended only what is already in the pipe is
 * read. At the timeout its whole process group is killed.
 */
#include "hooks/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/fd.h"
#include "base/sys.h"
#include "oci/annotations.h"

static const char *const names[HOOK_KIND_COUNT] = {
    [HOOK_PRESTART] = "prestart",
    [HOOK_CREATE_RUNTIME] = "createRuntime",
    [HOOK_CREATE_CONTAINER] = "createContainer",
    [HOOK_START_CONTAINER] = "startContainer",
    [HOOK_POSTSTART] = "poststart",
    [HOOK_POSTSTOP] = "poststop",
};

const char *hook_name(enum hook_kind k)
{
    return names[k];
}

const struct oci_hook_list *hooks_of(const struct oci_config *c, enum hook_kind k)
{
    if (!c->hooks)
        return NULL;
    const struct oci_hook_list *const lists[HOOK_KIND_COUNT] = {
        [HOOK_PRESTART] = &c->hooks->prestart,
        [HOOK_CREATE_RUNTIME] = &c->hooks->createRuntime,
        [HOOK_CREATE_CONTAINER] = &c->hooks->createContainer,
        [HOOK_START_CONTAINER] = &c->hooks->startContainer,
        [HOOK_POSTSTART] = &c->hooks->poststart,
        [HOOK_POSTSTOP] = &c->hooks->poststop,
    };
    return lists[k]->n > 0 ? lists[k] : NULL;
}

int hooks_check(const struct oci_config *c, struct hull_error *e)
{
    for (int k = 0; k < HOOK_KIND_COUNT; k++) {
        const struct oci_hook_list *h = hooks_of(c, (enum hook_kind)k);
        for (size_t i = 0; h && i < h->n; i++) {
            char where[64];
            snprintf(where, sizeof(where), "hooks.%s[%zu]", names[k], i);
            if (h->v[i].path[0] != '/')
                return error_at(e, where, HULL_E_CONFIG, "%s.path: \"%s\" is not an absolute path",
                                where, h->v[i].path);
            if (h->v[i].timeout.set && h->v[i].timeout.v <= 0)
                return error_at(e, where, HULL_E_CONFIG, "%s.timeout: must be above 0, got %lld",
                                where, (long long)h->v[i].timeout.v);
        }
    }
    return 0;
}

void hooks_output(const struct oci_config *c, struct hook_run *r)
{
    r->stdout_file = oci_annotation(c, ANNOTATION_HOOKS_STDOUT);
    r->stderr_file = oci_annotation(c, ANNOTATION_HOOKS_STDERR);
}

/*
 * For a hook without env: runc hands the runtime's own environment to those that run on the host, and
 * they rely on PATH, HOME and proxies in it. Inside the container nothing of the host may show.
 */
static char *const *default_env(enum hook_kind k)
{
    static char *const none[] = {NULL};
    return k == HOOK_CREATE_CONTAINER || k == HOOK_START_CONTAINER ? none : environ;
}

/* Everything that the hook's process does before its program; reports errno through report_fd. */
static void child(const struct oci_hook *h, const struct hook_run *r, int in, int out, int err,
                  int report_fd) __attribute__((noreturn));
static void child(const struct oci_hook *h, const struct hook_run *r, int in, int out, int err,
                  int report_fd)
{
    setpgid(0, 0);
    for (int s = 1; s <= 64; s++)
        sys_signal_default(s);
    sigset_t empty;
    sigemptyset(&empty);
    sigprocmask(SIG_SETMASK, &empty, NULL);
    char *argv_default[] = {h->path, NULL};
    char *const *env = h->env.v ? h->env.v : r->env ? r->env : default_env(r->kind);
    /* Lists of the arena have a NULL behind their last element. */
    char **argv = h->args.n > 0 ? h->args.v : argv_default;
    int failed = 0;
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
        failed = errno;
    if (!failed && r->cwd && chdir(r->cwd) < 0)
        failed = errno;
    if (!failed) {
        (void)sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
        execve(h->path, argv, env);
        failed = errno;
    }
    (void)!write(report_fd, &failed, sizeof(failed));
    _exit(127);
}

struct capture { char text[1024]; size_t len; int fd; };

static void drain(struct capture *c)
{
    char waste[4096];
    for (;;) {
        const size_t room = sizeof(c->text) - 1 - c->len;
        ssize_t n = room > 0 ? read(c->fd, c->text + c->len, room) : read(c->fd, waste, sizeof(waste));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            fd_close(&c->fd);
            return;
        }
        if (room > 0)
            c->len += (size_t)n;
    }
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct running {
    pid_t          pid;
    int            pidfd, in;      /* in: write end of its stdin */
    const char    *state;
    size_t         left;
    struct capture out, err;
};

static void feed(struct running *h)
{
    while (h->left > 0) {
        /* SIGPIPE is blocked in P and in I during their set-up. */
        ssize_t n = write(h->in, h->state, h->left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            break;
        h->state += n;
        h->left -= (size_t)n;
    }
    fd_close(&h->in);
}

/* Serves the pipes until the hook ends; -ETIMEDOUT at its timeout, -EINTR when we are to end. */
static int serve(struct running *h, const struct opt_i64 *timeout, int interrupt_fd)
{
    const int64_t limit = timeout->v > INT64_MAX / 4000 ? INT64_MAX / 4000 : timeout->v;
    const int64_t deadline = timeout->set ? now_ms() + limit * 1000 : INT64_MAX;
    for (;;) {
        struct pollfd p[] = {
            {.fd = h->pidfd, .events = POLLIN},
            {.fd = h->in, .events = POLLOUT},
            {.fd = h->out.fd, .events = POLLIN},
            {.fd = h->err.fd, .events = POLLIN},
            {.fd = interrupt_fd > 0 ? interrupt_fd : -1, .events = POLLIN},
        };
        int64_t left = timeout->set ? deadline - now_ms() : -1;
        if (timeout->set && left <= 0)
            return -ETIMEDOUT;
        int n = poll(p, COUNT_OF(p), left > 1000000 ? 1000000 : (int)left);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n <= 0)
            continue;
        if (p[4].revents)
            return -EINTR;
        if (p[1].revents)
            feed(h);
        if (p[2].revents)
            drain(&h->out);
        if (p[3].revents)
            drain(&h->err);
        if (p[0].revents) {
            drain(&h->out);
            drain(&h->err);
            return 0;
        }
    }
}

static const char *signal_phrase(int sig)
{
    static const char *const text[] = {
        [SIGHUP] = "hangup", [SIGINT] = "interrupt", [SIGQUIT] = "quit",
        [SIGILL] = "illegal instruction", [SIGTRAP] = "trace/breakpoint trap",
        [SIGABRT] = "aborted", [SIGBUS] = "bus error", [SIGFPE] = "floating point exception",
        [SIGKILL] = "killed", [SIGUSR1] = "user defined signal 1",
        [SIGSEGV] = "segmentation fault", [SIGUSR2] = "user defined signal 2",
        [SIGPIPE] = "broken pipe", [SIGALRM] = "alarm clock", [SIGTERM] = "terminated",
        [SIGSYS] = "bad system call",
    };
    return sig > 0 && (size_t)sig < COUNT_OF(text) && text[sig] ? text[sig] : "signal";
}

static void trim(struct capture *c)
{
    c->text[c->len] = '\0';
    /* One line in the log: line ends become blanks. */
    for (size_t i = 0; i < c->len; i++)
        if (c->text[i] == '\n' || c->text[i] == '\r' || c->text[i] == '\0')
            c->text[i] = i + 1 == c->len ? '\0' : ' ';
}

static int verdict(struct running *h, const struct oci_hook *hook, int served, int failed,
                   struct hull_error *e)
{
    int status = 0;
    if (served < 0) {
        kill(-h->pid, SIGKILL);
        (void)sys_pidfd_send_signal(h->pidfd, SIGKILL); /* it may have left its group */
    }
    while (waitpid(h->pid, &status, 0) < 0)
        if (errno != EINTR)
            return error_set(e, errno, "waiting for the hook");
    trim(&h->out);
    trim(&h->err);
    if (served == -ETIMEDOUT)
        return error_set(e, HULL_E_INIT, "hook ran past specified timeout of %.1fs", (double)hook->timeout.v);
    if (served == -EINTR)
        return error_set(e, HULL_E_INTERRUPTED, "interrupted by a signal");
    if (served < 0)
        return error_set(e, -served, "poll");
    if (failed)
        return error_set(e, failed, "fork/exec %s", hook->path);
    if (WIFSIGNALED(status))
        return error_set(e, HULL_E_INIT, "signal: %s%s, stdout: %s, stderr: %s", signal_phrase(WTERMSIG(status)),
                         WCOREDUMP(status) ? " (core dumped)" : "", h->out.text, h->err.text);
    if (WEXITSTATUS(status) != 0)
        return error_set(e, HULL_E_INIT, "exit status %d, stdout: %s, stderr: %s",
                         WEXITSTATUS(status), h->out.text, h->err.text);
    return 0;
}

/* A pipe, or with a file one whose write end is the file: it stays empty. */
static int open_pipe(int p[2], const char *file, struct hull_error *e)
{
    if (pipe2(p, O_CLOEXEC) < 0)
        return error_set(e, errno, "pipe");
    if (!file || !*file)
        return 0;
    const int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0700);
    if (fd < 0)
        return error_at(e, "annotations", errno, "open %s", file);
    close(p[1]);
    p[1] = fd;
    return 0;
}

static int run_one(const struct oci_hook *hook, const struct hook_run *r, struct hull_error *e)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1}, report[2] = {-1, -1};
    struct running h = {.pid = -1, .pidfd = -1, .in = -1, .state = r->state, .left = strlen(r->state),
                        .out.fd = -1, .err.fd = -1};
    int result, failed = 0;
    if (open_pipe(in, NULL, e) < 0 || open_pipe(report, NULL, e) < 0 ||
        open_pipe(out, r->stdout_file, e) < 0 || open_pipe(err, r->stderr_file, e) < 0) {
        result = -e->code;
        goto out;
    }
    struct clone_args args = {
        .flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&h.pidfd, .exit_signal = SIGCHLD};
    h.pid = sys_clone3(&args, sizeof(args));
    if (h.pid == 0)
        child(hook, r, in[0], out[1], err[1], report[1]);
    if (h.pid < 0) {
        result = error_set(e, errno, "fork");
        goto out;
    }
    setpgid(h.pid, h.pid);
    fd_close(&in[0]);
    fd_close(&out[1]);
    fd_close(&err[1]);
    fd_close(&report[1]);
    h.in = TAKE_FD(in[1]);
    h.out.fd = TAKE_FD(out[0]);
    h.err.fd = TAKE_FD(err[0]);
    fcntl(h.in, F_SETFL, O_NONBLOCK);
    fcntl(h.out.fd, F_SETFL, O_NONBLOCK);
    fcntl(h.err.fd, F_SETFL, O_NONBLOCK);
    int served = serve(&h, &hook->timeout, r->interrupt_fd);
    /* The write end is gone when the child is: this read does not block. */
    if (served == 0 && read(report[0], &failed, sizeof(failed)) != sizeof(failed))
        failed = 0;
    result = verdict(&h, hook, served, failed, e);
out:
    for (int i = 0; i < 2; i++) {
        fd_close(&in[i]);
        fd_close(&out[i]);
        fd_close(&err[i]);
        fd_close(&report[i]);
    }
    fd_close(&h.pidfd);
    fd_close(&h.in);
    fd_close(&h.out.fd);
    fd_close(&h.err.fd);
    return result;
}

int hooks_run(const struct oci_hook_list *hooks, const struct hook_run *r, struct hull_error *e)
{
    for (size_t i = 0; i < hooks->n; i++) {
        if (run_one(&hooks->v[i], r, e) == 0)
            continue;
        error_prefix(e, "error running %s hook #%zu", names[r->kind], i);
        snprintf(e->where, sizeof(e->where), "hooks.%s[%zu]", names[r->kind], i);
        if (!r->go_on)
            return -e->code;
        log_warning(r->log, "%s", e->text);
    }
    return 0;
}
