/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is missing reads as 0 or "": which ones there are depends on the hardware. */
#include "kernel/intelrdt_stats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/fd.h"

enum { FILE_LIMIT = 1 << 16, DOMAINS_MAX = 256 };

static char *read_text(struct arena *a, const char *dir, const char *name)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    char *text = fd_read_file(AT_FDCWD, path, FILE_LIMIT, a, NULL);
    if (text)
        for (size_t n = strlen(text); n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' ');)
            text[--n] = '\0';
    return text;
}

static uint64_t read_number(struct arena *a, const char *dir, const char *name)
{
    const char *text = read_text(a, dir, name);
    return text ? strtoull(text, NULL, 10) : 0;
}

static int split(struct arena *a, char *text, char ***ret, size_t *ret_n)
{
    size_t n = 1;
    for (const char *p = text; *p; p++)
        n += *p == '\n';
    char **v = arena_array(a, n, sizeof(*v));
    if (!v)
        return -ENOMEM;
    n = 0;
    for (char *next = text; next;)
        v[n++] = strsep(&next, "\n");
    *ret = v;
    *ret_n = n;
    return 0;
}

/* The last line that speaks of the resource, without the kernel's padding. */
static const char *line_with(char *const *lines, size_t n, const char *resource)
{
    const char *found = "";
    for (size_t i = 0; i < n; i++)
        if (strstr(lines[i], resource))
            found = lines[i] + strspn(lines[i], " \t");
    return found;
}

static void read_info(const struct intelrdt_group *g, struct arena *a, struct intelrdt_stats *s)
{
    char l3[512], mb[512];
    snprintf(l3, sizeof(l3), "%s/info/L3", g->root);
    snprintf(mb, sizeof(mb), "%s/info/MB", g->root);
    if (s->l3) {
        s->cbm_mask = read_text(a, l3, "cbm_mask");
        s->min_cbm_bits = read_number(a, l3, "min_cbm_bits");
        s->l3_num_closids = read_number(a, l3, "num_closids");
    }
    if (s->mb) {
        s->bandwidth_gran = read_number(a, mb, "bandwidth_gran");
        s->delay_linear = read_number(a, mb, "delay_linear");
        s->min_bandwidth = read_number(a, mb, "min_bandwidth");
        s->mb_num_closids = read_number(a, mb, "num_closids");
    }
}

static int by_name(const struct dirent **x, const struct dirent **y)
{
    return strcmp((*x)->d_name, (*y)->d_name);
}

static int visible(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

static int read_domains(const struct intelrdt_group *g, struct arena *a, struct intelrdt_stats *s)
{
    char data[512], dir[1024];
    struct dirent **v;
    snprintf(data, sizeof(data), "%s/mon_data", g->mon_path ? g->mon_path : g->path);
    int n = scandir(data, &v, visible, by_name);
    if (n <= 0)
        return 0;
    s->domains = arena_array(a, (size_t)n, sizeof(*s->domains));
    for (int i = 0; i < n; i++) {
        if (s->domains && i < DOMAINS_MAX) {
            snprintf(dir, sizeof(dir), "%s/%s", data, v[i]->d_name);
            s->domains[s->n_domains++] = (struct intelrdt_domain){
                .mbm_total_bytes = read_number(a, dir, "mbm_total_bytes"),
                .mbm_local_bytes = read_number(a, dir, "mbm_local_bytes"),
                .llc_occupancy = read_number(a, dir, "llc_occupancy"),
            };
        }
        free(v[i]);
    }
    free(v);
    return s->domains ? 0 : -ENOMEM;
}

int intelrdt_stats_read(const struct intelrdt_group *g, struct arena *a, struct intelrdt_stats *ret,
                        struct hull_error *e)
{
    struct intelrdt_stats s = {
        .l3 = intelrdt_has(g->root, "L3"), .mb = intelrdt_has(g->root, "MB")};
    char mon[512], **lines;
    size_t n;
    char *own = read_text(a, g->path, "schemata");
    if (!own)
        return error_set(e, errno, "intelrdt: read %s/schemata", g->path);
    char *root = read_text(a, g->root, "schemata");
    if (split(a, own, &s.schemata, &s.n_schemata) < 0 ||
        (root && split(a, root, &lines, &n) < 0))
        return error_oom(e);
    s.l3_schema = line_with(s.schemata, s.n_schemata, "L3");
    s.mb_schema = line_with(s.schemata, s.n_schemata, "MB");
    s.l3_root = root ? line_with(lines, n, "L3") : "";
    s.mb_root = root ? line_with(lines, n, "MB") : "";
    read_info(g, a, &s);
    snprintf(mon, sizeof(mon), "%s/info/L3_MON", g->root);
    const char *features = read_text(a, mon, "mon_features");
    s.mbm = features && strstr(features, "mbm_");
    s.cmt = features && strstr(features, "llc_occupancy");
    if ((s.mbm || s.cmt) && read_domains(g, a, &s) < 0)
        return error_oom(e);
    *ret = s;
    return 0;
}
