/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: connecting costs one round trip, because nothing that we say depends on the
 * answer: the authentication (EXTERNAL without an identity, so that the peer takes the socket's
 * credentials; that is right in a user namespace too, where our uid has another number), Hello and
 * the first calls are written one after the other, and answers are read when they are needed.
 *
 * Every wait ends after BUS_TIMEOUT_MS, or when a signal asks us to end.
 */
#include "dbus/bus.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "base/fd.h"

#define CONNECT_TIMEOUT_S 15
#define AUTH_LINE_MAX 512

static const char auth[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --------------------------------------------------------------------------------------- address */

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A value with %XX for what can't stand for itself. */
static int unescape(const char *s, size_t n, char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        int c = (unsigned char)s[i];
        if (c == '%') {
            if (i + 2 >= n || hex(s[i + 1]) < 0 || hex(s[i + 2]) < 0)
                return -EINVAL;
            c = hex(s[i + 1]) * 16 + hex(s[i + 2]);
            i += 2;
        }
        if (c == 0 || len + 1 >= size)
            return -EINVAL;
        out[len++] = (char)c;
    }
    out[len] = '\0';
    return (int)len;
}

/* The length of the socket's name in one address ("unix:path=/x,guid=1"), or -EINVAL. */
static int parse_one(const char *s, size_t n, char *path, size_t size)
{
    static const char unix_[] = "unix:", path_[] = "path=", abstract_[] = "abstract=";
    if (n < strlen(unix_) || memcmp(s, unix_, strlen(unix_)) != 0)
        return -EINVAL;
    const char *end = s + n;
    for (s += strlen(unix_); s < end;) {
        const char *comma = memchr(s, ',', (size_t)(end - s));
        const char *stop = comma ? comma : end;
        const size_t len = (size_t)(stop - s);
        if (len > strlen(path_) && memcmp(s, path_, strlen(path_)) == 0)
            return unescape(s + strlen(path_), len - strlen(path_), path, size);
        if (len > strlen(abstract_) && memcmp(s, abstract_, strlen(abstract_)) == 0) {
            path[0] = '\0';
            int r = unescape(s + strlen(abstract_), len - strlen(abstract_), path + 1, size - 1);
            return r < 0 ? r : r + 1;
        }
        s = comma ? comma + 1 : end;
    }
    return -EINVAL;
}

int bus_address_parse(const char *list, size_t n, char *path, size_t size, size_t *ret_len)
{
    for (const char *s = list; *s;) {
        const size_t len = strcspn(s, ";");
        if (len > 0 && n-- == 0) {
            int r = parse_one(s, len, path, size);
            if (r < 0)
                return r;
            *ret_len = (size_t)r;
            return 1;
        }
        s += len + (s[len] == ';');
    }
    return 0;
}

static int connect_to(const char *path, size_t len)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    if (len >= sizeof(sa.sun_path))
        return -ENAMETOOLONG;
    memcpy(sa.sun_path, path, len);
    /* A path with its NUL, an abstract name exactly. */
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
                                       (path[0] != '\0'));
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    /* A busy bus has a full queue: connect(2) then waits this long. */
    const struct timeval limit = {.tv_sec = CONNECT_TIMEOUT_S};
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, (const struct sockaddr *)&sa, size) < 0)
        return -errno;
    return TAKE_FD(fd);
}

/* --------------------------------------------------------------------------------------- receive */

/* The signalfd holds only what asks us to end. */
static int interrupted(int signal_fd, const char *what, struct hull_error *e)
{
    struct signalfd_siginfo si;
    if (read(signal_fd, &si, sizeof(si)) != sizeof(si))
        return 0;
    return error_set(e, HULL_E_INTERRUPTED, "interrupted by signal %u while waiting for %s",
                     si.ssi_signo, what);
}

