/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update: the flags are put together to the linux.resources object that they mean, which hull_update
 * takes; --resources brings one along.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/cli.h"

struct values {
    const char *resources, *blkio_weight, *cpu_period, *cpu_quota, *cpu_burst, *cpu_share,
        *cpu_rt_period, *cpu_rt_runtime, *cpuset_cpus, *cpuset_mems, *cpu_idle, *kernel_memory,
        *kernel_memory_tcp, *memory, *memory_reservation, *memory_swap, *pids_limit,
        *l3_cache_schema, *mem_bw_schema;
};

enum number_kind { SIGNED, UNSIGNED, SIZE, TEXT };

/* Flags in the order of the objects that they belong to. */
static const struct row {
    const char      *object, *member, *flag;
    size_t           offset;
    enum number_kind kind;
} rows[] = {
#define ROW(object, member, flag, m, kind) {object, member, flag, offsetof(struct values, m), kind}
    ROW("memory", "limit", "memory", memory, SIZE),
    ROW("memory", "swap", "memory-swap", memory_swap, SIZE),
    ROW("memory", "kernel", "kernel-memory", kernel_memory, SIZE),
    ROW("memory", "kernelTCP", "kernel-memory-tcp", kernel_memory_tcp, SIZE),
    ROW("memory", "reservation", "memory-reservation", memory_reservation, SIZE),
    ROW("cpu", "shares", "cpu-share", cpu_share, UNSIGNED),
    ROW("cpu", "quota", "cpu-quota", cpu_quota, SIGNED),
    ROW("cpu", "burst", "cpu-burst", cpu_burst, UNSIGNED),
    ROW("cpu", "period", "cpu-period", cpu_period, UNSIGNED),
    ROW("cpu", "realtimeRuntime", "cpu-rt-runtime", cpu_rt_runtime, SIGNED),
    ROW("cpu", "realtimePeriod", "cpu-rt-period", cpu_rt_period, UNSIGNED),
    ROW("cpu", "cpus", "cpuset-cpus", cpuset_cpus, TEXT),
    ROW("cpu", "mems", "cpuset-mems", cpuset_mems, TEXT),
    ROW("cpu", "idle", "cpu-idle", cpu_idle, SIGNED),
    ROW("pids", "limit", "pids-limit", pids_limit, SIGNED),
    ROW("blockIO", "weight", "blkio-weight", blkio_weight, UNSIGNED),
#undef ROW
};

static int fail(struct hull_error *e, int code, const char *what, const char *value,
                const char *why)
{
    e->code = code;
    snprintf(e->text, sizeof(e->text), "%s%s%s", what, value, why);
    return -1;
}

/* "50M", "1.5g", "512 kB", "2GiB": powers of 1024, as Docker's units library reads them. */
static int parse_size(const char *s, int64_t *ret)
{
    static const char suffixes[] = "bkmgtpe";
    char *end;
    if (strcmp(s, "-1") == 0) {
        *ret = -1;
        return 0;
    }
    if ((*s < '0' || *s > '9') && *s != '.')
        return -1;
    if (strspn(s, "0123456789.") == strlen(s) && !strchr(s, '.')) {
        errno = 0;
        *ret = strtoll(s, &end, 10);
        return errno || *end ? -1 : 0;
    }
    size_t digits = strspn(s, "0123456789.");
    double v = strtod(s, &end), unit = 1;
    if (end != s + digits)
        return -1;
    end += *end == ' ';
    if (*end) {
        char c[2] = {*end, '\0'};
        const char *at = strcasestr(suffixes, c);
        if (!at)
            return -1;
        for (const char *p = suffixes; p < at; p++)
            unit *= 1024;
        const char *rest = end + 1;
        if (*rest && (at == suffixes || (strcasecmp(rest, "b") != 0 && strcasecmp(rest, "ib") != 0)))
            return -1;
    }
    if (v * unit >= 9.2e18)
        return -1;
    *ret = (int64_t)(v * unit);
    return 0;
}

static int put_number(FILE *f, const struct row *row, const char *text, struct hull_error *e)
{
    char *end;
    int64_t v = 0;
    char what[96];
    snprintf(what, sizeof(what), "invalid value for %s: ", row->flag);
    if (row->kind == SIZE) {
        if (parse_size(text, &v) < 0)
            return fail(e, HULL_E_CONFIG, what, "invalid size: ", text);
        fprintf(f, "%" PRId64, v);
        return 0;
    }
    errno = 0;
    if (row->kind == UNSIGNED)
        v = (int64_t)strtoull(text, &end, 10);
    else
        v = strtoll(text, &end, 10);
    const char *digits = row->kind == SIGNED && (*text == '-' || *text == '+') ? text + 1 : text;
    if (errno || *end || *digits < '0' || *digits > '9')
        return fail(e, HULL_E_CONFIG, what, text, errno ? ": value out of range" : ": invalid syntax");
    if (row->kind == UNSIGNED)
        fprintf(f, "%" PRIu64, (uint64_t)v);
    else
        fprintf(f, "%" PRId64, v);
    return 0;
}

static void put_text(FILE *f, const char *text)
{
    fputc('"', f);
    for (; *text; text++)
        if ((unsigned char)*text < 0x20)
            fprintf(f, "\\u%04x", (unsigned char)*text);
        else
            fprintf(f, "%s%c", strchr("\"\\", *text) ? "\\" : "", *text);
    fputc('"', f);
}

