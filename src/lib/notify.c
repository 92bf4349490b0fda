/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * A service manager that starts us with NOTIFY_SOCKET wants to hear READY of the program in the
 * container, which can't reach that socket and whose credentials the manager would not accept. So the
 * container gets a socket of ours, in a directory of the state directory that is mounted at
 * /run/notify, and we pass READY on and say which process is the main one. A command that ends then
 * waits with a BARRIER until the manager has read both: it would otherwise look for a sender that is
 * gone. run in the foreground is the main process itself, whose signals and exit code count; as
 * managers listen to nobody else, it's the one to speak, from its loop.
 * Sockets that a manager has opened for us are handed on as they are, from descriptor 3 on.
 * The socket is bound by whoever starts the program (run or start), not by create. exec can't mount
 * anything into a container that runs: its socket has an abstract name in the container's network
 * namespace, which sd_notify(3) takes as well.
 */
#include "lib/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "state/state.h"

#define NOTIFY_INSIDE "/run/notify"

static int add_env(struct job *j, struct oci_process *p, char *entry, struct hull_error *e)
{
    char **v = entry ? arena_array(&j->arena, p->env.n + 2, sizeof(*v)) : NULL;
    if (!v)
        return error_oom(e);
    if (p->env.n > 0)
        memcpy(v, p->env.v, p->env.n * sizeof(*v));
    v[p->env.n++] = entry;
    p->env.v = v;
    return 0;
}

static int prepare_notify(struct job *j, struct oci_config *config, struct hull_error *e)
{
    static char *options[] = {(char *)"bind", (char *)"nosuid", (char *)"noexec", (char *)"nodev", NULL};
    const struct launch *l = &j->launch;
    struct oci_mount *v = arena_array(&j->arena, config->mounts.n + 1, sizeof(*v));
    char *source = arena_printf(&j->arena, "%s/%s/" NOTIFY_DIR, l->root, l->id);
    if (!v || !source)
        return error_oom(e);
    if (config->mounts.n > 0)
        memcpy(v, config->mounts.v, config->mounts.n * sizeof(*v));
    v[config->mounts.n++] = (struct oci_mount){
        .destination = (char *)NOTIFY_INSIDE, .type = (char *)"bind", .source = source,
        .options = {.v = options, .n = 4}};
    config->mounts.v = v;
    j->launch.notify = true;
    return add_env(j, config->process, (char *)"NOTIFY_SOCKET=" NOTIFY_INSIDE "/notify.sock", e);
}

/* sd_listen_fds(3). Descriptors for somebody else are none of ours. */
unsigned listen_count(void)
{
    const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
    if (!fds || !pid || strtol(pid, NULL, 10) != getpid())
        return 0;
    char *end;
    unsigned long n = strtoul(fds, &end, 10);
    return n > 1024 || *end ? 0 : (unsigned)n;
}

int listen_prepare(struct job *j, struct oci_process *p, struct hull_error *e)
{
    const unsigned n = listen_count();
    const char *names = getenv("LISTEN_FDNAMES");
    if (n == 0)
        return 0;
    j->options.preserve_fds += n;
    j->launch.listen = true;
    int r = add_env(j, p, arena_printf(&j->arena, "LISTEN_FDS=%u", n), e);
    if (r == 0)
        r = add_env(j, p, (char *)LISTEN_PID_ENTRY "1", e);
    if (r == 0 && names)
        r = add_env(j, p, arena_printf(&j->arena, "LISTEN_FDNAMES=%s", names), e);
    return r;
}

int service_prepare(struct job *j, struct oci_config *config, struct hull_error *e)
{
    const char *notify = getenv("NOTIFY_SOCKET");
    int r = notify && *notify ? prepare_notify(j, config, e) : 0;
    return r < 0 ? r : listen_prepare(j, config->process, e);
}

int exec_notify_prepare(struct job *j, struct oci_process *p, struct hull_error *e)
{
    const char *manager = getenv("NOTIFY_SOCKET");
    uint64_t v[2];
    if (!manager || !*manager)
        return 0;
    if (getrandom(v, sizeof(v), 0) != sizeof(v))
        return error_set(e, errno, "getrandom");
    char *entry = arena_printf(&j->arena, "NOTIFY_SOCKET=@hull-%016" PRIx64 "%016" PRIx64, v[0], v[1]);
    j->launch.notify_name = entry ? strchr(entry, '@') + 1 : NULL;
    return add_env(j, p, entry, e);
}