/* Waits for more bytes and appends them to b->in. */
static int receive(struct bus *b, int64_t end, const char *what, struct hull_error *e)
{
    struct pollfd p[] = {{.fd = b->fd, .events = POLLIN}, {.fd = b->signal_fd, .events = POLLIN}};
    const int64_t left = end - now_ms();
    int n = left > 0 ? poll(p, 2, (int)left) : 0;
    if (n < 0)
        return errno == EINTR ? 0 : error_set(e, errno, "poll");
    if (n == 0)
        return error_set(e, HULL_E_STATE, "Timeout waiting for %s (%d s, %s)", what,
                         b->timeout_ms / 1000, b->address);
    if (p[1].revents) {
        int r = interrupted(b->signal_fd, what, e);
        if (r < 0)
            return r;
    }
    if (!p[0].revents)
        return 0;
    if (b->in_len == b->in_cap) {
        const size_t cap = b->in_cap ? b->in_cap * 2 : 4096;
        uint8_t *v = arena_alloc(b->arena, cap);
        if (!v)
            return error_oom(e);
        if (b->in_len)
            memcpy(v, b->in, b->in_len);
        b->in = v;
        b->in_cap = cap;
    }
    ssize_t got = recv(b->fd, b->in + b->in_len, b->in_cap - b->in_len, MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (got <= 0)
        return error_set(e, got < 0 ? errno : ECONNRESET, "waiting for %s: read %s", what,
                         b->address);
    b->in_len += (size_t)got;
    return 0;
}

/* Forgets what was dealt with. */
static void discard(struct bus *b)
{
    if (b->in_used == 0)
        return;
    memmove(b->in, b->in + b->in_used, b->in_len - b->in_used);
    b->in_len -= b->in_used;
    b->in_used = 0;
}

/* Servers of sd-bus answered DATA with another OK until 2020, which comes before the first message. */
static void skip_second_ok(struct bus *b)
{
    uint8_t *nl = b->in_len > 3 && memcmp(b->in, "OK ", 3) == 0 ? memchr(b->in, '\n', b->in_len) : NULL;
    if (!nl)
        return;
    b->in_used = (size_t)(nl - b->in) + 1;
    discard(b);
}

/* The next whole message; it stays in the buffer until the next call. */
static int next_message(struct bus *b, int64_t end, const char *what, struct message *ret,
                        struct hull_error *e)
{
    discard(b);
    for (;;) {
        size_t length = 0;
        skip_second_ok(b);
        if (b->in_len >= MESSAGE_HEADER && (length = message_length(b->in)) == 0)
            return error_set(e, EBADMSG, "waiting for %s: read %s", what, b->address);
        if (length > 0 && b->in_len >= length) {
            b->in_used = length;
            return message_parse(b->in, length, ret) == 0
                       ? 0 : error_set(e, EBADMSG, "waiting for %s: read %s", what, b->address);
        }
        int r = receive(b, end, what, e);
        if (r < 0)
            return r;
    }
}

/* The server's lines: DATA (its question for the identity), then OK with its id; or REJECTED. */
static int read_auth(struct bus *b, struct hull_error *e)
{
    const int64_t end = now_ms() + b->timeout_ms;
    for (;;) {
        uint8_t *nl = b->in_len ? memchr(b->in, '\n', b->in_len) : NULL;
        if (!nl && b->in_len > AUTH_LINE_MAX)
            return error_set(e, EBADMSG, "authentication at %s", b->address);
        if (!nl) {
            int r = receive(b, end, "the message bus to authenticate", e);
            if (r < 0)
                return r;
            continue;
        }
        const size_t len = (size_t)(nl - b->in) + 1;
        const bool ok = len > 3 && memcmp(b->in, "OK ", 3) == 0;
        const bool question = len >= 4 && memcmp(b->in, "DATA", 4) == 0;
        if (!ok && !question)
            return error_set(e, EACCES, "authentication at %s: %.*s", b->address,
                             (int)strcspn((char *)b->in, "\r\n"), (char *)b->in);
        b->in_used = len;
        discard(b);
        if (ok)
            return 0;
    }
}

/* ------------------------------------------------------------------------------------------ calls */

static int send_bytes(struct bus *b, const void *v, size_t n, struct hull_error *e)
{
    const char *p = v;
    while (n > 0) {
        ssize_t sent = send(b->fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return error_set(e, errno == EAGAIN ? ETIMEDOUT : errno, "write %s", b->address);
        p += sent;
        n -= (size_t)sent;
    }
    return 0;
}

int64_t bus_send(struct bus *b, const struct message_target *t, const char *signature,
                 const struct wire_out *body, struct hull_error *e)
{
    struct wire_out o = {.arena = b->arena};
    message_call(&o, ++b->serial, t, signature, body);
    if (o.failed)
        return error_oom(e);
    int r = send_bytes(b, o.v, o.len, e);
    return r < 0 ? r : (int64_t)b->serial;
}

static int refused(struct bus *b, struct message *m, struct hull_error *e)
{
    const char *text = m->signature[0] == 's' ? wire_read_string(&m->body) : "";
    snprintf(b->error_name, sizeof(b->error_name), "%s", m->error_name);
    return error_set(e, HULL_E_STATE, "%s", *text ? text : m->error_name);
}

int bus_wait(struct bus *b, int64_t serial, const char *what, struct message *ret,
             struct hull_error *e)
{
    const int64_t end = now_ms() + b->timeout_ms;
    b->error_name[0] = '\0';
    for (;;) {
        struct message m;
        int r = next_message(b, end, what, &m, e);
        if (r < 0)
            return r;
        if (m.kind == MESSAGE_SIGNAL && b->on_signal)
            b->on_signal(b->arg, &m);
        if (m.reply_serial != (uint32_t)serial)
            continue;
        if (m.kind == MESSAGE_ERROR)
            return refused(b, &m, e);
        if (m.kind != MESSAGE_RETURN)
            continue;
        if (ret)
            *ret = m;
        return 0;
    }
}

int bus_call(struct bus *b, const struct message_target *t, const char *signature,
             const struct wire_out *body, const char *what, struct message *ret,
             struct hull_error *e)
{
    int64_t serial = bus_send(b, t, signature, body, e);
    return serial < 0 ? (int)serial : bus_wait(b, serial, what, ret, e);
}

int bus_wait_signal(struct bus *b, const bool *done, const char *what, struct hull_error *e)
{
    const int64_t end = now_ms() + b->timeout_ms;
    while (!*done) {
        struct message m;
        int r = next_message(b, end, what, &m, e);
        if (r < 0)
            return r;
        if (m.kind == MESSAGE_SIGNAL && b->on_signal)
            b->on_signal(b->arg, &m);
    }
    return 0;
}

/* ------------------------------------------------------------------------------------------- open */

static int greet(struct bus *b, struct hull_error *e)
{
    static const struct message_target hello = {
        .destination = "org.freedesktop.DBus", .path = "/org/freedesktop/DBus",
        .interface = "org.freedesktop.DBus", .member = "Hello"};
    int r = send_bytes(b, auth, sizeof(auth) - 1, e);
    int64_t serial = 0;
    if (r == 0 && !b->direct && (serial = bus_send(b, &hello, "", NULL, e)) < 0)
        r = (int)serial;
    if (r == 0)
        r = read_auth(b, e);
    return r < 0 || b->direct ? r : bus_wait(b, serial, "the message bus to say hello", NULL, e);
}

static int open_list(struct bus *b, const struct bus_address *address, struct hull_error *e)
{
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    size_t len;
    int r = error_set(e, EINVAL, "address \"%s\"", address->list);
    for (size_t i = 0;; i++) {
        int found = bus_address_parse(address->list, i, path, sizeof(path), &len);
        if (found == 0)
            return r;
        if (found < 0)
            continue;   /* another transport */
        b->direct = address->direct;
        b->address = arena_printf(b->arena, "unix %s%s", path[0] ? path : "@",
                                  path[0] ? "" : path + 1);
        if (!b->address)
            return error_oom(e);
        b->fd = connect_to(path, len);
        r = b->fd < 0 ? error_set(e, b->fd == -EAGAIN ? ETIMEDOUT : -b->fd, "dial %s: connect",
                                  b->address)
                      : greet(b, e);
        if (r == 0)
            return 0;
        bus_close(b);
        if (r == -HULL_E_INTERRUPTED)
            return r;
    }
}

int bus_open(struct arena *a, const struct bus_address *v, size_t n, int signal_fd, struct bus *b,
             struct hull_error *e)
{
    int r = -1;
    *b = (struct bus){.fd = -1, .signal_fd = signal_fd, .timeout_ms = BUS_TIMEOUT_MS, .arena = a};
    struct hull_error first = {0};
    for (size_t i = 0; i < n; i++) {
        if (!v[i].list)
            continue;
        r = open_list(b, &v[i], e);
        if (r == 0 || r == -HULL_E_INTERRUPTED)
            return r;
        if (!first.code)
            first = *e;
    }
    /* The first one is what the user expects to be used. */
    if (first.code)
        *e = first;
    else
        (void)error_set(e, ENOENT, "no address");
    return error_prefix(e, "failed to connect to dbus");
}

void bus_close(struct bus *b)
{
    fd_close(&b->fd);
    b->in_len = b->in_used = 0;
    b->serial = 0;
}
