/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * hull_exec: what is to run is the stored config's process, changed by the options, or the process
 * file. The stored copy counts: edits of the bundle's config.json after create have no effect.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "lib/notify.h"
#include "lib/runtime.h"
#include "lib/start_common.h"
#include "ns/ns.h"
#include "oci/load.h"
#include "oci/validate.h"
#include "plan/plan.h"
#include "process/process.h"
#include "run/run.h"

static size_t count(char *const *v)
{
    size_t n = 0;
    while (v && v[n])
        n++;
    return n;
}

/* Digits only, below 2^32-1: no sign, no blank, no name (CVE-2016-3697, CVE-2026-30892). */
static int parse_id(const char *s, size_t len, uint32_t *ret)
{
    uint64_t v = 0;
    if (len == 0 || len > 10)
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -EINVAL;
        v = v * 10 + (uint64_t)(s[i] - '0');
    }
    if (v >= UINT32_MAX)
        return -EINVAL;
    *ret = (uint32_t)v;
    return 0;
}

static int parse_user(const char *text, struct oci_user *u, struct hull_error *e)
{
    const char *colon = strchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : strlen(text);
    if (parse_id(text, len, &u->uid) < 0)
        return error_set(e, HULL_E_CONFIG, "parsing %.*s as int for uid failed: not a number below 4294967295", (int)len, text);
    if (colon && parse_id(colon + 1, strlen(colon + 1), &u->gid) < 0)
        return error_set(e, HULL_E_CONFIG, "parsing %s as int for gid failed: not a number below 4294967295", colon + 1);
    return 0;
}

static int append(struct arena *a, struct oci_strs *list, char *const *more, struct hull_error *e)
{
    const size_t n = count(more);
    if (n == 0)
        return 0;
    char **v = arena_array(a, list->n + n + 1, sizeof(*v));
    if (!v)
        return error_oom(e);
    if (list->n > 0)
        memcpy(v, list->v, list->n * sizeof(*v));
    for (size_t i = 0; i < n; i++)
        v[list->n + i] = more[i];
    list->v = v;
    list->n += n;
    return 0;
}

/* --cap adds to bounding, effective and permitted; to ambient only beside an inheritable set, as runc. */
static int add_caps(struct arena *a, struct oci_process *p, char *const *caps, struct hull_error *e)
{
    if (count(caps) == 0)
        return 0;
    struct oci_capabilities *c = arena_alloc(a, sizeof(*c));
    if (!c)
        return error_oom(e);
    if (p->capabilities)
        *c = *p->capabilities;
    p->capabilities = c;
    int r = append(a, &c->bounding, caps, e);
    if (r == 0)
        r = append(a, &c->effective, caps, e);
    if (r == 0)
        r = append(a, &c->permitted, caps, e);
    if (r == 0 && c->inheritable.n > 0)
        r = append(a, &c->ambient, caps, e);
    return r;
}

static int from_options(struct arena *a, const struct hull_exec_options *o, struct oci_process *p,
                        struct hull_error *e)
{
    struct oci_user *u = arena_alloc(a, sizeof(*u));
    if (!u)
        return error_oom(e);
    if (p->user)
        *u = *p->user;
    p->user = u;
    p->args = (struct oci_strs){.v = o->args, .n = count(o->args)};
    if (o->cwd)
        p->cwd = (char *)o->cwd;
    if (o->tty != HULL_AUTO)
        p->terminal = o->tty == HULL_YES;
    if (o->no_new_privs != HULL_AUTO)
        p->noNewPrivileges = (struct opt_bool){true, o->no_new_privs == HULL_YES};
    if (o->apparmor)
        p->apparmorProfile = (char *)o->apparmor;
    if (o->process_label)
        p->selinuxLabel = (char *)o->process_label;
    int r = append(a, &p->env, o->env, e);
    if (r == 0)
        r = add_caps(a, p, o->caps, e);
    if (r == 0 && o->user)
        r = parse_user(o->user, u, e);
    if (r == 0 && o->n_additional_gids > 0) {
        uint32_t *v = arena_array(a, u->additionalGids.n + o->n_additional_gids, sizeof(*v));
        if (!v)
            return error_oom(e);
        if (u->additionalGids.n > 0)
            memcpy(v, u->additionalGids.v, u->additionalGids.n * sizeof(*v));
        memcpy(v + u->additionalGids.n, o->additional_gids, o->n_additional_gids * sizeof(*v));
        u->additionalGids.v = v;
        u->additionalGids.n += o->n_additional_gids;
    }
    return r;
}

