/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state root: <root>/<id>/{state.json, config.json, exec.fifo}.
 *
 * state.json is replaced atomically: written as an intent record before the first side effect
 * (status creating, pid 0), when the container is created, and on update. A container is identified
 * by pid and start time; exec.fifo exists exactly while it is created and not started. Readers take
 * no lock; create, start and delete hold an flock on the directory.
 */
#ifndef HULL_STATE_STATE_H
#define HULL_STATE_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/error.h"
#include "oci/config.h"

struct runc_config;

/* state.json; member names as in runc's where they mean the same. */
struct container_state {
    char           *ociVersion;
    char           *id;
    int32_t         init_process_pid;    /* 0: not yet */
    uint64_t        init_process_start;
    char           *created;
    char           *bundle;
    char           *rootfs;
    bool            rootless;            /* rootless cgroup handling */
    bool            systemd_cgroup;
    uint32_t        owner;               /* uid of the creator */
    bool            private_pid_namespace; /* made for it: init's end is everybody's end */
    struct oci_strs namespaces;          /* types that it has of its own or joined */
    struct oci_map  namespace_paths;     /* written as runc has them, for scripts; not used */
    struct oci_map  cgroup_paths;
    struct oci_map  annotations;
    char           *intel_rdt_path;      /* group of resctrl, or NULL */
    char           *intel_rdt_mon_path;
    bool            intel_rdt_ours;      /* made for this container: delete removes the group too */
    struct oci_resources *resources;     /* after an update: linux.resources as it is now, or NULL */
    struct runc_config *config;          /* what runc needs of ours, or what runc wrote: state/runc.h */
    bool            of_runc;             /* runc made it: the configuration is the bundle's */
};

enum container_status { STATUS_CREATING, STATUS_CREATED, STATUS_RUNNING, STATUS_PAUSED, STATUS_STOPPED };
const char *status_name(enum container_status s);

/** Refuses ids that are not [A-Za-z0-9_+.-]{1,1024} or "." and "..": "invalid container ID format". */
int state_check_id(const char *id, struct hull_error *e);
/** Opens the state root; with make it is made (0700). fd or negative (-ENOENT without text when it is missing). */
int state_open_root(const char *root, bool make, struct hull_error *e);
/**
 * Makes <root>/<id> (0711) and locks it. HULL_E_EXISTS when it is there, unless it is what a create or
 * delete that was killed has left: no state.json and no lock. fd or negative.
 */
int state_make_dir(int root_fd, const char *id, struct hull_error *e);
/** Opens <root>/<id>, never through a link. HULL_E_NOT_FOUND: "container does not exist". fd or negative. */
int state_open_dir(int root_fd, const char *id, struct hull_error *e);
/* How long to wait for the lock, in ms: hooks and waits run without it or hold it only as long as they must. */
enum { STATE_PATIENCE = 10000 };
/** Takes the lock, waiting up to patience ms. HULL_E_STATE when somebody else still has it. */
int state_lock(int dir_fd, const char *id, int patience, struct hull_error *e);
/** Whether the directory has been removed; then its name may be another container's by now. */
bool state_is_gone(int dir_fd);
/** Removes the directory with what hull puts into it (and nothing that a link points to). */
int state_remove_dir(int root_fd, const char *id, struct hull_error *e);

/** Writes state.json; a is for what passes. */
int state_write(int dir_fd, const struct container_state *s, struct arena *a, struct hull_error *e);
/** Reads state.json, runc's too. Missing: HULL_E_NOT_FOUND. Damaged: HULL_E_STATE with what is wrong. */
int state_read(int dir_fd, struct arena *a, struct container_state **ret, struct hull_error *e);
/** Whether exec.fifo is there. */
bool state_has_fifo(int dir_fd);
/** The OCI state of a container in that status. Strings are shared. */
void state_to_oci(const struct container_state *s, enum container_status status, struct oci_state *ret);
/** The state as compact JSON with the spec's members alone, for hooks. NULL: out of memory. */
char *state_hook_json(const struct oci_state *s, struct arena *a);
/** Current time in RFC 3339 with nanoseconds as Go prints it. */
char *state_now(struct arena *a);

#define EXEC_FIFO "exec.fifo"
/* Directory with the socket for sd_notify; exists only if the container got one. */
#define NOTIFY_DIR "notify"
/** Binds the datagram socket in NOTIFY_DIR that the container sends READY to. fd or negative (e set). */
int state_bind_notify(int dir_fd, struct hull_error *e);
#endif
