/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.seccomp (config-linux.md#seccomp): from the profile to a BPF program, and that into the
 * kernel. The decisions of the program are libseccomp's, with what runc adds to them: profile.c.
 */
#ifndef HULL_SECCOMP_SECCOMP_H
#define HULL_SECCOMP_SECCOMP_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "oci/config.h"
#include "step/step.h"

struct seccomp_arch;

/* Filter flags that Debian 12's linux/seccomp.h may lack. */
enum {
    SECCOMP_FLAG_LOG = 1 << 1,                /* 4.14 */
    SECCOMP_FLAG_SPEC_ALLOW = 1 << 2,         /* 4.17 */
    SECCOMP_FLAG_NEW_LISTENER = 1 << 3,       /* 5.0 */
    SECCOMP_FLAG_WAIT_KILLABLE_RECV = 1 << 5, /* 5.19 */
};

struct seccomp_program {
    struct sock_filter *v;
    size_t              n;
    unsigned            flags;        /* SECCOMP_FLAG_* that the profile asks for */
    bool                flags_by_default; /* flags the kernel lacks are left out */
    bool                has_notify;   /* a rule notifies: there will be a listener */
    size_t              n_archs;
};

/**
 * Compiles a profile. Pure.
 * @param native  the architecture of the machine; always part of the filter. NULL: this one
 * @param a       owns the result
 * @param log     names of system calls that are unknown are told at debug level; may be NULL
 * @return 0 or -HULL_E_CONFIG (a notify action without listenerPath, for write or as the default;
 *         more than the kernel's 4096 instructions), -ENOMEM
 */
int seccomp_compile(const struct oci_seccomp *s, const struct seccomp_arch *native, struct arena *a,
                    struct log *log, const struct seccomp_program **ret, struct hull_error *e);
/**
 * Installs the program for the calling thread, which has no_new_privs or CAP_SYS_ADMIN. Logs
 * "seccomp filter flags: N".
 * @param ret_notify_fd  receives the listener (close-on-exec), or -1 when no rule notifies
 */
int seccomp_install(const struct seccomp_program *p, struct log *log, int *ret_notify_fd,
                 struct hull_error *e);
/** The subset of the flags that this kernel knows. */
unsigned seccomp_flags_supported(unsigned flags);

/* What a program is asked about, as the kernel's struct seccomp_data. */
struct seccomp_call {
    uint32_t nr, arch;
    uint64_t ip;
    uint64_t args[6];
};
/** What the program answers: SECCOMP_RET_* with data; a kill when it is no valid program. */
uint32_t seccomp_evaluate(const struct sock_filter *v, size_t n, const struct seccomp_call *c);
/** Whether the program allows the call of that number of the native architecture. */
bool seccomp_allows(const struct seccomp_program *p, int nr, const uint64_t args[6]);

/* The words of the spec, for the command `features`. */
enum seccomp_word {
    SECCOMP_WORD_ACTION, SECCOMP_WORD_OPERATOR, SECCOMP_WORD_ARCH, SECCOMP_WORD_FLAG
};
/** The i-th word of a kind in alphabetical order; NULL beyond the last. */
const char *seccomp_word(enum seccomp_word kind, size_t i);
/** The kernel's number of a filter flag (0 for TSYNC, of no use to one thread); -1: unknown. */
int seccomp_flag(const char *name);

/**
 * Compiles the profile of l->config, if there is one, into l->seccomp. Before the plan is built:
 * whether there is a filter decides how the capabilities are dropped.
 */
int seccomp_plan(struct launch *l, struct hull_error *e);
/**
 * P: hands a listener to the agent at linux.seccomp.listenerPath, with the state of the process.
 * @param status  of the container: "creating" or "running"
 * @param pid     of the process that has the filter; init is the container's
 */
int seccomp_notify_agent(const struct launch *l, const char *status, pid_t pid, pid_t init, int fd,
                         struct hull_error *e);

/** "633 instructions, 3 architectures" */
step_print_fn seccomp_print;
#endif