/* What a process file leaves out it takes from the container's process, as in runc. */
static void inherit(struct oci_process *p, const struct oci_process *from)
{
    if (!from)
        return;
    if (!p->capabilities)
        p->capabilities = from->capabilities;
    if (p->rlimits.n == 0) {
        p->rlimits.v = from->rlimits.v;
        p->rlimits.n = from->rlimits.n;
    }
    if (!p->apparmorProfile)
        p->apparmorProfile = from->apparmorProfile;
    if (!p->selinuxLabel)
        p->selinuxLabel = from->selinuxLabel;
    if (!p->scheduler)
        p->scheduler = from->scheduler;
    if (!p->ioPriority)
        p->ioPriority = from->ioPriority;
    if (!p->execCPUAffinity)
        p->execCPUAffinity = from->execCPUAffinity;
}

/* The process to run, in a copy of the stored configuration. */
static int build_process(struct job *j, struct container *c, const struct hull_exec_options *o,
                         struct hull_error *e)
{
    struct oci_config *config;
    int r = container_config(c, j->launch.log, &config, e);
    if (r < 0)
        return r;
    struct oci_process *p;
    if (o->process_file) {
        r = oci_process_load(o->process_file, &c->arena, j->launch.log, &p, e);
        if (r == 0)
            inherit(p, config->process);
    } else {
        if (!config->process)
            return error_set(e, HULL_E_CONFIG, "process property must not be empty");
        p = config->process;
        p->terminal = false; /* as runc: only --tty counts */
        p->consoleSize = NULL;
        r = from_options(&c->arena, o, p, e);
    }
    if (r == 0)
        r = oci_validate_process(p, "", e);
    config->process = p;
    j->launch.config = config;
    return r;
}

int launch_join(struct launch *l, const struct container *c, struct hull_error *e)
{
    for (size_t i = 0; i < c->state->namespaces.n; i++) {
        int t = ns_type_of(c->state->namespaces.v[i]);
        if (t < 0)
            continue;
        l->has_ns[t] = true;
        l->join_flags |= (unsigned)ns_flag((enum ns_type)t);
    }
    /* A container that joined a namespace of ours: setns refuses our own user namespace. */
    struct stat own, its;
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)l->join_pid);
    if (l->join_flags & CLONE_NEWUSER && stat("/proc/self/ns/user", &own) == 0 &&
        stat(path, &its) == 0 && own.st_ino == its.st_ino && own.st_dev == its.st_dev) {
        l->join_flags &= ~(unsigned)CLONE_NEWUSER;
        l->has_ns[NS_USER] = false;
    }
    if (!l->has_ns[NS_MOUNT]) {
        snprintf(path, sizeof(path), "/proc/%d/root", (int)l->join_pid);
        l->join_root = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (l->join_root < 0)
            return error_set(e, errno, "open the container's root directory");
    }
    return 0;
}

static int check_status(const struct container *c, bool ignore_paused, struct hull_error *e)
{
    if (c->status == STATUS_STOPPED)
        return error_set(e, HULL_E_STATE, "cannot exec in a stopped container");
    if (c->status == STATUS_CREATING)
        return error_set(e, HULL_E_STATE, "cannot exec in a container that is being created");
    if (c->status == STATUS_PAUSED && !ignore_paused)
        return error_set(e, HULL_E_STATE, "cannot exec in a paused container");
    return 0;
}

static const struct terminal_words by_option = {"add --tty", "leave out --tty"};
static const struct terminal_words in_file = {"set terminal to true in the process file",
                                              "set terminal to false in the process file"};

