/* SPDX-License-Identifier: Apache-2.0 */
/* Theory of operation: what stats_v1.c and stats_v2.c share: reading the kernel's small files. */
#include "cgroup/stats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/fd.h"
#include "cgroup/file.h"

#define STATS_FILE_MAX (4u * 1024 * 1024)
#define HUGEPAGES_DIR "/sys/kernel/mm/hugepages"

int stats_text(const struct stats_source *s, const char *file, char **ret)
{
    char *text = fd_read_file(s->dir, file, STATS_FILE_MAX, s->a, NULL);
    if (text) {
        *ret = text;
        return 1;
    }
    if (errno == ENOENT)
        return 0;
    return error_set(s->e, errno, "read %s/%s", s->d->dir, file);
}

int stats_malformed(const struct stats_source *s, const char *file)
{
    return error_set(s->e, EINVAL, "unable to parse %s/%s", s->d->dir, file);
}

int stats_parse(const char *text, uint64_t *ret)
{
    if (text[0] == '-' && text[1] >= '0' && text[1] <= '9') {
        *ret = 0;
        return 0;
    }
    if (*text < '0' || *text > '9')
        return -EINVAL;
    *ret = strtoull(text, NULL, 10);
    return 0;
}

int stats_number(const struct stats_source *s, const char *file, uint64_t *ret)
{
    char text[64];
    ssize_t n = cgroup_file_read(s->dir, file, text, sizeof(text));
    if (n == -ENOENT)
        return 0;
    if (n < 0)
        return error_set(s->e, (int)-n, "read %s/%s", s->d->dir, file);
    if (strncmp(text, "max", 3) == 0) {
        *ret = UINT64_MAX;
        return 1;
    }
    return stats_parse(text, ret) < 0 ? stats_malformed(s, file) : 1;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct cgroup_key_value *)a)->key,
                  ((const struct cgroup_key_value *)b)->key);
}

int stats_key_values(const struct stats_source *s, const char *file, struct cgroup_key_values *ret)
{
    char *text, *save = NULL;
    int r = stats_text(s, file, &text);
    if (r <= 0)
        return r;
    size_t lines = 1;
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    struct cgroup_key_values kv = {.v = arena_array(s->a, lines, sizeof(*kv.v))};
    if (!kv.v)
        return error_oom(s->e);
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        char *blank = strchr(line, ' ');
        if (!blank || blank == line || stats_parse(blank + 1, &kv.v[kv.n].v) < 0)
            return stats_malformed(s, file);
        *blank = '\0';
        kv.v[kv.n++].key = line;
    }
    if (kv.n > 1)
        qsort(kv.v, kv.n, sizeof(*kv.v), by_key);
    *ret = kv;
    return 1;
}

uint64_t stats_value(const struct cgroup_key_values *kv, const char *key)
{
    const struct cgroup_key_value want = {.key = key};
    const struct cgroup_key_value *hit =
        kv->n ? bsearch(&want, kv->v, kv->n, sizeof(want), by_key) : NULL;
    return hit ? hit->v : 0;
}

int stats_blkio_add(const struct stats_source *s, struct cgroup_blkio_list *l,
                    const struct cgroup_blkio_entry *entry)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 8;
        struct cgroup_blkio_entry *v = arena_array(s->a, cap, sizeof(*v));
        if (!v)
            return error_oom(s->e);
        if (l->n)
            memcpy(v, l->v, l->n * sizeof(*v));
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n++] = *entry;
    return 0;
}

/* "hugepages-2048kB" is "2MB" in the names of the hugetlb controller's files. */
static const char *size_name(struct arena *a, const char *dir)
{
    uint64_t kb;
    if (strncmp(dir, "hugepages-", 10) != 0 || stats_parse(dir + 10, &kb) < 0)
        return NULL;
    if (kb >= 1 << 20)
        return arena_printf(a, "%" PRIu64 "GB", kb >> 20);
    if (kb >= 1 << 10)
        return arena_printf(a, "%" PRIu64 "MB", kb >> 10);
    return arena_printf(a, "%" PRIu64 "KB", kb);
}

static int by_size(const void *a, const void *b)
{
    return strcmp(((const struct cgroup_hugetlb_stats *)a)->size,
                  ((const struct cgroup_hugetlb_stats *)b)->size);
}

int stats_hugetlb(const struct stats_source *s, struct cgroup_stats *ret,
                  int (*read)(const struct stats_source *s, struct cgroup_hugetlb_stats *h))
{
    enum { SIZES_MAX = 32 };
    DIR *dir = opendir(HUGEPAGES_DIR);
    if (!dir)
        return 0;
    int r = 0;
    ret->hugetlb.v = arena_array(s->a, SIZES_MAX, sizeof(*ret->hugetlb.v));
    if (!ret->hugetlb.v)
        r = error_oom(s->e);
    for (struct dirent *d; r >= 0 && ret->hugetlb.n < SIZES_MAX && (d = readdir(dir));) {
        struct cgroup_hugetlb_stats h = {.size = size_name(s->a, d->d_name)};
        r = h.size ? read(s, &h) : 0;
        if (r > 0)
            ret->hugetlb.v[ret->hugetlb.n++] = h;
    }
    closedir(dir);
    if (r >= 0 && ret->hugetlb.n > 1)
        qsort(ret->hugetlb.v, ret->hugetlb.n, sizeof(*ret->hugetlb.v), by_size);
    return r < 0 ? r : 0;
}

int cgroup_stats_read(const struct cgroup *cg, struct arena *a, struct cgroup_stats *ret,
                      struct hull_error *e)
{
    *ret = (struct cgroup_stats){0};
    int r = 0;
    if (cg->n > 0)
        r = cg->mode == CGROUP_V2 ? stats_v2(cg, a, ret, e) : stats_v1(cg, a, ret, e);
    return r < 0 ? error_prefix(e, "unable to get container cgroup stats") : 0;
}
