/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * The one clone3: every new namespace is a flag of it, on cgroup v2 the cgroup too. What only a child
 * can enter, an existing pid namespace and a time namespace, P enters around the clone; it has one
 * thread, so it may and can return (verified on 6.1 and later).
 *
 * A stage in between is needed only with a user namespace: to join an existing one (new namespaces
 * must belong to it, so they can't be made before), or to join something else that the new one will
 * have no rights over; and where P could not return. The stage joins, clones I with CLONE_PARENT, so that I is P's child, tells P
 * the pid and exits.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/sys.h"
#include "cgroup/cgroup.h"
#include "ns/ns.h"
#include "run/run.h"

/* Whether new time offsets can be set up by P: not with a new user namespace that P has no rights over. */
static bool time_by_parent(const struct launch *l)
{
    return l->has_ns[NS_TIME] && !l->ns_path[NS_TIME] && !(l->rootless && l->has_ns[NS_USER]);
}

static bool needs_stage(const struct launch *l)
{
    /* Its own pid and time namespaces are not for root of a user namespace to return to. */
    if (launch_limited(l) && (l->ns_path[NS_PID] || l->ns_path[NS_TIME] || time_by_parent(l)))
        return true;
    if (!l->has_ns[NS_USER])
        return false;
    if (l->ns_path[NS_USER])
        return true;
    for (int t = 0; t < NS_COUNT; t++)
        if (t != NS_USER && l->ns_path[t])
            return true;
    return false;
}

static void become_init(struct launch *l) __attribute__((noreturn));
static void become_init(struct launch *l)
{
    l->sync_fd = TAKE_FD(l->peer_fd);
    init_main(l, l->plan);
}

/* Enters what only children get. */
static int enter_for_children(struct launch *l, struct hull_error *e)
{
    if (l->ns_fd[NS_PID] >= 0 && setns(l->ns_fd[NS_PID], CLONE_NEWPID) < 0)
        return error_at(e, "linux.namespaces", errno, "failed to setns into pid namespace %s", l->ns_path[NS_PID]);
    if (l->ns_fd[NS_TIME] >= 0 && setns(l->ns_fd[NS_TIME], CLONE_NEWTIME) < 0)
        return error_at(e, "linux.namespaces", errno, "failed to setns into time namespace %s", l->ns_path[NS_TIME]);
    return time_by_parent(l) ? timens_unshare(l, e) : 0;
}

/*
 * clone3, into the cgroup if that is asked for and the kernel lets us: it refuses with EBUSY when a
 * domain controller is on there, and older ones do not know the flag. cloned_into is set before, so
 * that both processes know it.
 */
static pid_t clone_into(struct launch *l, const struct clone_args *args)
{
    int fd = cgroup_clone_fd(l->cgroup);
    if (fd >= 0) {
        struct clone_args with = *args;
        with.flags |= CLONE_INTO_CGROUP;
        with.cgroup = (uint64_t)fd;
        /* The new cgroup namespace is rooted at the target only if that is all there is (not v1). */
        l->cgroup_ns_cloned = l->has_ns[NS_CGROUP] && !l->ns_path[NS_CGROUP] &&
                              l->cgroup->mode == CGROUP_V2 && args->flags & CLONE_PIDFD;
        if (l->cgroup_ns_cloned)
            with.flags |= CLONE_NEWCGROUP;
        l->cgroup->entry.cloned_into = true;
        pid_t pid = sys_clone3(&with, sizeof(with));
        if (pid >= 0 || (errno != EBUSY && errno != EOPNOTSUPP && errno != ENODEV && errno != EINVAL &&
                         errno != E2BIG))
            return pid;
        l->cgroup->entry.cloned_into = l->cgroup_ns_cloned = false;
    }
    struct clone_args plain = *args;
    return sys_clone3(&plain, sizeof(plain));
}

static void stage_main(struct launch *l) __attribute__((noreturn));
static void stage_main(struct launch *l)
{
    struct hull_error err = {0};
    l->sync_fd = l->peer_fd;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    /* Children-only namespaces first: their files may be out of reach in the joined user namespace. */
    int r = l->ns_path[NS_USER] && l->rootless ? 0 : enter_for_children(l, &err);
    if (r == 0)
        r = ns_join_paths(l, true, &err);
    if (r == 0 && l->ns_path[NS_USER] && l->rootless)
        r = enter_for_children(l, &err);
    if (r == 0) {
        /* With CLONE_PARENT the kernel wants no exit signal and takes the stage's own. */
        struct clone_args args = {.flags = ns_clone_flags(l) | CLONE_PARENT};
        pid_t pid = sys_clone3(&args, sizeof(args));
        if (pid == 0)
            become_init(l);
        r = pid < 0 ? error_set(&err, errno, "clone3") : sync_notify(l, SYNC_STAGED, (uint64_t)pid, &err);
    }
    if (r < 0)
        sync_send_error(l, &err);
    _exit(r < 0);
}

static int clone_staged(struct launch *l, struct hull_error *e)
{
    struct clone_args args = {.exit_signal = SIGCHLD};
    pid_t stage = clone_into(l, &args);
    if (stage == 0)
        stage_main(l);
    if (stage < 0)
        return error_set(e, errno, "clone3");
    fd_close(&l->peer_fd);
    int r = sync_await_parent(l, SYNC_STAGED, e);
    int status;
    while (waitpid(stage, &status, 0) < 0 && errno == EINTR)
        ;
    if (r < 0)
        return r;
    /* I is our unreaped child: the number can't have been given to anybody else. */
    l->init_pidfd = sys_pidfd_open(l->init_pid, 0);
    return l->init_pidfd < 0 ? error_set(e, errno, "pidfd_open") : 0;
}

/* The namespaces of P for children, to return to. */
struct own_ns { int pid, time; };

static int own_ns_open(const struct launch *l, struct own_ns *own, struct hull_error *e)
{
    if (l->ns_fd[NS_PID] >= 0 && (own->pid = openat(AT_FDCWD, "/proc/self/ns/pid", O_RDONLY | O_CLOEXEC)) < 0)
        return error_set(e, errno, "open /proc/self/ns/pid");
    if ((l->ns_fd[NS_TIME] >= 0 || time_by_parent(l)) &&
        (own->time = openat(AT_FDCWD, "/proc/self/ns/time", O_RDONLY | O_CLOEXEC)) < 0)
        return error_set(e, errno, "open /proc/self/ns/time");
    return 0;
}

static int own_ns_return(struct own_ns *own, struct hull_error *e)
{
    int r = 0;
    if (own->pid >= 0 && setns(own->pid, CLONE_NEWPID) < 0)
        r = error_set(e, errno, "return to the own pid namespace");
    if (own->time >= 0 && setns(own->time, CLONE_NEWTIME) < 0)
        r = error_set(e, errno, "return to the own time namespace");
    fd_close(&own->pid);
    fd_close(&own->time);
    return r;
}

static int clone_plain(struct launch *l, struct hull_error *e)
{
    struct own_ns own = {-1, -1};
    int r = own_ns_open(l, &own, e);
    if (r == 0)
        r = enter_for_children(l, e);
    pid_t pid = -1;
    if (r == 0) {
        struct clone_args args = {
            .flags = ns_clone_flags(l) | CLONE_PIDFD,
            .pidfd = (uint64_t)(uintptr_t)&l->init_pidfd,
            .exit_signal = SIGCHLD,
        };
        pid = clone_into(l, &args);
        if (pid == 0)
            become_init(l);
        if (pid < 0)
            r = error_set(e, errno, "failed to clone the container init (clone3)");
    }
    struct hull_error late = {0};
    if (own_ns_return(&own, &late) < 0 && r == 0)
        r = error_set(e, HULL_E_INIT, "%s", late.text);
    if (pid > 0)
        l->init_pid = pid;
    fd_close(&l->peer_fd);
    return r;
}

int parent_step_clone(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    log_debug(l->log, "nsexec container setup"); /* scripts look for runc's words */
    int r = ns_open_paths(l, e);
    if (r == 0)
        r = sync_pair(l, e);
    if (r < 0)
        return r;
    r = needs_stage(l) ? clone_staged(l, e) : clone_plain(l, e);
    for (int t = 0; t < NS_COUNT; t++)
        fd_close(&l->ns_fd[t]);
    if (r < 0)
        return r;
    return launch_identify(l, e);
}

int launch_identify(struct launch *l, struct hull_error *e)
{
    struct proc_stat st;
    int r = proc_stat_read(AT_FDCWD, l->init_pid, &st);
    if (r < 0)
        return error_set(e, -r, "read /proc/%d/stat", (int)l->init_pid);
    l->init_start = st.start;
    return 0;
}

int parent_step_clone_undo(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    (void)e;
    if (l->init_pid <= 0)
        return 0;
    if (l->init_pidfd >= 0)
        (void)sys_pidfd_send_signal(l->init_pidfd, SIGKILL);
    else
        (void)kill(l->init_pid, SIGKILL);
    int status;
    while (waitpid(l->init_pid, &status, 0) < 0 && errno == EINTR)
        ;
    fd_close(&l->init_pidfd);
    l->init_pid = 0;
    return 0;
}
