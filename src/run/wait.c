/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * run and exec in the foreground: one poll loop over a signalfd, the pidfd of the process and, with a
 * terminal, stdin and the pty master. Signals go on to the process, SIGWINCH sets the size of its
 * terminal, SIGCHLD reaps. When the process has ended, what the pty still holds is copied before we
 * return: the kernel flushes a pty's buffer at poll and read, so reading until there is nothing, or
 * EIO because no slave is open, loses nothing (but a background process may keep the slave open).
 * While the process lives, EIO says nothing: it may open its terminal again. So we hold a slave of our
 * own until it has ended. Without any the master would report POLLHUP all the time and refuse input.
 * Stdout is written to when poll says so and by PIPE_BUF bytes at most, which a pipe then has room for:
 * whoever reads slowly, or not at all, keeps the process waiting on its terminal, but not us, who have
 * signals to forward. To set O_NONBLOCK would change it for all who share stdout; it may be set, though.
 * A terminal may have less room than that, but can be opened anew, and that description is only ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "run/relay.h"
#include "run/run.h"

struct loop {
    struct foreground *f;
    bool   ended;
    bool   stop;               /* a signal came that asks us to end, when the process had ended */
    int    status;
    int    slave;              /* our own, or -1 */
    bool   stdin_open, stdout_open;
    char   in[8192];           /* stdin -> master, what the pty did not take yet */
    size_t in_len;
    int    out_fd;             /* 1, or a description of our own of the same terminal */
    char   out[PIPE_BUF];      /* master -> stdout, what that did not take yet */
    size_t out_len;
    struct relay relay[3];     /* without a terminal */
    bool   restore;
    struct termios saved;
};

static void resize(const struct foreground *f)
{
    struct winsize w;
    if (f->master >= 0 && ioctl(0, TIOCGWINSZ, &w) == 0)
        (void)ioctl(f->master, TIOCSWINSZ, &w);
}

static void reap(struct loop *p)
{
    int status;
    pid_t pid;
    while (!p->ended && (pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != p->f->pid)
            continue;
        p->ended = true;
        p->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
}

static void signals(struct loop *p)
{
    struct signalfd_siginfo si;
    while (read(p->f->signal_fd, &si, sizeof(si)) == sizeof(si)) {
        switch (si.ssi_signo) {
        case SIGCHLD: /* the pidfd tells too, but not about adopted children */
            reap(p);
            break;
        case SIGWINCH:
            resize(p->f);
            break;
        case SIGURG:
        case SIGPIPE:
            break;
        case SIGHUP:
        case SIGINT:
        case SIGQUIT:
        case SIGTERM:
            p->stop = p->ended;
            /* fall through */
        default:
            (void)sys_pidfd_send_signal(p->f->pidfd, (int)si.ssi_signo);
        }
    }
}

/* One read's worth from the pty; false: nothing more there. */
static bool output_read(struct loop *p)
{
    ssize_t n = read(p->f->master, p->out, sizeof(p->out));
    if (n < 0 && errno == EINTR)
        return true;
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            fd_close(&p->f->master);
        return false;
    }
    if (p->stdout_open) /* else the reader is gone, and the process must not block on its terminal */
        p->out_len = (size_t)n;
    return true;
}

static void output_write(struct loop *p)
{
    ssize_t n = write(p->out_fd, p->out, p->out_len);
    if (n >= 0) {
        p->out_len -= (size_t)n;
        memmove(p->out, p->out + n, p->out_len);
    } else if (errno != EAGAIN && errno != EINTR) {
        p->out_len = 0;
        p->stdout_open = false;
    }
}

static void input_read(struct loop *p)
{
    ssize_t n = read(0, p->in, sizeof(p->in));
    if (n > 0)
        p->in_len = (size_t)n;
    else if (n == 0 || (errno != EINTR && errno != EAGAIN)) /* EAGAIN: another reader was faster */
        p->stdin_open = false;
}

static void input_write(struct loop *p)
{
    ssize_t n = write(p->f->master, p->in, p->in_len);
    if (n > 0) {
        p->in_len -= (size_t)n;
        memmove(p->in, p->in + n, p->in_len);
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        p->in_len = 0;
        p->stdin_open = false;
    }
}

