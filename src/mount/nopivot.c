/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: with --no-pivot the host's mounts stay in the container's mount namespace,
 * below the new root and out of its sight. But a visible proc or sysfs that hides nothing is what
 * the kernel wants before it lets a nested user namespace mount a fresh one, free of all masks. So
 * every whole proc and sysfs outside of the rootfs is unmounted or, where that is refused, covered.
 * This is the only place that reads mountinfo.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/fd.h"
#include "mount/internal.h"

enum { MOUNTINFO_MAX = 64 * 1024 * 1024 };

/* mountinfo writes blank, tab, newline and backslash as \ooo. */
static void unescape(char *s)
{
    char *out = s;
    for (; *s; s++) {
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
            *out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
            s += 3;
        } else {
            *out++ = *s;
        }
    }
    *out = '\0';
}

/* The mount point in a line of mountinfo if it is a whole proc or sysfs, else NULL. */
static char *full_pseudo_mount(char *line)
{
    enum { FIELD_ROOT = 3, FIELD_POINT = 4 };
    char *fs = strstr(line, " - ");
    if (!fs || (strncmp(fs + 3, "proc ", 5) != 0 && strncmp(fs + 3, "sysfs ", 6) != 0))
        return NULL;
    char *save = NULL, *field = strtok_r(line, " ", &save), *root = NULL;
    for (int i = 0; field && i < FIELD_POINT; i++, field = strtok_r(NULL, " ", &save))
        if (i == FIELD_ROOT)
            root = field;
    if (!field || !root || strcmp(root, "/") != 0)
        return NULL;
    unescape(field);
    return field;
}

static int hide(const char *path, struct hull_error *e)
{
    /* Unmounting must not propagate. ENOENT: what it was mounted on is gone already. */
    if (mount(NULL, path, NULL, MS_SLAVE | MS_REC, NULL) < 0)
        return errno == ENOENT ? 0 : error_set(e, errno, "hide %s: make it a slave", path);
    if (umount2(path, MNT_DETACH) == 0)
        return 0;
    if (errno != EINVAL && errno != EPERM)
        return error_set(e, errno, "hide %s: unmount", path);
    if (mount("tmpfs", path, "tmpfs", 0, NULL) < 0)
        return error_set(e, errno, "hide %s: mount tmpfs", path);
    return 0;
}

int nopivot_hide(const struct launch *l, struct hull_error *e)
{
    /* cwd is the rootfs; its path is not l->rootfs if we have left a chroot. */
    char rootfs[PATH_MAX];
    if (!getcwd(rootfs, sizeof(rootfs)))
        return error_set(e, errno, "error jailing process inside rootfs: getcwd");
    char *text = fd_read_file(l->proc_fd, "self/mountinfo", MOUNTINFO_MAX, l->arena, NULL);
    if (!text)
        return error_set(e, errno, "error jailing process inside rootfs: read mountinfo");
    size_t root = strlen(rootfs);
    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        const char *point = full_pseudo_mount(line);
        if (!point || (strncmp(point, rootfs, root) == 0 &&
                       (point[root] == '/' || point[root] == '\0')))
            continue;
        int r = hide(point, e);
        if (r < 0)
            return error_prefix(e, "error jailing process inside rootfs");
    }
    return 0;
}
