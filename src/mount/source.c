/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: with a user namespace the container's root is somebody else on the host and
 * may not reach a bind mount's source, say in a directory of mode 0700. P, before the clone, looks
 * at the path with the rights that I will have; only where they don't suffice it clones the tree
 * for I to attach. What I can reach it opens itself, because the kernel then knows that flags such
 * as nosuid come from outside and locks them; a tree from P would come without these locks.
 *
 * A tree cloned in the host's mount namespace is still a peer of its source, so that what is
 * mounted in it later would show up on the host: it is made a slave, unless rootfsPropagation wants
 * sharing.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "base/fd.h"
#include "mount/internal.h"
#include "oci/id_map.h"

enum { GROUPS_MAX = 65536 };

/* The host's id of the container's root; -1 when it has none or the mapping is not known. */
static int64_t host_id_of_root(const struct oci_id_mappings *m)
{
    uint32_t id;
    return oci_id_map_host(m, 0, &id) ? (int64_t)id : -1;
}

/* Whether the source can be opened with the file system rights of uid and gid and no others. */
static bool reachable(const struct launch *l, const struct mount_step *s, int64_t uid, int64_t gid)
{
    int n = getgroups(0, NULL);
    gid_t *groups = arena_array(l->arena, (size_t)(n > 0 ? n : 0) + 1, sizeof(*groups));
    if (n < 0 || n > GROUPS_MAX || !groups || getgroups(n, groups) != n)
        return false;
    if (syscall(SYS_setgroups, 0, NULL) < 0)
        return false;
    /* Going from 0 to another fsuid takes the file capabilities away, back gives them again. */
    setfsgid((gid_t)gid);
    setfsuid((uid_t)uid);
    _cleanup_close_ int fd = openat(AT_FDCWD, s->source,
                                    O_PATH | O_CLOEXEC | (s->o.src_nofollow ? O_NOFOLLOW : 0));
    setfsuid(l->host->euid);
    setfsgid(l->host->egid);
    if (syscall(SYS_setgroups, n, groups) < 0)
        return false;
    return fd >= 0;
}

/* The tree, which hears of the host's mounts but not the other way round. 0 or -errno. */
static int clone_slave(const struct launch *l, const struct mount_step *s, struct mount_tree *t)
{
    int r = bind_clone(l, s, s->o.flags & MS_REC, t);
    if (r < 0 || t->plain)
        return r;
    const char *word = l->config->linux_->rootfsPropagation;
    return mount_propagation(word ? word : "") & MS_SHARED
               ? 0
               : tree_propagate(l, t->fd, MS_SLAVE | MS_REC);
}

static void clone_in_copy(const struct launch *l, const struct mount_step *s, int sock)
    __attribute__((noreturn));
static void clone_in_copy(const struct launch *l, const struct mount_step *s, int sock)
{
    struct mount_tree t = { .fd = -1 };
    int r = setns(l->join_pidfd, CLONE_NEWUSER) < 0 || unshare(CLONE_NEWNS) < 0 ? -errno : 0;
    if (r == 0)
        r = clone_slave(l, s, &t);
    if (r == 0 && t.plain)
        r = -ENOSYS;
    if (r == 0)
        (void)fd_send(sock, t.fd, &r, sizeof(r));
    else
        (void)fd_write_all(sock, &r, sizeof(r));
    _exit(0);
}

/*
 * A user has no right to the host's mounts. But in the container's user namespace, which is his, a
 * process gets a copy of them with their flags locked, as I does at a create, and may clone from that.
 */
static int clone_as_user(const struct launch *l, const struct mount_step *s, struct mount_tree *t)
{
    struct clone_args args = { .exit_signal = SIGCHLD };
    int p[2], status, r = -EIO;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p) < 0)
        return -errno;
    pid_t pid = sys_clone3(&args, sizeof(args));
    if (pid == 0)
        clone_in_copy(l, s, p[1]);
    if (pid < 0)
        r = -errno;
    close(p[1]);
    if (pid > 0)
        t->fd = fd_receive(p[0], &r, sizeof(r));
    close(p[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return t->fd >= 0 ? 0 : r;
}

static int clone_source(const struct launch *l, const struct mount_step *s, int *ret_fd,
                        struct hull_error *e)
{
    _cleanup_tree_ struct mount_tree t = { .fd = -1 };
    const bool user = l->running && l->host->euid != 0 && l->has_ns[NS_USER];
    int r = user ? clone_as_user(l, s, &t) : clone_slave(l, s, &t);
    if (r < 0) {
        bind_clone_error(l, s, r, e);
        return error_prefix(e, "error mounting \"%s\" to rootfs at \"%s\"", s->source,
                            s->config->destination);
    }
    if (!t.plain)    /* else no use across mount namespaces: let I try and explain */
        *ret_fd = TAKE_FD(t.fd);
    return 0;
}

int mount_step_source(struct launch *l, const struct step *st, struct hull_error *e)
{
    const struct mount_step *s = st->arg;
    if (idmap_wanted(s)) {
        int r = idmap_open(l, s, e);
        if (r < 0)
            return error_prefix(e, "error mounting \"%s\" to rootfs at \"%s\"", s->source,
                                s->config->destination);
        if (!l->running && (!l->has_ns[NS_USER] || s->below))
            return 0;
    }
    if (!l->source_fds) {
        size_t n = l->config->mounts.n;
        int *fds = arena_array(l->arena, n, sizeof(*fds));
        if (!fds)
            return error_oom(e);
        memset(fds, 0xff, n * sizeof(*fds));    /* -1 */
        l->source_fds = fds;
    }
    int64_t uid = host_id_of_root(&l->config->linux_->uidMappings);
    int64_t gid = host_id_of_root(&l->config->linux_->gidMappings);
    const bool mapped = idmap_wanted(s);
    if (!mapped && !l->running && (uid == 0 || (uid > 0 && gid >= 0 && reachable(l, s, uid, gid))))
        return 0;
    int r = clone_source(l, s, &l->source_fds[s->index], e);
    fd_close_flush(); /* P: nothing may be on the list when I is made */
    if (r < 0 || !mapped)
        return r;
    if (l->source_fds[s->index] < 0)
        return error_set(e, ENOSYS, "error mounting \"%s\" to rootfs at \"%s\": open_tree",
                         s->source, s->config->destination);
    r = idmap_apply(l, s, l->source_fds[s->index], e);
    if (l->running)    /* done: X is not to do it again */
        fd_close(&l->idmap_fds[s->index]);
    return r < 0 ? error_prefix(e, "error mounting \"%s\" to rootfs at \"%s\"", s->source,
                                s->config->destination)
                 : 0;
}