static int put_flags(FILE *f, const struct values *v, struct hull_error *e)
{
    const char *object = NULL;
    fputc('{', f);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct row *row = &rows[i];
        const char *text = *(const char *const *)((const char *)v + row->offset);
        if (!text || !*text)
            continue;
        if (object && strcmp(object, row->object) == 0)
            fputc(',', f);
        else
            fprintf(f, "%s\"%s\":{", object ? "}," : "", row->object);
        object = row->object;
        fprintf(f, "\"%s\":", row->member);
        if (row->kind == TEXT)
            put_text(f, text);
        else if (put_number(f, row, text, e) < 0)
            return -1;
    }
    fputs(object ? "}}" : "}", f);
    return 0;
}

static char *from_flags(const struct values *v, struct hull_error *e)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    if (!f) {
        fail(e, ENOMEM, strerror(ENOMEM), "", "");
        return NULL;
    }
    int r = put_flags(f, v, e);
    if (fclose(f) != 0 && r == 0)
        r = fail(e, ENOMEM, strerror(ENOMEM), "", "");
    if (r == 0)
        return text;
    free(text);
    return NULL;
}

static char *from_file(const char *path, struct hull_error *e)
{
    enum { LIMIT = 16 << 20 };
    const bool in = strcmp(path, "-") == 0;
    FILE *f = in ? stdin : fopen(path, "re");
    char *text = NULL;
    size_t len = 0, cap = 0;
    if (!f) {
        e->code = errno;
        snprintf(e->text, sizeof(e->text), "open %s: %s", path,
                 e->code == ENOENT ? "no such file or directory" : strerror(e->code));
        return NULL;
    }
    for (;;) {
        if (len + 1 >= cap) {
            char *more = cap < LIMIT ? realloc(text, cap = cap ? cap * 2 : 4096) : NULL;
            if (!more)
                break;
            text = more;
        }
        size_t n = fread(text + len, 1, cap - len - 1, f);
        len += n;
        if (n == 0) {
            text[len] = '\0';
            if (!in)
                fclose(f);
            return text;
        }
    }
    if (!in)
        fclose(f);
    free(text);
    fail(e, EFBIG, path, "", ": file too large");
    return NULL;
}

static int update(struct cli *c, void *values, char **args, int n_args, struct hull_error *e)
{
    const struct values *v = values;
    (void)n_args;
    const char *l3 = v->l3_cache_schema && *v->l3_cache_schema ? v->l3_cache_schema : NULL;
    const char *mb = v->mem_bw_schema && *v->mem_bw_schema ? v->mem_bw_schema : NULL;
    if ((l3 || mb) && hull_update_intel_rdt(c->rt, args[0], l3, mb, e) < 0)
        return -1;
    char *text = v->resources && *v->resources ? from_file(v->resources, e) : from_flags(v, e);
    if (!text)
        return -1;
    int r = hull_update(c->rt, args[0], text, e);
    free(text);
    return r;
}

#define S(m, name, help) STRING_ROW(struct values, m, name, 0, "string", help)
static const struct option options[] = {
    STRING_ROW(struct values, resources, "resources", 'r', "string",
               "path to the file containing the resources to update or '-' to read from the standard input"),
    S(blkio_weight, "blkio-weight", "Specifies per cgroup weight, range is from 10 to 1000"),
    S(cpu_period, "cpu-period", "CPU CFS period to be used for hardcapping (in usecs). 0 to use system default"),
    S(cpu_quota, "cpu-quota", "CPU CFS hardcap limit (in usecs). Allowed cpu time in a given period"),
    S(cpu_burst, "cpu-burst", "CPU CFS hardcap burst limit (in usecs). Allowed accumulated cpu time additionally for burst a given period"),
    S(cpu_share, "cpu-share", "CPU shares (relative weight vs. other containers)"),
    S(cpu_rt_period, "cpu-rt-period", "CPU realtime period to be used for hardcapping (in usecs). 0 to use system default"),
    S(cpu_rt_runtime, "cpu-rt-runtime", "CPU realtime hardcap limit (in usecs). Allowed cpu time in a given period"),
    S(cpuset_cpus, "cpuset-cpus", "CPU(s) to use"),
    S(cpuset_mems, "cpuset-mems", "Memory node(s) to use"),
    {"kernel-memory", 0, OPT_STRING, offsetof(struct values, kernel_memory), "string", "(obsoleted; do not use)", true},
    {"kernel-memory-tcp", 0, OPT_STRING, offsetof(struct values, kernel_memory_tcp), "string", "(obsoleted; do not use)", true},
    S(memory, "memory", "Memory limit (in bytes)"),
    S(cpu_idle, "cpu-idle", "set cgroup SCHED_IDLE or not, 0: default behavior, 1: SCHED_IDLE"),
    S(memory_reservation, "memory-reservation", "Memory reservation or soft_limit (in bytes)"),
    S(memory_swap, "memory-swap", "Total memory usage (memory + swap); set '-1' to enable unlimited swap"),
    S(pids_limit, "pids-limit", "Maximum number of pids allowed in the container"),
    S(l3_cache_schema, "l3-cache-schema", "The string of Intel RDT/CAT L3 cache schema"),
    S(mem_bw_schema, "mem-bw-schema", "The string of Intel RDT/MBA memory bandwidth schema"),
};

const struct command cmd_update = {
    .name = "update",
    .arguments = "<container-id>",
    .summary = "update container resource constraints",
    .details = "   A file of resources is a linux.resources object; members that are left out stay as\n"
               "   they are. With --resources all other options are ignored.",
    .options = options,
    .n_options = sizeof(options) / sizeof(*options),
    .values_size = sizeof(struct values),
    .min_args = 1,
    .max_args = 1,
    .fail_status = 1,
    .run = update,
};
