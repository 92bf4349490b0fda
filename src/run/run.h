/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes: the parent P and the container's init I, the messages between them, the walk through
 * the plan. Protocol and order are drawn in ARCHITECTURE.md ("Process picture") and plan/build.c.
 */
#ifndef HULL_RUN_RUN_H
#define HULL_RUN_RUN_H

#include <signal.h>
#include "hooks/hooks.h"
#include "step/launch.h"
#include "step/step.h"

/* One row per step kind. */
struct step_kind_info {
    const char    *name;      /* "cgroup.create" */
    step_print_fn *print;     /* NULL: no detail */
    step_fn       *run;
    step_fn       *undo;      /* P: takes back an external effect, also a half-made one; NULL: none */
};
const struct step_kind_info *step_info(enum step_kind k);

/** Walks the steps of one process in order; on failure e names the step. @param ret_done how far it came */
int plan_execute(struct launch *l, const struct plan *p, enum step_where where, size_t *ret_done,
                 struct hull_error *e);
/** Undoes P's steps up to and including index done, in reverse. Failures are logged. */
void plan_rollback(struct launch *l, const struct plan *p, size_t done);
/** Nanoseconds since 1970, on the clock of traces. */
uint64_t trace_now(void);
/** P: writes the times of the steps to options->trace, if that is asked for. A failure is a warning. */
void trace_write(const struct launch *l);
/** The plan as text or JSON; malloc'd. */
char *plan_explain(const struct launch *l, const struct plan *p, bool json);

/* ---- messages: SOCK_SEQPACKET pair, one struct per message (sync.c) ---- */
int  sync_pair(struct launch *l, struct hull_error *e);
int  sync_notify(struct launch *l, enum sync_event ev, uint64_t value, struct hull_error *e);
/** I: waits for an event of P; exits when P is gone. */
int  sync_await_init(struct launch *l, enum sync_event ev, struct hull_error *e);
/** P: waits for an event of I, dealing with its log lines, descriptors and errors, and with our signals. */
int  sync_await_parent(struct launch *l, enum sync_event ev, struct hull_error *e);
/**
 * P, after a failure of its own: an error that I has sent by then is the cause and replaces e, since
 * what P does for an init that is gone fails in odd ways.
 */
void sync_prefer_init_error(struct launch *l, struct hull_error *e);
/** P: waits until I has executed its program (end of file); an error message of I is the error. */
int  sync_await_exec(struct launch *l, struct hull_error *e);
/** I: sends the failure to P. */
void sync_send_error(struct launch *l, const struct hull_error *e);
/** I: hands the pty master to P. */
int  sync_send_console(struct launch *l, int master, struct hull_error *e);
/** I: hands P the socket that hears READY of the program. */
int  sync_send_notify_socket(struct launch *l, int sock, struct hull_error *e);
/**
 * I: hands the listener of the filter to P, for the agent. l->seccomp_fd stays open when the filter
 * does not let it be sent: P fetches it, and has done so when it sends the next event.
 */
int  sync_send_seccomp(struct launch *l, struct hull_error *e);
/** I: SYNC_TREE with the descriptor. */
int  sync_send_tree(struct launch *l, int fd, struct hull_error *e);
/** X: asks P not to be interrupted any more, and waits for the answer. */
int  sync_before_change(struct launch *l, struct hull_error *e);
/** I: log lines go to P from now on. */
void sync_log_to_parent(struct launch *l, struct log *log);

/* ---- I (init.c) ---- */
/** The whole life of I up to execve; never returns. */
void init_main(struct launch *l, const struct plan *p) __attribute__((noreturn));
/** Overwrites the environment that we were started with: it is the host's. */
void environment_blank(void);
/** Closes every descriptor but 0..2+preserve and those in keep (sorted by this; -1 is skipped). */
void fds_close_except(int *keep, size_t n, unsigned preserve_fds);
step_fn init_step_begin, init_step_exec, init_step_console, init_step_ready, init_step_seccomp,
    init_step_mount_with_parent;

/* ---- P (parent.c, clone.c) ---- */
/** Blocks the signals that would interrupt us and makes l->signal_fd. */
int  parent_signals(struct launch *l, struct hull_error *e);
/**
 * Looks at the standard streams and, with relay and without a terminal, puts pipes in the place of those
 * that are neither pipes nor /dev/null; foreground_wait copies.
 */
int  stdio_open(struct launch *l, bool relay, struct hull_error *e);
/** Closes I's ends in P, once I has been cloned. */
void stdio_close_inner(struct launch *l);
/** I or a stage: makes the pipes its standard streams, before the others are closed. */
int  stdio_attach(struct launch *l, struct hull_error *e);
/** Start time of the process that was cloned. */
int launch_identify(struct launch *l, struct hull_error *e);
step_fn parent_step_state_create, parent_step_state_create_undo, parent_step_fifo, parent_step_notify_directory,
    parent_step_console_connect, parent_step_clone, parent_step_clone_undo, parent_step_pidfd,
    parent_step_state_created, parent_step_pid_file, parent_step_idmap, run_step_hooks, run_step_notify,
    run_step_await;
/* ---- exec (join.c) ---- */
step_fn join_step_clone, join_step_cgroup, join_step_cgroup_host, join_step_namespaces, join_step_notify_socket;

/** Writes pid to file atomically (temporary name and rename). */
int pid_file_write(const char *path, pid_t pid, struct hull_error *e);
int pidfd_send_to(const char *socket_path, int pidfd, struct hull_error *e);
/** Runs the hooks of a kind in the host's namespaces with the given status and pid. */
int launch_run_hooks(struct launch *l, enum hook_kind k, const char *status, pid_t pid,
                     struct hull_error *e);

/* ---- foreground (wait.c) ---- */
/** What the foreground loop serves. */
struct foreground {
    int    signal_fd;      /* a signalfd; gets all signals from here on */
    int    pidfd;          /* of the process waited for */
    pid_t  pid;
    int    master;         /* pty master or -1; closed at the end */
    struct standard_stream *stdio; /* with the pipes to copy from and to; closed at their ends */
    bool   subreaper;      /* reap every child */
    /* Called with notify_fd and pid when that is readable; NULL: nothing to watch. */
    void (*notified)(int fd, pid_t pid);
    int    notify_fd;
};
/**
 * Forwards signals and the terminal until the process ends and its output is drained.
 * @param ret_status  exit code, 128+n for signal n
 */
int foreground_wait(struct foreground *f, int *ret_status, struct hull_error *e);
#endif
