/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * The way from a bundle to a plan without side effects (job_prepare), and its execution with
 * roll-back (job_execute). create, run and --explain all go through here.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "lib/notify.h"
#include "lib/runtime.h"
#include "lib/start_common.h"
#include "net/net.h"
#include "oci/annotations.h"
#include "oci/load.h"
#include "oci/validate.h"
#include "plan/plan.h"
#include "process/process.h"
#include "run/run.h"

enum { CONFIG_LIMIT = 16 << 20 };

void launch_init(struct launch *l)
{
    l->state_fd = l->root_fd = l->signal_fd = l->bundle_fd = l->sync_fd = l->peer_fd = -1;
    l->fifo_fd = l->console_sock = l->console_fd = l->rootfs_fd = l->masks_fd = l->proc_fd = l->dev_null_fd = -1;
    l->notify_fd = l->init_pidfd = l->join_pidfd = l->join_root = l->seccomp_fd = l->tree_fd = -1;
    for (int t = 0; t < NS_COUNT; t++)
        l->ns_fd[t] = -1;
    for (int i = 0; i < 3; i++)
        l->stdio[i].inner = l->stdio[i].outer = -1;
}

void launch_close(struct launch *l)
{
    int *const fds[] = {&l->state_fd, &l->root_fd, &l->signal_fd, &l->bundle_fd, &l->sync_fd,
                        &l->peer_fd, &l->fifo_fd, &l->console_sock, &l->console_fd, &l->rootfs_fd,
                        &l->proc_fd, &l->dev_null_fd, &l->notify_fd, &l->init_pidfd, &l->join_pidfd, &l->join_root};
    for (size_t i = 0; i < COUNT_OF(fds); i++)
        if (*fds[i] >= 0)
            fd_close_later(TAKE_FD(*fds[i]));
    fd_close_flush();
    for (size_t i = 0; l->source_fds && i < l->config->mounts.n; i++)
        fd_close(&l->source_fds[i]);
    for (size_t i = 0; l->idmap_fds && i < l->config->mounts.n; i++)
        fd_close(&l->idmap_fds[i]);
    fd_close(&l->tree_fd);
    stdio_close_inner(l);
    for (int i = 0; i < 3; i++)
        fd_close(&l->stdio[i].outer);
    cgroup_close(l->cgroup);
    if (l->crumb)
        munmap(l->crumb, l->crumb_size);
}

int launch_crumb(struct launch *l, struct hull_error *e)
{
    l->crumb_size = sizeof(*l->crumb) + (l->traced_from ? l->plan->n * sizeof(l->crumb->times[0]) : 0);
    void *p = mmap(NULL, l->crumb_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return error_set(e, errno, "mmap");
    l->crumb = p;
    return 0;
}

void job_init(struct job *j)
{
    memset(j, 0, sizeof(*j));
    j->bundle_fd = -1;
    launch_init(&j->launch);
}

void job_close(struct job *j)
{
    if (j->bundle_fd >= 0)
        fd_close_later(TAKE_FD(j->bundle_fd));
    launch_close(&j->launch);
    arena_free(&j->arena);
}

/* The absolute path of an open directory. */
static char *path_of_fd(int fd, struct arena *a)
{
    char link[32], path[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path));
    return n <= 0 || (size_t)n == sizeof(path) ? NULL : arena_strndup(a, path, (size_t)n);
}

static int open_bundle(struct job *j, struct hull_error *e)
{
    const char *dir = j->options.bundle && *j->options.bundle ? j->options.bundle : ".";
    j->bundle_fd = openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (j->bundle_fd < 0)
        return error_set(e, errno, "chdir %s", dir);
    j->launch.bundle = path_of_fd(j->bundle_fd, &j->arena);
    return j->launch.bundle ? 0 : error_set(e, errno ? errno : ENAMETOOLONG, "path of the bundle %s", dir);
}

