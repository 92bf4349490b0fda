/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * config-linux.md#offset-for-time-namespace. The offsets must be written after unshare and before
 * the first process is in the namespace; unshare moves only children (and, from 5.19 on, the caller
 * at its next execve). A capable P unshares and is back in its own before it goes on.
 */
#include "ns/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include "base/fd.h"
#include "base/sys.h"

static int write_offset(const char *clock, const struct oci_time_offset *o, struct hull_error *e)
{
    char text[64];
    snprintf(text, sizeof(text), "%s %lld %u", clock, (long long)(o->secs.set ? o->secs.v : 0),
             o->nanosecs.set ? o->nanosecs.v : 0);
    int r = fd_write_file(AT_FDCWD, "/proc/self/timens_offsets", text);
    if (r < 0)
        return error_at(e, "linux.timeOffsets", -r, "linux.timeOffsets.%s: failed to write /proc/self/timens_offsets", clock);
    return 0;
}

int timens_unshare(struct launch *l, struct hull_error *e)
{
    const struct oci_time_offsets *t = l->config->linux_->timeOffsets;
    if (unshare(CLONE_NEWTIME) < 0)
        return error_at(e, "linux.namespaces", errno, "failed to unshare time namespace");
    int r = 0;
    if (t && t->monotonic)
        r = write_offset("monotonic", t->monotonic, e);
    if (r == 0 && t && t->boottime)
        r = write_offset("boottime", t->boottime, e);
    return r;
}
