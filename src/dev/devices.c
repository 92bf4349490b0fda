/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: runs in I when all mounts are made, before the pivot, so that host nodes can
 * still be bound. /dev of the rootfs is opened once, inside the root, and everything goes into that
 * descriptor by mknodat, symlinkat and unlinkat without following links: an image whose /dev is a
 * link to the host's gets its nodes in the rootfs' own directory of that name (CVE-2026-41579).
 * A bound /dev is somebody else's: nothing is made in it.
 *
 * In a user namespace mknod of a device is EPERM, so the host's node of the same path is bound; the
 * same is tried where mknod is refused for another reason (a device cgroup). An existing node of
 * the right kind is left as it is, anything else by that name is an error. The umask is 0
 * meanwhile.
 */
#include "dev/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "base/fd.h"
#include "base/path.h"
#include "base/sys.h"
#include "oci/mount.h"

struct dev_node {
    const char *path;   /* cleaned, absolute in the rootfs */
    mode_t      mode;   /* with the S_IF* bits */
    dev_t       rdev;
    uid_t       uid;
    gid_t       gid;
    const char *why;    /* JSON path, or NULL for a default device */
};

/* Arg of STEP_DEVICES. */
struct dev_step {
    struct dev_node *v;
    size_t           n;
};

static const struct { const char *path; unsigned major, minor; } default_nodes[] = {
    { "/dev/null",    1, 3 },
    { "/dev/random",  1, 8 },
    { "/dev/full",    1, 7 },
    { "/dev/tty",     5, 0 },
    { "/dev/zero",    1, 5 },
    { "/dev/urandom", 1, 9 },
};

static const struct { const char *name, *target; } dev_links[] = {
    { "fd",     "/proc/self/fd" },
    { "stdin",  "/proc/self/fd/0" },
    { "stdout", "/proc/self/fd/1" },
    { "stderr", "/proc/self/fd/2" },
};

/* Whether a bind mount provides the whole of /dev, as far as the configuration alone tells. */
static int dev_is_bound(const struct launch *l, bool *ret, struct hull_error *e)
{
    for (size_t i = 0; i < l->config->mounts.n; i++) {
        const struct oci_mount *m = &l->config->mounts.v[i];
        if (!oci_mount_is_bind(m) || oci_mount_has_option(m, "remount") || !m->destination)
            continue;
        const char *clean = path_clean(l->arena, m->destination);
        if (!clean)
            return error_oom(e);
        if (strcmp(clean, "/dev") == 0 || strcmp(clean, "dev") == 0) {
            *ret = true;
            return 0;
        }
    }
    *ret = false;
    return 0;
}

static int node_of(const struct launch *l, size_t i, struct dev_node *ret, struct hull_error *e)
{
    const struct oci_device *d = &l->config->linux_->devices.v[i];
    char where[64];
    mode_t type;
    const char *t = d->type ? d->type : "";
    snprintf(where, sizeof(where), "linux.devices[%zu]", i);
    if (strcmp(t, "c") == 0 || strcmp(t, "u") == 0)
        type = S_IFCHR;
    else if (strcmp(t, "b") == 0)
        type = S_IFBLK;
    else if (strcmp(t, "p") == 0)
        type = S_IFIFO;
    else
        return error_at(e, where, HULL_E_CONFIG, "invalid device type \"%s\"", t);
    if (!d->path || !*d->path)
        return error_at(e, where, HULL_E_CONFIG, "device path is empty");
    if (type != S_IFIFO && (d->major.v < 0 || d->minor.v < 0 || d->major.v > UINT32_MAX ||
                            d->minor.v > UINT32_MAX))
        return error_at(e, where, HULL_E_CONFIG, "invalid device number of \"%s\"", d->path);
    char *rooted = arena_printf(l->arena, "/%s", d->path);
    char *path = rooted ? path_clean(l->arena, rooted) : NULL;
    char *why = arena_strdup(l->arena, where);
    if (!path || !why)
        return error_oom(e);
    *ret = (struct dev_node){
        .path = path,
        .mode = type | (d->fileMode.set ? d->fileMode.v & 07777 : 0666),
        .rdev = type == S_IFIFO ? 0 : makedev((unsigned)d->major.v, (unsigned)d->minor.v),
        .uid = d->uid.v,
        .gid = d->gid.v,
        .why = why,
    };
    return 0;
}

