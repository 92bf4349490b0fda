/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's control group: linux.cgroupsPath and linux.resources (runtime-spec 1.3,
 * config-linux.md#control-groups). Same calls for cgroup v1, hybrid and v2; struct cgroup_ops
 * (ops.h) has one implementation of each.
 *
 * Everything here runs in P, on the host, but one thing: on v1 and hybrid the new process moves
 * itself. A write of another process' pid to cgroup.procs takes a global lock that waits for an RCU
 * grace period (8 to 15 ms); a single thread that writes "0" to "tasks" does not (5.16:
 * 9a3284fad42f). So P opens the files before the clone and init writes to them as its very first
 * act.
 *
 * The order in a plan is create, (clone), join, limits, devices. cgroup_plan_path comes first and
 * makes l->cgroup; cgroup_locate turns it into directory names, so that the intent record can hold
 * them before the first one is made.
 */
#ifndef HULL_CGROUP_CGROUP_H
#define HULL_CGROUP_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "host/facts.h"
#include "oci/config.h"
#include "step/launch.h"
#include "step/step.h"

#define CGROUP_FS_ROOT "/sys/fs/cgroup"

struct cgroup_ops;
struct cgroup_limits;
struct cgroup_unit;

/* One directory of the container: one per v1 hierarchy, "" being the v2 (unified) one. */
struct cgroup_dir {
    const char *names;   /* controllers mounted together: "cpu,cpuacct", "name=systemd"; v2: "" */
    const char *root;    /* mount point of the hierarchy, absolute */
    const char *rel;     /* path below root, no leading slash, never with "." or ".." */
    const char *dir;     /* root/rel: what state.json records */
    unsigned    made;    /* how many components at the end of rel we made ourselves */
    bool        missing; /* could not be made or joined and that was tolerated (rootless) */
};

#define CGROUP_DIRS_MAX 20

/* Opened ways into a cgroup; for init and for exec. */
struct cgroup_entry {
    int    clone_fd;               /* directory for CLONE_INTO_CGROUP (v2, hybrid), or -1 */
    bool   cloned_into;            /* set it when the clone used clone_fd */
    int    tasks[CGROUP_DIRS_MAX]; /* v1: "tasks" files that the process itself writes "0" to */
    size_t n_tasks;
};

/* Owned by an arena; the descriptors of entry are the only thing to release (cgroup_close). */
struct cgroup {
    enum cgroup_mode         mode;
    const struct cgroup_ops *ops;
    const char *path;     /* cleaned: "/a/b" from the hierarchy root, "a/b" from our own */
    bool path_given;      /* linux.cgroupsPath was set */
    bool rootless;        /* EPERM, EACCES, EROFS are tolerated if nothing was asked for */
    bool disabled;        /* by the caller: no directory, no limit */
    const char *fs_root;  /* CGROUP_FS_ROOT; unit tests use a directory of their own */
    struct cgroup_dir *v; /* empty until cgroup_locate */
    size_t n;
    struct cgroup_entry entry;        /* the way in for init, opened by create */
    struct cgroup_unit *unit;         /* the systemd driver's unit, or NULL */
    struct arena      *arena;
    struct log        *log;
};

/* ------------------------------------------------------------------------------------ planning */

/**
 * Makes l->cgroup from linux.cgroupsPath, by default the id. Pure. With l->no_cgroup it is one
 * without any directory. With l->systemd_cgroup it is the
 * systemd unit "slice:prefix:name", by default the scope runc-ID in system.slice or user.slice.
 * The path is cleaned as Go's filepath.Clean does with the hierarchy root as "/": ".." can never
 * leave it. An absolute path counts from the root of each hierarchy; a relative one and the default
 * from our own cgroup (v1) or its parent (v2), as in runc.
 * @return 0, -HULL_E_CONFIG, -HULL_E_UNSUPPORTED (systemd's for a user on v1) or -ENOMEM
 */
int cgroup_plan_path(struct launch *l, struct hull_error *e);
/**
 * Pushes STEP_CGROUP_CREATE, before the clone. On v1 also STEP_CGROUP_DEVICES: the rules are
 * replaced one by one there, which must be over before init makes its first device node.
 */