static int turn(struct loop *p, struct hull_error *e)
{
    const bool tty = p->f->master >= 0;
    const short want = (short)((p->out_len == 0 ? POLLIN : 0) | (p->in_len > 0 ? POLLOUT : 0));
    struct pollfd v[12] = {
        {.fd = p->f->signal_fd, .events = POLLIN},
        {.fd = p->f->pidfd, .events = POLLIN},
        {.fd = tty && p->stdin_open && p->in_len == 0 ? 0 : -1, .events = POLLIN},
        {.fd = want ? p->f->master : -1, .events = want},
        {.fd = p->f->notified ? p->f->notify_fd : -1, .events = POLLIN},
        {.fd = p->out_len > 0 ? p->out_fd : -1, .events = POLLOUT},
    };
    for (int i = 0; i < 3; i++)
        relay_poll(&p->relay[i], v + 6 + 2 * i);
    if (poll(v, COUNT_OF(v), -1) < 0)
        return errno == EINTR ? 0 : error_set(e, errno, "poll");
    if (v[0].revents)
        signals(p);
    for (int i = 0; i < 3; i++)
        relay_serve(&p->relay[i], v + 6 + 2 * i);
    if (v[2].revents)
        input_read(p);
    if (tty && v[3].revents & POLLOUT)
        input_write(p);
    if (v[5].revents)
        output_write(p);
    else if (tty && p->out_len == 0 && v[3].revents & (POLLIN | POLLHUP | POLLERR))
        (void)output_read(p);
    if (v[4].revents && p->f->notified)
        p->f->notified(p->f->notify_fd, p->f->pid);
    if (v[1].revents) {
        reap(p);
        /* Somebody else has waited for it: its status is lost, but it has ended. */
        if (!p->ended && waitid(P_PIDFD, (id_t)p->f->pidfd, &(siginfo_t){0}, WEXITED | WNOWAIT | WNOHANG) < 0 &&
            errno == ECHILD) {
            p->ended = true;
            p->status = 255;
        }
    }
    return 0;
}

/* What there still is when the process has ended, however long its reader takes. */
static void drain(struct loop *p)
{
    while (p->out_len > 0 || p->f->master >= 0) {
        struct pollfd in = {.fd = p->f->master, .events = POLLIN}, out = {.fd = p->out_fd, .events = POLLOUT};
        if (p->out_len > 0) {
            if (poll(&out, 1, -1) > 0)
                output_write(p);
        } else if (poll(&in, 1, 0) <= 0 || !output_read(p)) {
            break;
        }
    }
}

/*
 * Until everybody has closed the container's output, as runc: also those that the process has left
 * behind may still write. Who waits for us can end that.
 */
static int drain_relays(struct loop *p, struct hull_error *e)
{
    fd_close(p->relay[0].pipe);
    while (!p->stop && (relay_is_open(&p->relay[1]) || relay_is_open(&p->relay[2]))) {
        struct pollfd v[5] = {{.fd = p->f->signal_fd, .events = POLLIN}};
        for (int i = 1; i < 3; i++)
            relay_poll(&p->relay[i], v + 2 * i - 1);
        if (poll(v, COUNT_OF(v), -1) < 0 && errno != EINTR)
            return error_set(e, errno, "poll");
        if (v[0].revents)
            signals(p);
        for (int i = 1; i < 3; i++)
            relay_serve(&p->relay[i], v + 2 * i - 1);
    }
    return 0;
}

/* If stdout is a terminal, that terminal with O_NONBLOCK; otherwise -1. */
static int open_stdout_tty(void)
{
    unsigned old, new;
    if (ioctl(1, TIOCGDEV, &old) < 0)
        return -1;
    _cleanup_close_ int fd = open("/proc/self/fd/1", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    /* Opening a pty's master makes another one; /dev/tty may be that of another session. */
    return fd >= 0 && ioctl(fd, TIOCGDEV, &new) == 0 && new == old ? TAKE_FD(fd) : -1;
}

static void raw_mode(struct loop *p)
{
    if (tcgetattr(0, &p->saved) < 0)
        return; /* stdin is no terminal: nothing to switch */
    struct termios raw = p->saved;
    cfmakeraw(&raw);
    raw.c_oflag |= OPOST; /* this terminal adds the carriage returns, since that of the container does not */
    if (tcsetattr(0, TCSANOW, &raw) == 0)
        p->restore = true;
}

int foreground_wait(struct foreground *f, int *ret_status, struct hull_error *e)
{
    _cleanup_close_ int own_stdout = -1;
    struct loop p = {.f = f, .slave = -1, .out_fd = 1, .stdin_open = true, .stdout_open = true};
    int r = 0;
    sigset_t all;
    sigfillset(&all);
    for (int i = 0; i < 3; i++)
        relay_init(&p.relay[i], i, &f->stdio[i].outer);
    if (signalfd(f->signal_fd, &all, 0) < 0)
        return error_set(e, errno, "signalfd");
    if (f->master >= 0) {
        p.slave = ioctl(f->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
        own_stdout = open_stdout_tty();
        if (own_stdout >= 0)
            p.out_fd = own_stdout;
        raw_mode(&p);
        resize(f);
        (void)fcntl(f->master, F_SETFL, O_NONBLOCK);
    }
    while (!p.ended && r == 0)
        r = turn(&p, e);
    fd_close(&p.slave);
    drain(&p);
    if (r == 0)
        r = drain_relays(&p, e);
    fd_close(&f->master);
    if (p.restore)
        (void)tcsetattr(0, TCSANOW, &p.saved);
    if (r == 0)
        *ret_status = p.status;
    return r;
}