int dev_plan(const struct launch *l, struct plan *p, struct hull_error *e)
{
    bool bound = false;
    int r = dev_is_bound(l, &bound, e);
    size_t configured = l->config->linux_->devices.n;
    struct dev_step *s = arena_alloc(p->arena, sizeof(*s));
    struct dev_node *v = arena_array(p->arena, configured + COUNT_OF(default_nodes), sizeof(*v));
    if (r < 0)
        return r;
    if (!s || !v)
        return error_oom(e);
    struct dev_node *own = v + COUNT_OF(default_nodes);
    for (size_t i = 0; i < configured; i++) {
        r = node_of(l, i, &own[i], e);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < COUNT_OF(default_nodes); i++) {
        bool given = false;
        for (size_t k = 0; k < configured && !given; k++)
            given = strcmp(own[k].path, default_nodes[i].path) == 0;
        if (!given)
            v[s->n++] = (struct dev_node){
                .path = default_nodes[i].path,
                .mode = S_IFCHR | 0666,
                .rdev = makedev(default_nodes[i].major, default_nodes[i].minor),
            };
    }
    for (size_t i = 0; i < configured; i++)
        if (strcmp(own[i].path, "/dev/ptmx") != 0)    /* always a link to pts/ptmx */
            v[s->n++] = own[i];
    s->v = v;
    return bound ? 0 : plan_push(p, AT_INIT, STEP_DEVICES, "linux.devices", s, 0, e);
}

void dev_print_devices(const struct launch *l, const struct step *st, char *buf, size_t len)
{
    (void)l;
    const struct dev_step *s = st->arg;
    size_t at = 0;
    for (size_t i = 0; i < s->n && at < len; i++) {
        const char *path = s->v[i].path;
        if (strncmp(path, "/dev/", 5) == 0)
            path += 5;
        int n = snprintf(buf + at, len - at, "%s%s", i ? " " : "", path);
        at += n > 0 ? (size_t)n : 0;
    }
}

static int dev_error(struct hull_error *e, int err, const struct dev_node *d, const char *what)
{
    return error_at(e, d->why ? d->why : "", err,
                    "configuring container /dev: error creating device nodes: %s %s", what,
                    d->path);
}

/* Whether the file name in dir, a link not followed, is the device d. 0 or 1, or -errno. */
static int is_node(int dir, const char *name, const struct dev_node *d, struct stat *st)
{
    if (fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH)) < 0)
        return -errno;
    return (st->st_mode & S_IFMT) == (d->mode & S_IFMT) &&
           (S_ISFIFO(d->mode) || st->st_rdev == d->rdev);
}

/* Binds the host's node of the same path on an empty file. */
static int bind_node(int dir, const char *name, const struct dev_node *d, struct hull_error *e)
{
    if (mknodat(dir, name, S_IFREG, 0) < 0 && errno != EEXIST)
        return dev_error(e, errno, d, "create device inode");
    _cleanup_close_ int target = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (target < 0 || fstat(target, &st) < 0)
        return dev_error(e, errno, d, "open device inode");
    if (S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode))
        return dev_error(e, S_ISDIR(st.st_mode) ? EISDIR : ELOOP, d, "create device inode");
    _cleanup_close_ int tree =
        sys_open_tree(AT_FDCWD, d->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0)
        return dev_error(e, errno, d, "mount src of");
    if (sys_move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
        return dev_error(e, errno, d, "mount");
    return 0;
}

/* The owner, on the descriptor of what was just made: somebody may have exchanged it. */
static int set_owner(const struct launch *l, int dir, const char *name, const struct dev_node *d,
                     struct hull_error *e)
{
    struct stat st;
    char self[32];
    _cleanup_close_ int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return dev_error(e, errno, d, "open new device inode");
    int r = is_node(fd, "", d, &st);
    if (r <= 0)
        return dev_error(e, r < 0 ? -r : EEXIST, d, "new device inode has an incorrect type:");
    if (st.st_uid == d->uid && st.st_gid == d->gid)
        return 0;
    if (fchownat(fd, "", d->uid, d->gid, AT_EMPTY_PATH) < 0)
        return dev_error(e, errno, d, "update owner of new device inode");
    /* chown takes the set-id bits away. Before 6.6 no chmod takes an O_PATH descriptor by itself. */
    snprintf(self, sizeof(self), "self/fd/%d", fd);
    if ((d->mode & (S_ISUID | S_ISGID)) && fchmodat(l->proc_fd, self, d->mode & 07777, 0) < 0)
        return dev_error(e, errno, d, "update mode of new device inode");
    return 0;
}

static int make_node(const struct launch *l, int dir, const char *name, const struct dev_node *d,
                     bool bind, bool setgid, struct hull_error *e)
{
    if (bind && !S_ISFIFO(d->mode))
        return bind_node(dir, name, d, e);
    if (mknodat(dir, name, d->mode, d->rdev) == 0)
        return d->uid || d->gid || setgid ? set_owner(l, dir, name, d, e) : 0;
    if (errno == EPERM)
        return bind_node(dir, name, d, e);
    if (errno != EEXIST)
        return dev_error(e, errno, d, "mknodat");
    struct stat st;
    int r = is_node(dir, name, d, &st);
    if (r == 1)
        return 0;
    return dev_error(e, r < 0 ? -r : EEXIST, d, "a file that is not the device is at");
}

