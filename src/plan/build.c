/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * This file alone says in which order a container is made, with the reason beside each line. Read it
 * first. P's part and I's part run at the same time from the clone on; notify and await are the only
 * points where one waits for the other. What the steps do: run/table.c.
 */
#include "plan/plan.h"

#include <string.h>

#include "cgroup/cgroup.h"
#include "dev/devices.h"
#include "hooks/hooks.h"
#include "kernel/intelrdt.h"
#include "lsm/lsm.h"
#include "mount/mount.h"
#include "ns/ns.h"
#include "oci/mount.h"
#include "process/process.h"
#include "seccomp/seccomp.h"

/* Pushes unless an earlier push failed. */
struct builder {
    struct launch     *l;
    struct plan       *p;
    struct hull_error *e;
    int                r;
};

static void push(struct builder *b, enum step_where w, enum step_kind k, const char *why, size_t index)
{
    if (b->r == 0)
        b->r = plan_push(b->p, w, k, why, NULL, index, b->e);
}

static void host(struct builder *b, enum step_kind k, const char *why)
{
    push(b, AT_HOST, k, why, 0);
}

static void init(struct builder *b, enum step_kind k, const char *why)
{
    push(b, AT_INIT, k, why, 0);
}

static void sync_point(struct builder *b, enum step_where from, enum sync_event ev)
{
    push(b, from, STEP_NOTIFY, NULL, ev);
}

static void await(struct builder *b, enum step_where by, enum sync_event ev)
{
    push(b, by, STEP_AWAIT, NULL, ev);
}

typedef int planner(const struct launch *, struct plan *, struct hull_error *);

static void part(struct builder *b, planner *f)
{
    if (b->r == 0)
        b->r = f(b->l, b->p, b->e);
}

static bool new_ns(const struct launch *l, enum ns_type t)
{
    return l->has_ns[t] && !l->ns_path[t];
}

/* Hooks of the runtime between I's mounts and its pivot. */
static bool host_hooks(const struct launch *l)
{
    return hooks_of(l->config, HOOK_PRESTART) || hooks_of(l->config, HOOK_CREATE_RUNTIME);
}

/* P has something to finish before I's hooks and pivot: its own hooks, or devices that hooks may use. */
static bool parent_between(const struct launch *l)
{
    return host_hooks(l) || l->config->linux_->netDevices.n > 0;
}

/* P has to move I into the v2 cgroup, unless the clone does it, which only the run shows; or systemd. */
static bool cgroup_barrier(const struct launch *l)
{
    return l->cgroup->unit || l->cgroup->mode == CGROUP_V2 || l->cgroup->mode == CGROUP_HYBRID;
}

static bool has_priority(const struct oci_process *p)
{
    return p->scheduler || p->ioPriority;
}

/* The rights that it may take are not to be had in a user namespace. */
static bool priority_by_parent(const struct launch *l)
{
    return l->has_ns[NS_USER] && !l->rootless;
}

static void plan_host(struct builder *b)
{
    const struct launch *l = b->l;
    const struct oci_process *proc = l->config->process;

    host(b, STEP_STATE_CREATE, NULL);           /* the intent, before any other side effect */
    if (l->notify)
        host(b, STEP_NOTIFY_DIRECTORY, NULL);   /* the source of a mount */
    if (!l->run)
        host(b, STEP_FIFO_CREATE, NULL);
    if (l->options->console_socket)
        host(b, STEP_CONSOLE_CONNECT, NULL);    /* a dead socket is better found before the work */
    part(b, mount_plan_sources);                /* what I can't open with the rights it will have */
    part(b, cgroup_plan_create);
    host(b, STEP_CLONE, "linux.namespaces");
    if (new_ns(l, NS_USER)) {
        /* While I still has our kernel uid, which prlimit(2) asks for. */
        if (proc->rlimits.n > 0)
            host(b, STEP_RLIMITS_FOR_INIT, "process.rlimits");
    }
    if (proc->oomScoreAdj.set)
        host(b, STEP_OOM_SCORE_FOR_INIT, "process.oomScoreAdj");
    if (new_ns(l, NS_USER)) {
        host(b, STEP_USERNS_MAP, "linux.uidMappings");
        sync_point(b, AT_HOST, SYNC_MAPPED);
    }
    part(b, cgroup_plan_join);                  /* I's own step on v1, ours on v2: beside its mounts */
    if (cgroup_barrier(l))
        sync_point(b, AT_HOST, SYNC_IN_CGROUP);
    part(b, cgroup_plan_limits);                /* while I mounts */
    part(b, cgroup_plan_devices);
    if (l->intel_rdt)
        host(b, STEP_INTEL_RDT, "linux.intelRdt");
    if (l->config->linux_->netDevices.n > 0)
        host(b, STEP_NET_DEVICES, "linux.netDevices");
    part(b, mount_plan_idmap);                  /* answers what I asks while it mounts */
    if (parent_between(l)) {
        await(b, AT_HOST, SYNC_HOOKS_WANTED);
        if (hooks_of(l->config, HOOK_PRESTART))
            push(b, AT_HOST, STEP_HOOKS, "hooks.prestart", HOOK_PRESTART);
        if (hooks_of(l->config, HOOK_CREATE_RUNTIME))
            push(b, AT_HOST, STEP_HOOKS, "hooks.createRuntime", HOOK_CREATE_RUNTIME);
        sync_point(b, AT_HOST, SYNC_HOOKS_DONE);
    }
    if (l->options->pidfd_socket)
        host(b, STEP_PIDFD_SEND, NULL);
    await(b, AT_HOST, SYNC_READY);
    if (has_priority(proc) && priority_by_parent(l))
        host(b, STEP_SCHEDULER, "process.scheduler");
    part(b, cgroup_plan_devices_late);          /* where I had to open a block device itself */
    if (l->options->pid_file)
        host(b, STEP_PID_FILE, NULL);
    host(b, STEP_STATE_CREATED, NULL);          /* the container exists from here on */
    sync_point(b, AT_HOST, SYNC_COMMIT);
}

