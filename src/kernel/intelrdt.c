/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * resctrl is a file system like cgroups: a directory is a class of service, its file schemata says
 * what of the caches and the memory bandwidth it gets, its file tasks who is in it; a child
 * inherits. P does all of it on the host. A class named by closID belongs to whoever manages the
 * machine: it must be there when no schema is given, must agree with the schemas when it is there,
 * and stays after delete; one named after the container is made and removed. With enableMonitoring
 * there is a directory mon_groups/ID in it, which is always ours.
 */
#include "kernel/intelrdt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "base/fd.h"
#include "json/words.h"

#define RESCTRL_DEFAULT "/sys/fs/resctrl"

enum { SCHEMATA_MAX = 1 << 16 };

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* The mount point of the first resctrl in /proc/self/mounts. */
static const char *mounted_elsewhere(struct arena *a)
{
    enum { MOUNTS_MAX = 8 << 20 };
    char *save = NULL, *text = fd_read_file(AT_FDCWD, "/proc/self/mounts", MOUNTS_MAX, a, NULL);
    for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save)) {
        char *words = NULL;
        (void)strtok_r(line, " ", &words);
        const char *point = strtok_r(NULL, " ", &words), *type = strtok_r(NULL, " ", &words);
        if (type && strcmp(type, "resctrl") == 0 && !strchr(point, '\\'))
            return point;
    }
    return NULL;
}

const char *intelrdt_root(struct arena *a)
{
    /* The kernel makes the directory; only the file system has files in it. */
    if (exists(RESCTRL_DEFAULT "/schemata"))
        return RESCTRL_DEFAULT;
    return exists(RESCTRL_DEFAULT) ? mounted_elsewhere(a) : NULL;
}

bool intelrdt_has(const char *root, const char *resource)
{
    char path[512];
    return root && snprintf(path, sizeof(path), "%s/info/%s", root, resource) < (int)sizeof(path) &&
           exists(path);
}

static int check_host(const struct oci_intel_rdt *c, const char *root, struct hull_error *e)
{
    if (!root)
        return error_at(e, "linux.intelRdt", HULL_E_CONFIG,
                        "intelRdt is specified in config, but Intel RDT is not enabled");
    if (c->l3CacheSchema && !intelrdt_has(root, "L3"))
        return error_at(e, "linux.intelRdt.l3CacheSchema", HULL_E_CONFIG,
                        "intelRdt.l3CacheSchema is specified in config, but Intel RDT/CAT is not "
                        "enabled");
    if (c->memBwSchema && !intelrdt_has(root, "MB"))
        return error_at(e, "linux.intelRdt.memBwSchema", HULL_E_CONFIG,
                        "intelRdt.memBwSchema is specified in config, but Intel RDT/MBA is not "
                        "enabled");
    return 0;
}

int intelrdt_check(struct launch *l, struct hull_error *e)
{
    const struct oci_intel_rdt *c = l->config->linux_->intelRdt;
    if (!c)
        return 0;
    const char *root = intelrdt_root(l->arena);
    int r = check_host(c, root, e);
    if (r < 0)
        return r;
    struct intelrdt_group *g = arena_alloc(l->arena, sizeof(*g));
    if (!g)
        return error_oom(e);
    const bool top = c->closID && strcmp(c->closID, "/") == 0;
    g->root = root;
    g->path = top ? root : arena_printf(l->arena, "%s/%s", root, c->closID ? c->closID : l->id);
    if (!g->path)
        return error_oom(e);
    if (c->enableMonitoring.v &&
        !(g->mon_path = arena_printf(l->arena, "%s/mon_groups/%s", g->path, l->id)))
        return error_oom(e);
    g->ours = !c->closID && !exists(g->path);
    l->intel_rdt = g;
    return 0;
}

/* " (last_cmd_status: ...)" or "": what the kernel says about the last write to resctrl. */
static void last_status(const char *root, char *buf, size_t len)
{
    char path[512], said[256];
    buf[0] = '\0';
    snprintf(path, sizeof(path), "%s/info/last_cmd_status", root);
    _cleanup_close_ int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, said, sizeof(said) - 1);
    if (n <= 0)
        return;
    said[n] = '\0';
    said[strcspn(said, "\n")] = '\0';
    snprintf(buf, len, " (last_cmd_status: %s)", said);
}