int cgroup_plan_create(const struct launch *l, struct plan *p, struct hull_error *e);
/**
 * Pushes STEP_CGROUP_JOIN: right after the clone, before init closes inherited descriptors and
 * before it unshares a cgroup namespace. AT_INIT on v1 and hybrid (init moves itself), and AT_HOST
 * for the v2 directory, which does nothing if the clone went into it.
 */
int cgroup_plan_join(const struct launch *l, struct plan *p, struct hull_error *e);
/** Checks linux.resources and pushes STEP_CGROUP_LIMITS if any limit is set. */
int cgroup_plan_limits(const struct launch *l, struct plan *p, struct hull_error *e);
/** Pushes STEP_CGROUP_DEVICES unless plan_create did (v1 without systemd). */
int cgroup_plan_devices(const struct launch *l, struct plan *p, struct hull_error *e);
/** Pushes STEP_CGROUP_DEVICES if init mounts something that the rules might deny: when it is ready. */
int cgroup_plan_devices_late(const struct launch *l, struct plan *p, struct hull_error *e);

/**
 * Fills cg->v: reads /proc/self/cgroup on v1 and for relative paths. May be called again.
 * Call it before the intent record is written; STEP_CGROUP_CREATE calls it otherwise.
 */
int cgroup_locate(struct cgroup *cg, struct hull_error *e);
/**
 * Gives the v2 directory to the container's user where the spec says so ("Cgroup ownership");
 * STEP_CGROUP_CREATE calls it. For drivers that get the directory from somebody else.
 * @param dir  descriptor of the directory, also O_PATH; -1: nothing to do
 */
int cgroup_delegate(struct launch *l, int dir, struct hull_error *e);

/* --------------------------------------------------------------------------------------- steps */

step_fn       cgroup_step_create;        /* STEP_CGROUP_CREATE */
step_fn       cgroup_step_create_undo;   /* removes what create made, and only that */
step_fn       cgroup_step_join;          /* STEP_CGROUP_JOIN; AT_HOST uses l->init_pid */
step_fn       cgroup_step_limits;        /* STEP_CGROUP_LIMITS */
step_fn       cgroup_step_devices;       /* STEP_CGROUP_DEVICES */
step_print_fn cgroup_step_create_print;
step_print_fn cgroup_step_join_print;
step_print_fn cgroup_step_limits_print;
step_print_fn cgroup_step_devices_print;

/**
 * The descriptor for CLONE_INTO_CGROUP, or -1 where there is none (v1, rootless without a cgroup).
 * When the clone used it, set cg->entry.cloned_into in P's and the child's memory: before the
 * clone, and take it back if the clone fails. A clone3 that fails with EBUSY, EOPNOTSUPP, ENODEV or
 * EINVAL is to be repeated without CLONE_INTO_CGROUP; the join step then moves init.
 */
int cgroup_clone_fd(const struct cgroup *cg);
/** Closes the descriptors. NULL is fine. */
void cgroup_close(struct cgroup *cg);

/* ---------------------------------------------------------------- containers that exist already */

/**
 * The map that state.json keeps as "cgroup_paths": controller -> absolute directory, on v2 the one
 * key "". Directories that were tolerated as missing are left out. The strings are in a.
 */
int cgroup_paths(const struct cgroup *cg, struct arena *a, struct oci_map *ret,
                 struct hull_error *e);
/**
 * A cgroup from such a map. Each directory must lie below fs root (-HULL_E_CONFIG if not); nothing
 * is opened and none need exist. An empty map gives a cgroup on which destroy succeeds and the
 * rest fails with -ENOENT.
 * @param rootless  as launch.rootless_cgroup
 */
int cgroup_from_saved(struct arena *a, struct log *log, const struct host_facts *host,
                      const struct oci_map *paths, bool rootless, struct cgroup **ret,
                      struct hull_error *e);
/**
 * The cgroup is a unit of systemd's, named by the last part of its path: to be called after
 * cgroup_from_saved for a container that was made with the systemd driver. Nothing is asked yet.
 */
