/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: what exists is opened by one openat2(RESOLVE_IN_ROOT). Where that call is
 * missing (before 5.6, or filtered away), and where something must be created, walk() goes
 * component by component with O_PATH|O_NOFOLLOW and keeps a descriptor for each level: ".." takes
 * one off the stack and so can't be fooled by renames, a link's text is put in front of what
 * remains. Nothing that a racing process does in the tree can lead the walk above the root.
 */
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/fd.h"
#include "base/macro.h"
#include "base/sys.h"

enum {
    WALK_DEPTH_MAX = 256,   /* directories open at once */
    WALK_LINKS_MAX = 40,    /* as the kernel's MAXSYMLINKS */
    OPENAT2_TRIES = 256,    /* EAGAIN: a rename or mount happened somewhere during ".." */
};

enum walk_create { WALK_OPEN, WALK_MKDIR, WALK_MKFILE };

struct walk {
    int              stack[WALK_DEPTH_MAX];  /* [0] is the root, borrowed; the others are ours */
    size_t           depth;                  /* entries in use, at least 1 */
    char             rest[2 * PATH_MAX];     /* what is still to be walked */
    size_t           at;
    unsigned         links;
    enum walk_create create;
    mode_t           mode;
    bool             made;                   /* a component has been created */
};

static void walk_pop_to(struct walk *w, size_t depth)
{
    while (w->depth > depth)
        close(w->stack[--w->depth]);
}

static void cleanup_walk_(struct walk *w)
{
    walk_pop_to(w, 1);
}

static int walk_push(struct walk *w, int fd)
{
    if (w->depth == WALK_DEPTH_MAX) {
        close(fd);
        return -ENAMETOOLONG;
    }
    w->stack[w->depth++] = fd;
    return 0;
}

/* Takes the next component into name; false at the end. "." and empty ones are left out. */
static bool walk_next(struct walk *w, char name[NAME_MAX + 1], bool *ret_last, int *ret_error)
{
    for (;;) {
        while (w->rest[w->at] == '/')
            w->at++;
        size_t len = strcspn(w->rest + w->at, "/");
        if (len == 0)
            return false;
        if (len > NAME_MAX) {
            *ret_error = -ENAMETOOLONG;
            return false;
        }
        memcpy(name, w->rest + w->at, len);
        name[len] = '\0';
        w->at += len;
        if (strcmp(name, ".") == 0)
            continue;
        *ret_last = w->rest[w->at + strspn(w->rest + w->at, "/")] == '\0';
        return true;
    }
}

/* Puts the text of a link in front of what remains. */
static int walk_follow(struct walk *w, int link_fd)
{
    char text[PATH_MAX];
    ssize_t n = readlinkat(link_fd, "", text, sizeof(text));
    if (n < 0)
        return -errno;
    if (n == 0)
        return -ENOENT;
    if (++w->links > WALK_LINKS_MAX)
        return -ELOOP;
    size_t left = strlen(w->rest + w->at);
    if ((size_t)n >= sizeof(text) || (size_t)n + left + 1 > sizeof(w->rest))
        return -ENAMETOOLONG;
    memmove(w->rest + n, w->rest + w->at, left + 1);
    memcpy(w->rest, text, (size_t)n);
    w->at = 0;
    if (text[0] == '/')
        walk_pop_to(w, 1);
    return 0;
}

/* Whether ".." is among the components that are still to come. */
static bool walk_rest_has_dotdot(const struct walk *w)
{
    const char *p = w->rest + w->at;
    while (*p) {
        p += strspn(p, "/");
        size_t len = strcspn(p, "/");
        if (len == 2 && p[0] == '.' && p[1] == '.')
            return true;
        p += len;
    }
    return false;
}

/* Creates name in the directory on top of the stack; what somebody else made meanwhile is taken. */
static int walk_make(struct walk *w, const char *name, bool last)
{
    int dir = w->stack[w->depth - 1];
    if (!w->made && walk_rest_has_dotdot(w))
        return -EINVAL;
    bool file = last && w->create == WALK_MKFILE;
    int r = file ? mknodat(dir, name, S_IFREG | w->mode, 0)
                 : mkdirat(dir, name, w->create == WALK_MKFILE ? 0755 : w->mode);
    if (r < 0 && errno != EEXIST)
        return -errno;
    w->made = true;
    _cleanup_close_ int fd =
        openat(dir, name, O_PATH | O_CLOEXEC | O_NOFOLLOW | (file ? 0 : O_DIRECTORY));
    if (fd < 0)
        return -errno;
    if (file) {
        struct stat st;
        if (fstat(fd, &st) < 0)
            return -errno;
        if (S_ISLNK(st.st_mode))
            return -ELOOP;
    }
    return walk_push(w, TAKE_FD(fd));
}

