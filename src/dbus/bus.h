/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to a message bus, or straight to a service that speaks D-Bus on its own socket. One
 * user at a time, calls one after the other; nothing waits for ever.
 */
#ifndef HULL_DBUS_BUS_H
#define HULL_DBUS_BUS_H

#include "base/arena.h"
#include "base/error.h"
#include "dbus/message.h"

/* How long a reply may take. */
#define BUS_TIMEOUT_MS 30000

struct bus;
/** Sees every signal while something is waited for. The message is valid during the call only. */
typedef void bus_signal_fn(void *arg, const struct message *m);

struct bus {
    int            fd;           /* -1: not connected */
    int            signal_fd;    /* a signalfd that interrupts waiting, or -1 */
    const char    *address;      /* "unix:path=/run/dbus/system_bus_socket", for messages */
    bool           direct;       /* no bus in between: no Hello, no match rules */
    int            timeout_ms;   /* BUS_TIMEOUT_MS, if a test does not change it */
    uint32_t       serial;       /* of the last call */
    struct arena  *arena;
    uint8_t       *in;           /* received, not yet dealt with: in[0..in_len) */
    size_t         in_len, in_cap, in_used;
    bus_signal_fn *on_signal;
    void          *arg;
    char           error_name[96]; /* of the last call that failed: "org.freedesktop.DBus..." */
};

/**
 * Sockets in the order in which they are tried: an address list as the D-Bus specification has it.
 * Only "unix:" with path or abstract is understood.
 */
struct bus_address {
    const char *list;
    bool        direct;
};

/**
 * Connects to the first address that answers, authenticates as the caller by its socket credentials,
 * and says Hello on a bus.
 * @param a     owns buffers
 * @param v, n  what to try; entries with list NULL are skipped
 * @param b     zeroed before; signal_fd is set from the argument. Release with bus_close
 * @return 0 or a negative code: "failed to connect to dbus: ..."
 */
int bus_open(struct arena *a, const struct bus_address *v, size_t n, int signal_fd, struct bus *b,
             struct hull_error *e);
/** Closes the connection; a closed one is fine. */
void bus_close(struct bus *b);
/**
 * Sends a call without waiting for its reply, which bus_wait gets, or which is dropped.
 * @return serial (positive) or a negative code
 */
int64_t bus_send(struct bus *b, const struct message_target *t, const char *signature,
                 const struct wire_out *body, struct hull_error *e);
/**
 * Waits for the reply to a call.
 * @param what  what it is waited for, for the message about a time-out: "systemd to create x.scope"
 * @param ret   may be NULL; valid until the next call of this header
 * @return 0; -HULL_E_STATE with the peer's text, and error_name set, when it refuses; or another code
 */
int bus_wait(struct bus *b, int64_t serial, const char *what, struct message *ret,
             struct hull_error *e);
/** bus_send and bus_wait. */
int bus_call(struct bus *b, const struct message_target *t, const char *signature,
             const struct wire_out *body, const char *what, struct message *ret,
             struct hull_error *e);
/**
 * Reads messages until *done is set by on_signal.
 * @return 0 or a negative code
 */
int bus_wait_signal(struct bus *b, const bool *done, const char *what, struct hull_error *e);

/* For tests. */

/** The n-th socket of an address list as a path, '\0' first for an abstract one; 0 when out of list. */
int bus_address_parse(const char *list, size_t n, char *path, size_t size, size_t *ret_len);
#endif
