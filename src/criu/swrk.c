/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * `criu swrk 3` serves requests on descriptor 3, a SEQPACKET socket: one message is one packet. While
 * it dumps or restores it sends notifications and waits for the answer to each. End of file on our
 * side makes it give up: a restore kills what it has restored so far, a dump lets the processes go on.
 */
#include "criu/swrk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"

enum { VERSION_MIN = 30000, PACKET_MAX = 64 << 10, SOCKET = 3 };

static const char *type_name(int32_t type)
{
    static const char *const names[] = {
        "EMPTY", "DUMP", "RESTORE", "CHECK", "PRE_DUMP", "PAGE_SERVER", "NOTIFY", "CPUINFO_DUMP",
        "CPUINFO_CHECK", "FEATURE_CHECK", "VERSION", "WAIT_PID",
    };
    return type >= 0 && (size_t)type < COUNT_OF(names) ? names[type] : "UNKNOWN";
}

/* A copy of fd above all the numbers that are going to be overwritten. */
static int out_of_the_way(int fd, size_t n)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, SOCKET + (int)n + 2);
}

static int arrange_descriptors(int sock, const int *inherit, size_t n, int *report, struct hull_error *e)
{
    int copies[8];
    if (n > COUNT_OF(copies))
        return error_set(e, HULL_E_CONFIG, "too many descriptors for criu");
    const int s = out_of_the_way(sock, n), r = out_of_the_way(*report, n);
    bool bad = s < 0 || r < 0;
    for (size_t i = 0; i < n; i++)
        bad |= (copies[i] = out_of_the_way(inherit[i], n)) < 0;
    if (bad || dup2(s, SOCKET) < 0)
        return error_set(e, errno, "dup");
    for (size_t i = 0; i < n; i++)
        if (dup2(copies[i], SOCKET + 1 + (int)i) < 0)
            return error_set(e, errno, "dup");
    *report = r;
    return 0;
}

static void default_signals(void)
{
    sigset_t none;
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * CRIU looks up descriptors of requests in the process that the socket says has made it. Where they
 * must belong to another mount namespace than ours, that is CRIU itself, and we are sent our end.
 */
static int make_own_pair(int handoff, int *sock, struct hull_error *e)
{
    int s[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) < 0)
        return error_set(e, errno, "socketpair");
    int r = fd_send(handoff, s[0], "s", 1);
    *sock = s[1];
    return r < 0 ? error_set(e, -r, "hand over the socket of criu") : 0;
}

static __attribute__((noreturn)) void become_criu(const struct swrk *w, int report, int sock,
                                                  const int *inherit, size_t n,
                                                  swrk_prepare_fn *prepare, void *arg)
{
    static char *const argv[] = {(char *)"criu", (char *)"swrk", (char *)"3", NULL};
    struct hull_error e = {0};
    int r = prepare ? prepare(arg, &e) : 0;
    if (r == 0 && w->own_fds)
        r = make_own_pair(sock, &sock, &e);
    if (r == 0)
        r = arrange_descriptors(sock, inherit, n, &report, &e);
    if (r == 0) {
        default_signals();
        execvp(argv[0], argv);
        if (errno == ENOENT)
            error_set(&e, HULL_E_CONFIG, "exec: \"criu\": executable file not found in $PATH");
        else
            error_set(&e, errno, "exec: \"criu\"");
    }
    (void)fd_write_all(report, &e, sizeof(e));
    _exit(127);
}

