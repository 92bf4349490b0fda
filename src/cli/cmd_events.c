/* SPDX-License-Identifier: Apache-2.0 */
/* events: JSON lines, each written whole at once, since their readers wait for them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cli/cli.h"

struct values { const char *interval; bool stats; };

/* A duration as Go's time.ParseDuration reads it ("1h2m3.5s", "100ms"), in nanoseconds. */
static int parse_duration(const char *text, double *ret)
{
    static const struct { const char *name; double ns; } units[] = {
        {"ns", 1},  {"us", 1e3}, {"\xc2\xb5s", 1e3}, {"\xce\xbcs", 1e3},
        {"ms", 1e6}, {"s", 1e9},  {"m", 60e9},        {"h", 3600e9},
    };
    const char *p = text;
    const bool negative = *p == '-';
    double sum = 0;
    p += *p == '-' || *p == '+';
    if (strcmp(p, "0") == 0) {
        *ret = 0;
        return 0;
    }
    do {
        char *end;
        if ((*p < '0' || *p > '9') && *p != '.')
            return -1;
        size_t digits = strspn(p, "0123456789.");
        double v = strtod(p, &end);
        if (end != p + digits)
            return -1;
        size_t i = 0, len = strcspn(end, "0123456789.");
        while (i < sizeof(units) / sizeof(*units) &&
               (strlen(units[i].name) != len || memcmp(units[i].name, end, len) != 0))
            i++;
        if (i == sizeof(units) / sizeof(*units))
            return -1;
        sum += v * units[i].ns;
        p = end + len;
    } while (*p);
    *ret = negative ? -sum : sum;
    return sum > 9.2e18 ? -1 : 0;
}

static int print_line(void *arg, const char *json)
{
    (void)arg;
    size_t len = strlen(json);
    struct iovec v[] = {{(void *)json, len}, {(void *)"\n", 1}};
    for (size_t done = 0; done < len + 1;) {
        ssize_t n = writev(STDOUT_FILENO, v, 2);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        done += (size_t)n;
        for (int i = 0; i < 2; i++) {
            size_t cut = (size_t)n < v[i].iov_len ? (size_t)n : v[i].iov_len;
            v[i].iov_base = (char *)v[i].iov_base + cut;
            v[i].iov_len -= cut;
            n -= (ssize_t)cut;
        }
    }
    return 0;
}

static int events(struct cli *c, void *values, char **args, int n_args, struct hull_error *e)
{
    const struct values *v = values;
    double interval = 5e9;
    char *line = NULL;
    (void)n_args;
    e->code = HULL_E_CONFIG;
    if (v->interval && parse_duration(v->interval, &interval) < 0) {
        snprintf(e->text, sizeof(e->text),
                 "invalid value \"%s\" for flag -interval: time: invalid duration \"%s\"",
                 v->interval, v->interval);
        return -1;
    }
    if (interval < 1) {
        snprintf(e->text, sizeof(e->text), "duration interval must be greater than 0");
        return -1;
    }
    if (!v->stats)
        return hull_events(c->rt, args[0], (uint64_t)interval, print_line, NULL, e);
    int r = hull_stats_json(c->rt, args[0], &line, e);
    if (r == 0 && (r = print_line(NULL, line)) < 0)
        snprintf(e->text, sizeof(e->text), "write: %s", strerror(-r));
    free(line);
    return r;
}

static const struct option options[] = {
    {"interval", 0, OPT_VALUE, offsetof(struct values, interval), "duration",
     "set the stats collection interval (default: 5s)", false},
    FLAG_ROW(struct values, stats, "stats", 0, "display the container's stats then exit"),
};

const struct command cmd_events = {
    .name = "events",
    .arguments = "<container-id>",
    .summary = "display container events such as OOM notifications, cpu, memory, and IO usage statistics",
    .details = "   The events command displays information about the container. By default the\n"
               "   information is displayed once every 5 seconds.",
    .options = options,
    .n_options = sizeof(options) / sizeof(*options),
    .values_size = sizeof(struct values),
    .min_args = 1,
    .max_args = 1,
    .fail_status = 1,
    .run = events,
};
