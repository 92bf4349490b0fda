/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * P and I share a SOCK_SEQPACKET pair; a message is one struct message with its text. Events are a
 * handshake (enum sync_event); errors and log lines of I travel whole, so that P can report them; the
 * pty master comes as SCM_RIGHTS. I's side gets by with read and write, which a seccomp filter is the
 * least likely to refuse. End of file tells each side that the other is gone: I then exits,
 * P then reports at which step I died (the breadcrumb page survives it).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/sys.h"
#include "cgroup/cgroup.h"
#include "run/run.h"
#include "seccomp/seccomp.h"

enum message_type { MSG_EVENT = 1, MSG_ERROR, MSG_LOG, MSG_CONSOLE, MSG_SECCOMP, MSG_NOTIFY_SOCKET };

struct message {
    uint16_t type;
    uint16_t detail;           /* event, log level */
    int32_t  code;             /* MSG_ERROR */
    uint64_t value;            /* MSG_EVENT; MSG_SECCOMP: number of a descriptor of I */
    char     where[sizeof(((struct hull_error *)0)->where)];
    char     text[sizeof(((struct hull_error *)0)->text)];
};
#define MESSAGE_MIN offsetof(struct message, where)

int sync_pair(struct launch *l, struct hull_error *e)
{
    int s[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) < 0)
        return error_set(e, errno, "socketpair");
    l->sync_fd = s[0];
    l->peer_fd = s[1];
    return 0;
}

static int send_message(int fd, const struct message *m, size_t len)
{
    ssize_t n;
    do
        n = write(fd, m, len); /* SIGPIPE is blocked in P and in I; I has a handler at last */
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

int sync_notify(struct launch *l, enum sync_event ev, uint64_t value, struct hull_error *e)
{
    struct message m;
    memset(&m, 0, MESSAGE_MIN);
    m.type = MSG_EVENT;
    m.detail = (uint16_t)ev;
    m.value = value;
    int r = send_message(l->sync_fd, &m, MESSAGE_MIN);
    /* P: a gone I is reported by the next await, which knows why. */
    return r < 0 && r != -EPIPE ? error_set(e, -r, "sync socket") : 0;
}

void sync_send_error(struct launch *l, const struct hull_error *e)
{
    struct message m;
    memset(&m, 0, MESSAGE_MIN);
    m.type = MSG_ERROR;
    m.code = e->code;
    memcpy(m.where, e->where, sizeof(m.where));
    size_t n = strnlen(e->text, sizeof(e->text) - 1);
    memcpy(m.text, e->text, n);
    m.text[n] = '\0';
    (void)send_message(l->sync_fd, &m, offsetof(struct message, text) + n + 1);
}

static int send_descriptor(const struct launch *l, enum message_type type, int fd, const char *what, struct hull_error *e)
{
    struct message m;
    memset(&m, 0, MESSAGE_MIN);
    m.type = (uint16_t)type;
    m.detail = type == MSG_EVENT ? SYNC_TREE : 0;
    int r = fd_send(l->sync_fd, fd, &m, MESSAGE_MIN);
    return r < 0 ? error_set(e, -r, "hand over %s", what) : 0;
}

int sync_send_console(struct launch *l, int master, struct hull_error *e)
{
    return send_descriptor(l, MSG_CONSOLE, master, "the terminal", e);
}

int sync_send_notify_socket(struct launch *l, int sock, struct hull_error *e)
{
    return send_descriptor(l, MSG_NOTIFY_SOCKET, sock, "the notify socket", e);
}

int sync_send_tree(struct launch *l, int fd, struct hull_error *e)
{
    return send_descriptor(l, MSG_EVENT, fd, "a tree of mounts", e);
}

int sync_send_seccomp(struct launch *l, struct hull_error *e)
{
    const uint64_t args[6] = {(uint64_t)l->sync_fd, 0, MSG_NOSIGNAL};
    struct message m;
    memset(&m, 0, MESSAGE_MIN);
    m.type = MSG_SECCOMP;
    m.value = (uint64_t)l->seccomp_fd;
    int r;
    if (seccomp_allows(l->seccomp, SYS_sendmsg, args)) {
        r = fd_send(l->sync_fd, l->seccomp_fd, &m, MESSAGE_MIN);
        fd_close(&l->seccomp_fd);
    } else {
        r = send_message(l->sync_fd, &m, MESSAGE_MIN);
    }
    return r < 0 ? error_set(e, -r, "hand over the seccomp listener") : 0;
}

static void log_over_socket(void *arg, enum hull_log_level level, const char *text)
{
    const struct launch *l = arg;
    struct message m;
    memset(&m, 0, offsetof(struct message, text));
    m.type = MSG_LOG;
    m.detail = (uint16_t)level;
    size_t n = strnlen(text, sizeof(m.text) - 1);
    memcpy(m.text, text, n);
    m.text[n] = '\0';
    if (l->sync_fd >= 0)
        (void)send_message(l->sync_fd, &m, offsetof(struct message, text) + n + 1);
}

void sync_log_to_parent(struct launch *l, struct log *log)
{
    *log = (struct log){.fn = log_over_socket, .arg = l, .level = l->log ? l->log->level : HULL_LOG_ERROR};
    l->log = log;
}

/* Receives one message; 0: end of file. A descriptor that comes with it goes to *ret_fd. */
static ssize_t receive(int sock, struct message *m, int *ret_fd)
{
    union { struct cmsghdr align; char room[CMSG_SPACE(sizeof(int))]; } c;
    struct iovec io = {.iov_base = m, .iov_len = sizeof(*m)};
    struct msghdr h = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)};
    ssize_t n;
    /* ECONNRESET comes once, before what is still to be read: the peer closed with something unread. */
    do
        n = recvmsg(sock, &h, MSG_CMSG_CLOEXEC);
    while (n < 0 && (errno == EINTR || errno == ECONNRESET));
    if (n <= 0)
        return n < 0 ? -errno : 0;
    struct cmsghdr *ch = CMSG_FIRSTHDR(&h);
    if (ch && ch->cmsg_type == SCM_RIGHTS && ch->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(ret_fd, CMSG_DATA(ch), sizeof(int));
    m->text[sizeof(m->text) - 1] = m->where[sizeof(m->where) - 1] = '\0';
    return n;
}

