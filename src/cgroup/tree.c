/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: directories are made one component at a time on descriptors, and we count
 * which are ours, so that a failed create takes back exactly those. A container may have made
 * cgroups below its own, as deep as it likes: removal goes down and up with one descriptor.
 */
#include "cgroup/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/fd.h"
#include "cgroup/file.h"

#define RACES_MAX 16

static int make_once(struct cgroup_dir *d, tree_visit_fn *visit, void *arg, struct hull_error *e)
{
    _cleanup_close_ int parent = -1;
    _cleanup_close_ int fd = openat(AT_FDCWD, d->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_set(e, errno, "open %s", d->root);
    char name[NAME_MAX + 1];
    for (const char *p = d->rel; *p;) {
        size_t len = strcspn(p, "/");
        size_t upto = (size_t)(p - d->rel) + len;
        if (len == 0 || len > NAME_MAX)
            return error_set(e, len ? ENAMETOOLONG : EINVAL, "mkdir %s", d->dir);
        memcpy(name, p, len);
        name[len] = '\0';
        p += len + (p[len] == '/');
        bool made = mkdirat(fd, name, 0755) == 0;
        if (!made && errno != EEXIST)
            return error_set(e, errno, "mkdir %s/%.*s", d->root, (int)upto, d->rel);
        d->made += made;
        fd_close(&parent);
        parent = TAKE_FD(fd);
        /* bpf(2) wants it readable. */
        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 && errno == EACCES)
            fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return error_set(e, errno, "open %s/%.*s", d->root, (int)upto, d->rel);
        if (visit) {
            int r = visit(arg, parent, fd, made, !*p, e);
            if (r < 0)
                return r;
        }
    }
    return TAKE_FD(fd);
}

int cgroup_tree_make(struct cgroup_dir *d, tree_visit_fn *visit, void *arg, struct hull_error *e)
{
    for (int tries = 0;; tries++) {
        int fd = make_once(d, visit, arg, e);
        /* Somebody else's undo may remove a parent under our feet, before we put anything in it. */
        if (fd >= 0 || !cgroup_is_gone(fd) || tries == RACES_MAX || access(d->root, F_OK) < 0)
            return fd;
        d->made = 0;
    }
}

void cgroup_tree_unmake(struct cgroup_dir *d)
{
    char rel[PATH_MAX];
    if (d->made == 0 || (size_t)snprintf(rel, sizeof(rel), "%s", d->rel) >= sizeof(rel))
        return;
    for (; d->made > 0; d->made--) {
        char *slash = strrchr(rel, '/');
        const char *name = slash ? slash + 1 : rel;
        if (slash)
            *slash = '\0';
        _cleanup_close_ int parent = cgroup_dir_open_rel(d, slash ? rel : "");
        if (parent >= 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
            break;   /* others use it now */
        if (!slash)
            break;
    }
    d->made = 0;
}

struct removal {
    char   refused[NAME_MAX + 1];
    size_t removed;
};

/* Removes children until one refuses, because it has children or processes. */
static int remove_leaf(void *arg, int dirfd, const char *name)
{
    struct removal *m = arg;
    if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || cgroup_is_gone(errno)) {
        m->removed++;
        return 0;
    }
    if (errno != EBUSY && errno != ENOTEMPTY)
        return -errno;
    snprintf(m->refused, sizeof(m->refused), "%s", name);
    return 1;
}

static int remove_below(int top)
{
    _cleanup_close_ int fd = openat(top, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    for (unsigned long depth = 0;;) {
        struct removal m = {.removed = 0};
        int r = cgroup_each_child(fd, remove_leaf, &m);
        if (r < 0 && !cgroup_is_gone(r))
            return r;
        bool down = r == 1;
        if (!down && depth == 0)
            return 0;
        /* It refused to go and has no children: there are processes. */
        if (r == 0 && m.removed == 0)
            return -EBUSY;
        int next = openat(fd, down ? m.refused : "..",
                          O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0) {
            if (down && cgroup_is_gone(errno))
                continue;
            return -errno;
        }
        close(fd);
        fd = next;
        depth += down ? 1 : -1UL;
    }
}

int cgroup_tree_remove(const struct cgroup_dir *d)
{
    const char *name;
    _cleanup_close_ int parent = cgroup_dir_open_parent(d, &name);
    if (parent < 0)
        return cgroup_is_gone(parent) ? 0 : parent;
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || cgroup_is_gone(errno))
        return 0;
    int err = errno;
    _cleanup_close_ int top = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (top < 0)
        return cgroup_is_gone(errno) ? 0 : -err;
    int r = remove_below(top);
    if (r < 0)
        return r;
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || cgroup_is_gone(errno))
        return 0;
    return -errno;
}