static int prepare(hull_runtime *rt, struct job *j, struct container *c,
                   const struct hull_exec_options *o, struct hull_error *e)
{
    struct launch *l = &j->launch;
    j->log = rt->log;
    l->log = &j->log;
    l->arena = j->plan.arena = &j->arena;
    j->options = (struct hull_create_options){
        .size = sizeof(j->options), .console_socket = o->console_socket, .pid_file = o->pid_file,
        .pidfd_socket = o->pidfd_socket, .preserve_fds = o->preserve_fds, .detach = o->detach, .trace = o->trace};
    l->traced_from = o->trace ? trace_now() : 0;
    l->options = &j->options;
    l->run = true;
    l->detach = o->detach;
    l->bundle = c->state->bundle;
    l->cgroup = c->cgroup;
    l->join_pid = c->state->init_process_pid;
    l->intel_rdt = container_intel_rdt(c, &c->arena);
    l->exec_cgroups = o->cgroups;
    int r = runtime_launch(rt, l, c->state->id, e);
    if (r == 0)
        r = build_process(j, c, o, e);
    if (r == 0)
        r = listen_prepare(j, l->config->process, e);
    if (r == 0)
        r = exec_notify_prepare(j, l->config->process, e);
    if (r == 0)
        r = check_terminal(l, o->process_file ? &in_file : &by_option, e);
    if (r < 0)
        return r;
    l->join_pidfd = container_pidfd(c, e);
    if (l->join_pidfd < 0)
        return -e->code;
    r = launch_join(l, c, e);
    if (r == 0 && (r = cgroup_open_entry(c->cgroup, l->join_pid, o->cgroups, l->entry, e)) < 0)
        error_prefix(e, "unable to start container process");
    return r < 0 ? r : plan_build_exec(l, &j->plan, e);
}

int launch_before_join(struct launch *l, struct hull_error *e)
{
    int r = parent_signals(l, e);
    if (r == 0)
        r = launch_crumb(l, e);
    /* From here on nobody in the container can look into the process that joins it (CVE-2016-9962). */
    if (r == 0)
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return r;
}

static int execute(struct job *j, struct hull_error *e)
{
    struct launch *l = &j->launch;
    size_t done = 0;
    int r = launch_before_join(l, e);
    if (r == 0)
        r = stdio_open(l, !l->detach, e);
    if (r < 0)
        return r;
    r = plan_execute(l, &j->plan, AT_HOST, &done, e);
    if (r == 0)
        r = sync_await_exec(l, e);
    if (r < 0) {
        sync_prefer_init_error(l, e);
        plan_rollback(l, &j->plan, done);
    }
    trace_write(l);
    return r;
}

int hull_exec(hull_runtime *rt, const char *id, const struct hull_exec_options *o, int *ret_status,
              struct hull_error *e)
{
    struct hull_exec_options taken;
    int r = options_take(o, &taken, sizeof(taken), e);
    if (r < 0)
        return r;
    o = &taken;
    _cleanup_container_ struct container c = CONTAINER_INIT;
    struct cgroup_entry entry = {.clone_fd = -1};
    struct job j;
    job_init(&j);
    j.launch.entry = &entry;
    r = check_preserved(o->preserve_fds, e);
    if (r == 0)
        r = container_open(rt, id, 0, &c, e);
    if (r == 0)
        r = check_status(&c, o->ignore_paused, e);
    if (r == 0)
        r = prepare(rt, &j, &c, o, e);
    if (r == 0) {
        r = execute(&j, e);
        if (r < 0)
            error_prefix(e, "unable to start container process");
    }
    cgroup_entry_close(&entry);
    struct launch *l = &j.launch;
    if (r == 0 && !o->detach) {
        stdio_close_inner(l);
        struct foreground f = {.stdio = l->stdio, .signal_fd = l->signal_fd, .pidfd = l->init_pidfd, .pid = l->init_pid,
                               .master = TAKE_FD(l->console_fd),
                               .notified = l->notify_fd >= 0 ? notify_pass_on : NULL, .notify_fd = l->notify_fd};
        r = foreground_wait(&f, ret_status, e);
    } else if (r == 0) {
        *ret_status = 0;
        if (l->notify_fd >= 0)
            r = notify_forward(l->notify_fd, l->init_pidfd, l->init_pid, e);
    }
    l->cgroup = NULL; /* the container's */
    job_close(&j);
    return r;
}
