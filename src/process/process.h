/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the `process` object of the spec asks for, applied by the process itself: the container's
 * init and every exec use the same functions. config.md#process.
 */
#ifndef HULL_PROCESS_PROCESS_H
#define HULL_PROCESS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/log.h"
#include "oci/config.h"
#include "step/step.h"

/* Capability sets as bit masks (bit = capability number). */
struct cap_sets { uint64_t bounding, effective, permitted, inheritable, ambient; };

/** Number of "CAP_CHOWN" (also without prefix, any case); -1 when unknown. */
int caps_number(const char *name);
/** Name of a capability number ("CAP_CHOWN"), NULL beyond the table. */
const char *caps_name(unsigned number);
/** Names to masks. Unknown names are warned about and left out (spec: SHOULD NOT fail). */
void caps_from_config(const struct oci_capabilities *c, struct log *log, struct cap_sets *ret);
/** Drops everything outside the mask from the bounding set. Needs CAP_SETPCAP. */
int caps_set_bounding(uint64_t mask, struct hull_error *e);
/**
 * Sets effective, permitted, inheritable, ambient; what the kernel does not let us have is warned about.
 * @param s     what is wanted; becomes what we got
 * @param keep  stays effective beside them, if we hold it, until caps_reduce
 */
int caps_set(struct cap_sets *s, uint64_t keep, struct log *log, struct hull_error *e);
/** Drops what caps_set was told to keep; s is its result. One capset(2). */
int caps_reduce(const struct cap_sets *s, struct hull_error *e);

/** Checks names, duplicates, soft <= hard; pure. `where` of errors: process.rlimits[i]. */
int rlimits_check(const struct oci_process *p, struct hull_error *e);
/** prlimit(2) on pid (0: ourselves). With raise_only just the hard limits above the current ones. */
int rlimits_set(const struct oci_process *p, int pid, bool raise_only, struct hull_error *e);

/** setgroups, setresgid, setresuid, umask; PR_SET_KEEPCAPS is on before. */
int user_set(const struct oci_user *u, bool setgroups_denied, struct hull_error *e);
/** HOME of uid by the container's /etc/passwd (root: descriptor of "/"); "/" when unknown. */
char *user_home(int root_fd, uint32_t uid, struct arena *a);

/**
 * The environment of the program: the last of duplicates wins, HOME is added when missing or empty.
 * @return NULL-terminated array in the arena; NULL: out of memory
 */
char **env_build(const struct oci_process *p, int root_fd, struct arena *a);
/** Value of a variable in a NULL-terminated environment, or NULL. */
const char *env_get(char *const *env, const char *name);

/** chdir and the check that it did not leave the root (CVE-2024-21626). */
int cwd_enter(const char *cwd, struct hull_error *e);
/**
 * Finds args[0] as execvp would, by PATH of env, in the current root and working directory.
 * @param ret  path to execute, arena-owned
 */
int exec_lookup(const char *name, char *const *env, struct arena *a, const char **ret,
                struct hull_error *e);
/** 0, or the errno for which path can't be executed, apart from what is in it. */
int exec_may(const char *path);
enum { EXEC_WHY_MAX = 1024 };
/**
 * Why execve(2) of path, or its look-up, has failed with err: which of file, script interpreter and ELF
 * loader, and what with it.
 * @param why  receives "the ELF loader /lib/ld.so of /prog is not there", or "" when we can't tell
 * @return whether it is about the interpreter of a script
 */
bool exec_why(const char *path, int err, char *why, size_t len);

/** Joins a new session keyring named after the container ("_ses.ID"); missing support is ignored. */
int keyring_join(const char *id, struct hull_error *e);
int personality_check(const struct oci_personality *p, struct log *log, struct hull_error *e);
int personality_set(const struct oci_personality *p, struct hull_error *e);
/** Checks the words of process.scheduler; s may be NULL. Pure. */
int scheduler_check(const struct oci_scheduler *s, struct hull_error *e);
/**
 * sched_setattr(2) on pid (0: ourselves).
 * @param own_cpus  the container has a cpuset of its own: how EPERM is explained
 */
int scheduler_set(const struct oci_scheduler *s, int pid, bool own_cpus, struct hull_error *e);
/** ioprio_set(2) on pid (0: ourselves). */
int io_priority_set(const struct oci_io_priority *io, int pid, struct hull_error *e);
/** Writes /proc/PID/oom_score_adj through the host's procfs; pid 0 = ourselves. */
int oom_score_set(int pid, int value, struct hull_error *e);
/** Resets every signal of the mask to its default action and unblocks all. */
void signals_reset(uint64_t ignored);

/** Checks the lists of process.execCPUAffinity (NULL is fine); pure. */
int affinity_check(const struct oci_cpu_affinity *a, struct hull_error *e);
/* When a STEP_CPU_AFFINITY acts: its index. */
enum affinity_when {
    AFFINITY_INITIAL,   /* P, exec: takes on "initial" for the clone; undo gives it back */
    AFFINITY_OWN,       /* P, exec: back to its own */
    AFFINITY_FINAL,     /* I: "final", or all CPUs */
};
step_fn process_step_affinity, process_step_affinity_undo;
step_print_fn process_print_affinity;

/* Step functions of I; launch-bound wrappers of the above. */
step_fn process_step_keyring, process_step_rlimits, process_step_personality,
    process_step_no_new_privs, process_step_caps_bound, process_step_user, process_step_caps,
    process_step_cwd, process_step_lookup, process_step_rlimits_host, process_step_oom_host,
    process_step_memory_policy;
/* process.scheduler and process.ioPriority; P or I. */
step_fn process_step_scheduler;
#endif
