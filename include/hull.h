/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hull.h - the boundary of the OCI container runtime library.
 *
 * The hull command line is written on this header alone. No call prints, exits, or changes the
 * caller's working directory or signal mask, with two exceptions that are marked: hull_run and
 * hull_exec in the foreground own the terminal and the signals while they wait.
 *
 * Every function that can fail returns 0 or more on success and a negative number on failure; the
 * error is then described in the caller's struct hull_error, which needs no release.
 *
 * The promise, of the shared library libhull.so.0 and its symbol version HULL_0:
 * - A function keeps its meaning and its parameters; a new meaning gets a new name.
 * - A struct of options begins with its size. It grows only at its end, and zero in a member means what
 *   a library without that member did. So a program may be older or newer than the library; what it
 *   asks of an older one that this one does not know is refused (E2BIG), not left out.
 * - struct hull_error does not change. struct hull_state is made by the library and grows at its end.
 * - Error codes and enumerators keep their values; new ones may come.
 * - Texts are for people. Those that engines match on stay as runc's are.
 */
#ifndef HULL_H
#define HULL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Error codes beyond -errno. */
enum {
    HULL_E_CONFIG = 4096,     /* the configuration is malformed or asks for something impossible */
    HULL_E_NOT_FOUND,         /* "container does not exist" */
    HULL_E_EXISTS,            /* "container with given ID already exists" */
    HULL_E_STATE,             /* the operation does not fit the container's status */
    HULL_E_UNSUPPORTED,       /* the configuration asks for something that hull cannot do yet */
    HULL_E_INIT,              /* the container's init failed; text says at which step */
    HULL_E_INTERRUPTED,       /* SIGINT, SIGTERM or SIGHUP arrived during create or run */
    HULL_E_STATUS_UNKNOWN,    /* wait: the container has ended, but with what status can't be known */
};

/** One failure. Owned by the caller; set once, at the point of failure. */
struct hull_error {
    int  code;         /* errno value or HULL_E_*, always positive; 0 = no error */
    char where[512];   /* JSON path ("mounts[3].source") or step name; may be empty */
    char text[8192];   /* one line, in the words engines match on; ends with the errno phrase */
};

enum hull_log_level { HULL_LOG_ERROR, HULL_LOG_WARNING, HULL_LOG_INFO, HULL_LOG_DEBUG };

/** Receives log lines; called synchronously, never from a container's process. */
typedef void hull_log_fn(void *arg, enum hull_log_level level, const char *text);

enum hull_tristate { HULL_AUTO = -1, HULL_NO = 0, HULL_YES = 1 };

/** How a runtime handle is opened. Zero-initialise, set size, then what differs. */
struct hull_options {
    size_t             size;            /* sizeof(struct hull_options) */
    const char        *root;            /* state root, an absolute path; NULL: the default of name */
    const char        *name;            /* the name the program runs under: "hull" or "runc" */
    bool               systemd_cgroup;  /* use the systemd cgroup driver */
    enum hull_tristate rootless;        /* tolerate cgroup permission errors */
    hull_log_fn       *log;             /* NULL: no logging */
    void              *log_arg;
    enum hull_log_level log_level;      /* lines above this level are not made */
    bool               no_cgroup;       /* make and join no cgroup; limits and device rules are left out */
};

typedef struct hull_runtime hull_runtime;

/**
 * Opens a runtime handle. It holds no descriptor and no lock; nothing is created on disk.
 * @param o    options; copied, strings are borrowed until hull_close
 * @param ret  receives the handle; release it with hull_close
 */
int  hull_open(const struct hull_options *o, hull_runtime **ret, struct hull_error *e);
void hull_close(hull_runtime *rt);
/** The state root in use (absolute path, owned by the handle). */
const char *hull_root(const hull_runtime *rt);

/** What create and run need beside the configuration. Zero-initialise, set size. */
struct hull_create_options {
    size_t      size;
    const char *bundle;           /* bundle directory; NULL: the current directory */
    const char *config;           /* configuration file name in the bundle; NULL: config.json */
    const char *console_socket;   /* AF_UNIX path that receives the pty master */
    const char *pidfd_socket;     /* AF_UNIX path that receives a pidfd of init */
    const char *pid_file;         /* relative to the caller's directory */
    bool        no_pivot;         /* MS_MOVE and chroot instead of pivot_root */
    bool        no_new_keyring;   /* keep the caller's session keyring */
    unsigned    preserve_fds;     /* n descriptors from 3 on, not close-on-exec, are handed to the container */
    bool        detach;           /* run: return as soon as the program runs */
    bool        keep;             /* run: keep the stopped container */
    bool        no_subreaper;     /* run: do not become a child subreaper */
    const char *trace;            /* file for the times of all steps, in the Trace Event Format; or NULL */
};