static int fail(const struct intelrdt_group *g, int err, const char *what, const char *on,
                struct hull_error *e)
{
    char status[300];
    last_status(g->root, status, sizeof(status));
    return error_at(e, "linux.intelRdt", err, "intelrdt: unable to %s %s%s", what, on, status);
}

static int write_file(const struct intelrdt_group *g, const char *dir, const char *name,
                      const char *text, struct hull_error *e)
{
    char path[1024], what[512];
    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
        return fail(g, ENAMETOOLONG, "open", dir, e);
    _cleanup_close_ int fd = openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    /* In one call: the kernel takes all lines or none. */
    if (fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text))
        return 0;
    const int err = errno;
    snprintf(what, sizeof(what), "write %s to", json_quote(text).text);
    return fail(g, err, what, path, e);
}

static int add_task(const struct intelrdt_group *g, const char *dir, pid_t pid,
                    struct hull_error *e)
{
    char text[16];
    snprintf(text, sizeof(text), "%d", (int)pid);
    int r = write_file(g, dir, "tasks", text, e);
    return r < 0 ? error_prefix(e, "intelrdt: unable to add pid %s", text) : 0;
}

/* The value of one cache id: "0=00F" -> "F", length by *ret_len. */
static const char *value_of(const char *list, const char *id, size_t id_len, size_t *ret_len)
{
    while (*list) {
        const size_t len = strcspn(list, ";\n");
        if (len > id_len && strncmp(list, id, id_len) == 0 && list[id_len] == '=') {
            const char *v = list + id_len + 1;
            size_t n = len - id_len - 1;
            for (; n > 1 && *v == '0'; n--)
                v++;
            *ret_len = n;
            return v;
        }
        if (list[len] != ';')
            break;
        list += len + 1;
        list += strspn(list, " ");
    }
    return NULL;
}