/* One component: open it, or follow it, or make it. */
static int walk_step(struct walk *w, const char *name, bool last, bool nofollow)
{
    if (strcmp(name, "..") == 0) {
        if (w->made)
            return -EINVAL;
        walk_pop_to(w, w->depth > 1 ? w->depth - 1 : 1);
        return 0;
    }
    _cleanup_close_ int fd = openat(w->stack[w->depth - 1], name, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT && w->create != WALK_OPEN ? walk_make(w, name, last) : -errno;
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (S_ISLNK(st.st_mode)) {
        if (w->made || (last && nofollow))
            return -ELOOP;
        return walk_follow(w, fd);
    }
    if (!last && !S_ISDIR(st.st_mode))
        return -ENOTDIR;
    return walk_push(w, TAKE_FD(fd));
}

/* Walks path below root and returns an O_PATH descriptor of where it ends. */
static int walk(int root, const char *path, enum walk_create create, mode_t mode, bool nofollow)
{
    __attribute__((cleanup(cleanup_walk_))) struct walk w = { .depth = 1 };
    w.stack[0] = root;
    w.create = create;
    w.mode = mode;
    size_t len = strlen(path);
    if (len >= PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(w.rest, path, len + 1);
    char name[NAME_MAX + 1];
    bool last = false;
    int r = 0;
    while (walk_next(&w, name, &last, &r)) {
        r = walk_step(&w, name, last, nofollow);
        if (r < 0)
            return r;
    }
    if (r < 0)
        return r;
    if (w.depth > 1)
        return w.stack[--w.depth];
    int fd = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Turns an O_PATH descriptor into one with the flags asked for, by /proc/self/fd. */
static int reopen(int fd, int flags)
{
    if (flags & O_DIRECTORY) {
        int r = openat(fd, ".", flags | O_CLOEXEC);
        return r < 0 ? -errno : r;
    }
    if (flags & O_PATH)
        return fcntl(fd, F_DUPFD_CLOEXEC, 0);
    char self[32];
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    int r = openat(AT_FDCWD, self, (flags & ~O_NOFOLLOW) | O_CLOEXEC);
    return r < 0 ? -errno : r;
}

static int open_by_walk(int root, const char *path, int flags)
{
    _cleanup_close_ int fd = walk(root, path, WALK_OPEN, 0, (flags & O_NOFOLLOW) != 0);
    if (fd < 0)
        return fd;
    if ((flags & (O_PATH | O_DIRECTORY)) == O_PATH)
        return TAKE_FD(fd);
    return reopen(fd, flags);
}

int path_open_in_root(int root, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    for (int i = 0; i < OPENAT2_TRIES; i++) {
        int fd = sys_openat2(root, *path ? path : ".", &how);
        if (fd >= 0)
            return fd;
        if (errno == ENOSYS)
            return open_by_walk(root, path, flags);
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
    }
    return -EAGAIN;
}

int path_open_plain(int root, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
    };
    int fd = sys_openat2(root, path, &how);
    return fd >= 0 ? fd : errno == ENOSYS || errno == EAGAIN ? -ELOOP : -errno;
}

int path_make_plain(int root, const char *path, bool file, mode_t mode)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    if (!slash || slash[1] == '\0' || len >= sizeof(parent) - 1)
        return -EINVAL;
    memcpy(parent, path, len);
    parent[len] = '\0';
    _cleanup_close_ int dir = path_open_plain(root, len ? parent : "/", O_PATH | O_DIRECTORY);
    if (dir < 0)
        return dir;
    int r = file ? mknodat(dir, slash + 1, S_IFREG | mode, 0) : mkdirat(dir, slash + 1, mode);
    if (r < 0)
        return -errno;
    /* Somebody may have exchanged it for a link at once: that is not what we made. */
    int fd = openat(dir, slash + 1, O_PATH | O_CLOEXEC | O_NOFOLLOW | (file ? 0 : O_DIRECTORY));
    if (fd < 0)
        return -errno;
    struct stat st;
    if (file && (fstat(fd, &st) < 0 || S_ISLNK(st.st_mode))) {
        close(fd);
        return -ELOOP;
    }
    return fd;
}

int path_open_in_root_nofollow(int root, const char *path, int flags)
{
    _cleanup_close_ int fd = path_open_in_root(root, path, flags | O_NOFOLLOW);
    /* O_DIRECTORY with O_NOFOLLOW says ENOTDIR for a link, O_PATH alone opens the link itself. */
    if (fd == -ENOTDIR && (flags & O_DIRECTORY)) {
        _cleanup_close_ int link = path_open_in_root(root, path, O_PATH | O_NOFOLLOW);
        struct stat st;
        if (link >= 0 && fstat(link, &st) == 0 && S_ISLNK(st.st_mode))
            return -ELOOP;
    }
    if (fd >= 0 && (flags & O_PATH) && !(flags & O_DIRECTORY)) {
        struct stat st;
        if (fstat(fd, &st) < 0)
            return -errno;
        if (S_ISLNK(st.st_mode))
            return -ELOOP;
    }
    return TAKE_FD(fd);
}

int path_mkdir_in_root(int root, const char *path, mode_t mode)
{
    int fd = path_open_in_root(root, path, O_PATH | O_DIRECTORY);
    if (fd != -ENOENT)
        return fd;
    fd = walk(root, path, WALK_MKDIR, mode, false);
    if (fd < 0)
        return fd;
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode)) {
        close(fd);
        return -ENOTDIR;
    }
    return fd;
}