/** Makes a container; on return it is in the state "created". Needs one thread. */
int hull_create(hull_runtime *rt, const char *id, const struct hull_create_options *o,
                struct hull_error *e);
/**
 * Makes and starts a container. In the foreground it waits, forwards signals and the terminal, and
 * deletes the container afterwards; detached it returns once the program runs.
 * @param ret_status  exit code of the program (128+n when killed by signal n); 0 when detached
 */
int hull_run(hull_runtime *rt, const char *id, const struct hull_create_options *o, int *ret_status,
             struct hull_error *e);
/**
 * Prints the plan of a create or run without carrying it out.
 * @param ret  receives malloc'd text, newline-terminated; free() it
 */
int hull_explain(hull_runtime *rt, const char *id, const struct hull_create_options *o, bool run,
                 bool json, char **ret, struct hull_error *e);
int hull_start(hull_runtime *rt, const char *id, struct hull_error *e);

/** What exec runs. Zero-initialise, set size. */
struct hull_exec_options {
    size_t             size;
    const char        *process_file;     /* a process object as JSON; excludes most others */
    char             **args;             /* NULL-terminated; used without process_file */
    const char        *cwd;
    char             **env;              /* NULL-terminated KEY=VALUE, added to the config's */
    const char        *user;             /* "UID[:GID]" */
    char             **caps;             /* NULL-terminated capability names to add */
    const uint32_t    *additional_gids;
    size_t             n_additional_gids;
    enum hull_tristate tty;
    enum hull_tristate no_new_privs;
    const char        *apparmor;
    const char        *process_label;
    bool               detach;
    const char        *pid_file;
    const char        *console_socket;
    const char        *pidfd_socket;
    unsigned           preserve_fds;
    char             **cgroups;          /* NULL-terminated "[CTRL[,CTRL]:]PATH" */
    bool               ignore_paused;
    const char        *trace;            /* as in struct hull_create_options */
};

/** Runs one more process in a created or running container; blocks unless detached. */
int hull_exec(hull_runtime *rt, const char *id, const struct hull_exec_options *o, int *ret_status,
              struct hull_error *e);

/**
 * Blocks until the init of a container has ended, whoever is its parent, and tells how. It only tells
 * what the kernel still knows: hull records no exit status. That of a container that had stopped before,
 * and been waited for, is HULL_E_STATUS_UNKNOWN; so is any on a kernel before 6.15 when init's parent
 * was faster than we.
 * @param ret_status  exit code of init, 128+n when killed by signal n
 */
int hull_wait(hull_runtime *rt, const char *id, int *ret_status, struct hull_error *e);

enum { HULL_KILL_ALL = 1 };
/** Sends signal sig (0..64) to init, or to all processes where there is no private pid namespace. */
int hull_kill(hull_runtime *rt, const char *id, int sig, unsigned flags, struct hull_error *e);

enum { HULL_DELETE_FORCE = 1 };
/** Removes a stopped (or created) container; with force also a running or an unknown one. */
int hull_delete(hull_runtime *rt, const char *id, unsigned flags, struct hull_error *e);

enum hull_mounts_change { HULL_MOUNTS_ADD, HULL_MOUNTS_REMOVE };
/**
 * Mounts something in a container that has not stopped, or unmounts it. When one mount fails, those
 * before it are taken back; what was removed stays removed. The stored configuration does not change.
 * @param change  HULL_MOUNTS_ADD or HULL_MOUNTS_REMOVE
 * @param file    path of a JSON array of mounts in the specification's form. Sources are paths of the
 *                host; to remove only destination counts, and the last entry is the first to go.
 */
int hull_mounts(hull_runtime *rt, const char *id, enum hull_mounts_change change, const char *file,
                struct hull_error *e);

/** Suspends all processes of a created or running container; they stay so until hull_resume. */
int hull_pause(hull_runtime *rt, const char *id, struct hull_error *e);
/** Lets the processes of a paused container go on. */
int hull_resume(hull_runtime *rt, const char *id, struct hull_error *e);

/** What checkpoint and restore ask of CRIU. Zero-initialise, set size; status_fd -1 is none. */
struct hull_criu_options {
    size_t      size;
    const char *image_path;       /* directory of the images; NULL: "checkpoint" */
    const char *work_path;        /* directory of the log; NULL: that of the images */
    const char *parent_path;      /* images of an earlier pre-dump, relative to image_path */
    const char *page_server;      /* "ADDRESS:PORT" that pages are sent to */
    const char *manage_cgroups_mode; /* soft full strict ignore; NULL: CRIU's default */
    const char *network_lock;     /* iptables nftables skip; NULL: CRIU's default */
    const char *lsm_profile;      /* restore: TYPE:NAME */
    const char *lsm_mount_context; /* restore */
    char      **empty_ns;         /* NULL-terminated; only "network", which is always so */
    int         status_fd;        /* lazy_pages: gets a zero byte when the page server is ready; closed */
    bool        leave_running, pre_dump, lazy_pages, auto_dedup;
    bool        tcp_established, tcp_skip_in_flight, tcp_close;
    bool        ext_unix_sk, shell_job, file_locks, link_remap;
};

