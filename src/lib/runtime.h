/* SPDX-License-Identifier: Apache-2.0 */
/* What the operations share: the handle, and a container as the state root has it. */
#ifndef HULL_LIB_RUNTIME_H
#define HULL_LIB_RUNTIME_H

#include "base/arena.h"
#include "base/log.h"
#include "cgroup/cgroup.h"
#include "host/facts.h"
#include "hull.h"
#include "kernel/intelrdt.h"
#include "oci/config.h"
#include "state/state.h"
#include "step/launch.h"

struct hull_runtime {
    struct hull_options options;
    char               *root;
    bool                root_in_xdg;   /* below XDG_RUNTIME_DIR */
    struct log          log;
    struct host_facts   host;
    bool                host_known;
};

/**
 * Takes a struct of options that a caller of another version of the library may have filled, by the
 * size that is its first member: what his is shorter is zero; what it is longer must be.
 * @param given  the caller's struct
 * @param ret    receives size bytes
 * @return 0, -EINVAL (no size) or -E2BIG (an option that this version doesn't know is set)
 */
int options_take(const void *given, void *ret, size_t size, struct hull_error *e);

/** Probes the host once. */
int runtime_host(hull_runtime *rt, struct hull_error *e);

/* An existing container. Zero-initialise with CONTAINER_INIT; release with container_close. */
struct container {
    struct arena            arena;
    int                     root_fd, dir_fd;
    struct container_state *state;
    enum container_status   status;
    struct cgroup          *cgroup;
    bool                    locked;
};
#define CONTAINER_INIT {.root_fd = -1, .dir_fd = -1}
#define _cleanup_container_ __attribute__((cleanup(container_close)))

/**
 * Opens a container, reads its state and finds its status.
 * @param patience  take the lock before reading, waiting for so many ms; 0: without the lock
 */
int  container_open(hull_runtime *rt, const char *id, int patience, struct container *ret,
                    struct hull_error *e);
void container_close(struct container *c);
/** The status now; creating and stopped are told apart by the lock when there is no pid yet. */
int  container_status_refresh(struct container *c, struct hull_error *e);
/** Loads the stored config.json, with linux.resources as the last update left them. */
int  container_config(struct container *c, struct log *log, struct oci_config **ret,
                      struct hull_error *e);
/** A pidfd of init that is certain to be init (pid and start time). -HULL_E_STATE "container not running" when it is gone. */
int  container_pidfd(const struct container *c, struct hull_error *e);
/** Ends init, if there is one, by SIGKILL, and waits for its end. */
int  container_end_init(const struct container *c, struct hull_error *e);
/** The container's groups of resctrl, in the arena; NULL when it has none or resctrl is gone. */
struct intelrdt_group *container_intel_rdt(const struct container *c, struct arena *a);
/** Ends everything in the container, removes its cgroup and state, runs its poststop hooks. */
int  container_destroy(hull_runtime *rt, struct container *c, struct hull_error *e);
/** Runs the runtime-side hooks of a kind for an existing container. */
int  container_hooks(hull_runtime *rt, struct container *c, int kind, const char *status,
                     struct hull_error *e);
int  container_run_hooks(hull_runtime *rt, struct container *c, const struct oci_config *config,
                         int kind, const char *status, struct hull_error *e);

/* A start in preparation: launch, plan and what they point to. */
struct job {
    struct launch launch;
    struct plan   plan;
    struct arena  arena;
    struct log    log;
    int           bundle_fd;
    struct hull_create_options options;
};
void job_init(struct job *j);
void job_close(struct job *j);
#define _cleanup_job_ __attribute__((cleanup(job_close)))
/** Loads and checks the configuration and builds the plan. No side effect. */
int  job_prepare(hull_runtime *rt, const char *id, const struct hull_create_options *o, bool run,
                 struct job *j, struct hull_error *e);
/** Carries the plan out up to COMMIT; everything is undone on failure. */
int  job_execute(struct job *j, struct hull_error *e);
/** Waits for the program in the foreground and removes the container. */
int job_foreground(struct job *j, int *ret_status, struct hull_error *e);
#endif