int path_mkfile_in_root(int root, const char *path, mode_t mode)
{
    int fd = path_open_in_root(root, path, O_PATH);
    return fd != -ENOENT ? fd : walk(root, path, WALK_MKFILE, mode, false);
}

int path_open_parent_in_root(int root, const char *path, mode_t mode, struct arena *a,
                             const char **ret_name)
{
    char *clean = path_clean(a, path);
    if (!clean)
        return -ENOMEM;
    char *slash = strrchr(clean, '/');
    char *name = slash ? slash + 1 : clean;
    if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -EINVAL;
    const char *parent = "/";
    if (slash && slash != clean) {
        *slash = '\0';
        parent = clean;
    }
    int fd = mode ? path_mkdir_in_root(root, parent, mode)
                  : path_open_in_root(root, parent, O_PATH | O_DIRECTORY);
    if (fd >= 0)
        *ret_name = name;
    return fd;
}

int path_mkdir_all(const char *path, mode_t mode)
{
    char copy[PATH_MAX];
    const size_t n = strlen(path);
    if (n == 0 || n >= sizeof(copy))
        return n ? -ENAMETOOLONG : -ENOENT;
    memcpy(copy, path, n + 1);
    for (char *p = copy + 1;; p++) {
        const char was = *p;
        if (was != '/' && was != '\0')
            continue;
        *p = '\0';
        if (mkdirat(AT_FDCWD, copy, mode) < 0 && errno != EEXIST)
            return -errno;
        *p = was;
        if (!was)
            return 0;
    }
}

char *path_clean(struct arena *a, const char *path)
{
    size_t len = strlen(path);
    char *out = arena_alloc(a, len + 2);
    if (!out)
        return NULL;
    bool rooted = path[0] == '/';
    size_t n = 0, floor = 0;    /* ".." takes nothing away below floor */
    if (rooted) {
        out[n++] = '/';
        floor = 1;
    }
    const char *p = path;
    while (*p) {
        p += strspn(p, "/");
        size_t part = strcspn(p, "/");
        if (part == 0)
            break;
        if (part == 1 && p[0] == '.') {
            /* nothing */
        } else if (part == 2 && p[0] == '.' && p[1] == '.') {
            if (n > floor) {
                while (n > floor && out[n - 1] != '/')
                    n--;
                if (n > floor)
                    n--;    /* the slash before it */
            } else if (!rooted) {
                if (n > 0)
                    out[n++] = '/';
                out[n++] = '.';
                out[n++] = '.';
                floor = n;
            }
        } else {
            if (n > (rooted ? 1u : 0u))
                out[n++] = '/';
            memcpy(out + n, p, part);
            n += part;
        }
        p += part;
    }
    if (n == 0)
        out[n++] = '.';
    out[n] = '\0';
    return out;
}