/* The list behind "NAME:" in the text of a schemata file; NULL: no such line. */
static const char *schemata_line(const char *text, const char *name, size_t len)
{
    while (*text) {
        const char *s = text + strspn(text, " ");
        if (strncmp(s, name, len) == 0 && s[len] == ':')
            return s + len + 1;
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return NULL;
}

bool intelrdt_matches(const char *line, const char *schemata)
{
    const size_t name = strcspn(line, ":");
    const char *have = schemata_line(schemata, line, name);
    if (line[name] != ':' || !have)
        return false;
    for (const char *item = line + name + 1; *item;) {
        item += strspn(item, " ");
        const size_t len = strcspn(item, ";"), id = strcspn(item, "=");
        size_t n_want, n_have;
        const char *want = value_of(item, item, id, &n_want);
        const char *got = value_of(have, item, id, &n_have);
        if (!want || !got || n_want != n_have || strncasecmp(want, got, n_want) != 0)
            return false;
        item += len;
        item += *item == ';';
    }
    return true;
}

/* A class of somebody else's must be what the config thinks it is. */
static int compare(struct launch *l, const struct intelrdt_group *g, const char *line,
                   const char *member, struct hull_error *e)
{
    char where[64], path[1024];
    if (!line)
        return 0;
    snprintf(path, sizeof(path), "%s/schemata", g->path);
    const char *text = fd_read_file(AT_FDCWD, path, SCHEMATA_MAX, l->arena, NULL);
    if (text && intelrdt_matches(line, text))
        return 0;
    snprintf(where, sizeof(where), "linux.intelRdt.%s", member);
    return text ? error_at(e, where, HULL_E_CONFIG,
                           "intelRdt.%s %s does not match the existing closID: %s has %s", member,
                           line, path, json_quote(text).text)
                : error_at(e, where, errno, "intelrdt: read %s", path);
}

static int make_group(struct launch *l, struct intelrdt_group *g, struct hull_error *e)
{
    const struct oci_intel_rdt *c = l->config->linux_->intelRdt;
    const bool schemas = c->l3CacheSchema || c->memBwSchema || c->schemata.n > 0;
    if (c->closID && !schemas && !exists(g->path))
        return error_at(e, "linux.intelRdt.closID", errno,
                        "clos dir not accessible (must be pre-created when schemata, l3CacheSchema "
                        "and memBwSchema are empty): stat %s",
                        g->path);
    g->made = mkdir(g->path, 0755) == 0;
    if (!g->made && errno != EEXIST)
        return fail(g, errno, "mkdir", g->path, e);
    if (g->made || !c->closID)
        return 0;
    int r = compare(l, g, c->l3CacheSchema, "l3CacheSchema", e);
    return r < 0 ? r : compare(l, g, c->memBwSchema, "memBwSchema", e);
}

/* L3 first, then MB, then the rest, as the spec has it. */
static int write_schemata(struct launch *l, const struct intelrdt_group *g, struct hull_error *e)
{
    const struct oci_intel_rdt *c = l->config->linux_->intelRdt;
    const char *l3 = c->l3CacheSchema, *mb = c->memBwSchema;
    const char *text = arena_printf(l->arena, "%s%s%s%s", l3 ? l3 : "", l3 ? "\n" : "",
                                    mb ? mb : "", mb ? "\n" : "");
    for (size_t i = 0; text && i < c->schemata.n; i++)
        text = arena_printf(l->arena, "%s%s\n", text, c->schemata.v[i]);
    if (!text)
        return error_oom(e);
    return *text ? write_file(g, g->path, "schemata", text, e) : 0;
}

int intelrdt_step_create(struct launch *l, const struct step *s, struct hull_error *e)
{
    struct intelrdt_group *g = l->intel_rdt;
    (void)s;
    int r = make_group(l, g, e);
    if (r == 0)
        r = write_schemata(l, g, e);
    if (r == 0)
        r = add_task(g, g->path, l->init_pid, e);
    if (r < 0 || !g->mon_path)
        return r;
    g->mon_made = mkdir(g->mon_path, 0755) == 0;
    if (!g->mon_made && errno != EEXIST)
        return fail(g, errno, "mkdir", g->mon_path, e);
    return add_task(g, g->mon_path, l->init_pid, e);
}

int intelrdt_step_create_undo(struct launch *l, const struct step *s, struct hull_error *e)
{
    const struct intelrdt_group *g = l->intel_rdt;
    (void)s;
    if (g->mon_made && rmdir(g->mon_path) < 0 && errno != ENOENT)
        return error_set(e, errno, "rmdir %s", g->mon_path);
    if (g->made && rmdir(g->path) < 0 && errno != ENOENT)
        return error_set(e, errno, "rmdir %s", g->path);
    return 0;
}

int intelrdt_step_join(struct launch *l, const struct step *s, struct hull_error *e)
{
    const struct intelrdt_group *g = l->intel_rdt;
    (void)s;
    if (!exists(g->path))
        return 0;
    int r = add_task(g, g->path, l->init_pid, e);
    if (r < 0 || !g->mon_path || !exists(g->mon_path))
        return r;
    return add_task(g, g->mon_path, l->init_pid, e);
}

int intelrdt_remove(const struct intelrdt_group *g, struct hull_error *e)
{
    if (g->mon_path && rmdir(g->mon_path) < 0 && errno != ENOENT)
        return error_set(e, errno, "unable to remove container's IntelRDT group: rmdir %s",
                         g->mon_path);
    if (g->ours && rmdir(g->path) < 0 && errno != ENOENT)
        return error_set(e, errno, "unable to remove container's IntelRDT group: rmdir %s",
                         g->path);
    return 0;
}

int intelrdt_update(const struct intelrdt_group *g, const char *l3, const char *mb,
                    struct hull_error *e)
{
    char text[4096];
    int n = snprintf(text, sizeof(text), "%s%s%s%s", l3 ? l3 : "", l3 ? "\n" : "", mb ? mb : "",
                     mb ? "\n" : "");
    if (n < 0 || (size_t)n >= sizeof(text))
        return error_set(e, ENAMETOOLONG, "intelrdt: schemata");
    return n > 0 ? write_file(g, g->path, "schemata", text, e) : 0;
}

void intelrdt_print(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    (void)s;
    snprintf(buf, len, "%s", l->intel_rdt->mon_path ? l->intel_rdt->mon_path : l->intel_rdt->path);
}
