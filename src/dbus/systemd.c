/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: starting and stopping a unit gives a job, whose end is announced by a signal
 * to those that have subscribed. So Subscribe, and on a bus a match rule for this unit's jobs alone,
 * come before the first call, written together with it; their replies are read with the version's.
 *
 * Anybody on a bus may send us a signal; only those of the connection that answers our calls count.
 */
#include "dbus/systemd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1"
#define MANAGER_INTERFACE MANAGER ".Manager"
#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"

static struct message_target manager(const char *member)
{
    return (struct message_target){
        .destination = MANAGER, .path = MANAGER_PATH, .interface = MANAGER_INTERFACE, .member = member};
}

/* JobRemoved(u id, o job, s unit, s result) */
static void on_signal(void *arg, const struct message *m)
{
    struct systemd *s = arg;
    if (strcmp(m->member, "JobRemoved") != 0 || strcmp(m->interface, MANAGER_INTERFACE) != 0 ||
        strcmp(m->signature, "uoss") != 0 || strcmp(m->sender, s->peer) != 0)
        return;
    struct wire_in in = m->body;
    (void)wire_read_u32(&in);
    const char *job = wire_read_string(&in), *unit = wire_read_string(&in);
    const char *result = wire_read_string(&in);
    if (in.bad || strcmp(unit, s->unit) != 0)
        return;
    snprintf(s->last.path, sizeof(s->last.path), "%s", job);
    snprintf(s->last.result, sizeof(s->last.result), "%s", result);
    s->ended = s->waiting && strcmp(s->waiting, s->last.path) == 0;
}

/* ------------------------------------------------------------------------------------------- open */

/* A path as the value of an address: what has a meaning there is written %XX. */
static char *address_of(struct arena *a, const char *dir, const char *name)
{
    static const char plain[] = "-_/.\\*abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    char *path = arena_printf(a, "%s/%s", dir, name);
    char *out = path ? arena_alloc(a, strlen("unix:path=") + 3 * strlen(path) + 1) : NULL;
    if (!out)
        return NULL;
    size_t n = (size_t)sprintf(out, "unix:path=");
    for (const char *p = path; *p; p++) {
        if (strchr(plain, *p))
            out[n++] = *p;
        else
            n += (size_t)sprintf(out + n, "%%%02x", (unsigned char)*p);
    }
    return out;
}

static int open_user(struct arena *a, int signal_fd, struct bus *b, struct hull_error *e)
{
    const char *dir = getenv("XDG_RUNTIME_DIR");
    struct bus_address v[3] = {{.list = getenv("DBUS_SESSION_BUS_ADDRESS")}};
    if (v[0].list && !*v[0].list)
        v[0].list = NULL;
    if (dir && *dir) {
        v[1].list = address_of(a, dir, "bus");
        v[2] = (struct bus_address){.list = address_of(a, dir, "systemd/private"), .direct = true};
        if (!v[1].list || !v[2].list)
            return error_oom(e);
    }
    int r = bus_open(a, v, 3, signal_fd, b, e);
    if (r < 0 && r != -HULL_E_INTERRUPTED)
        return error_prefix(e, "a rootless container with the systemd driver needs the user's own "
                               "systemd (install dbus-user-session and log in, or set "
                               "XDG_RUNTIME_DIR or DBUS_SESSION_BUS_ADDRESS)");
    return r;
}

static int open_system(struct arena *a, int signal_fd, struct bus *b, struct hull_error *e)
{
    const char *list = getenv("DBUS_SYSTEM_BUS_ADDRESS");
    const struct bus_address v[] = {
        {.list = list && *list ? list : "unix:path=/run/dbus/system_bus_socket"},
        {.list = "unix:path=/run/systemd/private", .direct = true},
    };
    return bus_open(a, v, 2, signal_fd, b, e);
}

