/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * A checkpoint is one request to CRIU about a running container: which process tree, where the images
 * go, what of it is external. CRIU freezes the cgroup, and kills the processes after a dump unless
 * they are to go on. Then there is nothing left but state and cgroup, which are removed.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "criu/descriptors.h"
#include "host/hierarchy.h"
#include "lib/runtime.h"
#include "run/restore.h"

#define LOG_NAME "dump.log"
enum { FREEZER_V2_SINCE = 31400, STATUS_READY_SINCE = 31500 };

struct dump {
    const struct hull_criu_options *options;
    struct criu_dirs  dirs;
    struct criu_opts  opts;
    struct swrk       criu;
    int               status_fd;
};

/* Where CRIU can freeze the container; NULL: it stops the processes one by one. */
static char *freezer(const struct cgroup *cg, int version)
{
    for (size_t i = 0; i < cg->n; i++) {
        const struct cgroup_dir *d = &cg->v[i];
        const bool v2 = cg->mode == CGROUP_V2;
        if (!d->missing && (v2 ? version >= FREEZER_V2_SINCE : host_hierarchy_has(d->names, "freezer")))
            return (char *)d->dir;
    }
    return NULL;
}

static int check_status_fd(int fd, struct hull_error *e)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return error_set(e, errno, "invalid --status-fd argument %d", fd);
    if ((flags & O_ACCMODE) == O_RDONLY)
        return error_set(e, HULL_E_CONFIG, "invalid --status-fd argument %d: not writable", fd);
    return 0;
}

/* What CRIU and the kernel must be able to do, before anything is touched. */
static int preflight(struct dump *d, struct hull_error *e)
{
    const struct hull_criu_options *o = d->options;
    const struct criu_features f = {.mem_track = o->pre_dump, .lazy_pages = o->lazy_pages};
    int version = 0, r = swrk_version(&d->criu, &version, e);
    if (r == 0 && (f.mem_track || f.lazy_pages))
        r = swrk_need(&d->criu, &f, e);
    if (r == 0 && o->lazy_pages && o->status_fd >= 0) {
        r = check_status_fd(o->status_fd, e);
        if (version >= STATUS_READY_SINCE)
            d->status_fd = o->status_fd;
        else
            d->opts.status_fd = (struct opt_i32){true, o->status_fd};
    }
    return r < 0 ? r : version;
}

static int build_request(struct dump *d, struct container *c, const struct oci_config *config,
                         int version, enum cgroup_mode mode, struct hull_error *e)
{
    const struct hull_criu_options *o = d->options;
    const struct external_source s = {
        .arena = &c->arena, .config = config, .cgroup = c->cgroup, .rootfs = c->state->rootfs,
        .bundle = c->state->bundle, .cgroup_mode = mode,
    };
    const struct opt_i32 status_fd = d->opts.status_fd;
    int r = criu_options(o, config, &d->dirs, LOG_NAME, &c->arena, &d->opts, e);
    if (r < 0)
        return r;
    d->opts.status_fd = status_fd;
    d->opts.pid = (struct opt_i32){true, c->state->init_process_pid};
    d->opts.root = c->state->rootfs;
    d->opts.freeze_cgroup = freezer(c->cgroup, version);
    if (o->parent_path && *o->parent_path) {
        d->opts.parent_img = (char *)o->parent_path;
        d->opts.track_mem = true;
    }
    r = external_namespaces_dump(&s, &d->opts, e);
    if (r < 0 || o->pre_dump)
        return r;
    r = external_mounts_dump(&s, c->state->init_process_pid, &d->opts, e);
    return r < 0 ? r : descriptors_save(d->dirs.image_fd, c->state->init_process_pid, e);
}

static void notified(struct dump *d, const char *script)
{
    log_debug(d->criu.log, "notify: %s", script);
    if (strcmp(script, "status-ready") != 0 || d->status_fd < 0)
        return;
    if (write(d->status_fd, "", 1) != 1)
        log_warning(d->criu.log, "can't write \\0 to status fd: %s", hull_errno_text(errno));
    fd_close(&d->status_fd);
}

static int converse(struct dump *d, struct hull_error *e)
{
    const struct criu_request req = {
        .type = {true, d->options->pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP}, .opts = &d->opts};
    int r = swrk_send(&d->criu, &req, e);
    while (r == 0) {
        struct criu_response resp = {0};
        r = swrk_receive(&d->criu, &resp, NULL, e);
        if (d->opts.status_fd.set) {
            /* CRIU has opened it for itself by now; whoever waits must not wait for us. */
            close(d->opts.status_fd.v);
            d->opts.status_fd.set = false;
        }
        if (r < 0 || resp.type.v == req.type.v)
            break;
        if (resp.type.v != CRIU_NOTIFY || !resp.notify || !resp.notify->script)
            return error_set(e, HULL_E_INIT, "unable to parse the response of criu");
        notified(d, resp.notify->script);
        r = swrk_answer(&d->criu, e);
    }
    return r;
}

static int finish(struct dump *d, struct hull_error *e)
{
    struct hull_error ignored;
    if (!d->options->pre_dump)
        return swrk_finish(&d->criu, e);
    /* After a pre-dump it waits for the dump, and ends with an error when we hang up. */
    (void)swrk_finish(&d->criu, &ignored);
    return 0;
}

static int dump(hull_runtime *rt, struct container *c, struct dump *d, struct hull_error *e)
{
    struct oci_config *config;
    d->criu.log = &rt->log;
    d->criu.arena = &c->arena;
    int r = container_config(c, &rt->log, &config, e);
    if (r == 0)
        r = criu_dirs_open(d->options, &d->dirs, e);
    if (r == 0)
        r = swrk_start(&d->criu, NULL, 0, NULL, NULL, e);
    const int version = r == 0 ? preflight(d, e) : r;
    if (version < 0)
        return version;
    r = build_request(d, c, config, version, rt->host.cgroup_mode, e);
    if (r < 0)
        return r;
    r = converse(d, e);
    if (r == 0)
        r = finish(d, e);
    if (r < 0)
        criu_quote_log(&rt->log, criu_log_fd(&d->dirs), d->dirs.log, LOG_NAME);
    return r;
}

int hull_checkpoint(hull_runtime *rt, const char *id, const struct hull_criu_options *o,
                    struct hull_error *e)
{
    struct hull_criu_options taken;
    int r = options_take(o, &taken, sizeof(taken), e);
    if (r < 0)
        return r;
    o = &taken;
    _cleanup_container_ struct container c = CONTAINER_INIT;
    struct dump d = {.options = o, .dirs = CRIU_DIRS_INIT, .criu = SWRK_INIT, .status_fd = -1};
    r = container_open(rt, id, STATE_PATIENCE, &c, e);
    if (r < 0)
        return r;
    if (c.status != STATUS_RUNNING && c.status != STATUS_PAUSED)
        return error_set(e, HULL_E_STATE, "Container cannot be checkpointed in %s state", status_name(c.status));
    if (rt->host.euid != 0 || rt->host.in_userns)
        log_warning(&rt->log, "%s checkpoint is untested with rootless containers", rt->options.name);
    r = dump(rt, &c, &d, e);
    swrk_abort(&d.criu);
    criu_dirs_close(&d.dirs);
    fd_close(&d.status_fd);
    if (r < 0 || o->leave_running || o->pre_dump)
        return r;
    struct hull_error late = {0};
    if (container_destroy(rt, &c, &late) < 0)
        log_warning(&rt->log, "%s", late.text);
    return 0;
}
