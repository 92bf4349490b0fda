/* SPDX-License-Identifier: Apache-2.0 */
/* What each kind of step is called, prints, does and takes back. Order: plan/build.c. */
#include <stdio.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "dev/devices.h"
#include "kernel/intelrdt.h"
#include "kernel/kernel.h"
#include "lsm/lsm.h"
#include "mount/mount.h"
#include "net/net.h"
#include "ns/ns.h"
#include "process/process.h"
#include "run/restore.h"
#include "run/run.h"
#include "seccomp/seccomp.h"

static void print_clone(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    (void)s;
    size_t n = 0;
    buf[0] = '\0';
    for (int t = 0; t < NS_COUNT && n < len; t++)
        if (l->has_ns[t])
            n += (size_t)snprintf(buf + n, len - n, "%s%s%s%s", n ? " " : "", ns_name((enum ns_type)t),
                                  l->ns_path[t] ? "=" : "", l->ns_path[t] ? l->ns_path[t] : "");
}

static void print_event(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    static const char *const names[] = {
        [SYNC_STAGED] = "staged",           [SYNC_MAPPED] = "mapped",
        [SYNC_IN_CGROUP] = "in-cgroup",     [SYNC_TREE] = "tree",
        [SYNC_IDMAPPED] = "idmapped",       [SYNC_HOOKS_WANTED] = "hooks-wanted",
        [SYNC_HOOKS_DONE] = "hooks-done",   [SYNC_READY] = "ready",
        [SYNC_COMMIT] = "commit",
    };
    (void)l;
    snprintf(buf, len, "%s", names[s->index]);
}

static void print_hooks(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    const struct oci_hook_list *h = hooks_of(l->config, (enum hook_kind)s->index);
    snprintf(buf, len, "%s: %zu", hook_name((enum hook_kind)s->index), h ? h->n : 0);
}

static void print_ns(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    (void)l;
    snprintf(buf, len, "%s", ns_name((enum ns_type)s->index));
}

static void print_state(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    (void)s;
    snprintf(buf, len, "%s/%s", l->root, l->id);
}

static void print_user(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    const struct oci_user *u = l->config->process->user;
    (void)s;
    snprintf(buf, len, "%u:%u", u ? u->uid : 0, u ? u->gid : 0);
}

static void print_cwd(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    static const char *const how[] = {"make", "enter", "enter as the user"};
    snprintf(buf, len, "%s %s", how[s->index], l->config->process->cwd);
}

static void print_program(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    const struct oci_strs *a = &l->config->process->args;
    size_t n = 0;
    (void)s;
    buf[0] = '\0';
    for (size_t i = 0; i < a->n && n < len; i++)
        n += (size_t)snprintf(buf + n, len - n, "%s%s", i ? " " : "", a->v[i]);
}

static void print_scheduler(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    const struct oci_process *p = l->config->process;
    (void)s;
    snprintf(buf, len, "%s%s%s", p->scheduler ? p->scheduler->policy : "",
             p->scheduler && p->ioPriority ? " " : "", p->ioPriority ? p->ioPriority->class_ : "");
}

static void print_memory_policy(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    const struct oci_memory_policy *p = l->config->linux_->memoryPolicy;
    (void)s;
    snprintf(buf, len, "%s %s", p->mode, p->nodes ? p->nodes : "");
}

static void print_hostname(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    snprintf(buf, len, "%s", s->kind == STEP_HOSTNAME ? l->config->hostname : l->config->domainname);
}

static void print_maps(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    (void)s;
    snprintf(buf, len, "%zu uid, %zu gid ranges", l->config->linux_->uidMappings.n,
             l->config->linux_->gidMappings.n);
}

static void print_sysctl(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    const struct oci_map *m = &l->config->linux_->sysctl;
    size_t n = 0;
    (void)s;
    buf[0] = '\0';
    for (size_t i = 0; i < m->n && n < len; i++)
        n += (size_t)snprintf(buf + n, len - n, "%s%s=%s", i ? " " : "", m->v[i].key, m->v[i].value);
}

