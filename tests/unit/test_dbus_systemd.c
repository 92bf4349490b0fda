/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client against a server of our own, in a process of its own, that plays one scene per test:
 * a bus and systemd behind it, or systemd's own socket.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/macro.h"
#include "dbus/systemd.h"

#define UNIT "runc-c1.scope"
#define JOB "/org/freedesktop/systemd1/job/7"

struct scene {
    const char *auth;          /* what is said to the client's first lines */
    const char *sender;        /* of replies and signals; "" without a bus */
    const char *start_error;   /* name of the error that the first StartTransientUnit meets */
    bool        always;        /* and each other one too */
    const char *result;        /* of the job; NULL: it never ends */
    bool        early;         /* the signal comes before the reply */
    const char *forger;        /* somebody else says that the job has ended */
    const char *stop_error;
    bool        hang_up;       /* closes the connection instead of a reply to StartTransientUnit */
    const char *raw;           /* 16 bytes sent instead of that reply */
};

struct server { int fd; struct arena arena; const struct scene *s; uint32_t serial; int starts; };

static void header(struct wire_out *o, uint8_t kind, uint32_t serial, uint32_t body)
{
    wire_u8(o, 'l');
    wire_u8(o, kind);
    wire_u8(o, 0);
    wire_u8(o, 1);
    wire_u32(o, body);
    wire_u32(o, serial);
}

static void text_field(struct wire_out *o, uint8_t code, const char *type, const char *value)
{
    if (!*value)
        return;
    wire_pad(o, 8);
    wire_u8(o, code);
    wire_signature(o, type);
    if (*type == 'g')
        wire_signature(o, value);
    else
        wire_string(o, value);
}

static void post(struct server *v, uint8_t kind, uint32_t reply_to, const char *error,
                 const char *member, const char *sender, const char *signature,
                 const struct wire_out *body)
{
    struct wire_out o = {.arena = &v->arena};
    header(&o, kind, ++v->serial, body ? (uint32_t)body->len : 0);
    struct wire_array fields = wire_array_begin(&o, 8);
    if (kind == MESSAGE_SIGNAL) {
        text_field(&o, 1, "o", "/org/freedesktop/systemd1");
        text_field(&o, 2, "s", "org.freedesktop.systemd1.Manager");
        text_field(&o, 3, "s", member);
    } else {
        wire_pad(&o, 8);
        wire_u8(&o, 5);
        wire_signature(&o, "u");
        wire_u32(&o, reply_to);
        text_field(&o, 4, "s", error);
    }
    text_field(&o, 7, "s", sender);
    text_field(&o, 8, "g", signature);
    wire_array_end(&o, fields);
    wire_pad(&o, 8);
    if (body)
        wire_raw(&o, body->v, body->len);
    for (size_t i = 0; i < o.len; i += 40)   /* in pieces */
        if (send(v->fd, o.v + i, o.len - i < 40 ? o.len - i : 40, MSG_NOSIGNAL) < 0)
            _exit(0);
}

static void job_removed(struct server *v, const char *sender)
{
    struct wire_out b = {.arena = &v->arena};
    wire_u32(&b, 7);
    wire_string(&b, JOB);
    wire_string(&b, UNIT);
    wire_string(&b, v->s->result ? v->s->result : "done");
    post(v, MESSAGE_SIGNAL, 0, "", "JobRemoved", sender, "uoss", &b);
}

static void fault(struct server *v, uint32_t serial, const char *name)
{
    struct wire_out b = {.arena = &v->arena};
    wire_string(&b, "it is so");
    post(v, MESSAGE_ERROR, serial, name, "", v->s->sender, "s", &b);
}

static void job(struct server *v, uint32_t serial, const char *error)
{
    const struct scene *s = v->s;
    struct wire_out b = {.arena = &v->arena};
    if (error) {
        fault(v, serial, error);
        return;
    }
    wire_string(&b, JOB);
    if (s->forger)
        job_removed(v, s->forger);
    if (s->early)
        job_removed(v, s->sender);
    post(v, MESSAGE_RETURN, serial, "", "", s->sender, "o", &b);
    if (s->result && !s->early)
        job_removed(v, s->sender);
}

static void answer(struct server *v, const struct message *m, uint32_t serial)
{
    const struct scene *s = v->s;
    struct wire_out b = {.arena = &v->arena};
    if (strcmp(m->member, "Get") == 0) {
        wire_signature(&b, "s");
        wire_string(&b, "252.5-2");
        post(v, MESSAGE_RETURN, serial, "", "", s->sender, "v", &b);
    } else if (strcmp(m->member, "StartTransientUnit") == 0) {
        if (s->hang_up)
            _exit(0);
        if (s->raw) {
            (void)!write(v->fd, s->raw, 16);
            return;
        }
        job(v, serial, s->start_error && (v->starts++ == 0 || s->always) ? s->start_error : NULL);
    } else if (strcmp(m->member, "StopUnit") == 0) {
        job(v, serial, s->stop_error);
    } else {
        post(v, MESSAGE_RETURN, serial, "", "", s->sender, "", NULL);
    }
}

