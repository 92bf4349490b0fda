/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * The steps of a restore. CRIU runs in the container's cgroup, and in a mount namespace of its own
 * where the rootfs is a mount, as CRIU wants it: a bind in the state directory, so that nothing of it
 * shows on the host. Everything else keeps its propagation there, for the volumes that share mounts
 * with the host. The restored init is our child, not CRIU's (rst_sibling).
 *
 * CRIU tells its progress by notifications and waits for each answer. At "post-restore" all processes
 * are there and none runs yet: STEP_RESTORE ends here, state and pid file are written, and
 * STEP_RESTORE_FINISH gives the answer that lets them go on.
 */
#include "run/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/fd.h"
#include "base/proc.h"
#include "base/sys.h"
#include "criu/descriptors.h"
#include "host/hierarchy.h"
#include "mount/mount.h"
#include "run/run.h"

#define ROOT_DIR "criu-root"
#define LOG_NAME "restore.log"

static struct external_source source_of(const struct launch *l)
{
    return (struct external_source){
        .arena = l->arena, .config = l->config, .cgroup = l->cgroup, .rootfs = l->rootfs,
        .bundle = l->bundle, .cgroup_mode = l->host->cgroup_mode,
    };
}

/* ----------------------------------------------------------------------------------------- start */

/* A child makes the mount points, in a mount namespace that ends with it. */
static int make_points(struct launch *l, struct hull_error *e)
{
    struct plan mounts = {.arena = l->arena};
    int report[2], r = mount_plan(l, &mounts, e);
    if (r < 0 || !l->has_ns[NS_MOUNT])
        return r;
    if (pipe2(report, O_CLOEXEC) < 0)
        return error_set(e, errno, "pipe");
    _cleanup_close_ int from = report[0];
    pid_t pid = fork();
    if (pid == 0) {
        struct hull_error err = {0};
        l->proc_fd = proc_open_private();
        if (l->proc_fd < 0)
            r = error_set(&err, -l->proc_fd, "open /proc");
        else
            r = unshare(CLONE_NEWNS) < 0 ? error_set(&err, errno, "unshare") : mount_make_points(l, &mounts, &err);
        if (r < 0)
            (void)fd_write_all(report[1], &err, sizeof(err));
        _exit(r < 0);
    }
    close(report[1]);
    if (pid < 0)
        return error_set(e, errno, "fork");
    struct hull_error err;
    ssize_t n = fd_read_all(from, &err, sizeof(err));
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (n == sizeof(err)) {
        *e = err;
        return -e->code;
    }
    return status == 0 ? 0 : error_set(e, HULL_E_INIT, "the process that makes mount points has died");
}

/*
 * Makes the mount that dir is on a slave: what we mount there stays here. Which one that is follows
 * from going up until a path is a mount point.
 */
static int unshare_mount_of(const char *dir, struct hull_error *e)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s", dir);
    while (mount(NULL, *path ? path : "/", NULL, MS_SLAVE, NULL) < 0) {
        char *slash = strrchr(path, '/');
        if (errno != EINVAL || !slash || !*path)
            return error_set(e, errno, "make the mount of %s a slave", dir);
        *slash = '\0';
    }
    return 0;
}

