/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: linux.readonlyPaths and linux.maskedPaths (config-linux.md#masked-paths), in
 * I after pivot_root. A path that isn't there is left out; everything else that fails is an error,
 * above all anything that concerns the mask itself (CVE-2025-31133). Paths below /proc begin at the
 * procfs that was mounted, whatever has become of its mount point's name since (CVE-2025-52881).
 *
 * Read-only: the path is bound on itself and made read-only before it is attached. Masked files get
 * /dev/null, whose type and number are checked on the descriptor that is mounted. Masked
 * directories share one empty read-only tmpfs: it is attached to the first, the others get clones
 * of that mount, since before 6.15 only what is attached can be cloned.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "base/fd.h"
#include "base/path.h"
#include "mount/internal.h"

int mask_mount(const struct launch *l, int target, const char *dest, int *ret_mount,
               struct hull_error *e)
{
    static char blocks[] = "nr_blocks=1", inodes[] = "nr_inodes=1";
    char *words[] = { blocks, inodes };
    const struct oci_strs data = { .v = words, .n = COUNT_OF(words) };
    struct fs_request f = {
        .type = "tmpfs", .source = "tmpfs", .flags = MS_RDONLY, .data = &data,
    };
    label_request(l, &f);
    return fs_mount(l, &f, target, dest, ret_mount, e);
}

/* Opens the container's /dev/null once and makes sure that it is what it should be. */
static int dev_null_open(struct launch *l, struct hull_error *e)
{
    if (l->dev_null_fd >= 0)
        return 0;
    _cleanup_close_ int fd = path_open_in_root(l->rootfs_fd, "/dev/null", O_PATH | O_NOFOLLOW);
    struct stat st;
    if (fd < 0)
        return error_set(e, -fd, "can't mask paths: open /dev/null");
    if (fstat(fd, &st) < 0)
        return error_set(e, errno, "can't mask paths: stat /dev/null");
    if (!fd_is_dev_null(&st))
        return error_set(e, HULL_E_INIT, "can't mask paths: container's /dev/null is invalid");
    l->dev_null_fd = TAKE_FD(fd);
    return 0;
}

/* Opens a path of the list; -1 in ret_fd when there is nothing. */
static int open_path(const struct launch *l, const char *path, const char *what, int *ret_fd,
                     struct hull_error *e)
{
    static const char proc[] = "/proc/";
    const size_t n = strlen(proc);
    int fd = l->masks_fd >= 0 && strncmp(path, proc, n) == 0
        ? path_open_in_root(l->masks_fd, path + n, O_PATH) : path_open_in_root(l->rootfs_fd, path, O_PATH);
    if (fd < 0 && fd != -ENOENT)
        return error_set(e, -fd, "can't %s path \"%s\"", what, path);
    *ret_fd = fd < 0 ? -1 : fd;
    return 0;
}

static int make_readonly(const struct launch *l, const char *path, struct hull_error *e)
{
    _cleanup_tree_ struct mount_tree t = { .fd = -1 };
    _cleanup_close_later_ int target = -1;
    int r;
    /* What is mounted over the root directory is not seen by those whose root it is. */
    if (strcmp(path, "/") == 0) {
        const struct mount_tree root = { .fd = l->rootfs_fd, .attached = true };
        r = tree_setattr(l, &root, false, HULL_ATTR_RDONLY, 0);
        return r < 0 ? error_set(e, -r, "can't make path \"/\" read-only") : 0;
    }
    r = open_path(l, path, "make read-only", &target, e);
    if (r < 0 || target < 0)
        return r;
    r = tree_clone(target, "", true, &t);
    if (r == 0 && !t.plain)
        r = tree_setattr(l, &t, false, HULL_ATTR_RDONLY, 0);
    bool late = t.plain || r == -ENOSYS;    /* before 5.12: where it is visible */
    if (r == 0 || late)
        r = tree_attach(l, &t, target, path);
    if (r == 0 && late)
        r = tree_setattr(l, &t, false, HULL_ATTR_RDONLY, 0);
    return r < 0 ? error_set(e, -r, "can't make path \"%s\" read-only", path) : 0;
}

int mount_step_readonly(struct launch *l, const struct step *st, struct hull_error *e)
{
    const struct oci_strs *list = st->arg;
    for (size_t i = 0; i < list->n; i++) {
        int r = make_readonly(l, list->v[i], e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Masks a directory; *shared is the mount to clone, or -1 for the first. */
static int mask_dir(const struct launch *l, const char *path, int target, int *shared,
                    struct hull_error *e)
{
    int r;
    if (*shared < 0) {
        r = mask_mount(l, target, path, shared, e);
        return r < 0 ? error_prefix(e, "can't mask dir \"%s\"", path) : 0;
    }
    _cleanup_tree_ struct mount_tree t = { .fd = -1 };
    r = tree_clone(*shared, "", false, &t);
    if (r == 0)
        r = tree_attach(l, &t, target, path);
    return r < 0 ? error_set(e, -r, "can't mask dir \"%s\"", path) : 0;
}

static int mask_file(struct launch *l, const char *path, int target, struct hull_error *e)
{
    _cleanup_tree_ struct mount_tree t = { .fd = -1 };
    int r = dev_null_open(l, e);
    if (r < 0)
        return r;
    r = tree_clone(l->dev_null_fd, "", false, &t);
    if (r == 0)
        r = tree_attach(l, &t, target, path);
    return r < 0 ? error_set(e, -r, "can't mask path \"%s\"", path) : 0;
}

int mount_step_masked(struct launch *l, const struct step *st, struct hull_error *e)
{
    const struct oci_strs *list = st->arg;
    _cleanup_close_later_ int shared = -1;
    for (size_t i = 0; i < list->n; i++) {
        _cleanup_close_later_ int target = -1;
        struct stat sb;
        int r = open_path(l, list->v[i], "mask", &target, e);
        if (r < 0)
            return r;
        if (target < 0)
            continue;
        if (fstat(target, &sb) < 0)
            return error_set(e, errno, "can't mask path \"%s\"", list->v[i]);
        r = S_ISDIR(sb.st_mode) ? mask_dir(l, list->v[i], target, &shared, e)
                                : mask_file(l, list->v[i], target, e);
        if (r < 0)
            return r;
    }
    return 0;
}
