/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: an update is all or nothing. Before the first write the kernel's present
 * values are read and kept as another list of writes; when one is refused, that list is applied.
 * The kernel's values, not the stored configuration, because what was never configured has a value
 * too, and an administrator may have set one.
 *
 * Most files take back what they show. The others: lists with one line per device or interface take
 * one line at a time, and need an explicit "no limit" for a device that was not listed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/fd.h"
#include "cgroup/file.h"
#include "cgroup/limits.h"
#include "cgroup/ops.h"

#define CONTROL_FILE_MAX (64u * 1024)

/* Whether text begins with "MAJOR:MINOR ". */
static bool names_device(const char *text)
{
    size_t major = strspn(text, "0123456789");
    size_t minor = major && text[major] == ':' ? strspn(text + major + 1, "0123456789") : 0;
    return minor && text[major + 1 + minor] == ' ';
}

/* What lifts a device's limit in a file that did not list it. */
static const char *no_limit(const char *file)
{
    if (strcmp(file, "io.max") == 0)
        return "rbps=max wbps=max riops=max wiops=max";
    return strstr(file, ".bfq.") || strncmp(file, "io.", 3) == 0 ? "default" : "0";
}

/* The line of text that begins with the first word of line, else what lifts the limit, else NULL. */
static const char *line_of(struct arena *a, const char *file, const char *text, const char *line)
{
    size_t key = strcspn(line, " \n");
    for (const char *p = text; *p;) {
        size_t len = strcspn(p, "\n");
        if (len > key && memcmp(p, line, key) == 0 && p[key] == ' ')
            return arena_strndup(a, p, len);
        p += len + (p[len] == '\n');
    }
    return names_device(line) ? arena_printf(a, "%.*s %s", (int)key, line, no_limit(file)) : "";
}

/* For each line of the new value the old one of the same device or interface. */
static const char *old_lines(struct arena *a, const char *file, const char *text, const char *value)
{
    const char *out = "";
    for (const char *p = value; out && *p;) {
        size_t len = strcspn(p, "\n");
        const char *line = line_of(a, file, text, p);
        if (!line)
            return NULL;
        if (*line)
            out = arena_printf(a, "%s%s\n", out, line);
        p += len + (p[len] == '\n');
    }
    return out;
}

/* The text of a control file in the form in which it can be written. "": nothing to write. */
static const char *as_written(struct arena *a, const char *file, const char *text,
                              const char *value)
{
    if (names_device(value) || strcmp(file, "rdma.max") == 0 ||
        strcmp(file, "net_prio.ifpriomap") == 0)
        return old_lines(a, file, text, value);
    if (strcmp(file, "memory.oom_control") == 0) {
        const char *at = strstr(text, "oom_kill_disable ");
        return at ? arena_printf(a, "%c", at[strlen("oom_kill_disable ")]) : "";
    }
    if (strstr(file, "bfq.weight") && strncmp(text, "default ", 8) == 0)
        text += 8;
    /* An empty cpuset is written as an empty line. */
    return *text ? text : "\n";
}

static int save_one(const struct cgroup *cg, const struct cgroup_limit *l,
                    struct cgroup_limits *ret, struct hull_error *e)
{
    const struct cgroup_dir *d = cgroup_find(cg, cg->mode == CGROUP_V2 ? "" : l->controller);
    _cleanup_close_ int dir = d && !d->missing ? cgroup_dir_open(d) : -1;
    const char *file = l->file;
    char *text = dir < 0 ? NULL : fd_read_file(dir, file, CONTROL_FILE_MAX, ret->arena, NULL);
    if (!text && dir >= 0 && l->other_file) {
        file = l->other_file;
        text = fd_read_file(dir, file, CONTROL_FILE_MAX, ret->arena, NULL);
    }
    if (!text)
        return 0;   /* what can't be read can't be restored; the write will say what is wrong */
    const char *value = as_written(ret->arena, file, text, l->value);
    if (!value)
        return error_oom(e);
    if (!*value)
        return 0;
    return limits_add(ret, l->why, l->controller, file,
                      (l->flags & (LIMIT_AGAIN | LIMIT_UNIFIED)) | LIMIT_OPTIONAL | LIMIT_LINES, e,
                      "%s", value);
}

int limits_save(const struct cgroup *cg, const struct cgroup_limits *list,
                struct cgroup_limits *ret, struct hull_error *e)
{
    *ret = (struct cgroup_limits){.arena = list->arena};
    int r = 0;
    for (size_t i = 0; r == 0 && i < list->n; i++)
        r = save_one(cg, &list->v[i], ret, e);
    return r;
}