static int64_t add_match(struct systemd *s, struct hull_error *e)
{
    static const struct message_target t = {
        .destination = "org.freedesktop.DBus", .path = "/org/freedesktop/DBus",
        .interface = "org.freedesktop.DBus", .member = "AddMatch"};
    struct wire_out body = {.arena = s->bus.arena};
    const char *rule = arena_printf(
        s->bus.arena, "type='signal',sender='" MANAGER "',path='" MANAGER_PATH "',interface='"
        MANAGER_INTERFACE "',member='JobRemoved',arg2='%s'", s->unit);
    if (!rule)
        return error_oom(e);
    wire_string(&body, rule);
    return bus_send(&s->bus, &t, "s", &body, e);
}

static int64_t get_property(struct systemd *s, const char *path, const char *interface,
                            const char *name, struct hull_error *e)
{
    const struct message_target t = {
        .destination = MANAGER, .path = path, .interface = PROPERTIES_INTERFACE, .member = "Get"};
    struct wire_out body = {.arena = s->bus.arena};
    wire_string(&body, interface);
    wire_string(&body, name);
    return bus_send(&s->bus, &t, "ss", &body, e);
}

/* A reply that is a variant of a string. */
static const char *read_string_variant(struct message *m)
{
    if (strcmp(m->signature, "v") != 0 || strcmp(wire_read_signature(&m->body), "s") != 0)
        return "";
    return wire_read_string(&m->body);
}

static int subscribe(struct systemd *s, struct hull_error *e)
{
    const struct message_target t = manager("Subscribe");
    struct message m = {.signature = ""};
    int64_t match = s->bus.direct ? 0 : add_match(s, e);
    int64_t sub = match < 0 ? match : bus_send(&s->bus, &t, "", NULL, e);
    int64_t version = sub < 0 ? sub
                              : get_property(s, MANAGER_PATH, MANAGER_INTERFACE, "Version", e);
    if (version < 0)
        return (int)version;
    int r = match ? bus_wait(&s->bus, match, "the message bus", NULL, e) : 0;
    if (r == 0)
        r = bus_wait(&s->bus, sub, "systemd to accept a subscription", NULL, e);
    if (r == 0)
        r = bus_wait(&s->bus, version, "systemd to tell its version", &m, e);
    if (r < 0)
        return error_prefix(e, "unable to talk to systemd over %s", s->bus.address);
    s->version = systemd_parse_version(read_string_variant(&m));
    snprintf(s->peer, sizeof(s->peer), "%s", m.sender);
    return 0;
}

int systemd_open(struct arena *a, bool user, const char *unit, int signal_fd, struct systemd **ret,
                 struct hull_error *e)
{
    struct systemd *s = arena_alloc(a, sizeof(*s));
    if (!s)
        return error_oom(e);
    s->unit = unit;
    int r = user ? open_user(a, signal_fd, &s->bus, e) : open_system(a, signal_fd, &s->bus, e);
    if (r < 0)
        return r;
    s->bus.on_signal = on_signal;
    s->bus.arg = s;
    r = subscribe(s, e);
    if (r < 0) {
        bus_close(&s->bus);
        return r;
    }
    *ret = s;
    return 0;
}

void systemd_close(struct systemd *s)
{
    if (s)
        bus_close(&s->bus);
}

unsigned systemd_parse_version(const char *text)
{
    text += strspn(text, "\"v");
    unsigned v = 0;
    for (; *text >= '0' && *text <= '9' && v < 100000; text++)
        v = v * 10 + (unsigned)(*text - '0');
    return v;
}

/* ------------------------------------------------------------------------------------------- jobs */

/* Sends a call that gives a job, and waits for the job's end. @param doing  "create", "remove" */
static int run_job(struct systemd *s, const struct message_target *t, const char *signature,
                   const struct wire_out *body, const char *doing, bool *ret_queued,
                   struct hull_error *e)
{
    char what[320];
    struct message m = {0};
    snprintf(what, sizeof(what), "systemd to %s %s", doing, s->unit);
    s->waiting = NULL;
    s->ended = false;
    s->last.path[0] = '\0';
    int r = bus_call(&s->bus, t, signature, body, what, &m, e);
    if (r < 0)
        return r;
    *ret_queued = true;
    char job[sizeof(s->last.path)];
    const char *path = strcmp(m.signature, "o") == 0 ? wire_read_string(&m.body) : "";
    if (!*path || m.body.bad || strlen(path) >= sizeof(job))
        return error_set(e, EBADMSG, "waiting for %s", what);
    memcpy(job, path, strlen(path) + 1);
    s->waiting = job;
    s->ended = strcmp(s->last.path, job) == 0;
    r = bus_wait_signal(&s->bus, &s->ended, what, e);
    s->waiting = NULL;
    return r;
}