static void serve(int listener, const struct scene *s) __attribute__((noreturn));
static void serve(int listener, const struct scene *s)
{
    struct server v = {.fd = accept(listener, NULL, NULL), .s = s};
    static uint8_t in[1 << 16];
    size_t n = 0;
    bool greeted = false;
    close(listener);
    for (;;) {
        ssize_t got = read(v.fd, in + n, sizeof(in) - n);
        if (got <= 0)
            _exit(0);
        n += (size_t)got;
        if (!greeted) {
            uint8_t *begin = memmem(in, n, "BEGIN\r\n", 7);
            if (!begin)
                continue;
            greeted = true;
            n -= (size_t)(begin + 7 - in);
            memmove(in, begin + 7, n);
            if (write(v.fd, s->auth, strlen(s->auth)) < 0)
                _exit(0);
        }
        for (size_t len; n >= MESSAGE_HEADER && (len = message_length(in)) > 0 && n >= len;) {
            struct message m;
            uint32_t serial;
            if (message_parse(in, len, &m) < 0)
                _exit(3);
            memcpy(&serial, in + 8, sizeof(serial));
            answer(&v, &m, serial);
            n -= len;
            memmove(in, in + len, n);
        }
    }
}

struct fixture { char dir[64], address[128]; pid_t pid; struct arena arena; struct systemd *s; };

static int open_scene(struct fixture *f, const struct scene *scene, struct hull_error *e)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    *f = (struct fixture){.dir = "/tmp/hull-dbus-XXXXXX"};
    assert_non_null(mkdtemp(f->dir));
    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/bus", f->dir);
    snprintf(f->address, sizeof(f->address), "unix:path=%s/bus", f->dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    assert_int_equal(listen(fd, 1), 0);
    f->pid = fork();
    if (f->pid == 0)
        serve(fd, scene);
    close(fd);
    setenv("DBUS_SYSTEM_BUS_ADDRESS", f->address, 1);
    int r = systemd_open(&f->arena, false, UNIT, -1, &f->s, e);
    if (r == 0)
        f->s->bus.timeout_ms = 300;
    return r;
}

static void close_scene(struct fixture *f)
{
    char path[128];
    systemd_close(f->s);
    kill(f->pid, SIGKILL);
    waitpid(f->pid, NULL, 0);
    snprintf(path, sizeof(path), "%s/bus", f->dir);
    unlink(path);
    rmdir(f->dir);
    arena_free(&f->arena);
}

#define OK_LINES "DATA\r\nOK 0123456789abcdef0123456789abcdef\r\n"

static int start(struct fixture *f, bool *queued, struct hull_error *e)
{
    struct wire_out o = {.arena = &f->arena};
    systemd_property_string(&o, "Description", "x");
    *queued = false;
    return systemd_start_transient(f->s, &o, queued, e);
}

static void test_start_and_stop(void **state)
{
    (void)state;
    static const struct scene scenes[] = {
        {.auth = OK_LINES, .sender = ":1.3", .result = "done"},
        {.auth = OK_LINES, .sender = ":1.3", .result = "done", .early = true},
        {.auth = "OK 12\r\n", .sender = ":1.3", .result = "done"},
        {.auth = "OK 12\r\nOK 12\r\n", .sender = ":1.3", .result = "done"},
    };
    for (size_t i = 0; i < COUNT_OF(scenes); i++) {
        struct fixture f;
        struct hull_error e = {0};
        bool queued;
        if (open_scene(&f, &scenes[i], &e) < 0)
            fail_msg("%s", e.text);
        assert_int_equal(f.s->version, 252);
        if (start(&f, &queued, &e) < 0)
            fail_msg("%s", e.text);
        assert_true(queued);
        assert_int_equal(systemd_stop(f.s, &e), 0);
        close_scene(&f);
    }
}

static void expect_failure(const struct scene *scene, int code, const char *text, bool want_queued)
{
    struct fixture f;
    struct hull_error e = {0};
    bool queued;
    assert_int_equal(open_scene(&f, scene, &e), 0);
    assert_int_equal(start(&f, &queued, &e), -code);
    if (!strstr(e.text, text))
        fail_msg("\"%s\" is not in \"%s\"", text, e.text);
    assert_int_equal(queued, want_queued);
    close_scene(&f);
}

