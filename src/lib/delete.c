/* SPDX-License-Identifier: Apache-2.0 */
/* hull_delete. */
#include <errno.h>

#include "lib/runtime.h"

enum { PATIENCE_OF_FORCE = 1000 }; /* ms */

/*
 * By force: when somebody is at work with the container and comes to no end (a hook, CRIU, a name looked
 * up in a file system that the container serves), that mostly ends with the container's init.
 */
static int open_locked(hull_runtime *rt, const char *id, bool force, struct container *ret,
                       struct hull_error *e)
{
    int r = container_open(rt, id, force ? PATIENCE_OF_FORCE : STATE_PATIENCE, ret, e);
    if (r == 0 || !force || ret->dir_fd < 0 || ret->locked)
        return r;
    _cleanup_container_ struct container c = CONTAINER_INIT;
    r = container_open(rt, id, 0, &c, e);
    if (r == 0)
        r = container_end_init(&c, e);
    if (r < 0)
        return r;
    container_close(ret);
    *ret = (struct container)CONTAINER_INIT;
    return container_open(rt, id, STATE_PATIENCE, ret, e);
}

/* With the lock, or what has the name is no directory: as much is destroyed as is known of it. */
static int destroy_damaged(hull_runtime *rt, struct container *c, const char *id, struct hull_error *e)
{
    if (c->cgroup)
        return container_destroy(rt, c, e);
    int r = c->state ? container_end_init(c, e) : 0;
    return r < 0 ? r : state_remove_dir(c->root_fd, id, e);
}

int hull_delete(hull_runtime *rt, const char *id, unsigned flags, struct hull_error *e)
{
    _cleanup_container_ struct container c = CONTAINER_INIT;
    const bool force = flags & HULL_DELETE_FORCE;
    int r = open_locked(rt, id, force, &c, e);
    if (r == -HULL_E_NOT_FOUND) {
        struct hull_error late;
        /* A directory is what a create or a delete that was killed has left. */
        if (c.locked && !state_is_gone(c.dir_fd) && state_remove_dir(c.root_fd, id, &late) < 0)
            log_warning(&rt->log, "%s", late.text);
        return force ? 0 : r;
    }
    if (r < 0 && force && c.root_fd >= 0 && (c.locked || c.dir_fd < 0))
        return destroy_damaged(rt, &c, id, e);
    if (r < 0)
        return r;
    if (!force && c.status != STATUS_STOPPED && c.status != STATUS_CREATED)
        return error_set(e, HULL_E_STATE, "cannot delete container %s that is not stopped: %s", id,
                         status_name(c.status));
    return container_destroy(rt, &c, e);
}
