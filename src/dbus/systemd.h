/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of systemd's manager that a container's unit needs (org.freedesktop.systemd1(5)). The
 * system's manager for root, a user's own one for others.
 */
#ifndef HULL_DBUS_SYSTEMD_H
#define HULL_DBUS_SYSTEMD_H

#include <sys/types.h>
#include "dbus/bus.h"

/* A job whose end has been announced. */
struct systemd_job {
    char path[64];     /* "/org/freedesktop/systemd1/job/123" */
    char result[32];   /* "done", "failed", "timeout" ... */
};

struct systemd {
    struct bus  bus;
    const char *unit;        /* whose jobs we listen for */
    unsigned    version;     /* 252 */
    char        peer[64];    /* unique name of the manager; "" on a direct connection */
    /* of the job that is waited for, and the last that ended, for one may end before its call returns */
    const char        *waiting;
    bool               ended;
    struct systemd_job last;
};

/**
 * Connects to the manager and listens for the end of jobs of one unit.
 * User: DBUS_SESSION_BUS_ADDRESS, else $XDG_RUNTIME_DIR/bus and the manager's own socket.
 * System: DBUS_SYSTEM_BUS_ADDRESS, else /run/dbus/system_bus_socket and the manager's own socket.
 * @param a          owns buffers and ret
 * @param signal_fd  as in struct bus
 * @param ret        release with systemd_close
 */
int systemd_open(struct arena *a, bool user, const char *unit, int signal_fd, struct systemd **ret,
                 struct hull_error *e);
/** NULL is fine. */
void systemd_close(struct systemd *s);

/**
 * Starts a transient unit and waits until its job is done.
 * @param properties  a(sv) without the array's length: structs, each padded to 8
 * @param ret_queued  set as soon as the job is accepted, so that a failure is to be cleaned up
 * @return 0 or negative: "Timeout waiting for systemd to create UNIT ...", "error creating systemd
 *         unit `UNIT`: got `failed`", or what systemd says
 */
int systemd_start_transient(struct systemd *s, const struct wire_out *properties, bool *ret_queued,
                            struct hull_error *e);
/** Stops the unit and waits for it, then forgets a failure of it. A unit that is gone is a success. */
int systemd_stop(struct systemd *s, struct hull_error *e);
/** Forgets that the unit failed, so that systemd can drop it. */
int systemd_reset_failed(struct systemd *s, struct hull_error *e);
/** Whether the last call failed because the unit exists already, or does not. */
bool systemd_unit_exists(const struct systemd *s);
bool systemd_no_such_unit(const struct systemd *s);
/**
 * Changes properties of the unit until it is stopped; the kernel has them when this returns.
 * @param properties  as above
 */
int systemd_set_properties(struct systemd *s, const struct wire_out *properties,
                           struct hull_error *e);
/** Moves a process into the unit's cgroup, or the one at subcgroup ("/a") below it. */
int systemd_attach(struct systemd *s, const char *subcgroup, pid_t pid, struct hull_error *e);
/** A string property of the manager, e.g. "ControlGroup". @param ret  in the arena */
int systemd_manager_property(struct systemd *s, const char *name, const char **ret,
                             struct hull_error *e);
/**
 * A property of the unit, as a variant's signature and value, for putting it back later.
 * @param interface   "Scope" or "Slice"
 * @param properties  the property is appended as systemd_set_properties takes it
 * @return 0; 1 if the value's type is none that this function knows; negative
 */
int systemd_save_property(struct systemd *s, const char *interface, const char *name,
                          struct wire_out *properties, struct hull_error *e);

/* A property that is being written: begin, one value of that signature, end. */
void systemd_property(struct wire_out *o, const char *name, const char *signature);
void systemd_property_string(struct wire_out *o, const char *name, const char *value);
void systemd_property_u64(struct wire_out *o, const char *name, uint64_t value);
void systemd_property_bool(struct wire_out *o, const char *name, bool value);

/** A unit's object path: what is no letter or digit is written _xx. NULL: out of memory. */
char *systemd_unit_path(struct arena *a, const char *unit);
/** "252.39-1~deb12u1", "v245-1" -> 252, 245; 0 if it is no version. Pure. */
unsigned systemd_parse_version(const char *text);
#endif
