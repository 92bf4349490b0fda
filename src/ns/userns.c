/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * config-linux.md#user-namespace-mappings. P writes /proc/I/{setgroups,uid_map,gid_map}. A process
 * with CAP_SETUID over the parent namespace writes any map; an ordinary user may map only his own
 * id, and must deny setgroups first; ranges from /etc/subuid need the set-uid helpers newuidmap and
 * newgidmap. I is dumpable until then, since the files belong to root otherwise.
 */
#include "ns/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include "base/fd.h"
#include "base/sys.h"
#include "oci/annotations.h"
#include "oci/id_map.h"

static int write_proc(pid_t pid, const char *file, const char *text, struct hull_error *e)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    int r = fd_write_file(AT_FDCWD, path, text);
    return r < 0 ? error_set(e, -r, "failed to write %s", path) : 0;
}

/* newuidmap PID container host size ... */
static int run_helper(struct launch *l, const char *helper, const struct oci_id_mappings *m,
                      struct hull_error *e)
{
    char **argv = arena_array(l->arena, 3 + 3 * m->n, sizeof(*argv));
    if (!argv)
        return error_oom(e);
    size_t n = 0;
    argv[n++] = (char *)helper;
    argv[n++] = arena_printf(l->arena, "%d", (int)l->init_pid);
    for (size_t i = 0; i < m->n; i++) {
        argv[n++] = arena_printf(l->arena, "%u", m->v[i].containerID);
        argv[n++] = arena_printf(l->arena, "%u", m->v[i].hostID);
        argv[n++] = arena_printf(l->arena, "%u", m->v[i].size);
    }
    for (size_t i = 0; i < n; i++)
        if (!argv[i])
            return error_oom(e);
    pid_t pid;
    int status = 0, r = posix_spawnp(&pid, helper, NULL, NULL, argv, environ);
    if (r != 0)
        return error_set(e, r, "%s, which writes id ranges for unprivileged users, can't be run (package uidmap)", helper);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return error_set(e, errno, "waiting for %s", helper);
    if (status != 0)
        return error_set(e, HULL_E_INIT, "%s failed: the ranges asked for must be in /etc/sub%s", helper,
                         strcmp(helper, "newuidmap") == 0 ? "uid" : "gid");
    return 0;
}

static int write_one(struct launch *l, const struct oci_id_mappings *m, const char *file,
                     const char *helper, uint32_t own, bool capable, struct hull_error *e)
{
    if (m->n == 0)
        return 0;
    char *text;
    int r = oci_id_map_text(m, file, l->arena, &text, e);
    if (r < 0)
        return r;
    const bool just_me = m->n == 1 && m->v[0].size == 1 && m->v[0].hostID == own;
    if (!capable && !just_me)
        return run_helper(l, helper, m, e);
    if (!capable && strcmp(file, "gid_map") == 0) {
        r = write_proc(l->init_pid, "setgroups", "deny", e);
        if (r < 0 && r != -ENOENT)
            return r;
    }
    return write_proc(l->init_pid, file, text, e);
}

int userns_write_maps(struct launch *l, struct hull_error *e)
{
    const struct oci_linux *lin = l->config->linux_;
    int r = write_one(l, &lin->uidMappings, "uid_map", "newuidmap", l->host->euid,
                      host_has_cap(l->host, CAP_SETUID), e);
    if (r == 0)
        r = write_one(l, &lin->gidMappings, "gid_map", "newgidmap", l->host->egid,
                      host_has_cap(l->host, CAP_SETGID), e);
    return r;
}

int userns_become_root(const struct launch *l, struct hull_error *e)
{
    /* setgroups fails with EPERM where it is denied; nothing is lost, the groups are unmapped. */
    if (!oci_annotation_on(l->config, ANNOTATION_KEEP_GROUPS))
        (void)syscall(SYS_setgroups, 0, NULL);
    if (syscall(SYS_setresgid, 0, 0, 0) < 0)
        return error_set(e, errno, "failed to become gid 0 in the user namespace (is container id 0 mapped?)");
    if (syscall(SYS_setresuid, 0, 0, 0) < 0)
        return error_set(e, errno, "failed to become uid 0 in the user namespace (is container id 0 mapped?)");
    return 0;
}

int userns_step_map(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    return userns_write_maps(l, e);
}

int userns_step_enter(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)s;
    return userns_become_root(l, e);
}