/** Writes a running container's processes to images and, unless it is left running, removes it. */
int hull_checkpoint(hull_runtime *rt, const char *id, const struct hull_criu_options *o,
                    struct hull_error *e);
/**
 * Makes a container whose processes come from images; otherwise as hull_run. Of the options bundle,
 * config, console_socket, pid_file, detach and no_subreaper count.
 */
int hull_restore(hull_runtime *rt, const char *id, const struct hull_create_options *o,
                 const struct hull_criu_options *criu, int *ret_status, struct hull_error *e);

/**
 * The processes in the container's cgroup and below, by the caller's pids; none when it has stopped.
 * @param ret    receives a sorted malloc'd array; free() it
 */
int hull_pids(hull_runtime *rt, const char *id, pid_t **ret, size_t *ret_n, struct hull_error *e);

/**
 * Changes limits of a container that has not stopped. What is not mentioned stays; "devices" is
 * ignored. When the kernel refuses one limit, none is changed.
 * @param resources  a linux.resources object as JSON; names count without regard to case
 */
int hull_update(hull_runtime *rt, const char *id, const char *resources, struct hull_error *e);

/**
 * Changes the Intel RDT schemas of a container that was created with linux.intelRdt.
 * @param l3_cache  "L3:..." or NULL
 * @param mem_bw    "MB:..." or NULL
 */
int hull_update_intel_rdt(hull_runtime *rt, const char *id, const char *l3_cache, const char *mem_bw,
                          struct hull_error *e);

/**
 * The statistics of the container's cgroup as one line of JSON, {"type":"stats","id":...,"data":...},
 * with the keys of runc's events command.
 * @param ret  receives malloc'd text without newline; free() it
 */
int hull_stats_json(hull_runtime *rt, const char *id, char **ret, struct hull_error *e);
/** Receives an event as one line of JSON; a negative result (-errno) ends the stream with an error. */
typedef int hull_event_fn(void *arg, const char *json);
/**
 * Passes statistics every interval_ns nanoseconds, and OOM kills ({"type":"oom","id":...}) as they
 * happen, until the container has stopped.
 */
int hull_events(hull_runtime *rt, const char *id, uint64_t interval_ns, hull_event_fn *cb, void *arg,
                struct hull_error *e);

/** The state of one container as runc and the spec define it. Strings are owned by the object. */
struct hull_state {
    const char *oci_version;
    const char *id;
    int         pid;          /* 0 when stopped */
    const char *status;       /* creating created running paused stopped */
    const char *bundle;
    const char *rootfs;
    const char *created;      /* RFC 3339 with nanoseconds, UTC */
    const char *owner;        /* user name or uid of the creator */
    const char *const *annotations; /* key, value, key, value, NULL */
};

int  hull_state_get(hull_runtime *rt, const char *id, struct hull_state **ret, struct hull_error *e);
void hull_state_free(struct hull_state *s);
/** The state as the JSON text of `state` (indented, as runc without a newline at the end); free() it. */
int  hull_state_json(hull_runtime *rt, const char *id, char **ret, struct hull_error *e);
/** Calls cb for each container, sorted by id; a broken entry is logged and left out. */
int  hull_list(hull_runtime *rt, int (*cb)(void *arg, const struct hull_state *s), void *arg,
               struct hull_error *e);
/** All states as one JSON array on one line ("null" when there is none); free() it. */
int  hull_list_json(hull_runtime *rt, char **ret, struct hull_error *e);

/**
 * What the runtime can do, as the spec's features.md has it: indented JSON with a newline; free() it.
 * @param commit  of the program, for the annotations; may be NULL
 */
int hull_features(hull_runtime *rt, const char *commit, char **ret, struct hull_error *e);

/** The example configuration of `spec`; free() the text. */
int hull_spec(hull_runtime *rt, bool rootless, char **ret, struct hull_error *e);

/**
 * Makes sure that this process does not run from the host's file: executes itself again from a sealed
 * memfd copy unless it already does (CVE-2019-5736). hull_create, hull_run and hull_exec put a copy of
 * the calling process into the container, so call this first thing in main, with one thread.
 * @return 0 when we are the copy already; does not return when the copy was started
 */
int hull_seal(char *const argv[], char *const envp[], struct hull_error *e);

/** The phrase that errors end with for an errno value ("no such file or directory"). Never NULL. */
const char *hull_errno_text(int err);

/** Signal number of "9", "KILL" or "SIGKILL" in any case; negative when there is no such signal. */
int hull_signal_number(const char *name);

#define HULL_VERSION "0.1.0"
#define HULL_SPEC_VERSION "1.3.0"

#ifdef __cplusplus
}
#endif
#endif
