/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: id-mapped mounts (config.md#mounts, uidMappings and the options idmap and
 * ridmap; kernel 5.12). A mount takes its mapping from a user namespace, once, while it is
 * attached nowhere. P makes that namespace with a process that does nothing but live in it, or
 * opens the one that the container joins; without mappings of its own the mount has the
 * container's.
 *
 * mount_setattr(2) wants CAP_SYS_ADMIN over the file system, which I has as long as there is no
 * container user namespace: then P hands I the namespace's descriptor. Else P must do it, before
 * the clone for a source on the host; a source below the rootfs may consist of what I has mounted
 * by then, so I clones it when its turn comes and P maps it (STEP_MOUNT_WITH_PARENT, STEP_IDMAP).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include "base/fd.h"
#include "mount/internal.h"
#include "oci/id_map.h"

bool idmap_wanted(const struct mount_step *s)
{
    return s->o.idmap || s->o.ridmap || s->config->uidMappings.n > 0 ||
           s->config->gidMappings.n > 0;
}

/* Lives in its new user namespace until P closes the pipe or ends. */
static void wait_for_end(int read_end, int write_end) __attribute__((noreturn));
static void wait_for_end(int read_end, int write_end)
{
    char c;
    close(write_end);
    while (read(read_end, &c, 1) < 0 && errno == EINTR)
        ;
    _exit(0);
}

static int write_map(const struct launch *l, pid_t pid, const char *name,
                     const struct oci_id_mappings *m, struct hull_error *e)
{
    char path[48], *text;
    int r = oci_id_map_text(m, name, l->arena, &text, e);
    if (r < 0)
        return r;
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    r = fd_write_file(AT_FDCWD, path, text);
    return r < 0 ? error_set(e, -r, "write to %s", path) : 0;
}

static int open_mapped(const struct launch *l, pid_t pid, const struct oci_id_mappings *uid,
                       const struct oci_id_mappings *gid, struct hull_error *e)
{
    char path[48];
    int r = write_map(l, pid, "uid_map", uid, e);
    if (r == 0)
        r = write_map(l, pid, "gid_map", gid, e);
    if (r < 0)
        return r;
    snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
    int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? error_set(e, errno, "open %s", path) : fd;
}

/* A user namespace with these mappings. fd or negative. */
static int make_userns(const struct launch *l, const struct oci_id_mappings *uid,
                       const struct oci_id_mappings *gid, struct hull_error *e)
{
    int p[2], status;
    if (pipe2(p, O_CLOEXEC) < 0)
        return error_set(e, errno, "pipe");
    struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
    pid_t pid = sys_clone3(&args, sizeof(args));
    if (pid == 0)
        wait_for_end(p[0], p[1]);
    int fd = pid < 0 ? error_set(e, errno, "clone3") : open_mapped(l, pid, uid, gid, e);
    close(p[0]);
    close(p[1]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return fd;
}

static const struct oci_id_mappings *uids_of(const struct launch *l, const struct oci_mount *m)
{
    return m->uidMappings.n > 0 ? &m->uidMappings : &l->config->linux_->uidMappings;
}

static const struct oci_id_mappings *gids_of(const struct launch *l, const struct oci_mount *m)
{
    return m->gidMappings.n > 0 ? &m->gidMappings : &l->config->linux_->gidMappings;
}

/* An earlier mount with the same mappings has the namespace already. Its descriptor or -1. */
static int same_as_before(const struct launch *l, const struct mount_step *s)
{
    for (size_t i = 0; i < s->index; i++) {
        const struct oci_mount *m = &l->config->mounts.v[i];
        if (l->idmap_fds[i] >= 0 &&
            oci_id_map_equal(uids_of(l, m), uids_of(l, s->config)) &&
            oci_id_map_equal(gids_of(l, m), gids_of(l, s->config)))
            return l->idmap_fds[i];
    }
    return -1;
}

int idmap_open(struct launch *l, const struct mount_step *s, struct hull_error *e)
{
    const struct oci_mount *m = s->config;
    const char *joined = m->uidMappings.n > 0 ? NULL : l->ns_path[NS_USER];
    if (!l->idmap_fds) {
        const size_t n = l->config->mounts.n;
        l->idmap_fds = arena_array(l->arena, n, sizeof(*l->idmap_fds));
        if (!l->idmap_fds)
            return error_oom(e);
        memset(l->idmap_fds, 0xff, n * sizeof(*l->idmap_fds));    /* -1 */
    }
    int fd;
    if (joined) {
        fd = openat(AT_FDCWD, joined, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return error_set(e, errno, "failed to open existing userns for %s id-mapping: open %s",
                             s->source, joined);
    } else {
        const int have = same_as_before(l, s);
        fd = have >= 0 ? fcntl(have, F_DUPFD_CLOEXEC, 3)
                       : make_userns(l, uids_of(l, m), gids_of(l, m), e);
        if (fd < 0)
            return have >= 0 ? error_set(e, errno, "dup")
                             : error_prefix(e, "failed to create userns for %s id-mapping",
                                            s->source);
    }
    l->idmap_fds[s->index] = fd;
    return 0;
}

int idmap_apply(struct launch *l, const struct mount_step *s, int tree, struct hull_error *e)
{
    struct hull_mount_attr attr = {
        .attr_set = HULL_ATTR_IDMAP,
        .userns_fd = (uint64_t)l->idmap_fds[s->index],
    };
    const unsigned flags = AT_EMPTY_PATH | (s->o.ridmap ? AT_RECURSIVE : 0);
    int r = sys_mount_setattr(tree, "", flags, &attr) < 0 ? -errno : 0;
    if (r < 0)
        error_set(e, -r, "failed to set MOUNT_ATTR_IDMAP on %s%s", s->source,
                  r == -EINVAL ? " (maybe the filesystem used doesn't support idmap mounts on this "
                                 "kernel?)"
                               : "");
    return r;
}

int mount_idmap_tree(struct launch *l, const struct step *st, int tree, struct hull_error *e)
{
    const struct mount_step *s = st->arg;
    int r = idmap_apply(l, s, tree, e);
    fd_close(&l->idmap_fds[s->index]);
    return r < 0 ? error_prefix(e, "error mounting \"%s\" to rootfs at \"%s\"", s->source,
                                s->config->destination)
                 : 0;
}