int sync_await_init(struct launch *l, enum sync_event ev, struct hull_error *e)
{
    struct message m;
    /* P goes its own way: what it has to say about the cgroup may come before the answer about a mount. */
    while (!(l->early & 1u << ev)) {
        ssize_t n;
        /* ECONNRESET, once: P closed its end with log lines of ours unread. What it sent comes still. */
        do
            n = read(l->sync_fd, &m, sizeof(m));
        while (n < 0 && (errno == EINTR || errno == ECONNRESET));
        if (n == 0)
            sys_exit(1); /* P is gone: nobody will ever start us */
        if (n < 0)
            return error_set(e, errno, "sync socket");
        if (m.type != MSG_EVENT || m.detail > SYNC_COMMIT)
            return error_set(e, EPROTO, "sync socket: event %u instead of %u", m.detail, ev);
        l->early |= 1u << m.detail;
    }
    l->early &= ~(1u << ev);
    return 0;
}

int sync_before_change(struct launch *l, struct hull_error *e)
{
    int r = sync_notify(l, SYNC_MOUNTING, 0, e);
    return r < 0 ? r : sync_await_init(l, SYNC_MOUNT_NOW, e);
}

static int oom_killed(const struct launch *l, const char *step, struct hull_error *e)
{
    char limit[96];
    cgroup_memory_limit_text(l->cgroup, limit, sizeof(limit));
    if (l->join_pid > 0)
        return error_at(e, "linux.resources.memory.limit", HULL_E_INIT,
                        "process was killed in step %s (possibly OOM-killed%s%s)", step,
                        *limit ? ": " : "", limit);
    return error_at(e, "linux.resources.memory.limit", HULL_E_INIT,
                    "container init was OOM-killed (memory limit too low?%s%s) in step %s",
                    *limit ? " " : "", limit, step);
}

/* I ended without a word: say at which step, by what, and whether the OOM killer did it. */
static int init_died(struct launch *l, struct hull_error *e)
{
    siginfo_t info = {0};
    const char *step = l->crumb->step < STEP_COUNT ? step_info((enum step_kind)l->crumb->step)->name : "?";
    if (waitid(P_PIDFD, (id_t)l->init_pidfd, &info, WEXITED | WNOWAIT) < 0)
        return error_set(e, HULL_E_INIT, "container init ended in step %s", step);
    if (info.si_code == CLD_EXITED)
        return error_set(e, HULL_E_INIT, "container init exited with status %d in step %s", info.si_status, step);
    if (l->cgroup && info.si_status == SIGKILL && cgroup_oom_kills(l->cgroup) > 0)
        return oom_killed(l, step, e);
    return error_set(e, HULL_E_INIT, "container init was killed by signal %d in step %s",
                     info.si_status, step);
}

/* The signalfd holds only what asks us to end; everything else waits for the foreground loop. */
static int interrupted(int signal_fd, struct hull_error *e)
{
    struct signalfd_siginfo si;
    if (read(signal_fd, &si, sizeof(si)) != sizeof(si))
        return 0;
    return error_set(e, HULL_E_INTERRUPTED, "interrupted by signal %u", si.ssi_signo);
}