static int load(struct job *j, const char **ret_name, struct hull_error *e)
{
    struct launch *l = &j->launch;
    const char *name = j->options.config && *j->options.config ? j->options.config : "config.json";
    *ret_name = name;
    size_t len;
    char *text = fd_read_file(j->bundle_fd, name, CONFIG_LIMIT, &j->arena, &len);
    if (!text && errno == ENOENT)
        return error_set(e, HULL_E_CONFIG, "JSON specification file %s not found", name);
    if (!text)
        return error_set(e, errno, "read %s", name);
    /* Decoding changes the text; the copy goes to the state directory as it was. */
    l->config_text = arena_strndup(&j->arena, text, len);
    l->config_len = len;
    if (!l->config_text)
        return error_oom(e);
    struct oci_config *config;
    int r = oci_config_parse(text, len, &j->arena, l->log, &config, e);
    l->config = config;
    if (r < 0)
        return error_prefix(e, "%s", name);
    if (!j->options.pidfd_socket)
        j->options.pidfd_socket = oci_annotation(config, ANNOTATION_PIDFD_RECEIVER);
    return config->process ? service_prepare(j, config, e) : 0;
}

/* root.path: absolute, existing, without a symbolic link anywhere in it. */
static int resolve_rootfs(struct job *j, struct hull_error *e)
{
    struct launch *l = &j->launch;
    const char *path = l->config->root->path;
    char *full = path[0] == '/' ? arena_strdup(&j->arena, path)
                                : arena_printf(&j->arena, "%s/%s", l->bundle, path);
    char *clean = full ? path_clean(&j->arena, full) : NULL;
    if (!clean)
        return error_oom(e);
    _cleanup_close_ int fd = openat(AT_FDCWD, clean, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_at(e, "root.path", errno, "invalid rootfs: stat %s", clean);
    char *real = path_of_fd(fd, &j->arena);
    if (!real || strcmp(real, clean) != 0)
        return error_at(e, "root.path", HULL_E_CONFIG,
                        "invalid rootfs: not an absolute path, or a symlink (%s)", clean);
    if (strcmp(real, "/") == 0 && l->config->linux_->namespaces.n > 0)
        for (size_t i = 0; i < l->config->linux_->namespaces.n; i++)
            if (strcmp(l->config->linux_->namespaces.v[i].type, "mount") == 0)
                return error_at(e, "root.path", HULL_E_CONFIG, "invalid rootfs: the root of the host can't be pivoted to");
    l->rootfs = real;
    return 0;
}

const struct terminal_words terminal_in_config = {"set process.terminal to true in the configuration",
                                                  "set process.terminal to false in the configuration"};

int check_terminal(const struct launch *l, const struct terminal_words *w, struct hull_error *e)
{
    const bool terminal = l->config->process->terminal, socket = l->options->console_socket;
    if (terminal && l->detach && !socket)
        return error_at(e, "process.terminal", HULL_E_CONFIG,
                        "cannot allocate tty if %s will detach without setting console socket: "
                        "give --console-socket%s%s%s", l->name, l->run ? ", " : " or ", w->without,
                        l->run ? " or leave out --detach" : "");
    if (socket && (!l->detach || !terminal))
        return error_at(e, "process.terminal", HULL_E_CONFIG,
                        "cannot use console socket if %s will not detach or allocate tty: "
                        "%s%s%s, or leave out --console-socket", l->name, l->detach ? "" : "add --detach",
                        l->detach || terminal ? "" : " and ", terminal ? "" : w->with);
    return 0;
}

int check_preserved(unsigned n, struct hull_error *e)
{
    const unsigned listen = listen_count();
    for (unsigned i = 0; i < listen + n; i++) {
        /*
         * A descriptor that is close-on-exec did not come from our caller: it is our own, a log file say,
         * that has got a number which the caller has not used. The container must not have it.
         */
        int flags = fcntl(3 + (int)i, F_GETFD);
        if (flags >= 0 && !(flags & FD_CLOEXEC))
            continue;
        if (i < listen)
            return error_set(e, EBADF, "LISTEN_FDS is %u, but descriptor %u is not open", listen, 3 + i);
        return error_set(e, EBADF, "unable to stat preserved-fd %u (of %u)", i - listen, n);
    }
    return 0;
}

static int check(struct job *j, struct hull_error *e)
{
    struct launch *l = &j->launch;
    int r = oci_validate(l->config, l->log, e);
    /* Root of a user namespace needs no further one: so podman does it for its users. */
    if (r == 0 && l->host->euid != 0)
        r = oci_validate_rootless(l->config, e);
    if (r == 0 && !l->config->process)
        r = error_at(e, "process", HULL_E_CONFIG, "process property must not be empty");
    return r;
}

/*
 * Root of a user namespace in which a systemd of its own runs is root for that one. The host's socket
 * belongs to somebody that the namespace does not know.
 */
static bool has_own_systemd(const struct launch *l)
{
    struct stat st;
    return l->systemd_cgroup && l->host->euid == 0 && lstat("/run/systemd/private", &st) == 0 &&
           st.st_uid == 0;
}

int runtime_launch(hull_runtime *rt, struct launch *l, const char *id, struct hull_error *e)
{
    int r = runtime_host(rt, e);
    if (r < 0)
        return r;
    l->host = &rt->host;
    l->name = rt->options.name;
    l->root = rt->root;
    l->root_in_xdg = rt->root_in_xdg;
    l->id = id;
    l->systemd_cgroup = rt->options.systemd_cgroup;
    l->no_cgroup = rt->options.no_cgroup;
    l->rootless = rt->host.euid != 0;
    l->rootless_cgroup = rt->options.rootless == HULL_AUTO ? launch_limited(l) && !has_own_systemd(l)
                                                           : rt->options.rootless == HULL_YES;
    return 0;
}

int job_prepare(hull_runtime *rt, const char *id, const struct hull_create_options *o, bool run,
                struct job *j, struct hull_error *e)
{
    struct launch *l = &j->launch;
    const char *name = NULL;
    int r = options_take(o, &j->options, sizeof(j->options), e);
    if (r < 0)
        return r;
    o = &j->options;
    l->traced_from = o->trace ? trace_now() : 0;
    j->log = rt->log;
    l->log = &j->log;
    l->arena = j->plan.arena = &j->arena;
    l->options = &j->options;
    l->run = run;
    l->detach = !run || o->detach;
    r = check_preserved(o->preserve_fds, e);
    if (r == 0)
        r = state_check_id(id, e);
    if (r == 0)
        r = runtime_launch(rt, l, id, e);
    if (r == 0)
        r = open_bundle(j, e);
    if (r == 0)
        r = load(j, &name, e);
    if (r < 0)
        return r;
    r = check(j, e);
    if (r == 0)
        r = resolve_rootfs(j, e);
    if (r == 0)
        r = check_terminal(l, &terminal_in_config, e);
    if (r == 0)
        r = l->restore ? plan_build_restore(l, &j->plan, e) : plan_build(l, &j->plan, e);
    return r < 0 ? oci_error_locate(j->bundle_fd, name, e) : 0;
}

int job_execute(struct job *j, struct hull_error *e)
{
    struct launch *l = &j->launch;
    size_t done = 0;
    l->root_fd = state_open_root(l->root, true, e);
    if (l->root_fd < 0)
        return -e->code;
    /* By the XDG base directory specification the sticky bit keeps cleaners of old files away. */
    if (l->root_in_xdg)
        (void)fchmod(l->root_fd, 01700);
    int r = parent_signals(l, e);
    if (r == 0)
        r = launch_crumb(l, e);
    if (r == 0)
        r = stdio_open(l, l->run && !l->detach && !l->restore, e);
    /* What the container's init is must not be readable for anybody in it, from the first moment on. */
    if (r == 0 && !l->rootless)
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (r < 0)
        return r;
    r = plan_execute(l, &j->plan, AT_HOST, &done, e);
    if (r == 0) {
        netdev_release(l);
        return 0;
    }
    const bool hooks_due = l->init_pid > 0;
    sync_prefer_init_error(l, e);
    plan_rollback(l, &j->plan, done);
    if (hooks_due) {
        struct hull_error late;
        (void)launch_run_hooks(l, HOOK_POSTSTOP, "stopped", 0, &late);
    }
    return e->code == HULL_E_EXISTS || l->restore ? r : error_prefix(e, "unable to start container process");
}
