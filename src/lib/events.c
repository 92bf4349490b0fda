/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * hull_events waits for whatever comes first: the timer of the statistics, an OOM kill, or the end
 * of the container (cgroup/watch.h, and a pidfd of init: on cgroup v1 nothing else tells before the
 * cgroup is removed). The end is looked at last, so that an OOM kill that ends the container is
 * still reported.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "cgroup/watch.h"
#include "json/write.h"
#include "lib/runtime.h"
#include "lib/stats_json.h"

struct stream {
    hull_runtime        *rt;
    struct container    *c;
    hull_event_fn       *cb;
    void                *arg;
    struct cgroup_watch *watch;
};

static int stats_line(const struct container *c, char **ret, struct hull_error *e)
{
    _cleanup_arena_ struct arena tmp = {0};
    struct cgroup_stats st;
    int r = cgroup_stats_read(c->cgroup, &tmp, &st, e);
    struct intelrdt_stats rdt;
    const struct intelrdt_group *g = container_intel_rdt(c, &tmp);
    if (r == 0 && g)
        r = intelrdt_stats_read(g, &tmp, &rdt, e);
    return r < 0 ? r : stats_json(c->state->id, &st, g ? &rdt : NULL, ret, e);
}

static int send_stats(const struct stream *s, struct hull_error *e)
{
    _cleanup_free_ char *line = NULL;
    struct hull_error bad;
    /* Half-removed: the watch will say so, there is nothing to fail for. */
    if (stats_line(s->c, &line, &bad) < 0) {
        if (cgroup_exists(s->c->cgroup))
            log_error(&s->rt->log, "%s", bad.text);
        return 0;
    }
    int r = s->cb(s->arg, line);
    return r < 0 ? error_set(e, -r, "write event") : 0;
}

static int send_oom(const struct stream *s, struct hull_error *e)
{
    struct json_out o = {0};
    _cleanup_free_ char *line = NULL;
    json_out_open_object(&o, NULL);
    json_out_string(&o, "type", "oom");
    json_out_string(&o, "id", s->c->state->id);
    json_out_close_object(&o);
    if (json_out_take(&o, &line, e) < 0)
        return -e->code;
    int r = s->cb(s->arg, line);
    return r < 0 ? error_set(e, -r, "write event") : 0;
}

/* 1: nothing of the container is left. */
static int send_news(const struct stream *s, struct hull_error *e)
{
    struct cgroup_news news;
    cgroup_watch_read(s->c->cgroup, s->watch, &news);
    for (unsigned i = 0; i < news.ooms; i++) {
        int r = send_oom(s, e);
        if (r < 0)
            return r;
    }
    return news.empty;
}

static int open_timer(uint64_t interval_ns, struct hull_error *e)
{
    const struct timespec t = {.tv_sec = (time_t)(interval_ns / 1000000000),
                               .tv_nsec = (long)(interval_ns % 1000000000)};
    const struct itimerspec every = {.it_interval = t, .it_value = t};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0 || timerfd_settime(fd, 0, &every, NULL) < 0) {
        int err = errno;
        if (fd >= 0)
            close(fd);
        return error_set(e, err, "timer of the statistics");
    }
    return fd;
}

static int loop(const struct stream *s, int timer, int pidfd, struct hull_error *e)
{
    enum { TIMER, INOTIFY, EVENTFD, INIT, N };
    struct pollfd p[N] = {
        [TIMER] = {.fd = timer, .events = POLLIN},
        [INOTIFY] = {.fd = s->watch->inotify_fd, .events = POLLIN},
        [EVENTFD] = {.fd = s->watch->event_fd, .events = POLLIN},
        [INIT] = {.fd = pidfd, .events = POLLIN},
    };
    for (;;) {
        /* Also before the first wait: what ended before the watch began is not notified. */
        int r = send_news(s, e);
        if (r != 0)
            return r < 0 ? r : 0;
        if (p[INIT].revents) {
            /* It has taken all others with it, or nothing else will ever tell. */
            if (s->c->state->private_pid_namespace ||
                (s->watch->inotify_fd < 0 && s->watch->event_fd < 0))
                return 0;
            p[INIT].fd = -1;
        }
        uint64_t ticks;
        if (p[TIMER].revents && read(timer, &ticks, sizeof(ticks)) == sizeof(ticks)) {
            r = send_stats(s, e);
            if (r < 0)
                return r;
        }
        if (poll(p, N, -1) < 0 && errno != EINTR)
            return error_set(e, errno, "poll");
    }
}

static int open_running(hull_runtime *rt, const char *id, struct container *c, struct hull_error *e)
{
    int r = container_open(rt, id, 0, c, e);
    if (r < 0)
        return r;
    if (c->status == STATUS_STOPPED || c->status == STATUS_CREATING)
        return error_set(e, HULL_E_STATE, "container with id %s is not running", id);
    return 0;
}

int hull_stats_json(hull_runtime *rt, const char *id, char **ret, struct hull_error *e)
{
    _cleanup_container_ struct container c = CONTAINER_INIT;
    int r = open_running(rt, id, &c, e);
    return r < 0 ? r : stats_line(&c, ret, e);
}

int hull_events(hull_runtime *rt, const char *id, uint64_t interval_ns, hull_event_fn *cb, void *arg,
                struct hull_error *e)
{
    _cleanup_container_ struct container c = CONTAINER_INIT;
    _cleanup_watch_ struct cgroup_watch watch = CGROUP_WATCH_INIT;
    int r = open_running(rt, id, &c, e);
    if (r < 0)
        return r;
    if (interval_ns == 0)
        return error_set(e, HULL_E_CONFIG, "duration interval must be greater than 0");
    if (c.state->rootless)
        log_warning(&rt->log, "getting OOM notifications may fail if you don't have the full access "
                              "to cgroups");
    r = cgroup_watch_open(c.cgroup, &watch, e);
    if (r < 0)
        return r;
    _cleanup_close_ int timer = open_timer(interval_ns, e);
    if (timer < 0)
        return timer;
    struct hull_error gone;
    _cleanup_close_ int pidfd = container_pidfd(&c, &gone);
    if (pidfd < 0 && c.state->private_pid_namespace)
        return 0;
    const struct stream s = {.rt = rt, .c = &c, .cb = cb, .arg = arg, .watch = &watch};
    return loop(&s, timer, pidfd, e);
}