int swrk_start(struct swrk *w, const int *inherit, size_t n_inherit, swrk_prepare_fn *prepare,
               void *arg, struct hull_error *e)
{
    int s[2], report[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s) < 0)
        return error_set(e, errno, "socketpair");
    w->sock = s[0];
    _cleanup_close_ int theirs = s[1];
    if (pipe2(report, O_CLOEXEC) < 0)
        return error_set(e, errno, "pipe");
    _cleanup_close_ int from = report[0];
    w->pid = fork();
    if (w->pid == 0)
        become_criu(w, report[1], theirs, inherit, n_inherit, prepare, arg);
    close(report[1]);
    if (w->pid < 0) {
        w->pid = 0;
        return error_set(e, errno, "fork");
    }
    struct hull_error failure;
    ssize_t n = fd_read_all(from, &failure, sizeof(failure));
    if (n == sizeof(failure)) {
        *e = failure;
        return -e->code;
    }
    if (n != 0)
        return error_set(e, n < 0 ? (int)-n : EIO, "start criu");
    if (!w->own_fds)
        return 0;
    char word;
    int end = fd_receive(w->sock, &word, 1);
    fd_close(&w->sock);
    if (end < 0)
        return error_set(e, -end, "start criu");
    w->sock = end;
    return 0;
}

/* Hangs up and waits for the process; its wait status, or -1 when there was none. */
static int swrk_end(struct swrk *w)
{
    int status = -1;
    fd_close(&w->sock);
    if (w->pid <= 0)
        return -1;
    while (waitpid(w->pid, &status, 0) < 0)
        if (errno != EINTR) {
            status = -1;
            break;
        }
    w->pid = 0;
    return status;
}

int swrk_finish(struct swrk *w, struct hull_error *e)
{
    const int status = swrk_end(w);
    return status == 0 ? 0
                       : error_set(e, HULL_E_INIT, "criu failed: %s %d",
                                   WIFEXITED(status) ? "exit status" : "signal",
                                   WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

void swrk_abort(struct swrk *w)
{
    enum { PATIENCE = 10000 };
    fd_close(&w->sock);
    _cleanup_close_ int pidfd = w->pid > 0 ? sys_pidfd_open(w->pid, 0) : -1;
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    if (w->pid > 0 && (pidfd < 0 || poll(&p, 1, PATIENCE) <= 0))
        (void)kill(w->pid, SIGKILL);
    (void)swrk_end(w);
}

int swrk_send(struct swrk *w, const struct criu_request *req, struct hull_error *e)
{
    uint8_t *buf;
    ssize_t len = rpc_encode(req, w->arena, &buf), n;
    if (len < 0)
        return error_oom(e);
    do
        n = send(w->sock, buf, (size_t)len, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? error_set(e, errno, "send to criu") : 0;
}

static int wait_readable(struct swrk *w, struct hull_error *e)
{
    struct pollfd p[] = {{.fd = w->sock, .events = POLLIN}, {.fd = w->signal_fd, .events = POLLIN}};
    while (poll(p, COUNT_OF(p), -1) < 0)
        if (errno != EINTR)
            return error_set(e, errno, "poll");
    return p[1].revents ? error_set(e, HULL_E_INTERRUPTED, "interrupted while criu was at work") : 0;
}

static ssize_t receive_packet(int sock, uint8_t *buf, size_t len, int *ret_fd)
{
    union { struct cmsghdr h; char room[CMSG_SPACE(4 * sizeof(int))]; } control;
    struct iovec v = {.iov_base = buf, .iov_len = len};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control,
                       .msg_controllen = sizeof(control)};
    ssize_t n;
    do
        n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    *ret_fd = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; at + sizeof(int) <= c->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
            fd_close(ret_fd);
            memcpy(ret_fd, CMSG_DATA(c) + at, sizeof(int));
        }
    }
    return m.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}

int swrk_receive(struct swrk *w, struct criu_response *ret, int *ret_fd, struct hull_error *e)
{
    uint8_t *buf = arena_alloc(w->arena, PACKET_MAX);
    if (!buf)
        return error_oom(e);
    int r = wait_readable(w, e);
    if (r < 0)
        return r;
    _cleanup_close_ int fd = -1;
    ssize_t n = receive_packet(w->sock, buf, PACKET_MAX, &fd);
    if (n < 0)
        return error_set(e, (int)-n, "receive from criu");
    if (n == 0)
        return error_set(e, HULL_E_INIT, "criu failed: unexpected EOF");
    struct criu_response resp = {0};
    r = rpc_decode(buf, (size_t)n, w->arena, &resp);
    if (r < 0)
        return error_set(e, -r, "response of criu");
    if (!resp.success)
        return error_set(e, HULL_E_INIT, "criu failed: type %s errno %d", type_name(resp.type.v),
                         resp.cr_errno.v); /* its cr_errmsg is the first error of all, often a harmless one */
    *ret = resp;
    if (ret_fd)
        *ret_fd = TAKE_FD(fd);
    return 0;
}

