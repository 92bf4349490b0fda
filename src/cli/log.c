/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines as logrus writes them, which is what engines parse. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"

static const char *level_name(enum hull_log_level level)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    return names[level];
}

static void put_escaped(FILE *f, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        switch (*p) {
        case '"':
        case '\\':
            fprintf(f, "\\%c", *p);
            break;
        case '\n':
            fputs("\\n", f);
            break;
        case '\t':
            fputs("\\t", f);
            break;
        case '\r':
            fputs("\\r", f);
            break;
        default:
            if (*p < 0x20)
                fprintf(f, "\\u%04x", *p);
            else
                fputc(*p, f);
        }
    }
}

static int journal_open(void)
{
    const struct sockaddr_un sa = {.sun_family = AF_UNIX,
                                   .sun_path = "/run/systemd/journal/socket"};
    int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s >= 0 && connect(s, (const struct sockaddr *)&sa, sizeof(sa)) == 0)
        return s;
    int err = errno;
    if (s >= 0)
        close(s);
    return -err;
}

/* The journal's native protocol: a field per line, so the text has to be one. */
static void journal_write(const struct cli *c, int priority, const char *text)
{
    char line[2048];
    int n = snprintf(line, sizeof(line),
                     "PRIORITY=%d\nSYSLOG_IDENTIFIER=%.200s\nMESSAGE=", priority, c->log_name);
    size_t len = (size_t)n;
    for (; *text && len < sizeof(line) - 1; text++)
        line[len++] = *text == '\n' ? ' ' : *text;
    line[len++] = '\n';
    (void)send(c->journal, line, len, MSG_NOSIGNAL);
}

static int priority_of(enum hull_log_level level)
{
    static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
    return priorities[level];
}

int log_open(struct cli *c, const char *target)
{
    enum { TO_FILE, TO_JOURNAL, TO_SYSLOG, N_KINDS };
    static const char *const prefixes[N_KINDS] = {"file:", "journald:", "syslog:"};
    int kind = TO_FILE;
    c->log = stderr;
    c->journal = -1;
    if (!target || !*target)
        return 0;
    while (kind < N_KINDS && strncmp(target, prefixes[kind], strlen(prefixes[kind])) != 0)
        kind++;
    if (kind < N_KINDS)
        target += strlen(prefixes[kind]);
    if (kind == TO_JOURNAL || kind == TO_SYSLOG) {
        c->log_name = *target ? target : c->program;
        c->log = NULL;
        c->syslog = kind == TO_SYSLOG;
        if (c->syslog)
            openlog(c->log_name, LOG_NDELAY, LOG_USER);
        else
            c->journal = journal_open();
        return c->syslog || c->journal >= 0 ? 0 : c->journal;
    }
    int fd = openat(AT_FDCWD, target, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "a");
    if (!f)
        return -errno;
    c->log = f;
    return 0;
}

void log_write(const struct cli *c, enum hull_log_level level, const char *text)
{
    if (c->syslog)
        syslog(priority_of(level), "%s", text);
    else if (c->journal >= 0)
        journal_write(c, priority_of(level), text);
    if (!c->log)
        return;
    char when[40];
    time_t now = time(NULL);
    struct tm tm;
    localtime_r(&now, &tm); /* RFC 3339 with the offset of TZ, as Go has it */
    const size_t used = strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
    const long minutes = tm.tm_gmtoff / 60;
    if (minutes == 0)
        snprintf(when + used, sizeof(when) - used, "Z");
    else
        snprintf(when + used, sizeof(when) - used, "%c%02ld:%02ld", minutes < 0 ? '-' : '+',
                 labs(minutes) / 60, labs(minutes) % 60);
    /* One write per line: several processes may share the file. */
    char *line = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&line, &len);
    if (!f)
        return;
    if (c->log_json) {
        fprintf(f, "{\"level\":\"%s\",\"msg\":\"", level_name(level));
        put_escaped(f, text);
        fprintf(f, "\",\"time\":\"%s\"}\n", when);
    } else {
        fprintf(f, "time=\"%s\" level=%s msg=\"", when, level_name(level));
        put_escaped(f, text);
        fputs("\"\n", f);
    }
    if (fclose(f) == 0) {
        fwrite(line, 1, len, c->log);
        fflush(c->log);
    }
    free(line);
}