/* CRIU mounts in its directories: they must be in its mount namespace. */
static int reopen_dirs(struct restore *x, struct hull_error *e)
{
    const char *const paths[] = {x->dirs.image, x->dirs.log};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        int fd = openat(AT_FDCWD, paths[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            return error_set(e, errno, "open %s", paths[i]);
        x->inherit[x->n_inherit - COUNT_OF(paths) + i] = fd;
    }
    return 0;
}

/* In the process that becomes CRIU. */
static int prepare_criu(void *arg, struct hull_error *e)
{
    struct launch *l = arg;
    const char *root = l->restore->root;
    int r = cgroup_enter(&l->cgroup->entry, e); /* v1: nothing to do otherwise */
    if (r < 0)
        return r;
    if (unshare(CLONE_NEWNS) < 0)
        return error_set(e, errno, "unshare");
    r = unshare_mount_of(root, e);
    if (r == 0 && mount(l->rootfs, root, NULL, MS_BIND | MS_REC, NULL) < 0)
        r = error_set(e, errno, "mount src=%s, dst=%s, flags=MS_BIND|MS_REC", l->rootfs, root);
    return r < 0 ? r : reopen_dirs(l->restore, e);
}

static int make_root(struct launch *l, struct hull_error *e)
{
    char link[32], path[PATH_MAX];
    if (mkdirat(l->state_fd, ROOT_DIR, 0755) < 0)
        return error_set(e, errno, "mkdir " ROOT_DIR);
    _cleanup_close_ int fd = openat(l->state_fd, ROOT_DIR, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = fd < 0 ? -1 : readlink(link, path, sizeof(path));
    if (n < 0 || (size_t)n == sizeof(path))
        return error_set(e, n < 0 ? errno : ENAMETOOLONG, "open " ROOT_DIR);
    l->restore->root = arena_strndup(l->arena, path, (size_t)n);
    return l->restore->root ? 0 : error_oom(e);
}

/* What the options say, the external mounts and namespaces, and our standard streams for its pipes. */
static int build_request(struct launch *l, struct hull_error *e)
{
    struct restore *x = l->restore;
    const struct external_source s = source_of(l);
    struct oci_strs streams = {0};
    int r = criu_options(x->options, l->config, &x->dirs, LOG_NAME, l->arena, &x->opts, e);
    if (r == 0)
        r = external_namespaces_restore(&s, &x->opts, x->inherit, &x->n_inherit, e);
    if (r == 0)
        r = external_mounts_restore(&s, &x->opts, e);
    if (r == 0)
        r = descriptors_load(x->dirs.image_fd, l->arena, &streams, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < streams.n && i <= 2; i++)
        if (strstr(streams.v[i], "pipe:"))
            x->opts.inherit_fd.v[x->opts.inherit_fd.n++] =
                (struct criu_inherit_fd){streams.v[i], {true, (int32_t)i}};
    x->opts.images_dir_fd = (struct opt_i32){true, FIRST_INHERITED + (int32_t)x->n_inherit};
    x->opts.work_dir_fd = (struct opt_i32){true, FIRST_INHERITED + 1 + (int32_t)x->n_inherit};
    x->inherit[x->n_inherit++] = -1; /* opened where CRIU is */
    x->inherit[x->n_inherit++] = -1;
    x->opts.evasive_devices = true;
    x->opts.rst_sibling = true;
    x->opts.root = x->root;
    x->opts.lsm_profile = (char *)x->options->lsm_profile;
    x->opts.lsm_mount_context = (char *)x->options->lsm_mount_context;
    return 0;
}

int restore_step_start(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    struct restore *x = l->restore;
    x->criu.own_fds = true;
    x->criu.log = l->log;
    x->criu.arena = l->arena;
    x->criu.signal_fd = l->signal_fd;
    int r = make_points(l, e);
    if (r == 0)
        r = make_root(l, e);
    if (r == 0)
        r = build_request(l, e);
    if (r == 0)
        r = swrk_start(&x->criu, x->inherit, x->n_inherit, prepare_criu, l, e);
    for (size_t i = 0; i < x->n_inherit; i++)
        fd_close(&x->inherit[i]);
    l->init_pid = x->criu.pid; /* what is to be moved, for now */
    return r;
}

/*
 * Processes that CRIU has left, or has only just killed: all of them are in the cgroup, which can't be
 * removed before they are gone. An init that we were not told of is our child.
 */
static void end_rest(struct launch *l)
{
    enum { PATIENCE_MS = 5000, PAUSE_NS = 1000000 };
    struct hull_error none;
    for (int i = 0; i < PATIENCE_MS; i++) {
        pid_t *pids;
        size_t n = 0;
        if (cgroup_pids(l->cgroup, true, l->arena, &pids, &n, &none) < 0 || n == 0)
            return;
        for (size_t k = 0; k < n; k++)
            (void)waitpid(pids[k], NULL, WNOHANG);
        (void)cgroup_kill_all(l->cgroup, SIGKILL, &none);
        (void)nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
}

int restore_step_start_undo(struct launch *l, const struct step *s, struct hull_error *e)
{
    struct restore *x = l->restore;
    const bool restored = l->init_pid > 0 && l->init_pidfd >= 0;
    swrk_abort(&x->criu);
    if (restored)
        (void)parent_step_clone_undo(l, s, e);
    l->init_pid = 0;
    (void)unlinkat(l->state_fd, ROOT_DIR, AT_REMOVEDIR);
    end_rest(l);
    return 0;
}

/* --------------------------------------------------------------------------------------- restore */

/* Where the container's cgroups are now, by controller. */
static int add_cgroup_roots(struct launch *l, struct criu_opts *c, struct hull_error *e)
{
    enum { MAX = 64 };
    struct host_hierarchies own;
    int r = host_hierarchies_own(l->arena, l->restore->criu.pid, &own, e);
    c->cg_root.v = arena_array(l->arena, MAX, sizeof(*c->cg_root.v));
    if (r == 0 && !c->cg_root.v)
        r = error_oom(e);
    for (size_t i = 0; r == 0 && i < own.n; i++) {
        char *names = arena_strdup(l->arena, own.v[i].names), *rest = names;
        if (!names)
            return error_oom(e);
        for (char *w; (w = strsep(&rest, ",")) && c->cg_root.n < MAX;)
            c->cg_root.v[c->cg_root.n++] = (struct criu_cgroup_root){w, (char *)own.v[i].own};
    }
    return r;
}

static int take_terminal(struct launch *l, int fd, struct hull_error *e)
{
    if (fd < 0)
        return error_set(e, HULL_E_INIT, "criu sent no terminal");
    if (l->console_sock < 0) {
        fd_close(&l->console_fd);
        l->console_fd = fd;
        return 0;
    }
    int r = fd_send(l->console_sock, fd, "/dev/ptmx", strlen("/dev/ptmx"));
    close(fd);
    return r < 0 ? error_set(e, -r, "hand over the terminal") : 0;
}

/* CRIU's init from here on: known by pid, pidfd and start time. */
static int take_init(struct launch *l, pid_t pid, struct hull_error *e)
{
    char link[48];
    struct stat own, its;
    if (pid <= 0)
        return error_set(e, HULL_E_INIT, "criu sent no pid");
    l->init_pid = pid;
    l->init_pidfd = sys_pidfd_open(pid, 0);
    if (l->init_pidfd < 0)
        return error_set(e, errno, "pidfd_open %d", (int)pid);
    /* CRIU restores into a time namespace, so that clocks go on from where they were. */
    snprintf(link, sizeof(link), "/proc/%d/ns/time", (int)pid);
    if (stat(link, &its) == 0 && stat("/proc/self/ns/time", &own) == 0 && own.st_ino != its.st_ino)
        l->has_ns[NS_TIME] = true;
    return launch_identify(l, e);
}

static int run_hooks(struct launch *l, pid_t pid, struct hull_error *e)
{
    int r = launch_run_hooks(l, HOOK_PRESTART, "creating", pid, e);
    return r < 0 ? r : launch_run_hooks(l, HOOK_CREATE_RUNTIME, "creating", pid, e);
}

/* One message; ret_script NULL: it was the response to the request itself. */
static int next_message(struct launch *l, const char **ret_script, struct hull_error *e)
{
    struct criu_response resp = {0};
    _cleanup_close_ int fd = -1;
    *ret_script = NULL;
    int r = swrk_receive(&l->restore->criu, &resp, &fd, e);
    if (r < 0 || resp.type.v == CRIU_RESTORE)
        return r;
    if (resp.type.v != CRIU_NOTIFY || !resp.notify || !resp.notify->script)
        return error_set(e, HULL_E_INIT, "unable to parse the response of criu");
    const char *script = resp.notify->script;
    log_debug(l->log, "notify: %s", script);
    if (strcmp(script, "setup-namespaces") == 0)
        r = run_hooks(l, resp.notify->pid.v, e);
    else if (strcmp(script, "orphan-pts-master") == 0)
        r = take_terminal(l, TAKE_FD(fd), e);
    else if (strcmp(script, "post-restore") == 0)
        r = take_init(l, resp.notify->pid.v, e);
    *ret_script = script;
    return r;
}

static int restore_until_ready(struct launch *l, struct hull_error *e)
{
    struct restore *x = l->restore;
    const struct criu_request req = {.type = {true, CRIU_RESTORE}, .opts = &x->opts};
    int r = swrk_version(&x->criu, &x->version, e);
    if (r == 0 && x->options->lazy_pages)
        r = swrk_need(&x->criu, &(struct criu_features){.lazy_pages = true}, e);
    if (r == 0 && x->version < 31600 && (x->opts.lsm_profile || x->opts.lsm_mount_context))
        r = error_set(e, HULL_E_UNSUPPORTED, "--lsm-%s requires at least CRIU 3.16",
                      x->opts.lsm_profile ? "profile" : "mount-context");
    if (r == 0)
        r = add_cgroup_roots(l, &x->opts, e);
    if (r == 0)
        r = swrk_send(&x->criu, &req, e);
    const char *script = NULL;
    while (r == 0) {
        r = next_message(l, &script, e);
        if (r < 0 || (script && strcmp(script, "post-restore") == 0))
            break;
        r = script ? swrk_answer(&x->criu, e) : error_set(e, HULL_E_INIT, "criu said nothing of post-restore");
    }
    return r;
}

static int quote(const struct launch *l, int r)
{
    const struct restore *x = l->restore;
    if (r < 0 && r != -HULL_E_INTERRUPTED)
        criu_quote_log(l->log, criu_log_fd(&x->dirs), x->dirs.log, LOG_NAME);
    return r;
}

int restore_step_restore(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    return quote(l, restore_until_ready(l, e));
}

int restore_step_finish(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    struct restore *x = l->restore;
    const char *script = "";
    int r = 0;
    while (r == 0 && script) {
        r = swrk_answer(&x->criu, e);
        if (r == 0)
            r = next_message(l, &script, e);
    }
    if (r == 0)
        r = swrk_finish(&x->criu, e);
    if (r == 0 && unlinkat(l->state_fd, ROOT_DIR, AT_REMOVEDIR) < 0)
        log_warning(l->log, "remove " ROOT_DIR ": %s", hull_errno_text(errno));
    return quote(l, r);
}