bool notify_wanted(int state_fd)
{
    struct stat st;
    return fstatat(state_fd, NOTIFY_DIR, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
           getenv("NOTIFY_SOCKET");
}

static int connect_manager(struct hull_error *e)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    if (!path || len >= sizeof(sa.sun_path))
        return error_set(e, ENAMETOOLONG, "NOTIFY_SOCKET");
    memcpy(sa.sun_path, path, len);
    if (path[0] == '@')
        sa.sun_path[0] = '\0';
    _cleanup_close_ int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0 || connect(s, (struct sockaddr *)&sa, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
        return error_set(e, errno, "connect to NOTIFY_SOCKET %s", path);
    return TAKE_FD(s);
}

static int send_ready(int s, const char *ready, pid_t pid, struct hull_error *e)
{
    char text[256];
    int n = snprintf(text, sizeof(text), "%s\nMAINPID=%d\n", ready, (int)pid);
    return send(s, text, (size_t)n, MSG_NOSIGNAL) < 0 ? error_set(e, errno, "send READY to NOTIFY_SOCKET") : 0;
}

static int send_barrier(int s, struct hull_error *e)
{
    enum { BARRIER_MS = 30000 };
    int p[2];
    if (pipe2(p, O_CLOEXEC) < 0)
        return error_set(e, errno, "pipe");
    int r = fd_send(s, p[1], "BARRIER=1", strlen("BARRIER=1"));
    close(p[1]);
    struct pollfd v = {.fd = p[0]};
    if (r == 0)
        (void)poll(&v, 1, BARRIER_MS);
    close(p[0]);
    return r < 0 ? error_set(e, -r, "send BARRIER to NOTIFY_SOCKET") : 0;
}

/* The line of a datagram that begins with READY=, or NULL. */
static char *ready_line(char *text)
{
    for (char *save = NULL, *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
        if (strncmp(l, "READY=", 6) == 0 && strlen(l) < 64)
            return l;
    return NULL;
}

/*
 * Credentials come with a socket that everybody on the host can find: whoever is neither root nor the
 * program's user may not speak for it. The pid would say more, but that of a sender may be gone by now.
 */
static bool may_speak(struct msghdr *h, pid_t pid)
{
    char path[32];
    struct stat st;
    struct ucred u;
    const struct cmsghdr *c = CMSG_FIRSTHDR(h);
    if (!c || c->cmsg_type != SCM_CREDENTIALS)
        return true;
    memcpy(&u, CMSG_DATA(c), sizeof(u));
    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    return u.uid == 0 || u.uid == geteuid() || (stat(path, &st) == 0 && st.st_uid == u.uid);
}

/* Reads one datagram of the program pid into buf; descriptors that came with it find no room, which ends a BARRIER. */
static char *receive_ready(int sock, pid_t pid, char *buf, size_t len)
{
    union { struct cmsghdr align; char room[CMSG_SPACE(sizeof(struct ucred))]; } c;
    struct iovec io = {.iov_base = buf, .iov_len = len - 1};
    int with = 0;
    (void)getsockopt(sock, SOL_SOCKET, SO_PASSCRED, &with, &(socklen_t){sizeof(with)});
    struct msghdr h = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = with ? sizeof(c) : 0};
    ssize_t n = recvmsg(sock, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    buf[n > 0 ? n : 0] = '\0';
    return n > 0 && may_speak(&h, pid) ? ready_line(buf) : NULL;
}

void notify_pass_on(int sock, pid_t pid)
{
    char buf[4097];
    struct hull_error ignored;
    char *ready = receive_ready(sock, pid, buf, sizeof(buf));
    _cleanup_close_ int s = ready ? connect_manager(&ignored) : -1;
    if (s >= 0)
        (void)send_ready(s, ready, getpid(), &ignored);
}

int notify_forward(int sock, int pidfd, pid_t pid, struct hull_error *e)
{
    char buf[4097];
    for (;;) {
        struct pollfd v[] = {{.fd = sock, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
        if (poll(v, 2, -1) < 0 && errno != EINTR)
            return error_set(e, errno, "poll");
        if (v[0].revents & POLLIN) {
            char *ready = receive_ready(sock, pid, buf, sizeof(buf));
            if (!ready)
                continue;
            _cleanup_close_ int s = connect_manager(e);
            int r = s < 0 ? -e->code : send_ready(s, ready, pid, e);
            return r < 0 ? r : send_barrier(s, e);
        }
        if (v[1].revents)
            return 0;
    }
}
