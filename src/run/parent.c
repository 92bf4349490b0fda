/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * P's own steps: state directory, fifo, console socket, hooks of the runtime, what is told to the
 * caller (pid file, pidfd). P blocks all signals for the time of create and run; those that ask it
 * to end are read from a signalfd at every wait and are a failure of the current step.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/sys.h"
#include "cgroup/cgroup.h"
#include "kernel/intelrdt.h"
#include "mount/mount.h"
#include "ns/ns.h"
#include "run/run.h"
#include "state/state.h"

int parent_signals(struct launch *l, struct hull_error *e)
{
    static const int deadly[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    sigset_t all, ours;
    sigfillset(&all);
    if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
        return error_set(e, errno, "sigprocmask");
    sigemptyset(&ours);
    for (size_t i = 0; i < COUNT_OF(deadly); i++)
        sigaddset(&ours, deadly[i]);
    l->signal_fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    if (l->signal_fd < 0)
        return error_set(e, errno, "signalfd");
    /* The program starts with none ignored, and we have to be able to wait for it. */
    if (proc_ignored_signals(&l->ignored) < 0)
        l->ignored = ~UINT64_C(0);
    if (l->ignored & UINT64_C(1) << (SIGCHLD - 1))
        signal(SIGCHLD, SIG_DFL);
    return 0;
}

static int write_state(struct launch *l, struct hull_error *e)
{
    struct container_state st = {
        .ociVersion = (char *)HULL_SPEC_VERSION,
        .id = (char *)l->id,
        .init_process_pid = (int32_t)l->init_pid,
        .init_process_start = l->init_start,
        .created = (char *)l->created,
        .bundle = (char *)l->bundle,
        .rootfs = (char *)l->rootfs,
        .rootless = l->rootless_cgroup,
        .systemd_cgroup = l->systemd_cgroup,
        .owner = (uint32_t)l->host->euid,
        .annotations = l->config->annotations,
        .private_pid_namespace = launch_private_pid(l),
    };
    if (l->intel_rdt) {
        st.intel_rdt_path = (char *)l->intel_rdt->path;
        st.intel_rdt_mon_path = (char *)l->intel_rdt->mon_path;
        st.intel_rdt_ours = l->intel_rdt->ours;
    }
    char *names[NS_COUNT];
    st.namespaces.v = names;
    for (int t = 0; t < NS_COUNT; t++)
        if (l->has_ns[t])
            names[st.namespaces.n++] = (char *)ns_name((enum ns_type)t);
    int r = cgroup_paths(l->cgroup, l->arena, &st.cgroup_paths, e);
    return r < 0 ? r : state_write(l->state_fd, &st, l->arena, e);
}

int parent_step_state_create(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    int fd = state_make_dir(l->root_fd, l->id, e);
    if (fd < 0)
        return fd;
    l->state_fd = fd;
    l->created = state_now(l->arena);
    if (!l->created)
        return error_oom(e);
    /* exec works from this copy: edits of the bundle's file after create have no effect (spec). */
    _cleanup_close_ int cfg = openat(fd, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int r = cfg < 0 ? -errno : fd_write_all(cfg, l->config_text, l->config_len);
    if (r < 0)
        return error_set(e, -r, "write config.json into the state directory");
    r = cgroup_locate(l->cgroup, e);
    return r < 0 ? r : write_state(l, e);
}

int parent_step_state_create_undo(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    if (l->state_fd < 0)
        return 0; /* the directory was there before, or could not be made */
    /* Somebody has deleted the container meanwhile: what has its name now is another one. */
    int r = state_is_gone(l->state_fd) ? 0 : state_remove_dir(l->root_fd, l->id, e);
    fd_close(&l->state_fd);
    return r;
}

int parent_step_fifo(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    mode_t old = umask(0);
    int r = mkfifoat(l->state_fd, EXEC_FIFO, 0622);
    umask(old);
    if (r < 0)
        return error_set(e, errno, "create " EXEC_FIFO);
    l->fifo_fd = openat(l->state_fd, EXEC_FIFO, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    return l->fifo_fd < 0 ? error_set(e, errno, "open " EXEC_FIFO) : 0;
}

int parent_step_notify_directory(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    if (mkdirat(l->state_fd, NOTIFY_DIR, 0755) < 0)
        return error_set(e, errno, "mkdir " NOTIFY_DIR);
    if (!l->run)
        return 0; /* start binds the socket: it is the one who listens */
    l->notify_fd = state_bind_notify(l->state_fd, e);
    return l->notify_fd < 0 ? -e->code : 0;
}

int parent_step_console_connect(struct launch *l, const struct step *s, struct hull_error *e)
{
    /* Scripts start the receiver in the background and rely on the runtime being slower: wait a little. */
    enum { TRIES = 20, PAUSE_MS = 5 };
    (void)s;
    for (int i = 0;; i++) {
        l->console_sock = fd_connect_unix(l->options->console_socket);
        if (l->console_sock >= 0)
            return 0;
        if (i == TRIES || (l->console_sock != -ENOENT && l->console_sock != -ECONNREFUSED))
            return error_set(e, -l->console_sock, "dial unix %s: connect", l->options->console_socket);
        (void)poll(NULL, 0, PAUSE_MS);
    }
}

int launch_run_hooks(struct launch *l, enum hook_kind k, const char *status, pid_t pid,
                     struct hull_error *e)
{
    const struct oci_hook_list *hooks = hooks_of(l->config, k);
    if (!hooks)
        return 0;
    struct oci_state st = {
        .ociVersion = (char *)HULL_SPEC_VERSION, .id = (char *)l->id, .status = (char *)status,
        .pid = {pid > 0, pid}, .bundle = (char *)l->bundle, .annotations = l->config->annotations,
    };
    struct hook_run run = {.kind = k, .state = state_hook_json(&st, l->arena), .log = l->log,
                           .cwd = l->bundle, .go_on = k == HOOK_POSTSTOP,
                           /* What undoes things is not stopped by what made us undo them. */
                           .interrupt_fd = k == HOOK_POSTSTOP ? 0 : l->signal_fd};
    if (!run.state)
        return error_oom(e);
    if (k == HOOK_CREATE_CONTAINER) {
        /* In I, before the pivot: the rootfs at its host path, as createContainer hooks expect it. */
        run.cwd = NULL;
        l->cwd_is_proc = false;
        if (fchdir(l->rootfs_fd) < 0)
            return error_set(e, errno, "chdir to the rootfs");
    }
    hooks_output(l->config, &run);
    return hooks_run(hooks, &run, e);
}

int run_step_hooks(struct launch *l, const struct step *s, struct hull_error *e)
{
    pid_t pid = s->where == AT_HOST ? l->init_pid : getpid();
    return launch_run_hooks(l, (enum hook_kind)s->index, "creating", pid, e);
}

/* The barrier is only needed where P had to move I after the clone. */
static bool needless(const struct launch *l, const struct step *s)
{
    return s->index == SYNC_IN_CGROUP && l->cgroup->entry.cloned_into;
}

int run_step_notify(struct launch *l, const struct step *s, struct hull_error *e)
{
    if (needless(l, s))
        return 0;
    return sync_notify(l, (enum sync_event)s->index, 0, e);
}

int run_step_await(struct launch *l, const struct step *s, struct hull_error *e)
{
    enum sync_event ev = (enum sync_event)s->index;
    if (needless(l, s))
        return 0;
    return s->where == AT_HOST ? sync_await_parent(l, ev, e) : sync_await_init(l, ev, e);
}

/* I has cloned a tree that only it can see; P has the rights to map its ids. */
int parent_step_idmap(struct launch *l, const struct step *s, struct hull_error *e)
{
    int r = sync_await_parent(l, SYNC_TREE, e);
    if (r < 0)
        return r;
    r = mount_idmap_tree(l, s, l->tree_fd, e);
    fd_close(&l->tree_fd);
    return r < 0 ? error_prefix(e, "error during container init") : sync_notify(l, SYNC_IDMAPPED, 0, e);
}

int parent_step_state_created(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    return write_state(l, e);
}

int pid_file_write(const char *path, pid_t pid, struct hull_error *e)
{
    char tmp[4096], text[16];
    const char *slash = strrchr(path, '/');
    int dir = slash ? (int)(slash - path) + 1 : 0;
    int n = snprintf(tmp, sizeof(tmp), "%.*s.%s", dir, path, path + dir);
    if (n < 0 || (size_t)n >= sizeof(tmp))
        return error_set(e, ENAMETOOLONG, "pid file %s", path);
    int len = snprintf(text, sizeof(text), "%d", (int)pid);
    _cleanup_close_ int fd = openat(AT_FDCWD, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return error_set(e, errno, "open %s", tmp);
    int r = fd_write_all(fd, text, (size_t)len);
    if (r == 0 && rename(tmp, path) < 0)
        r = -errno;
    if (r < 0) {
        (void)unlink(tmp);
        return error_set(e, -r, "write pid file %s", path);
    }
    return 0;
}

int parent_step_pid_file(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    return pid_file_write(l->options->pid_file, l->init_pid, e);
}

int pidfd_send_to(const char *socket_path, int pidfd, struct hull_error *e)
{
    _cleanup_close_ int s = fd_connect_unix(socket_path);
    if (s < 0)
        return error_set(e, -s, "failed to dial pidfd socket %s", socket_path);
    int r = fd_send(s, pidfd, "pidfd", strlen("pidfd"));
    return r < 0 ? error_set(e, -r, "failed to send the pidfd") : 0;
}

int parent_step_pidfd(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    return pidfd_send_to(l->options->pidfd_socket, l->init_pidfd, e);
}
