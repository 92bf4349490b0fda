/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * hull_update: merges (update_merge.c), writes to the cgroup, saves. The resources as they are now
 * go into state.json, which is replaced in one piece; from then on they count instead of those in
 * config.json, which stays as it was given (container_config puts the two together). When a limit
 * is refused or the state can't be saved, the kernel's values are set back.
 */
#include <errno.h>
#include <string.h>

#include "lib/runtime.h"
#include "lib/update_merge.h"
#include "oci/load.h"

static int apply(struct container *c, const struct oci_resources *write, struct hull_error *e)
{
    const struct cgroup_limits *old;
    int r = cgroup_update(c->cgroup, write, &old, e);
    if (r < 0)
        return r;
    r = state_write(c->dir_fd, c->state, &c->arena, e);
    if (r < 0)
        cgroup_update_undo(c->cgroup, old);
    return r;
}

int hull_update(hull_runtime *rt, const char *id, const char *resources, struct hull_error *e)
{
    _cleanup_container_ struct container c = CONTAINER_INIT;
    struct oci_config *config;
    struct oci_resources *asked, all, write;
    int r = container_open(rt, id, STATE_PATIENCE, &c, e);
    if (r < 0)
        return r;
    char *text = arena_strdup(&c.arena, resources);
    if (!text)
        return error_oom(e);
    r = oci_resources_parse(text, strlen(text), &c.arena, &rt->log, &asked, e);
    if (r < 0)
        return r;
    if (c.status == STATUS_STOPPED || c.status == STATUS_CREATING)
        return error_set(e, HULL_E_STATE, "container not running");
    r = container_config(&c, NULL, &config, e);
    if (r == 0)
        r = resources_merge(&c.arena, config->linux_->resources, asked, &all, &write, e);
    if (r < 0)
        return r;
    write.devices = all.devices;   /* what they are, not what they shall be */
    c.state->resources = &all;
    return apply(&c, &write, e);
}

int hull_update_intel_rdt(hull_runtime *rt, const char *id, const char *l3_cache, const char *mem_bw,
                          struct hull_error *e)
{
    _cleanup_container_ struct container c = CONTAINER_INIT;
    int r = container_open(rt, id, STATE_PATIENCE, &c, e);
    if (r < 0)
        return r;
    const char *root = intelrdt_root(&c.arena);
    if (l3_cache && !intelrdt_has(root, "L3"))
        return error_set(e, HULL_E_CONFIG, "Intel RDT/CAT: l3 cache schema is not enabled");
    if (mem_bw && !intelrdt_has(root, "MB"))
        return error_set(e, HULL_E_CONFIG, "Intel RDT/MBA: memory bandwidth schema is not enabled");
    const struct intelrdt_group *g = container_intel_rdt(&c, &c.arena);
    if (!g)
        return error_set(e, HULL_E_CONFIG,
                         "updating a non-existent Intel RDT configuration is not supported");
    return intelrdt_update(g, l3_cache, mem_bw, e);
}