/* The listener of I's filter, as a descriptor or as I's number for it, goes to the agent. */
static int seccomp_listener(const struct launch *l, const struct message *m, int received,
                            struct hull_error *e)
{
    _cleanup_close_ int fd = received >= 0 ? received : sys_pidfd_getfd(l->init_pidfd, (int)m->value);
    if (fd < 0)
        return error_at(e, "linux.seccomp", errno, "get the seccomp listener from the container's init");
    const bool exec = l->join_pid > 0;
    return seccomp_notify_agent(l, exec ? "running" : "creating", l->init_pid,
                                exec ? l->join_pid : l->init_pid, fd, e);
}

/* I's error becomes ours. */
static int take_error(const struct launch *l, const struct message *m, struct hull_error *e)
{
    e->code = m->code > 0 ? m->code : HULL_E_INIT;
    memcpy(e->where, m->where, sizeof(e->where));
    memcpy(e->text, m->text, sizeof(e->text));
    return l->join_pid > 0 ? -e->code : error_prefix(e, "error during container init");
}

/* Killed half-way X could not take back what it has mounted: from here on signals wait. */
static int let_mount(struct launch *l, struct hull_error *e)
{
    fd_close(&l->signal_fd);
    return sync_notify(l, SYNC_MOUNT_NOW, 0, e);
}

/* One message or signal; 1: the event came, 2: end of file. */
static int serve(struct launch *l, enum sync_event ev, struct hull_error *e)
{
    /* With COMMIT the program exists, or is about to: signals are for it from here on. */
    struct pollfd p[] = {{.fd = l->sync_fd, .events = POLLIN},
                         {.fd = ev ? l->signal_fd : -1, .events = POLLIN}};
    if (poll(p, 2, -1) < 0)
        return errno == EINTR ? 0 : error_set(e, errno, "poll");
    if (p[1].revents) {
        int r = interrupted(l->signal_fd, e);
        if (r < 0)
            return r;
    }
    if (!p[0].revents)
        return 0;
    struct message m;
    int fd = -1;
    ssize_t n = receive(l->sync_fd, &m, &fd);
    if (n < 0)
        return error_set(e, (int)-n, "sync socket");
    if (n == 0)
        return 2;
    switch (m.type) {
    case MSG_EVENT:
        if (m.detail == SYNC_STAGED)
            l->init_pid = (pid_t)m.value;
        if (m.detail == SYNC_TREE) {
            fd_close(&l->tree_fd);
            l->tree_fd = fd;
        }
        if (m.detail == SYNC_MOUNTING)
            return let_mount(l, e);
        if (m.detail == ev)
            return 1;
        if (m.detail > SYNC_COMMIT)
            return error_set(e, EPROTO, "sync socket: event %u instead of %u", m.detail, ev);
        l->early |= 1u << m.detail; /* of init, which a stage has cloned before it could say so */
        return 0;
    case MSG_LOG:
        log_line(l->log, (enum hull_log_level)m.detail, "%s", m.text);
        return 0;
    case MSG_CONSOLE: {
        fd_close(&l->console_fd);
        l->console_fd = fd;
        /* Before the program runs, so that it never sees a terminal without a size. */
        struct winsize w;
        if (ioctl(0, TIOCGWINSZ, &w) == 0)
            (void)ioctl(fd, TIOCSWINSZ, &w);
        return 0;
    }
    case MSG_NOTIFY_SOCKET:
        fd_close(&l->notify_fd);
        l->notify_fd = fd;
        return 0;
    case MSG_SECCOMP:
        return seccomp_listener(l, &m, fd, e);
    case MSG_ERROR:
        return take_error(l, &m, e);
    default:
        return error_set(e, EPROTO, "sync socket: message type %u", m.type);
    }
}

int sync_await_parent(struct launch *l, enum sync_event ev, struct hull_error *e)
{
    for (;;) {
        if (l->early & 1u << ev) {
            l->early &= ~(1u << ev);
            return 0;
        }
        int r = serve(l, ev, e);
        if (r == 2)
            return init_died(l, e);
        if (r != 0)
            return r < 0 ? r : 0;
    }
}

void sync_prefer_init_error(struct launch *l, struct hull_error *e)
{
    struct pollfd p = {.fd = l->sync_fd, .events = POLLIN};
    while (l->sync_fd >= 0 && poll(&p, 1, 0) > 0) {
        struct message m;
        int fd = -1;
        if (receive(l->sync_fd, &m, &fd) <= 0)
            return;
        fd_close(&fd);
        if (m.type == MSG_ERROR) {
            (void)take_error(l, &m, e);
            return;
        }
    }
}

int sync_await_exec(struct launch *l, struct hull_error *e)
{
    int r;
    do
        r = serve(l, (enum sync_event)0, e);
    while (r == 0);
    return r < 0 ? r : 0;
}