static void test_failures(void **state)
{
    (void)state;
    expect_failure(&(struct scene){.auth = OK_LINES, .sender = ":1.3", .result = "failed"},
                   HULL_E_STATE, "error creating systemd unit `" UNIT "`: got `failed`", true);
    expect_failure(&(struct scene){.auth = OK_LINES, .sender = ":1.3"}, HULL_E_STATE,
                   "Timeout waiting for systemd to create " UNIT, true);
    /* A stranger's word counts for nothing. */
    expect_failure(&(struct scene){.auth = OK_LINES, .sender = ":1.3", .forger = ":1.66"},
                   HULL_E_STATE, "Timeout waiting for systemd to create " UNIT, true);
    expect_failure(&(struct scene){.auth = OK_LINES, .sender = ":1.3", .hang_up = true}, ECONNRESET,
                   "connection reset by peer", false);
    expect_failure(&(struct scene){.auth = OK_LINES, .sender = ":1.3", .raw = "0123456789abcdef"},
                   EBADMSG, "waiting for systemd to create", false);
    expect_failure(&(struct scene){.auth = OK_LINES, .sender = ":1.3", .raw = "l\1\0\1\377\377\377\377"
                   "\1\0\0\0\0\0\0\0"}, EBADMSG, "waiting for systemd to create", false);
}

static void test_errors(void **state)
{
    (void)state;
    static const struct scene exists = {
        .auth = OK_LINES, .sender = ":1.3", .result = "done",
        .start_error = "org.freedesktop.systemd1.UnitExists"};
    static const struct scene gone = {.auth = OK_LINES, .sender = ":1.3", .result = "done",
                                      .stop_error = "org.freedesktop.systemd1.NoSuchUnit"};
    static const struct scene denied = {.auth = OK_LINES, .sender = ":1.3", .result = "done",
                                        .stop_error = "org.freedesktop.DBus.Error.AccessDenied"};
    struct fixture f;
    struct hull_error e = {0};
    bool queued;
    assert_int_equal(open_scene(&f, &exists, &e), 0);
    assert_int_equal(start(&f, &queued, &e), -HULL_E_STATE);
    assert_string_equal(e.text, "it is so");
    assert_true(systemd_unit_exists(f.s));
    assert_false(queued);
    assert_int_equal(start(&f, &queued, &e), 0);
    assert_false(systemd_unit_exists(f.s));
    close_scene(&f);

    assert_int_equal(open_scene(&f, &gone, &e), 0);
    assert_int_equal(systemd_stop(f.s, &e), 0);
    assert_int_equal(e.code, 0);
    close_scene(&f);

    assert_int_equal(open_scene(&f, &denied, &e), 0);
    assert_int_equal(systemd_stop(f.s, &e), -HULL_E_STATE);
    assert_string_equal(e.text, "unable to stop unit " UNIT ": it is so");
    close_scene(&f);
}

static void test_open(void **state)
{
    (void)state;
    struct fixture f;
    struct hull_error e = {0};
    static const struct scene rejected = {.auth = "REJECTED EXTERNAL\r\n", .sender = ""};
    static const struct scene nonsense = {.auth = "HTTP/1.1 400 Bad Request\r\n", .sender = ""};
    assert_int_equal(open_scene(&f, &rejected, &e), -EACCES);
    assert_non_null(strstr(e.text, "failed to connect to dbus"));
    assert_non_null(strstr(e.text, "REJECTED EXTERNAL"));
    close_scene(&f);
    assert_int_equal(open_scene(&f, &nonsense, &e), -EACCES);
    close_scene(&f);

    struct arena a = {0};
    struct bus b;
    const struct bus_address v[] = {{.list = "unix:path=/nonexistent/bus"}, {.list = NULL}};
    assert_int_equal(bus_open(&a, v, 2, -1, &b, &e), -ENOENT);
    assert_string_equal(e.text, "failed to connect to dbus: dial unix /nonexistent/bus: connect: "
                                "no such file or directory");
    arena_free(&a);
}

static void test_interrupted(void **state)
{
    (void)state;
    static const struct scene scene = {.auth = OK_LINES, .sender = ":1.3"};
    struct fixture f;
    struct hull_error e = {0};
    bool queued;
    sigset_t term, old;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    assert_int_equal(open_scene(&f, &scene, &e), 0);
    sigprocmask(SIG_BLOCK, &term, &old);
    f.s->bus.signal_fd = signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK);
    kill(getpid(), SIGTERM);
    assert_int_equal(start(&f, &queued, &e), -HULL_E_INTERRUPTED);
    close(f.s->bus.signal_fd);
    sigprocmask(SIG_SETMASK, &old, NULL);
    close_scene(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_and_stop), cmocka_unit_test(test_failures),
        cmocka_unit_test(test_errors),         cmocka_unit_test(test_open),
        cmocka_unit_test(test_interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