static void plan_init_namespaces(struct builder *b)
{
    const struct launch *l = b->l;
    init(b, STEP_INIT_BEGIN, NULL);             /* nothing of P may stay with us */
    push(b, AT_INIT, STEP_CPU_AFFINITY, NULL, AFFINITY_FINAL); /* we are in the cgroup, or will be */
    if (new_ns(l, NS_USER))
        await(b, AT_INIT, SYNC_MAPPED);
    if (l->has_ns[NS_USER])
        init(b, STEP_USERNS_ENTER, "linux.uidMappings");
    else
        for (int t = 0; t < NS_COUNT; t++)
            if (l->ns_path[t] && t != NS_PID && t != NS_TIME) {
                init(b, STEP_NS_JOIN, "linux.namespaces");
                break;
            }
    if (new_ns(l, NS_TIME) && l->rootless && l->has_ns[NS_USER])
        push(b, AT_INIT, STEP_NS_UNSHARE, "linux.timeOffsets", NS_TIME);
    if (!l->options->no_new_keyring) {
        if (l->config->process->selinuxLabel)
            init(b, STEP_LSM_KEY, "process.selinuxLabel");
        init(b, STEP_KEYRING, NULL);
    }
    if (new_ns(l, NS_NET))
        init(b, STEP_LOOPBACK, NULL);
    if (l->config->hostname)
        init(b, STEP_HOSTNAME, "hostname");
    if (l->config->domainname)
        init(b, STEP_DOMAINNAME, "domainname");
}

/* We must be in the cgroup before the cgroup namespace is made, and before a cgroup mount shows it. */
static void plan_init_cgroup(struct builder *b)
{
    if (cgroup_barrier(b->l))
        await(b, AT_INIT, SYNC_IN_CGROUP);
    if (new_ns(b->l, NS_CGROUP))
        push(b, AT_INIT, STEP_NS_UNSHARE, "linux.namespaces", NS_CGROUP);
}

/* Puts what plan_init_cgroup pushes before the first cgroup mount, as late as it can be. */
static void plan_init_mounts(struct builder *b)
{
    part(b, rootfs_plan_prepare);
    const size_t first = b->p->n;
    part(b, mount_plan);
    if (b->r < 0)
        return;
    const struct oci_config *c = b->l->config;
    size_t before = c->mounts.n;
    for (size_t i = c->mounts.n; i-- > 0;)
        if (oci_mount_is_cgroup(&c->mounts.v[i]))
            before = i;
    const size_t at = first + before < b->p->n ? first + before : b->p->n;
    const size_t mounts_end = b->p->n;
    plan_init_cgroup(b);
    /* Rotate the new steps in front of the mounts from `at` on. */
    for (size_t i = mounts_end; b->r == 0 && i < b->p->n; i++) {
        struct step moved = b->p->v[i];
        const size_t to = at + (i - mounts_end);
        memmove(&b->p->v[to + 1], &b->p->v[to], (i - to) * sizeof(moved));
        b->p->v[to] = moved;
    }
}

