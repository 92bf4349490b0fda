/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * exec: the process X that joins a container. All of it is joined by one setns on a pidfd of init,
 * which also takes care of the order with a user namespace. A stage is cloned into the cgroup, drops
 * everything of the host, joins, and clones X with CLONE_PARENT, so that X is P's child and is never
 * visible in the container's pid namespace with anything of the host behind it. Where nobody in the
 * container could look (a user namespace), P enters the pid namespace around the clone instead and X
 * joins the rest. Then X walks the same steps as an init does for its process.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/sys.h"
#include "cgroup/cgroup.h"
#include "ns/ns.h"
#include "run/run.h"

int join_step_cgroup(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    return l->staged ? 0 : cgroup_enter(l->entry, e);
}

int join_step_cgroup_host(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    return cgroup_enter_host(l->cgroup, l->entry, l->init_pid, l->join_pid, l->exec_cgroups, e);
}

/* The namespaces at once, and the root directory where there is no mount namespace to bring it. */
static int join_all(struct launch *l, unsigned flags, struct hull_error *e)
{
    if (flags && setns(l->join_pidfd, (int)flags) < 0)
        return error_set(e, errno, "failed to join the container's namespaces (setns)");
    fd_close(&l->join_pidfd);
    if (l->join_root >= 0) {
        if (fchdir(l->join_root) < 0 || chroot(".") < 0)
            return error_set(e, errno, "failed to enter the container's root directory");
        fd_close(&l->join_root);
    }
    return 0;
}

/* The container's own procfs, opened past everything that may be mounted over its /proc. */
static int open_proc(struct launch *l, struct hull_error *e)
{
    const struct oci_process *p = l->config->process;
    if (!l->staged || !(l->running || p->terminal || p->apparmorProfile || p->selinuxLabel))
        return 0;
    l->proc_fd = proc_open_private();
    return l->proc_fd < 0 ? error_set(e, -l->proc_fd, "open a procfs") : 0;
}

int join_step_namespaces(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    int r = l->staged ? 0 : join_all(l, l->join_flags & ~(unsigned)CLONE_NEWPID, e);
    if (r == 0 && l->has_ns[NS_USER])
        r = userns_become_root(l, e);
    if (r == 0)
        r = open_proc(l, e);
    if (r < 0)
        return r;
    l->rootfs_fd = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return l->rootfs_fd < 0 ? error_set(e, errno, "open the container's root directory") : 0;
}

/*
 * A container has no place in its file system that is ours to bind a socket at, but its network
 * namespace has names. In the host's everybody could find this one, so there the senders are told apart.
 */
int join_step_notify_socket(struct launch *l, const struct step *s, struct hull_error *e)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    const size_t len = strlen(l->notify_name);
    const int on = !l->has_ns[NS_NET];
    (void)s;
    memcpy(sa.sun_path + 1, l->notify_name, len);
    _cleanup_close_ int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
        bind(sock, (struct sockaddr *)&sa, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)) < 0)
        return error_set(e, errno, "bind the notify socket");
    return sync_send_notify_socket(l, sock, e);
}

static void become(struct launch *l) __attribute__((noreturn));
static void become(struct launch *l)
{
    l->sync_fd = TAKE_FD(l->peer_fd);
    init_main(l, l->plan);
}

static void stage(struct launch *l) __attribute__((noreturn));
static void stage(struct launch *l)
{
    struct hull_error err = {0};
    l->sync_fd = l->peer_fd;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    int r = cgroup_enter(l->entry, &err);
    if (r == 0)
        r = stdio_attach(l, &err);
    /* From the clone on the container sees X: nothing of the host may be behind it any more. */
    const int ours[] = {l->peer_fd, l->console_sock, l->join_pidfd, l->join_root};
    const size_t sources = l->source_fds ? l->config->mounts.n : 0;
    int *keep = arena_array(l->arena, COUNT_OF(ours) + sources, sizeof(*keep));
    if (!keep)
        _exit(1);
    memcpy(keep, ours, sizeof(ours));
    if (sources > 0)
        memcpy(keep + COUNT_OF(ours), l->source_fds, sources * sizeof(*keep));
    fds_close_except(keep, COUNT_OF(ours) + sources, l->options->preserve_fds);
    environment_blank();
    if (r == 0)
        r = join_all(l, l->join_flags, &err);
    if (r == 0) {
        struct clone_args args = {.flags = CLONE_PARENT};
        l->staged = true;
        pid_t pid = sys_clone3(&args, sizeof(args));
        if (pid == 0)
            become(l);
        r = pid < 0 ? error_set(&err, errno, "clone3") : sync_notify(l, SYNC_STAGED, (uint64_t)pid, &err);
    }
    if (r < 0)
        sync_send_error(l, &err);
    _exit(r < 0);
}

static pid_t clone_entry(struct launch *l, struct clone_args *args)
{
    if (l->entry->clone_fd >= 0) {
        struct clone_args with = *args;
        with.flags |= CLONE_INTO_CGROUP;
        with.cgroup = (uint64_t)l->entry->clone_fd;
        l->entry->cloned_into = true;
        pid_t pid = sys_clone3(&with, sizeof(with));
        if (pid >= 0)
            return pid;
        l->entry->cloned_into = false;
    }
    return sys_clone3(args, sizeof(*args));
}

static int clone_by_stage(struct launch *l, struct hull_error *e)
{
    struct clone_args args = {.exit_signal = SIGCHLD};
    pid_t pid = clone_entry(l, &args);
    if (pid == 0)
        stage(l);
    if (pid < 0)
        return error_set(e, errno, "clone3");
    fd_close(&l->peer_fd);
    int status, r = sync_await_parent(l, SYNC_STAGED, e);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (r < 0)
        return r;
    l->init_pidfd = sys_pidfd_open(l->init_pid, 0);
    return l->init_pidfd < 0 ? error_set(e, errno, "pidfd_open") : 0;
}

static int clone_direct(struct launch *l, struct hull_error *e)
{
    _cleanup_close_ int own = -1;
    if (l->join_flags & CLONE_NEWPID) {
        own = openat(AT_FDCWD, "/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
        if (own < 0 || setns(l->join_pidfd, CLONE_NEWPID) < 0)
            return error_set(e, errno, "failed to join the container's pid namespace");
    }
    struct clone_args args = {
        .flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&l->init_pidfd, .exit_signal = SIGCHLD};
    pid_t pid = clone_entry(l, &args);
    if (pid == 0)
        become(l);
    int err = errno;
    if (own >= 0 && setns(own, CLONE_NEWPID) < 0 && pid < 0)
        err = errno;
    if (pid < 0)
        return error_set(e, err, "clone3");
    l->init_pid = pid;
    fd_close(&l->peer_fd);
    return 0;
}

int join_step_clone(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    log_debug(l->log, "nsexec container setup"); /* scripts look for runc's words */
    int r = sync_pair(l, e);
    if (r < 0)
        return r;
    /*
     * In the container's pid namespace X can be seen by processes of it, which may have CAP_SYS_PTRACE
     * and then look at its root directory and descriptors: so it is only cloned into it when it has
     * joined the rest. With a user namespace that is not ours to enter alone: X's memory belongs to
     * the host's, over which they have no rights, and one process less will do.
     */
    const bool staged = l->join_flags & CLONE_NEWPID && (launch_limited(l) || !(l->join_flags & CLONE_NEWUSER));
    r = staged ? clone_by_stage(l, e) : clone_direct(l, e);
    return r < 0 ? r : launch_identify(l, e);
}
