/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a restore: everything around the processes as at a create; the rest is in the images. */
#include "plan/plan.h"

#include "cgroup/cgroup.h"
#include "hooks/hooks.h"
#include "kernel/intelrdt.h"
#include "ns/ns.h"

/* CRIU is put where the container's processes shall be: what it forks is there from the start. */
static int plan_place(struct launch *l, struct plan *p, struct hull_error *e)
{
    int r = cgroup_plan_create(l, p, e);
    if (r == 0)
        r = plan_push(p, AT_HOST, STEP_RESTORE_START, NULL, NULL, 0, e); /* on v1 it enters by itself */
    if (r == 0)
        r = cgroup_plan_join(l, p, e);
    if (r == 0)
        r = cgroup_plan_limits(l, p, e);
    if (r == 0)
        r = cgroup_plan_devices(l, p, e);
    if (r == 0 && l->intel_rdt)
        r = plan_push(p, AT_HOST, STEP_INTEL_RDT, "linux.intelRdt", NULL, 0, e);
    return r;
}

int plan_build_restore(struct launch *l, struct plan *p, struct hull_error *e)
{
    l->plan = p;
    int r = ns_resolve(l, e);
    if (r == 0)
        r = hooks_check(l->config, e);
    if (r == 0)
        r = intelrdt_check(l, e);
    if (r == 0)
        r = cgroup_plan_path(l, e);
    if (r == 0)
        r = plan_push(p, AT_HOST, STEP_STATE_CREATE, NULL, NULL, 0, e);
    if (r == 0 && l->options->console_socket)
        r = plan_push(p, AT_HOST, STEP_CONSOLE_CONNECT, NULL, NULL, 0, e);
    if (r == 0)
        r = plan_place(l, p, e);
    if (r == 0)
        r = plan_push(p, AT_HOST, STEP_RESTORE, NULL, NULL, 0, e);
    if (r == 0)
        r = cgroup_plan_devices_late(l, p, e);
    if (r == 0 && l->options->pid_file)
        r = plan_push(p, AT_HOST, STEP_PID_FILE, NULL, NULL, 0, e);
    if (r == 0)
        r = plan_push(p, AT_HOST, STEP_STATE_CREATED, NULL, NULL, 0, e);
    return r == 0 ? plan_push(p, AT_HOST, STEP_RESTORE_FINISH, NULL, NULL, 0, e) : r;
}
