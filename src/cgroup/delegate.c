/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: config-linux.md, "Cgroup ownership". A container that gets its cgroup
 * writable and sees it as the root of a cgroup namespace may manage what is below it, if it owns
 * the directory and the files that the kernel lists in /sys/kernel/cgroup/delegate (4.15). Not on
 * v1, where that would not be safe. The owner is the user of the container's process, as the host
 * sees him; the group stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "cgroup/file.h"
#include "cgroup/ops.h"
#include "oci/id_map.h"
#include "oci/mount.h"

#define DELEGATE_FILE "/sys/kernel/cgroup/delegate"

static bool is_writable_mount(struct arena *a, const struct oci_mount *m)
{
    bool writable = true;
    const char *at = m->destination ? path_clean(a, m->destination) : NULL;
    if (!at || strcmp(at, CGROUP_FS_ROOT) != 0 || !oci_mount_is_cgroup(m))
        return false;
    for (struct oci_option o = { 0 }; oci_option_next(&m->options, &o);)
        if (oci_option_is(&o, "ro") || oci_option_is(&o, "rw"))
            writable = oci_option_is(&o, "rw");
    return writable;
}

static bool wants_delegation(const struct launch *l)
{
    if (l->cgroup->mode != CGROUP_V2 || !l->has_ns[NS_CGROUP] || l->ns_path[NS_CGROUP])
        return false;
    /* The last of several mounts at a place is the one that is seen. */
    for (size_t i = l->config->mounts.n; i-- > 0;) {
        const struct oci_mount *m = &l->config->mounts.v[i];
        const char *at = m->destination ? path_clean(l->arena, m->destination) : NULL;
        if (at && strcmp(at, CGROUP_FS_ROOT) == 0)
            return is_writable_mount(l->arena, m);
    }
    return false;
}

/* The host's number of the process' user; false if he has none. */
static bool host_user(const struct launch *l, uid_t *ret)
{
    const struct oci_process *p = l->config->process;
    const uint32_t uid = p && p->user ? p->user->uid : 0;
    if (!l->has_ns[NS_USER]) {
        *ret = uid;
        return true;
    }
    return oci_id_map_host(&l->config->linux_->uidMappings, uid, ret);
}

static int give(const struct launch *l, int dir, const char *file, uid_t uid, struct hull_error *e)
{
    const int flags = *file ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH;
    if (fchownat(dir, file, uid, (gid_t)-1, flags) == 0 || errno == ENOENT)
        return 0;
    /* What we may not give away may well be his already. */
    if (errno == EPERM && launch_limited(l)) {
        log_debug(l->log, "the cgroup's owner can't be changed");
        return 0;
    }
    return error_set(e, errno, "chown %s%s%s", l->cgroup->v[0].dir, *file ? "/" : "", file);
}

int cgroup_delegate(struct launch *l, int dir, struct hull_error *e)
{
    static const char fallback[] = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";
    uid_t uid;
    if (dir < 0 || !wants_delegation(l) || !host_user(l, &uid) || uid == l->host->euid)
        return 0;
    char *list = fd_read_file(AT_FDCWD, DELEGATE_FILE, 64 * 1024, l->arena, NULL), *save = NULL;
    if (!list && !(list = arena_strdup(l->arena, fallback)))
        return error_oom(e);
    int r = give(l, dir, "", uid, e);
    for (char *f = strtok_r(list, "\n", &save); f && r == 0; f = strtok_r(NULL, "\n", &save))
        if (!strchr(f, '/'))
            r = give(l, dir, f, uid, e);
    return r;
}
