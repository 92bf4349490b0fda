/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: /proc/PID/cgroup names every hierarchy of the kernel with the process' place
 * in it. Where they are mounted is a convention, /sys/fs/cgroup/NAMES, which one statfs confirms;
 * /proc/self/mountinfo, which can have thousands of lines, is read only when the convention fails.
 */
#include "host/hierarchy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "base/fd.h"
#include "base/uapi.h"

#define PROC_CGROUP_MAX (256u * 1024)
#define MOUNTINFO_MAX (64u * 1024 * 1024)

bool host_hierarchy_has(const char *names, const char *controller)
{
    size_t len = strlen(controller);
    for (const char *p = names;; p++) {
        size_t n = strcspn(p, ",");
        if (n == len && memcmp(p, controller, n) == 0)
            return true;
        p += n;
        if (!*p)
            return false;
    }
}

/* ID:NAMES:PATH; a path may contain colons, names may not. */
static bool parse_line(char *line, struct host_hierarchy *ret)
{
    char *names = strchr(line, ':');
    char *own = names ? strchr(names + 1, ':') : NULL;
    if (!own || own[1] != '/')
        return false;
    *own = '\0';
    *ret = (struct host_hierarchy){.names = names + 1, .own = own + 1};
    return true;
}

int host_hierarchies_parse(struct arena *a, char *text, struct host_hierarchies *ret,
                           struct hull_error *e)
{
    size_t lines = 1;
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    struct host_hierarchy *v = arena_array(a, lines, sizeof(*v));
    if (!v)
        return error_oom(e);
    size_t n = 0;
    for (char *line = text; line && *line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        if (parse_line(line, &v[n]))
            n++;
        line = end ? end + 1 : NULL;
    }
    *ret = (struct host_hierarchies){v, n};
    return 0;
}

static bool is_fs(const char *path, unsigned long magic)
{
    struct statfs st;
    return statfs(path, &st) == 0 && (unsigned long)st.f_type == magic;
}

/* The conventional mount point, or NULL if there is no cgroup file system (errno 0 or ENOMEM). */
static const char *usual_root(struct arena *a, const char *fs_root, const char *names)
{
    if (!*names) {
        char *unified = arena_printf(a, "%s/unified", fs_root);
        if (!unified)
            return NULL;
        if (is_fs(fs_root, CGROUP2_SUPER_MAGIC))
            return fs_root;
        return is_fs(unified, CGROUP2_SUPER_MAGIC) ? unified : NULL;
    }
    const char *name = strncmp(names, "name=", 5) == 0 ? names + 5 : names;
    if (!*name || strchr(name, '/') || name[0] == '.')
        return NULL;
    /* "cpu,cpuacct" is a directory by that name, to which cpu and cpuacct are links. */
    for (bool whole = true; *name; whole = false) {
        size_t len = whole ? strlen(name) : strcspn(name, ",");
        char *path = arena_printf(a, "%s/%.*s", fs_root, (int)len, name);
        if (!path || is_fs(path, CGROUP_SUPER_MAGIC))
            return path;
        if (!whole) {
            name += len;
            name += *name == ',';
        }
    }
    return NULL;
}

/* Undoes the octal escapes of mountinfo in place. */
static void unescape(char *s)
{
    char *out = s;
    for (; *s; s++) {
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
            s[3] >= '0' && s[3] <= '7') {
            *out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
            s += 3;
        } else {
            *out++ = *s;
        }
    }
    *out = '\0';
}

/* Whether all of names are among the comma-separated super block options. */
static bool has_all(const char *options, const char *names)
{
    for (const char *p = names; *p;) {
        size_t n = strcspn(p, ",");
        bool found = false;
        for (const char *o = options; *o && !found;) {
            size_t m = strcspn(o, ",");
            found = m == n && memcmp(o, p, n) == 0;
            o += m + (o[m] == ',');
        }
        if (!found)
            return false;
        p += n + (p[n] == ',');
    }
    return true;
}

