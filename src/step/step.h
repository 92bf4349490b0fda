/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan is an array of steps that two processes walk: the parent P (AT_HOST) on the host and the
 * container's init I (AT_INIT), which the step "clone" makes. Both have the whole array, since I
 * inherits it by fork. plan/build.c writes the order, plan/table.c says what each kind does.
 *
 * Features offer X_plan*() functions that look only at the inputs of struct launch and push steps,
 * and the functions that carry the steps out. What the kernel answers is dealt with inside a step.
 */
#ifndef HULL_STEP_STEP_H
#define HULL_STEP_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include "base/arena.h"
#include "base/error.h"

enum step_where { AT_HOST, AT_INIT };

enum step_kind {
    /* P: before the clone */
    STEP_STATE_CREATE,     /* directory, lock, intent record        undo: remove */
    STEP_NOTIFY_DIRECTORY, /* sd_notify: mounted at /run/notify */
    STEP_FIFO_CREATE,      /* exec.fifo */
    STEP_CONSOLE_CONNECT,  /* console socket */
    STEP_SOURCE_OPEN,      /* open_tree of a bind source that I can't open (arg: struct mount_step) */
    STEP_CGROUP_CREATE,    /* undo: remove */
    STEP_CLONE,            /* undo: kill and reap */
    /* P: beside or after I's set-up */
    STEP_USERNS_MAP,
    STEP_CGROUP_JOIN,
    STEP_CGROUP_LIMITS,
    STEP_INTEL_RDT,        /* resctrl group                         undo: remove */
    STEP_INTEL_RDT_JOIN,   /* exec */
    STEP_NET_DEVICES,      /* undo: move back */
    STEP_IDMAP,            /* awaits a tree of I, maps its ids (arg: struct mount_step) */
    STEP_CGROUP_DEVICES,
    STEP_RLIMITS_FOR_INIT,
    STEP_OOM_SCORE_FOR_INIT,
    STEP_HOOKS,            /* index: enum hook_kind; P or I */
    STEP_PIDFD_SEND,
    STEP_STATE_CREATED,
    STEP_PID_FILE,
    STEP_NOTIFY,           /* sync event to the other process (index: enum sync_event) */
    STEP_AWAIT,            /* wait for a sync event of the other process */
    /* I */
    STEP_CPU_AFFINITY,     /* index: enum affinity_when; P or I */
    STEP_INIT_BEGIN,       /* close inherited descriptors, parent-death signal, setsid */
    STEP_USERNS_ENTER,     /* become the mapped root */
    STEP_NS_JOIN,          /* namespaces given by path */
    STEP_NS_UNSHARE,       /* namespaces that could not be part of the clone */
    STEP_LSM_KEY,          /* SELinux label of the session keyring */
    STEP_KEYRING,
    STEP_LOOPBACK,
    STEP_HOSTNAME,
    STEP_DOMAINNAME,
    STEP_ROOTFS_PREPARE,   /* propagation of /, rootfs becomes a mount of its own */
    STEP_MOUNT,            /* arg: struct mount_step */
    STEP_MOUNT_WITH_PARENT, /* the same; P maps the ids of what I cloned */
    STEP_DEVICES,          /* default and configured nodes, links, ptmx */
    STEP_CONSOLE,          /* pty, /dev/console, hand-over */
    STEP_PIVOT,
    STEP_ROOTFS_READONLY,
    STEP_ROOTFS_PROPAGATION,
    STEP_SYSCTL,
    STEP_READONLY_PATHS,
    STEP_MASK_PATHS,
    STEP_RLIMITS,
    STEP_PERSONALITY,
    STEP_LSM_EXEC,         /* AppArmor profile, SELinux label of the program */
    STEP_MEMORY_POLICY,
    STEP_SCHEDULER,        /* P or I: scheduler and I/O priority */
    STEP_NO_NEW_PRIVS,
    STEP_CAPS_BOUND,
    STEP_USER,             /* groups, gid, uid, umask */
    STEP_CAPS,             /* index: enum caps_stage */
    STEP_CWD,              /* index: 0 make it, 1 enter as root, 2 enter as the user */
    STEP_EXEC_LOOKUP,      /* args[0] must be found at create */
    STEP_INIT_READY,       /* all that can be done before the filter: descriptors, signals */
    STEP_SECCOMP,
    STEP_EXEC,             /* last: gate, startContainer hooks, execve */
    /* exec: the process that joins a container */
    STEP_JOIN_CLONE,
    STEP_CGROUP_ENTER_HOST,
    STEP_CGROUP_ENTER,
    STEP_JOIN,             /* the container's namespaces, by pidfd */
    STEP_NOTIFY_SOCKET,    /* sd_notify: in the container's network namespace */
    STEP_UNMOUNT,          /* mounts remove (arg: struct mount_step) */
    /* restore */
    STEP_RESTORE_START,    /* criu in its place                     undo: end it and what it restored */
    STEP_RESTORE,          /* processes are there, but do not run yet */
    STEP_RESTORE_FINISH,
    STEP_COUNT
};

/* CAP_SYS_ADMIN stays until the filter is loaded where no_new_privs does not stand in for it. */
enum caps_stage { CAPS_FINAL, CAPS_BUT_ADMIN, CAPS_DROP_ADMIN };

/* What P and I tell each other; each event but TREE and IDMAPPED is sent at most once. */
enum sync_event {
    SYNC_STAGED = 1,     /* stage -> P: value is init's pid */
    SYNC_MAPPED,         /* P -> I: id maps are written */
    SYNC_IN_CGROUP,      /* P -> I: I is in its cgroup */
    SYNC_TREE,           /* I -> P: a tree of mounts (descriptor) whose ids want mapping */
    SYNC_IDMAPPED,       /* P -> I: done */
    SYNC_HOOKS_WANTED,   /* I -> P: mounts are made, run the runtime's hooks */
    SYNC_HOOKS_DONE,     /* P -> I */
    SYNC_MOUNTING,       /* X -> P: the first mount of a running container is about to be made or undone */
    SYNC_MOUNT_NOW,      /* P -> X: nothing ends us from here on */
    SYNC_READY,          /* I -> P: nothing is left but the gate */
    SYNC_COMMIT,         /* P -> I: state is saved, wait at the gate or go on */
};

struct step {
    enum step_kind  kind;
    enum step_where where;
    const char     *why;     /* JSON path of the config member behind it, or NULL */
    const void     *arg;     /* by kind, arena-owned */
    size_t          index;   /* by kind */
};

struct plan {
    struct step  *v;
    size_t        n, cap;
    struct arena *arena;
};

struct launch;

/** Appends a step; 0 or -ENOMEM (error set). */
int plan_push(struct plan *p, enum step_where where, enum step_kind kind, const char *why,
              const void *arg, size_t index, struct hull_error *e);
/** As plan_push with a formatted why, e.g. plan_pushf(p, AT_INIT, STEP_MOUNT, m, i, e, "mounts[%zu]", i). */
int plan_pushf(struct plan *p, enum step_where where, enum step_kind kind, const void *arg,
               size_t index, struct hull_error *e, const char *why, ...) PRINTF_LIKE(7, 8);

typedef int step_fn(struct launch *l, const struct step *s, struct hull_error *e);
/* Writes one line of description (no newline) for --explain and --debug. */
typedef void step_print_fn(const struct launch *l, const struct step *s, char *buf, size_t len);
#endif
