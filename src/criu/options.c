/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/options.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/path.h"
#include "oci/annotations.h"

enum { LOG_LEVEL = 4 };
#define DEFAULT_CONFIG "/etc/criu/runc.conf"

struct word { const char *name; int32_t value; };

static int find_word(const struct word *v, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i].name, name) == 0)
            return v[i].value;
    return -1;
}

void criu_dirs_close(struct criu_dirs *d)
{
    fd_close(&d->image_fd);
    fd_close(&d->work_fd);
}

/* mkdir -p and open. */
static int open_dir(const char *path, int *ret, struct hull_error *e)
{
    int r = path_mkdir_all(path, 0700);
    if (r < 0)
        return error_set(e, -r, "mkdir %s", path);
    int fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_set(e, errno, "open %s", path);
    *ret = fd;
    return 0;
}

static int check_parent(int image_fd, const char *parent, struct hull_error *e)
{
    struct stat st;
    if (parent[0] == '/')
        return error_set(e, HULL_E_CONFIG, "--parent-path must be relative");
    if (fstatat(image_fd, parent, &st, 0) < 0)
        return error_set(e, errno, "invalid --parent-path: stat %s", parent);
    return S_ISDIR(st.st_mode) ? 0 : error_set(e, ENOTDIR, "invalid --parent-path: stat %s", parent);
}

int criu_dirs_open(const struct hull_criu_options *o, struct criu_dirs *ret, struct hull_error *e)
{
    _cleanup_criu_dirs_ struct criu_dirs d = CRIU_DIRS_INIT;
    d.image = o->image_path && *o->image_path ? o->image_path : "checkpoint";
    const bool own_work = o->work_path && *o->work_path;
    d.log = own_work ? o->work_path : d.image;
    int r = open_dir(d.image, &d.image_fd, e);
    if (r == 0 && o->parent_path && *o->parent_path)
        r = check_parent(d.image_fd, o->parent_path, e);
    if (r == 0 && own_work)
        r = open_dir(o->work_path, &d.work_fd, e);
    if (r < 0)
        return r;
    *ret = d;
    d.image_fd = d.work_fd = -1;
    return 0;
}

static int set_modes(const struct hull_criu_options *o, struct criu_opts *c, struct hull_error *e)
{
    static const struct word modes[] = {
        {"", CRIU_CG_DEFAULT},    {"soft", CRIU_CG_SOFT},     {"full", CRIU_CG_FULL},
        {"strict", CRIU_CG_STRICT}, {"ignore", CRIU_CG_IGNORE},
    };
    static const struct word locks[] = {
        {"iptables", CRIU_LOCK_IPTABLES}, {"nftables", CRIU_LOCK_NFTABLES}, {"skip", CRIU_LOCK_SKIP},
    };
    const char *mode = o->manage_cgroups_mode ? o->manage_cgroups_mode : "";
    int v = find_word(modes, COUNT_OF(modes), mode);
    if (v < 0)
        return error_set(e, HULL_E_CONFIG, "invalid manage-cgroups-mode value");
    c->manage_cgroups = true; /* for old versions */
    c->manage_cgroups_mode = (struct opt_i32){true, v};
    if (o->network_lock && *o->network_lock) {
        v = find_word(locks, COUNT_OF(locks), o->network_lock);
        if (v < 0)
            return error_set(e, HULL_E_CONFIG, "invalid network-lock value");
        c->network_lock = (struct opt_i32){true, v};
    }
    /* Network devices and their configuration are the engine's: CRIU always leaves them out. */
    for (char **ns = o->empty_ns; ns && *ns; ns++)
        if (strcmp(*ns, "network") != 0)
            return error_set(e, HULL_E_CONFIG, "namespace \"%s\" is not supported", *ns);
    c->empty_ns = (struct opt_u32){true, CLONE_NEWNET};
    return 0;
}

static int set_page_server(const char *text, struct arena *a, struct criu_opts *c, struct hull_error *e)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    if (!colon || colon == text || !colon[1])
        return error_set(e, HULL_E_CONFIG, "Use --page-server ADDRESS:PORT to specify page server");
    long port = strtol(colon + 1, &end, 10);
    if (*end || port < 1 || port > 65535)
        return error_set(e, HULL_E_CONFIG, "Invalid port number");
    /* "[::1]:27" as in a URL */
    const bool bracketed = text[0] == '[' && colon[-1] == ']';
    struct criu_page_server *ps = arena_alloc(a, sizeof(*ps));
    if (!ps)
        return error_oom(e);
    ps->address = arena_strndup(a, text + bracketed, (size_t)(colon - text) - 2 * (size_t)bracketed);
    ps->port = (struct opt_i32){true, (int32_t)port};
    c->ps = ps;
    return ps->address ? 0 : error_oom(e);
}

int criu_options(const struct hull_criu_options *o, const struct oci_config *config,
                 const struct criu_dirs *d, const char *log_name, struct arena *a,
                 struct criu_opts *ret, struct hull_error *e)
{
    struct criu_opts c = {
        .images_dir_fd = {true, d->image_fd},
        .work_dir_fd = {d->work_fd >= 0, d->work_fd},
        .log_level = {true, LOG_LEVEL},
        .log_file = (char *)log_name,
        .notify_scripts = true,
        .orphan_pts_master = true,
        .leave_running = o->leave_running,
        .tcp_established = o->tcp_established,
        .tcp_skip_in_flight = o->tcp_skip_in_flight,
        .tcp_close = o->tcp_close,
        .link_remap = o->link_remap,
        .ext_unix_sk = o->ext_unix_sk,
        .shell_job = o->shell_job,
        .file_locks = o->file_locks,
        .auto_dedup = o->auto_dedup,
        .lazy_pages = o->lazy_pages,
        .config_file = (char *)DEFAULT_CONFIG,
    };
    const char *file = oci_annotation(config, "org.criu.config");
    if (file)
        c.config_file = *file ? (char *)file : NULL;
    int r = set_modes(o, &c, e);
    if (r == 0 && o->page_server && *o->page_server)
        r = set_page_server(o->page_server, a, &c, e);
    if (r == 0)
        *ret = c;
    return r;
}