int swrk_answer(struct swrk *w, struct hull_error *e)
{
    const struct criu_request req = {.type = {true, CRIU_NOTIFY}, .notify_success = true};
    return swrk_send(w, &req, e);
}

int swrk_version(struct swrk *w, int *ret_version, struct hull_error *e)
{
    const struct criu_request req = {.type = {true, CRIU_VERSION}, .keep_open = true};
    struct criu_response resp = {0};
    int r = swrk_send(w, &req, e);
    if (r == 0)
        r = swrk_receive(w, &resp, NULL, e);
    if (r < 0)
        return error_prefix(e, "CRIU version check failed");
    const struct criu_version *v = resp.version;
    if (!v)
        return error_set(e, HULL_E_INIT, "CRIU version check failed: no version in the response");
    int number = v->major.v * 10000 + v->minor.v * 100 + v->sublevel.v;
    if (v->gitid) /* a build from git has what the next minor version will have */
        number += 100 - v->sublevel.v;
    if (number < VERSION_MIN)
        return error_set(e, HULL_E_UNSUPPORTED, "CRIU version %d must be %d or higher", number, VERSION_MIN);
    log_debug(w->log, "Using CRIU %d", number);
    *ret_version = number;
    return 0;
}

int swrk_need(struct swrk *w, const struct criu_features *f, struct hull_error *e)
{
    struct criu_features ask = *f;
    const struct criu_request req = {
        .type = {true, CRIU_FEATURE_CHECK}, .keep_open = true, .features = &ask};
    struct criu_response resp = {0};
    int r = swrk_send(w, &req, e);
    if (r == 0)
        r = swrk_receive(w, &resp, NULL, e);
    if (r < 0)
        return error_prefix(e, "CRIU feature check failed");
    const struct criu_features none = {0}, *got = resp.features ? resp.features : &none;
    const bool mem = f->mem_track && !got->mem_track, lazy = f->lazy_pages && !got->lazy_pages;
    return mem || lazy ? error_set(e, HULL_E_UNSUPPORTED, "criu is missing features: [%s%s%s]",
                                   mem ? "MemTrack" : "", mem && lazy ? " " : "", lazy ? "LazyPages" : "")
                       : 0;
}

void criu_quote_log(struct log *log, int dir_fd, const char *dir, const char *name)
{
    enum { BEFORE = 5, LIMIT = 64 << 20 };
    _cleanup_arena_ struct arena a = {0};
    char *text = fd_read_file(dir_fd, name, LIMIT, &a, NULL);
    const char *before[BEFORE + 1] = {0}; /* the last lines, by number */
    unsigned long number = 0, quoted = 0;
    if (!text) {
        log_warning(log, "open %s/%s: %s", dir, name, hull_errno_text(errno));
        return;
    }
    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        before[++number % COUNT_OF(before)] = line;
        if (!strstr(line, "Error"))
            continue;
        if (quoted == 0)
            log_warning(log, "--- Quoting \"%s/%s\"", dir, name);
        unsigned long from = number > BEFORE ? number - BEFORE : 1;
        if (quoted && from > quoted + 1)
            log_warning(log, "...");
        for (unsigned long i = from > quoted ? from : quoted + 1; i <= number; i++)
            log_warning(log, "%lu:%s", i, before[i % COUNT_OF(before)]);
        quoted = number;
    }
    if (quoted)
        log_warning(log, "---");
}