static void plan_init_rootfs(struct builder *b)
{
    const struct launch *l = b->l;
    plan_init_mounts(b);
    part(b, dev_plan);
    if (parent_between(l)) {
        sync_point(b, AT_INIT, SYNC_HOOKS_WANTED);
        await(b, AT_INIT, SYNC_HOOKS_DONE);
    }
    if (hooks_of(l->config, HOOK_CREATE_CONTAINER))
        push(b, AT_INIT, STEP_HOOKS, "hooks.createContainer", HOOK_CREATE_CONTAINER);
    part(b, rootfs_plan_pivot);
    if (l->config->process->terminal)
        init(b, STEP_CONSOLE, "process.terminal");  /* /dev/console while the rootfs is writable */
    if (strcmp(l->config->process->cwd, "/") != 0)
        push(b, AT_INIT, STEP_CWD, "process.cwd", 0);
    if (l->has_ns[NS_MOUNT]) {
        part(b, rootfs_plan_readonly);
        part(b, rootfs_plan_propagation);
    }
    if (l->config->linux_->sysctl.n > 0)
        init(b, STEP_SYSCTL, "linux.sysctl");       /* before /proc/sys becomes read-only */
    part(b, mount_plan_readonly);
    part(b, mount_plan_masked);
}

static void plan_init_process(struct builder *b)
{
    const struct launch *l = b->l;
    const struct oci_process *proc = l->config->process;
    if (proc->apparmorProfile || proc->selinuxLabel)
        init(b, STEP_LSM_EXEC, proc->apparmorProfile ? "process.apparmorProfile"
                                                     : "process.selinuxLabel");
    if (l->config->linux_->personality)
        init(b, STEP_PERSONALITY, "linux.personality");
    if (proc->rlimits.n > 0)
        init(b, STEP_RLIMITS, "process.rlimits");   /* late: a small NOFILE must not hurt us */
    if (proc->noNewPrivileges.v)
        init(b, STEP_NO_NEW_PRIVS, "process.noNewPrivileges");
    if (l->config->linux_->memoryPolicy)
        init(b, STEP_MEMORY_POLICY, "linux.memoryPolicy");
    if (has_priority(proc) && !priority_by_parent(l))
        init(b, STEP_SCHEDULER, "process.scheduler");   /* needs CAP_SYS_NICE */
    init(b, STEP_CAPS_BOUND, "process.capabilities.bounding");  /* needs CAP_SETPCAP */
    const bool elsewhere = !l->has_ns[NS_MOUNT] || strcmp(proc->cwd, "/") != 0;   /* the pivot went to / */
    if (elsewhere)
        push(b, AT_INIT, STEP_CWD, "process.cwd", 1);   /* which root may enter and the user not */
    init(b, STEP_USER, "process.user");
    /* Without no_new_privs loading a filter takes CAP_SYS_ADMIN. */
    const bool by_admin = l->seccomp && !proc->noNewPrivileges.v;
    push(b, AT_INIT, STEP_CAPS, "process.capabilities", by_admin ? CAPS_BUT_ADMIN : CAPS_FINAL);
    if (elsewhere)
        push(b, AT_INIT, STEP_CWD, "process.cwd", 2);
    init(b, STEP_EXEC_LOOKUP, "process.args");      /* with the final rights: an error of create */
    init(b, STEP_INIT_READY, NULL);
    if (l->seccomp)
        init(b, STEP_SECCOMP, "linux.seccomp");     /* what comes after it the profile may forbid */
    if (by_admin)
        push(b, AT_INIT, STEP_CAPS, "process.capabilities", CAPS_DROP_ADMIN);
    sync_point(b, AT_INIT, SYNC_READY);
    await(b, AT_INIT, SYNC_COMMIT);
    init(b, STEP_EXEC, "process.args");
}

int plan_build(struct launch *l, struct plan *p, struct hull_error *e)
{
    struct builder b = {.l = l, .p = p, .e = e};
    l->plan = p;
    b.r = ns_resolve(l, e);
    if (b.r == 0)
        b.r = hooks_check(l->config, e);
    if (b.r == 0)
        b.r = rlimits_check(l->config->process, e);
    if (b.r == 0 && l->config->linux_->personality)
        b.r = personality_check(l->config->linux_->personality, l->log, e);
    if (b.r == 0)
        b.r = scheduler_check(l->config->process->scheduler, e);
    if (b.r == 0)
        b.r = affinity_check(l->config->process->execCPUAffinity, e);
    if (b.r == 0)
        b.r = lsm_check(l->config->process, e);
    if (b.r == 0)
        b.r = seccomp_plan(l, e);
    if (b.r == 0)
        b.r = intelrdt_check(l, e);
    if (b.r == 0)
        b.r = cgroup_plan_path(l, e);
    if (b.r < 0)
        return b.r;
    plan_host(&b);
    plan_init_namespaces(&b);
    plan_init_rootfs(&b);
    plan_init_process(&b);
    return b.r;
}
