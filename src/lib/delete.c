/* SPDX-License-Identifier: Apache-2.0 */
/* hull_delete. */
#include <errno.h>

#include "base/fd.h"
#include "lib/runtime.h"

/* State that can't be read: with force the entry goes, nothing is signalled. */
static int remove_damaged(hull_runtime *rt, const char *id, struct hull_error *e)
{
    _cleanup_close_ int root = state_open_root(rt->root, false, e);
    return root < 0 ? -e->code : state_remove_dir(root, id, e);
}

int hull_delete(hull_runtime *rt, const char *id, unsigned flags, struct hull_error *e)
{
    _cleanup_container_ struct container c = CONTAINER_INIT;
    const bool force = flags & HULL_DELETE_FORCE;
    int r = container_open(rt, id, true, &c, e);
    if (r == -HULL_E_NOT_FOUND && force)
        return 0;
    if (r < 0 && force && e->code != HULL_E_CONFIG)
        return remove_damaged(rt, id, e);
    if (r < 0)
        return r;
    if (!force && c.status != STATUS_STOPPED && c.status != STATUS_CREATED)
        return error_set(e, HULL_E_STATE, "cannot delete container %s that is not stopped: %s", id,
                         status_name(c.status));
    return container_destroy(rt, &c, e);
}