int systemd_start_transient(struct systemd *s, const struct wire_out *properties, bool *ret_queued,
                            struct hull_error *e)
{
    const struct message_target t = manager("StartTransientUnit");
    struct wire_out body = {.arena = s->bus.arena, .failed = properties->failed};
    wire_string(&body, s->unit);
    wire_string(&body, "replace");
    struct wire_array list = wire_array_begin(&body, 8);
    wire_raw(&body, properties->v, properties->len);
    wire_array_end(&body, list);
    wire_array_end(&body, wire_array_begin(&body, 8));   /* no units beside it */
    int r = run_job(s, &t, "ssa(sv)a(sa(sv))", &body, "create", ret_queued, e);
    if (r == 0 && strcmp(s->last.result, "done") != 0)
        r = error_set(e, HULL_E_STATE, "error creating systemd unit `%s`: got `%s`", s->unit,
                      s->last.result);
    if (r < 0 && *ret_queued) {
        struct hull_error ignored;
        (void)systemd_reset_failed(s, &ignored);
    }
    return r;
}

int systemd_reset_failed(struct systemd *s, struct hull_error *e)
{
    const struct message_target t = manager("ResetFailedUnit");
    struct wire_out body = {.arena = s->bus.arena};
    wire_string(&body, s->unit);
    return bus_call(&s->bus, &t, "s", &body, "systemd to forget a failed unit", NULL, e);
}

int systemd_stop(struct systemd *s, struct hull_error *e)
{
    const struct message_target t = manager("StopUnit");
    struct wire_out body = {.arena = s->bus.arena};
    bool queued = false;
    wire_string(&body, s->unit);
    wire_string(&body, "replace");
    int r = run_job(s, &t, "ss", &body, "remove", &queued, e);
    const bool gone = r < 0 && systemd_no_such_unit(s);
    if (r < 0 && !gone && !queued)
        return error_prefix(e, "unable to stop unit %s", s->unit);
    if (gone || r == 0)
        *e = (struct hull_error){0};
    /* "failed" and the like: the unit has ended all the same, and is to be forgotten. */
    struct hull_error ignored;
    (void)systemd_reset_failed(s, &ignored);
    return gone ? 0 : r;
}

bool systemd_unit_exists(const struct systemd *s)
{
    return strcmp(s->bus.error_name, MANAGER ".UnitExists") == 0;
}

bool systemd_no_such_unit(const struct systemd *s)
{
    return strcmp(s->bus.error_name, MANAGER ".NoSuchUnit") == 0;
}

/*
 * Properties are only noted by the call that sets them. systemd's loop tells the kernel, and all its
 * other queues, before it reads the next message; so the answer to one more says that it is done.
 */
static int wait_until_applied(struct systemd *s, struct hull_error *e)
{
    static const struct message_target t = {
        .destination = MANAGER, .path = "/", .interface = "org.freedesktop.DBus.Peer", .member = "Ping"};
    return bus_call(&s->bus, &t, "", NULL, "systemd to apply unit properties", NULL, e);
}

int systemd_set_properties(struct systemd *s, const struct wire_out *properties,
                           struct hull_error *e)
{
    const struct message_target t = manager("SetUnitProperties");
    struct wire_out body = {.arena = s->bus.arena, .failed = properties->failed};
    wire_string(&body, s->unit);
    wire_u32(&body, 1);   /* until the next start only */
    struct wire_array list = wire_array_begin(&body, 8);
    wire_raw(&body, properties->v, properties->len);
    wire_array_end(&body, list);
    int r = bus_call(&s->bus, &t, "sba(sv)", &body, "systemd to set unit properties", NULL, e);
    return r < 0 ? r : wait_until_applied(s, e);
}

