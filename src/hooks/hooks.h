/* SPDX-License-Identifier: Apache-2.0 */
/* hooks: config.md#posix-platform-hooks. */
#ifndef HULL_HOOKS_HOOKS_H
#define HULL_HOOKS_HOOKS_H

#include "base/error.h"
#include "base/log.h"
#include "oci/config.h"
#include "step/step.h"

/* In the order of the spec. */
enum hook_kind {
    HOOK_PRESTART, HOOK_CREATE_RUNTIME, HOOK_CREATE_CONTAINER, HOOK_START_CONTAINER,
    HOOK_POSTSTART, HOOK_POSTSTOP, HOOK_KIND_COUNT
};

/** "createRuntime" etc. */
const char *hook_name(enum hook_kind k);
/** The list of a kind; NULL when it is empty. */
const struct oci_hook_list *hooks_of(const struct oci_config *c, enum hook_kind k);
/** Paths absolute, timeouts positive; pure. */
int hooks_check(const struct oci_config *c, struct hull_error *e);

/** How a list is run. */
struct hook_run {
    enum hook_kind kind;
    const char    *state;      /* JSON for stdin */
    const char    *cwd;        /* directory the hook starts in; NULL: ours */
    char *const   *env;        /* for hooks without env; NULL: ours on the host, an empty one in the container */
    bool           go_on;      /* a failure is logged and the next one runs (poststop) */
    const char    *stdout_file, *stderr_file; /* added to instead of being captured; NULL */
    struct log    *log;
    int            interrupt_fd; /* readable: stop waiting for the hook and fail; 0: none */
};
/** Sets the files for the output of hooks that annotations name. For hooks that see the host's files. */
void hooks_output(const struct oci_config *c, struct hook_run *r);
/**
 * Runs a list in order, in the caller's namespaces. A hook is a process group of its own; at its
 * timeout the group is killed. stdout and stderr go into the error of a failing hook.
 * Error: "error running NAME hook #I: exit status N, stdout: ..., stderr: ...".
 */
int hooks_run(const struct oci_hook_list *hooks, const struct hook_run *r, struct hull_error *e);
#endif