static int make_nodes(const struct launch *l, const struct dev_step *s, int dev,
                      struct hull_error *e)
{
    bool bind = l->has_ns[NS_USER] || l->host->in_userns;
    struct stat st;
    if (fstat(dev, &st) < 0)
        return error_set(e, errno, "configuring container /dev: stat");
    for (size_t i = 0; i < s->n; i++) {
        const struct dev_node *d = &s->v[i];
        const char *name = d->path + 5;
        bool in_dev = strncmp(d->path, "/dev/", 5) == 0 && !strchr(name, '/');
        _cleanup_close_ int dir = -1;
        if (!in_dev)
            dir = path_open_parent_in_root(l->rootfs_fd, d->path, 0755, l->arena, &name);
        if (!in_dev && dir < 0)
            return dev_error(e, -dir, d, "mkdir parent of device inode");
        /* Elsewhere than in /dev the directory may have any set-gid bit: look at the owner. */
        bool setgid = !in_dev || (st.st_mode & S_ISGID);
        int r = make_node(l, in_dev ? dev : dir, name, d, bind, setgid, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int make_links(int dev, struct hull_error *e)
{
    for (size_t i = 0; i < COUNT_OF(dev_links); i++)
        if (symlinkat(dev_links[i].target, dev, dev_links[i].name) < 0 && errno != EEXIST)
            return error_set(e, errno, "configuring container /dev: error setting up /dev "
                             "symlinks: symlink %s", dev_links[i].name);
    /* Only kernels with CONFIG_PROC_KCORE have it. */
    if (access("/proc/kcore", F_OK) == 0 && symlinkat("/proc/kcore", dev, "core") < 0 &&
        errno != EEXIST)
        return error_set(e, errno, "configuring container /dev: error setting up /dev symlinks: "
                         "symlink core");
    if (symlinkat("pts/ptmx", dev, "ptmx") == 0)
        return 0;
    if (errno == EEXIST && unlinkat(dev, "ptmx", 0) == 0 && symlinkat("pts/ptmx", dev, "ptmx") == 0)
        return 0;
    return error_set(e, errno, "configuring container /dev: error setting up ptmx");
}

/* Standard streams on the host's /dev/null would keep a way into its mount: take ours. */
static int reopen_dev_null(const struct launch *l, int dev, struct hull_error *e)
{
    _cleanup_close_ int null = -1;
    for (int fd = 0; fd <= 2; fd++) {
        struct stat st;
        if (!l->stdio[fd].null)
            continue;
        if (null < 0) {
            /* O_NONBLOCK and O_NOCTTY: what is there need not be what we made. */
            null = openat(dev, "null", O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
            if (null < 0)
                return error_set(e, errno, "error reopening /dev/null inside container");
            if (fstat(null, &st) < 0 || !fd_is_dev_null(&st))
                return error_set(e, HULL_E_INIT, "error reopening /dev/null inside container: "
                                 "container's /dev/null is invalid");
            if (fcntl(null, F_SETFL, 0) < 0)
                return error_set(e, errno, "error reopening /dev/null inside container");
        }
        if (dup3(null, fd, 0) < 0)
            return error_set(e, errno, "error reopening /dev/null inside container");
    }
    return 0;
}

/*
 * Whether a bind mount provides it, where that takes looking: a link of the image leads one to the other,
 * or the destination is a path of the host. The last mount on the directory or above it decides.
 */
static int is_in_bind(const struct launch *l, int dev, bool *ret, struct hull_error *e)
{
    char link[32], full[PATH_MAX + 1];
    const struct mount_place *p = l->places;
    const size_t root = strcmp(l->rootfs, "/") == 0 ? 0 : strlen(l->rootfs);
    *ret = false;
    while (p && !p->bind)
        p = p->before;
    if (!p)
        return 0;
    snprintf(link, sizeof(link), "self/fd/%d", dev);
    const ssize_t len = readlinkat(l->proc_fd, link, full, sizeof(full) - 1);
    if (len < 0)
        return error_set(e, errno, "configuring container /dev: readlink %s", link);
    full[len] = '\0';
    if (strncmp(full, l->rootfs, root) != 0)    /* somebody has moved it away */
        return 0;
    for (p = l->places; p; p = p->before) {
        const size_t n = strlen(p->path);
        if (strncmp(full + root, p->path, n) == 0 && (!full[root + n] || full[root + n] == '/')) {
            *ret = p->bind;
            return 0;
        }
    }
    return 0;
}

int dev_step_devices(struct launch *l, const struct step *st, struct hull_error *e)
{
    const struct dev_step *s = st->arg;
    _cleanup_close_ int dev = path_mkdir_in_root(l->rootfs_fd, "/dev", 0755);
    if (dev < 0)
        return error_set(e, -dev, "configuring container /dev: open /dev");
    bool bound;
    int r = is_in_bind(l, dev, &bound, e);
    if (r < 0 || bound)
        return r;
    mode_t mask = umask(0);
    r = make_nodes(l, s, dev, e);
    umask(mask);
    if (r == 0)
        r = make_links(dev, e);
    return r < 0 ? r : reopen_dev_null(l, dev, e);
}
