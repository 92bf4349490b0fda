/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * linux.memoryPolicy (config-linux.md#memory-policy): the NUMA policy of a task, which only the
 * task itself can set, which outlives execve and which children inherit. Nodes that the cpuset
 * does not have are the kernel's to refuse.
 */
#include "process/process.h"

#include <errno.h>
#include "base/sys.h"
#include "oci/memory_policy.h"
#include "step/launch.h"

int process_step_memory_policy(struct launch *l, const struct step *s, struct hull_error *e)
{
    uint64_t mask[OCI_NODES_MAX / 64] = {0};
    int mode;
    (void)s;
    int r = oci_memory_policy_parse(l->config->linux_->memoryPolicy, &mode, mask, e);
    if (r < 0)
        return r;
    /* The kernel takes one from the number of bits. */
    if (syscall(SYS_set_mempolicy, mode, mask, OCI_NODES_MAX + 1) < 0)
        return error_at(e, "linux.memoryPolicy", errno, "set_mempolicy");
    return 0;
}