/*
 * Looks for the first mount of the hierarchy in mountinfo, or for the last one at a place: it may lie
 * over others there.
 * @param at              the place, or NULL
 * @param ret_mount_root  which directory of the hierarchy is mounted there
 * @return the mount point; NULL when there is none or with errno set
 */
static const char *mounted_root(struct arena *a, const char *names, const char *at, const char **ret_mount_root)
{
    const char *found = NULL;
    errno = 0;
    char *line = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, a, NULL);
    while (line && *line) {
        char *next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        char *sep = strstr(line, " - ");
        char *field[5], *save = NULL;
        size_t n = 0;
        if (sep) {
            *sep = '\0';
            for (char *t = strtok_r(line, " ", &save); t && n < 5; t = strtok_r(NULL, " ", &save))
                field[n++] = t;
            char *type = strtok_r(sep + 3, " ", &save);
            char *source = strtok_r(NULL, " ", &save), *options = strtok_r(NULL, " ", &save);
            const char *want = *names ? "cgroup" : "cgroup2";
            if (n == 5 && type && strcmp(type, want) == 0 && source &&
                (!*names || (options && has_all(options, names)))) {
                unescape(field[3]);
                unescape(field[4]);
                if (!at || strcmp(at, field[4]) == 0) {
                    *ret_mount_root = field[3];
                    found = field[4];
                }
                if (!at)
                    break;
            }
        }
        line = next;
    }
    if (found)
        errno = 0;
    return found;
}

int host_hierarchies_own(struct arena *a, pid_t pid, struct host_hierarchies *ret,
                         struct hull_error *e)
{
    char path[64] = "/proc/self/cgroup";
    if (pid > 0)
        snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
    char *text = fd_read_file(AT_FDCWD, path, PROC_CGROUP_MAX, a, NULL);
    if (!text)
        return error_set(e, errno, "open %s", path);
    return host_hierarchies_parse(a, text, ret, e);
}

int host_hierarchies_read(struct arena *a, const char *fs_root, pid_t pid,
                          struct host_hierarchies *ret, struct hull_error *e)
{
    struct host_hierarchies list;
    int r = host_hierarchies_own(a, pid, &list, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < list.n; i++) {
        struct host_hierarchy *h = &list.v[i];
        const char *ignored;
        h->root = usual_root(a, fs_root, h->names);
        /* The v2 hierarchy is always listed; hybrid without a mount of it is plain v1. */
        if (!h->root && *h->names)
            h->root = mounted_root(a, h->names, NULL, &ignored);
    }
    *ret = list;
    return 0;
}

int host_hierarchy_own_below_root(struct arena *a, const struct host_hierarchy *h,
                                  const char **ret, struct hull_error *e)
{
    const char *own = h->own + strspn(h->own, "/");
    if (strncmp(own, "..", 2) == 0 && (own[2] == '/' || !own[2]))
        return error_set(e, HULL_E_UNSUPPORTED,
                         "our own cgroup %s is outside of the cgroup namespace", h->own);
    char *path = arena_printf(a, "%s/%s", h->root, own);
    if (!path)
        return error_oom(e);
    if (access(path, F_OK) == 0) {
        *ret = own;
        return 0;
    }
    /* Docker in Docker without a cgroup namespace: our own cgroup is mounted as the root. */
    const char *top = NULL;
    if (!mounted_root(a, h->names, h->root, &top) || !top)
        return error_set(e, ENOENT, "our own cgroup %s", path);
    size_t len = strcmp(top, "/") == 0 ? 0 : strlen(top);
    if (strncmp(h->own, top, len) != 0 || (h->own[len] != '/' && h->own[len]))
        return error_set(e, ENOENT, "our own cgroup %s is not below the mounted %s", h->own, top);
    *ret = h->own + len + strspn(h->own + len, "/");
    return 0;
}