int cgroup_set_unit(struct cgroup *cg, struct hull_error *e);
/** Whether the container has a cgroup directory now. */
bool cgroup_exists(const struct cgroup *cg);
/**
 * The processes (thread-group ids) in the cgroup.
 * @param recursive  also of all cgroups below
 * @param ret        array in a, sorted, without duplicates
 * @return 0 or a negative code; a cgroup that is gone has no processes
 */
int cgroup_pids(const struct cgroup *cg, bool recursive, struct arena *a, pid_t **ret,
                size_t *ret_n, struct hull_error *e);
/**
 * Sends sig to every process in the cgroup and below: cgroup.kill for SIGKILL where there is one,
 * else frozen, one by one, and thawed. -ENOENT if there is no cgroup ("container cgroup not
 * exist").
 */
int cgroup_kill_all(const struct cgroup *cg, int sig, struct hull_error *e);
/** Ends every process in the cgroup and below by SIGKILL and waits for it, as long as cgroup_destroy. */
void cgroup_end_all(const struct cgroup *cg);
/** Freezes or thaws and waits until the kernel says so (10 s at most); thaws again on failure. */
int cgroup_freeze(const struct cgroup *cg, bool frozen, struct hull_error *e);
/** Whether the cgroup itself (not an ancestor alone) is frozen; no freezer is false. */
int cgroup_is_frozen(const struct cgroup *cg, bool *ret, struct hull_error *e);
/**
 * Kills what is left, waits for it and removes the directories with all below them. What does not
 * exist is a success. Symbolic links are never followed.
 */
int cgroup_destroy(struct cgroup *cg, struct hull_error *e);
/**
 * exec: opens the ways into the container's cgroup, before the clone. Then clone with
 * ret->clone_fd if it is not -1 (and note it in cloned_into); the new process calls cgroup_enter as
 * its first act, while it has one thread; P calls cgroup_enter_host if cloned_into is not set.
 * @param init_pid container's init; on v2 its present cgroup is the fall-back when the recorded one
 *                  is gone, unless subs says where; 0: no fall-back
 * @param subs      NULL-terminated "[CTRL[,CTRL]:]PATH" below the container's cgroup, or NULL
 * @param ret       release with cgroup_entry_close, also in the child
 * @return 0 or a negative code with runc's text ("bad sub cgroup path: ...", "error adding pid
 * ...")
 */
int cgroup_open_entry(const struct cgroup *cg, pid_t init_pid, char *const *subs,
                      struct cgroup_entry *ret, struct hull_error *e);
/** The calling process moves itself into the v1 directories. It must have one thread. */
int cgroup_enter(const struct cgroup_entry *entry, struct hull_error *e);
/** Moves pid into the v2 directory if the clone did not (same fall-back as above). */
int cgroup_enter_host(const struct cgroup *cg, const struct cgroup_entry *entry, pid_t pid,
                      pid_t init_pid, char *const *subs, struct hull_error *e);
void cgroup_entry_close(struct cgroup_entry *entry);
/**
 * Writes the limits of r into the existing cgroup; device rules are left alone. When the kernel
 * refuses one, those already written are set back to what they were.
 * @param r        only what is to change, but memory.limit with swap and cpu.quota with period, and
 *                  the devices that the container has, for systemd on v1 sets them anew each time
 * @param ret_old  what cgroup_update_undo needs, in cg's arena; may be NULL
 */
int cgroup_update(const struct cgroup *cg, const struct oci_resources *r,
                  const struct cgroup_limits **ret_old, struct hull_error *e);
/** Takes a successful update back; a failure is logged. */
void cgroup_update_undo(const struct cgroup *cg, const struct cgroup_limits *old);
/** How often the OOM killer has killed in this cgroup; 0 also when that can't be read. */
uint64_t cgroup_oom_kills(const struct cgroup *cg);
/**
 * "memory.max is 1048576" or what the file is called; "" if there is no memory limit of its own.
 * For the message about an OOM kill; of a scope that is gone, what create asked for.
 */
void cgroup_memory_limit_text(const struct cgroup *cg, char *buf, size_t len);
#endif
