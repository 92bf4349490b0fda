/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * The process functions as steps of the container's start. Order and reasons: plan/build.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/proc.h"
#include "base/sys.h"
#include "oci/annotations.h"
#include "process/process.h"
#include "step/launch.h"

int process_step_keyring(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    return keyring_join(l->id, e);
}

int process_step_rlimits(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    const struct oci_process *p = l->config->process;
    /* What is about to be closed would count against a small RLIMIT_NOFILE. */
    for (size_t i = 0; i < p->rlimits.n; i++)
        if (strcmp(p->rlimits.v[i].type, "RLIMIT_NOFILE") == 0 && p->rlimits.v[i].soft < 256)
            fd_close_flush();
    return rlimits_set(p, 0, false, e);
}

int process_step_rlimits_host(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    return rlimits_set(l->config->process, l->init_pid, true, e);
}

int process_step_oom_host(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    int r = oom_score_set(l->init_pid, l->config->process->oomScoreAdj.v, e);
    /* Without privilege a lower score can't be had; the container runs with the caller's. */
    return r < 0 && launch_limited(l) && (e->code == EACCES || e->code == EPERM) ? 0 : r;
}

int process_step_personality(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    return personality_set(l->config->linux_->personality, e);
}

int process_step_no_new_privs(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)l;
    (void)s;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_at(e, "process.noNewPrivileges", errno, "prctl(PR_SET_NO_NEW_PRIVS)");
    return 0;
}

int process_step_caps_bound(struct launch *l, const struct step *s, struct hull_error *e)
{
    struct cap_sets sets;
    (void)s;
    caps_from_config(l->config->process->capabilities, NULL, &sets);
    return caps_set_bounding(sets.bounding, e);
}

/* A user namespace that an unprivileged user made for himself alone denies setgroups. */
static bool setgroups_denied(const struct launch *l)
{
    if (!l->has_ns[NS_USER] && !l->host->in_userns)
        return false;
    char text[8] = "";
    _cleanup_close_ int proc = proc_open_private();
    _cleanup_close_ int fd = proc < 0 ? -1 : openat(proc, "self/setgroups", O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && strncmp(text, "deny", 4) == 0;
}

/*
 * The standard streams belong to the process's user, so that it can open /dev/stdout and its like, which
 * images rely on. As runc: not /dev/null, which others have too, not the group, and without complaint
 * where the owner is not ours to change or on a read-only file system.
 */
static void own_standard_streams(const struct launch *l, uid_t uid)
{
    for (int fd = 0; fd < 3; fd++) {
        struct stat st = {.st_uid = l->stdio[fd].uid};
        if (l->stdio[fd].null || (l->has_ns[NS_USER] && fstat(fd, &st) < 0))
            continue; /* in a user namespace the owner has another number for us than for P */
        if (st.st_uid != uid && fchown(fd, uid, (gid_t)-1) < 0)
            log_debug(l->log, "chown of standard stream %d: %s", fd, errno_text(errno));
    }
}

int process_step_user(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    const struct oci_process *p = l->config->process;
    if (!p->terminal) /* else it has been made for that user */
        own_standard_streams(l, p->user ? p->user->uid : 0);
    /* runc's value for a new container; exec keeps the caller's. */
    if (l->join_pid == 0 && !(p->user && p->user->umask.set))
        umask(022);
    const bool keep = oci_annotation_on(l->config, ANNOTATION_KEEP_GROUPS);
    return user_set(p->user, keep || setgroups_denied(l), e);
}

int process_step_caps(struct launch *l, const struct step *s, struct hull_error *e)
{
    if (s->index == CAPS_DROP_ADMIN)
        return caps_reduce(l->caps, e);
    l->caps = arena_alloc(l->arena, sizeof(*l->caps));
    if (!l->caps)
        return error_oom(e);
    caps_from_config(l->config->process->capabilities, l->log, l->caps);
    const uint64_t keep = s->index == CAPS_BUT_ADMIN ? UINT64_C(1) << CAP_SYS_ADMIN : 0;
    return caps_set(l->caps, keep, l->log, e);
}

/*
 * 0: makes the directory while the root is writable. 1: enters it as root; EACCES may be healed by
 * the change of user (a directory private to that user on a root-squashing file system). 2: as user.
 */
int process_step_cwd(struct launch *l, const struct step *s, struct hull_error *e)
{
    const char *cwd = l->config->process->cwd;
    if (s->index == 0) {
        _cleanup_close_ int fd = path_open_in_root(l->rootfs_fd, cwd, O_PATH | O_CLOEXEC);
        if (fd == -ENOENT) {
            _cleanup_close_ int made = path_mkdir_in_root(l->rootfs_fd, cwd, 0755);
            (void)made; /* entering it gives the error */
        }
        return 0;
    }
    if (l->cwd_entered)
        return 0;
    int r = cwd_enter(cwd, e);
    if (r == 0)
        l->cwd_entered = true;
    return r == -EACCES && s->index == 1 ? 0 : r;
}

int process_step_lookup(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    l->env = env_build(l->config->process, l->rootfs_fd, l->arena);
    if (!l->env)
        return error_oom(e);
    for (size_t i = 0; l->listen && l->env[i]; i++)
        if (strncmp(l->env[i], LISTEN_PID_ENTRY, strlen(LISTEN_PID_ENTRY)) == 0 &&
            !(l->env[i] = arena_printf(l->arena, LISTEN_PID_ENTRY "%d", (int)getpid())))
            return error_oom(e);
    return exec_lookup(l->config->process->args.v[0], l->env, l->arena, &l->argv0_path, e);
}
