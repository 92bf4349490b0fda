/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that making one container needs: inputs, fixed before the plan is built, and run-time
 * descriptors, filled by steps. P and I each have a copy after the clone (plain fork semantics).
 */
#ifndef HULL_STEP_LAUNCH_H
#define HULL_STEP_LAUNCH_H

#include <sys/types.h>
#include "hull.h"
#include "base/arena.h"
#include "base/log.h"
#include "host/facts.h"
#include "oci/config.h"
#include "step/step.h"

enum ns_type { NS_MOUNT, NS_UTS, NS_IPC, NS_USER, NS_PID, NS_NET, NS_CGROUP, NS_TIME, NS_COUNT };

struct cgroup;
struct cgroup_entry;
struct seccomp_program;
struct cap_sets;
struct intelrdt_group;
struct netdev_set;
struct restore;
struct mount_made;

/* Where in the rootfs something was mounted: what the destination led to, without links. */
struct mount_place {
    const char               *path;
    bool                      bind;
    const struct mount_place *before;
};

#define LISTEN_PID_ENTRY "LISTEN_PID="

/* One page that P and I share, so that the step is known even when I was killed in it. */
struct step_time { uint64_t begin, end; };
struct breadcrumb {
    volatile unsigned step;
    struct step_time  times[];   /* with a trace: of each step of the plan, 0: not yet */
};

/* Standard input, output or error as P was given it. */
struct standard_stream {
    bool  null;            /* the host's /dev/null */
    uid_t uid;             /* owner, as P sees it */
    int   inner, outer;    /* I's and P's end of a pipe in its place, or -1 */
};

struct launch {
    /* inputs */
    const struct oci_config          *config;
    const struct host_facts          *host;
    const struct hull_create_options *options;
    const char   *name;            /* "hull" or "runc" */
    const char   *id;
    const char   *root;            /* state root, absolute */
    bool          root_in_xdg;     /* it is below XDG_RUNTIME_DIR */
    const char   *bundle;          /* absolute */
    const char   *rootfs;          /* absolute host path of root.path, no symlink in it */
    bool          run;             /* run rather than create: no gate */
    bool          notify;          /* NOTIFY_SOCKET is passed on */
    const char   *notify_name;     /* exec: abstract name of the socket for that, or NULL */
    bool          listen;          /* LISTEN_FDS is passed on; LISTEN_PID needs the pid that the process sees */
    bool          detach;          /* nobody forwards the terminal */
    bool          running;         /* mounts: the container runs; P opens all sources, X notes what it makes */
    bool          rootless;        /* our effective uid is not 0: a user namespace is needed */
    bool          rootless_cgroup; /* permission errors on cgroups are tolerated */
    bool          systemd_cgroup;
    bool no_cgroup;                        /* stays in the caller's, without limits */
    const struct seccomp_program *seccomp; /* compiled linux.seccomp; NULL: no filter */
    bool          has_ns[NS_COUNT];      /* listed in linux.namespaces */
    const char   *ns_path[NS_COUNT];     /* NULL: a new one */
    const struct plan *plan;
    struct arena *arena;
    struct log   *log;
    const char   *config_text;     /* the configuration as read, before decoding */
    size_t        config_len;

    /* run time; descriptors are -1 when absent */
    int      state_fd;     /* P: state directory of the container */
    int      root_fd;      /* P: the state root */
    int      ns_fd[NS_COUNT]; /* namespaces to join */
    bool     cgroup_ns_cloned; /* the clone made the cgroup namespace, rooted at the new cgroup */
    struct breadcrumb *crumb; /* shared page: where I is */
    size_t   crumb_size;
    uint64_t traced_from;  /* P: when a trace begins; 0: none */
    uint64_t ignored;      /* I: signals that were ignored when we started, bit n-1 */
    int      signal_fd;    /* P: signalfd of everything that could interrupt it */
    struct standard_stream stdio[3];
    int      bundle_fd;    /* I: the bundle directory, for relative hook and source paths; may be -1 */
    int      seccomp_fd;   /* I: the listener, as long as P has to fetch it; else -1 */
    bool     staged;       /* exec, X: a stage has joined everything before it cloned us */
    int      join_pidfd;   /* exec: init of the container to join */
    pid_t    join_pid;     /* exec: its pid on the host */
    char *const *exec_cgroups; /* exec: --cgroup, NULL-terminated, or NULL */
    int      join_root;    /* exec into a container without mount namespace: its root; or -1 */
    unsigned join_flags;   /* exec: CLONE_NEW* of the namespaces to join */
    struct cgroup_entry *entry; /* exec: the opened ways into the cgroup */
    int      sync_fd;      /* this process' end of the SEQPACKET pair */
    int      peer_fd;      /* until the clone: the other end */
    int      notify_fd;    /* P, run and exec: socket that hears READY */
    int      fifo_fd;      /* I: exec.fifo, O_RDWR */
    int      console_sock; /* connected console socket */
    int      console_fd;   /* P: pty master in the foreground; I: pty slave */
    int      rootfs_fd;    /* I: O_PATH of the new root, in I's mount namespace; after pivot: "/" */
    int      masks_fd;     /* I: the container's own procfs at /proc, for its masks; -1: none */
    bool     cwd_is_proc;  /* I: until the pivot, for mount(2) on self/fd/N */
    int      proc_fd;      /* I: verified procfs that shows I itself; see base/proc.h */
    int      dev_null_fd;  /* I: verified /dev/null (1:3), O_PATH */
    /* X, mounts: called before the first change of a running container, and then not again; or NULL. */
    int    (*before_change)(struct launch *l, struct hull_error *e);
    struct mount_made **made; /* X: what it has mounted, the last one first; NULL: not noted */
    const struct mount_place *places; /* I: of the mounts made up to now, the last one first */
    int     *source_fds;   /* per config mount: opened by P, or -1; NULL when none is needed */
    int     *idmap_fds;    /* per config mount: user namespace of an id-mapped mount, or -1; NULL: none */
    int      tree_fd;      /* P: what came with SYNC_TREE */
    unsigned early;        /* I: events that came before they were awaited, bit = enum sync_event */
    struct intelrdt_group *intel_rdt; /* groups of resctrl; NULL: none, see kernel/intelrdt.h */
    struct netdev_set *net_devices; /* P: what was moved, see net/netdev.c */
    struct cgroup *cgroup; /* see cgroup/cgroup.h */
    struct restore *restore; /* restore: see run/restore.h; NULL: a create */
    pid_t    init_pid;     /* P: init's pid on the host */
    int      init_pidfd;
    uint64_t init_start;   /* field 22 of /proc/PID/stat */
    const char *created;   /* RFC 3339 */
    bool        cwd_entered; /* I */
    struct cap_sets *caps;   /* I: what the program has */
    unsigned long *own_affinity; /* P, exec: to return to after the clone, or NULL */
    const char *argv0_path; /* I: resolved program */
    char   **env;           /* I: the program's environment */
};

/**
 * Whether we are root at most of a user namespace: what the kernel asks of the initial one is refused to
 * us. All else a root of a user namespace may do, and is let try; see launch.rootless for who is none.
 */
static inline bool launch_limited(const struct launch *l)
{
    return l->host->euid != 0 || l->host->in_userns;
}

/** Whether the container gets a pid namespace of its own: the end of init is everybody's end. */
static inline bool launch_private_pid(const struct launch *l)
{
    return l->has_ns[NS_PID] && !l->ns_path[NS_PID];
}
#endif