int systemd_attach(struct systemd *s, const char *subcgroup, pid_t pid, struct hull_error *e)
{
    const struct message_target t = manager("AttachProcessesToUnit");
    struct wire_out body = {.arena = s->bus.arena};
    wire_string(&body, s->unit);
    wire_string(&body, subcgroup);
    struct wire_array pids = wire_array_begin(&body, 4);
    wire_u32(&body, (uint32_t)pid);
    wire_array_end(&body, pids);
    return bus_call(&s->bus, &t, "ssau", &body, "systemd to move a process", NULL, e);
}

/* ------------------------------------------------------------------------------------- properties */

int systemd_manager_property(struct systemd *s, const char *name, const char **ret,
                             struct hull_error *e)
{
    struct message m = {0};
    int64_t serial = get_property(s, MANAGER_PATH, MANAGER_INTERFACE, name, e);
    int r = serial < 0 ? (int)serial
                       : bus_wait(&s->bus, serial, "systemd to tell a property", &m, e);
    if (r < 0)
        return error_prefix(e, "unable to get systemd's property %s", name);
    char *value = arena_strdup(s->bus.arena, read_string_variant(&m));
    if (!value)
        return error_oom(e);
    if (!*value || m.body.bad)
        return error_set(e, EBADMSG, "unable to get systemd's property %s", name);
    *ret = value;
    return 0;
}

char *systemd_unit_path(struct arena *a, const char *unit)
{
    static const char prefix[] = MANAGER_PATH "/unit/";
    char *out = arena_alloc(a, sizeof(prefix) + 3 * strlen(unit));
    if (!out)
        return NULL;
    size_t n = (size_t)sprintf(out, "%s", prefix);
    for (const char *p = unit; *p; p++) {
        const bool digit = *p >= '0' && *p <= '9';
        if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (digit && p > unit))
            out[n++] = *p;
        else
            n += (size_t)sprintf(out + n, "_%02x", (unsigned char)*p);
    }
    return out;
}

int systemd_save_property(struct systemd *s, const char *interface, const char *name,
                          struct wire_out *properties, struct hull_error *e)
{
    struct message m = {0};
    char *path = systemd_unit_path(s->bus.arena, s->unit);
    char *full = arena_printf(s->bus.arena, MANAGER ".%s", interface);
    if (!path || !full)
        return error_oom(e);
    int64_t serial = get_property(s, path, full, name, e);
    int r = serial < 0 ? (int)serial
                       : bus_wait(&s->bus, serial, "systemd to tell a property", &m, e);
    if (r < 0)
        return r;
    const char *signature = strcmp(m.signature, "v") == 0 ? wire_read_signature(&m.body) : "";
    if (strcmp(signature, "t") == 0) {
        const uint64_t v = wire_read_u64(&m.body);
        if (!m.body.bad)
            systemd_property_u64(properties, name, v);
    } else if (strcmp(signature, "ay") == 0) {
        const size_t end = wire_read_array(&m.body, 1);
        if (!m.body.bad) {
            systemd_property(properties, name, "ay");
            struct wire_array list = wire_array_begin(properties, 1);
            wire_raw(properties, m.body.v + m.body.at, end - m.body.at);
            wire_array_end(properties, list);
        }
    } else {
        return 1;
    }
    return m.body.bad ? error_set(e, EBADMSG, "property %s", name) : 0;
}

void systemd_property(struct wire_out *o, const char *name, const char *signature)
{
    wire_pad(o, 8);
    wire_string(o, name);
    wire_signature(o, signature);
}

void systemd_property_string(struct wire_out *o, const char *name, const char *value)
{
    systemd_property(o, name, "s");
    wire_string(o, value);
}

void systemd_property_u64(struct wire_out *o, const char *name, uint64_t value)
{
    systemd_property(o, name, "t");
    wire_u64(o, value);
}

void systemd_property_bool(struct wire_out *o, const char *name, bool value)
{
    systemd_property(o, name, "b");
    wire_u32(o, value);
}
