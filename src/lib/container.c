/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * A container outside of its start: what the state root knows about it, and what the kernel says now.
 * Status: no pid yet is creating while somebody holds the lock, else a crash left it: stopped. A
 * process that is not there any more, or has another start time, is stopped. A frozen cgroup: paused,
 * created ones too. exec.fifo: created.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/sys.h"
#include "hooks/hooks.h"
#include "lib/runtime.h"
#include "oci/load.h"

void container_close(struct container *c)
{
    cgroup_close(c->cgroup);
    fd_close(&c->root_fd);
    fd_close(&c->dir_fd);
    arena_free(&c->arena);
}

int container_status_refresh(struct container *c, struct hull_error *e)
{
    const struct container_state *s = c->state;
    if (s->init_process_pid <= 0) {
        bool busy = flock(c->dir_fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
        if (!busy)
            (void)flock(c->dir_fd, LOCK_UN);
        c->status = busy ? STATUS_CREATING : STATUS_STOPPED;
        return 0;
    }
    if (!proc_alive(s->init_process_pid, s->init_process_start)) {
        c->status = STATUS_STOPPED;
        return 0;
    }
    bool frozen = false;
    int r = cgroup_is_frozen(c->cgroup, &frozen, e);
    if (r < 0)
        return r;
    c->status = frozen                        ? STATUS_PAUSED
                : state_has_fifo(c->dir_fd) ? STATUS_CREATED
                                            : STATUS_RUNNING;
    return 0;
}

int container_open(hull_runtime *rt, const char *id, int patience, struct container *ret,
                   struct hull_error *e)
{
    int r = state_check_id(id, e);
    if (r == 0)
        r = runtime_host(rt, e);
    if (r < 0)
        return r;
    ret->root_fd = state_open_root(rt->root, false, e);
    if (ret->root_fd == -ENOENT)
        return error_set(e, HULL_E_NOT_FOUND, "container does not exist");
    if (ret->root_fd < 0)
        return -e->code;
    ret->dir_fd = state_open_dir(ret->root_fd, id, e);
    if (ret->dir_fd < 0)
        return -e->code;
    if (patience > 0 && (r = state_lock(ret->dir_fd, id, patience, e)) < 0)
        return r;
    ret->locked = patience > 0;
    r = state_read(ret->dir_fd, &ret->arena, &ret->state, e);
    if (r < 0 && state_is_gone(ret->dir_fd)) /* somebody was faster to remove it */
        return error_set(e, HULL_E_NOT_FOUND, "container does not exist");
    if (r == 0)
        r = cgroup_from_saved(&ret->arena, &rt->log, &rt->host, &ret->state->cgroup_paths,
                              ret->state->rootless, &ret->cgroup, e);
    if (r == 0 && ret->state->systemd_cgroup)
        r = cgroup_set_unit(ret->cgroup, e);
    if (r < 0)
        return r;
    if (ret->locked && ret->state->init_process_pid <= 0) {
        ret->status = STATUS_STOPPED; /* we have the lock: whoever was creating it is dead */
        return 0;
    }
    return container_status_refresh(ret, e);
}

int container_config(struct container *c, struct log *log, struct oci_config **ret,
                     struct hull_error *e)
{
    /* runc keeps no copy of it. */
    _cleanup_close_ int bundle = c->state->of_runc && c->state->bundle
        ? open(c->state->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    int r = oci_config_load(bundle < 0 ? c->dir_fd : bundle, "config.json", &c->arena, log, ret, e);
    if (r == 0 && c->state->resources)
        (*ret)->linux_->resources = c->state->resources; /* since the last update */
    return r;
}

int container_pidfd(const struct container *c, struct hull_error *e)
{
    const struct container_state *s = c->state;
    int fd = s->init_process_pid > 0 ? sys_pidfd_open(s->init_process_pid, 0) : -1;
    /* Checked after the open: the pid can't be given to anybody else while the pidfd holds it alive. */
    if (fd < 0 || !proc_alive(s->init_process_pid, s->init_process_start)) {
        if (fd >= 0)
            close(fd);
        return error_set(e, HULL_E_STATE, "container not running");
    }
    return fd;
}

int container_hooks(hull_runtime *rt, struct container *c, int kind, const char *status,
                    struct hull_error *e)
{
    struct oci_config *config;
    int r = container_config(c, &rt->log, &config, e);
    return r < 0 ? r : container_run_hooks(rt, c, config, kind, status, e);
}

int container_run_hooks(hull_runtime *rt, struct container *c, const struct oci_config *config,
                        int kind, const char *status, struct hull_error *e)
{
    const struct oci_hook_list *hooks = hooks_of(config, (enum hook_kind)kind);
    if (!hooks)
        return 0;
    struct oci_state st;
    state_to_oci(c->state, STATUS_STOPPED, &st);
    st.status = (char *)status;
    st.pid.v = c->state->init_process_pid;
    st.pid.set = strcmp(status, "stopped") != 0;
    struct hook_run run = {
        .kind = (enum hook_kind)kind,
        .state = state_hook_json(&st, &c->arena),
        .cwd = c->state->bundle,
        .log = &rt->log,
        .go_on = kind == HOOK_POSTSTOP,
    };
    if (!run.state)
        return error_oom(e);
    /* A hook that closes its standard input must not end us. */
    sigset_t pipe, old;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigprocmask(SIG_BLOCK, &pipe, &old);
    hooks_output(config, &run);
    int r = hooks_run(hooks, &run, e);
    /* What such a hook has caused is pending and would hit us now. */
    const struct timespec now = {0};
    if (!sigismember(&old, SIGPIPE))
        while (sigtimedwait(&pipe, NULL, &now) > 0)
            ;
    sigprocmask(SIG_SETMASK, &old, NULL);
    return r;
}

int container_end_init(const struct container *c, struct hull_error *e)
{
    if (c->state->init_process_pid <= 0)
        return 0;
    struct hull_error gone;
    _cleanup_close_ int fd = container_pidfd(c, &gone);
    if (fd < 0)
        return 0;
    if (sys_pidfd_send_signal(fd, SIGKILL) < 0 && errno != ESRCH)
        return error_set(e, errno, "kill init of the container");
    bool frozen = false;
    if (c->cgroup && cgroup_is_frozen(c->cgroup, &frozen, &gone) == 0 && frozen)
        (void)cgroup_freeze(c->cgroup, false, &gone);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    for (;;) {
        int n = poll(&p, 1, 10000);
        if (n > 0)
            return 0;
        if (n < 0 && errno == EINTR)
            continue;
        return error_set(e, HULL_E_STATE, "container init still running: it did not end within 10 s of SIGKILL");
    }
}

struct intelrdt_group *container_intel_rdt(const struct container *c, struct arena *a)
{
    const struct container_state *s = c->state;
    struct intelrdt_group *g = s->intel_rdt_path ? arena_alloc(a, sizeof(*g)) : NULL;
    if (g)
        *g = (struct intelrdt_group){.root = intelrdt_root(a), .path = s->intel_rdt_path,
                                     .mon_path = s->intel_rdt_mon_path, .ours = s->intel_rdt_ours};
    return g && g->root ? g : NULL;
}

static int remove_intel_rdt(struct container *c, struct hull_error *e)
{
    const struct intelrdt_group *g = container_intel_rdt(c, &c->arena);
    return g ? intelrdt_remove(g, e) : 0;
}

int container_destroy(hull_runtime *rt, struct container *c, struct hull_error *e)
{
    int r = container_end_init(c, e);
    if (r == 0)
        r = cgroup_destroy(c->cgroup, e);
    if (r == 0)
        r = remove_intel_rdt(c, e);
    if (r < 0)
        return r;
    /* The hooks are read before their file goes, and run when everything else is gone (spec). */
    struct hull_error unreadable;
    struct oci_config *config = NULL;
    if (container_config(c, NULL, &config, &unreadable) < 0)
        config = NULL;
    r = state_remove_dir(c->root_fd, c->state->id, e);
    return r < 0 || !config ? r : container_run_hooks(rt, c, config, HOOK_POSTSTOP, "stopped", e);
}