static const struct step_kind_info table[STEP_COUNT] = {
    [STEP_STATE_CREATE] = {"state.create", print_state, parent_step_state_create,
                           parent_step_state_create_undo},
    [STEP_NOTIFY_DIRECTORY] = {"notify.directory", NULL, parent_step_notify_directory, NULL},
    [STEP_FIFO_CREATE] = {"fifo.create", NULL, parent_step_fifo, NULL},
    [STEP_CONSOLE_CONNECT] = {"console.connect", NULL, parent_step_console_connect, NULL},
    [STEP_SOURCE_OPEN] = {"mount.open", mount_print, mount_step_source, NULL},
    [STEP_CGROUP_CREATE] = {"cgroup.create", cgroup_step_create_print, cgroup_step_create,
                            cgroup_step_create_undo},
    [STEP_CLONE] = {"clone", print_clone, parent_step_clone, parent_step_clone_undo},
    [STEP_USERNS_MAP] = {"userns.map", print_maps, userns_step_map, NULL},
    [STEP_CGROUP_JOIN] = {"cgroup.join", cgroup_step_join_print, cgroup_step_join, NULL},
    [STEP_CGROUP_LIMITS] = {"cgroup.limits", cgroup_step_limits_print, cgroup_step_limits, NULL},
    [STEP_CGROUP_DEVICES] = {"cgroup.devices", cgroup_step_devices_print, cgroup_step_devices, NULL},
    [STEP_RLIMITS_FOR_INIT] = {"rlimits.raise", NULL, process_step_rlimits_host, NULL},
    [STEP_OOM_SCORE_FOR_INIT] = {"oom-score", NULL, process_step_oom_host, NULL},
    [STEP_HOOKS] = {"hooks", print_hooks, run_step_hooks, NULL},
    [STEP_PIDFD_SEND] = {"pidfd.send", NULL, parent_step_pidfd, NULL},
    [STEP_STATE_CREATED] = {"state.created", NULL, parent_step_state_created, NULL},
    [STEP_PID_FILE] = {"pid-file", NULL, parent_step_pid_file, NULL},
    [STEP_NOTIFY] = {"notify", print_event, run_step_notify, NULL},
    [STEP_AWAIT] = {"await", print_event, run_step_await, NULL},
    [STEP_CPU_AFFINITY] = {"cpu-affinity", process_print_affinity, process_step_affinity,
                           process_step_affinity_undo},
    [STEP_INIT_BEGIN] = {"init.begin", NULL, init_step_begin, NULL},
    [STEP_USERNS_ENTER] = {"userns.enter", NULL, userns_step_enter, NULL},
    [STEP_NS_JOIN] = {"ns.join", print_clone, ns_step_join, NULL},
    [STEP_NS_UNSHARE] = {"ns.unshare", print_ns, ns_step_unshare, NULL},
    [STEP_LSM_KEY] = {"lsm.key", lsm_print, lsm_step_key, NULL},
    [STEP_KEYRING] = {"keyring", NULL, process_step_keyring, NULL},
    [STEP_LOOPBACK] = {"loopback", NULL, loopback_step, NULL},
    [STEP_HOSTNAME] = {"hostname", print_hostname, hostname_step, NULL},
    [STEP_DOMAINNAME] = {"domainname", print_hostname, domainname_step, NULL},
    [STEP_ROOTFS_PREPARE] = {"rootfs.prepare", rootfs_print_prepare, rootfs_step_prepare, NULL},
    [STEP_MOUNT] = {"mount", mount_print, mount_step_mount, NULL},
    [STEP_MOUNT_WITH_PARENT] = {"mount", mount_print, init_step_mount_with_parent, NULL},
    [STEP_INTEL_RDT] = {"intel-rdt", intelrdt_print, intelrdt_step_create, intelrdt_step_create_undo},
    [STEP_INTEL_RDT_JOIN] = {"intel-rdt.join", intelrdt_print, intelrdt_step_join, NULL},
    [STEP_NET_DEVICES] = {"net.devices", netdev_print, netdev_step_move, netdev_step_move_undo},
    [STEP_IDMAP] = {"mount.idmap", mount_print, parent_step_idmap, NULL},
    [STEP_DEVICES] = {"devices", dev_print_devices, dev_step_devices, NULL},
    [STEP_CONSOLE] = {"console", NULL, init_step_console, NULL},
    [STEP_PIVOT] = {"pivot", rootfs_print_pivot, rootfs_step_pivot, NULL},
    [STEP_ROOTFS_READONLY] = {"rootfs.readonly", rootfs_print_readonly, rootfs_step_readonly, NULL},
    [STEP_ROOTFS_PROPAGATION] = {"rootfs.propagation", rootfs_print_propagation,
                                 rootfs_step_propagation, NULL},
    [STEP_SYSCTL] = {"sysctl", print_sysctl, sysctl_step, NULL},
    [STEP_READONLY_PATHS] = {"readonly-paths", mount_print_paths, mount_step_readonly, NULL},
    [STEP_MASK_PATHS] = {"mask-paths", mount_print_paths, mount_step_masked, NULL},
    [STEP_RLIMITS] = {"rlimits", NULL, process_step_rlimits, NULL},
    [STEP_PERSONALITY] = {"personality", NULL, process_step_personality, NULL},
    [STEP_LSM_EXEC] = {"lsm.exec", lsm_print, lsm_step_exec, NULL},
    [STEP_MEMORY_POLICY] = {"memory-policy", print_memory_policy, process_step_memory_policy, NULL},
    [STEP_SCHEDULER] = {"scheduler", print_scheduler, process_step_scheduler, NULL},
    [STEP_NO_NEW_PRIVS] = {"no-new-privs", NULL, process_step_no_new_privs, NULL},
    [STEP_CAPS_BOUND] = {"caps.bounding", NULL, process_step_caps_bound, NULL},
    [STEP_USER] = {"user", print_user, process_step_user, NULL},
    [STEP_CAPS] = {"caps", NULL, process_step_caps, NULL},
    [STEP_CWD] = {"cwd", print_cwd, process_step_cwd, NULL},
    [STEP_INIT_READY] = {"ready", NULL, init_step_ready, NULL},
    [STEP_SECCOMP] = {"seccomp", seccomp_print, init_step_seccomp, NULL},
    [STEP_EXEC_LOOKUP] = {"exec.lookup", NULL, process_step_lookup, NULL},
    [STEP_JOIN_CLONE] = {"clone", NULL, join_step_clone, parent_step_clone_undo},
    [STEP_CGROUP_ENTER_HOST] = {"cgroup.enter", NULL, join_step_cgroup_host, NULL},
    [STEP_CGROUP_ENTER] = {"cgroup.enter", NULL, join_step_cgroup, NULL},
    [STEP_JOIN] = {"ns.join", NULL, join_step_namespaces, NULL},
    [STEP_NOTIFY_SOCKET] = {"notify.socket", NULL, join_step_notify_socket, NULL},
    [STEP_UNMOUNT] = {"unmount", mount_print, mount_step_unmount, NULL},
    [STEP_RESTORE_START] = {"criu.start", NULL, restore_step_start, restore_step_start_undo},
    [STEP_RESTORE] = {"criu.restore", NULL, restore_step_restore, NULL},
    [STEP_RESTORE_FINISH] = {"criu.finish", NULL, restore_step_finish, NULL},
    [STEP_EXEC] = {"exec", print_program, init_step_exec, NULL},
};

const struct step_kind_info *step_info(enum step_kind k)
{
    return &table[k];
}
