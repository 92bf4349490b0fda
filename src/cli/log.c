/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines as logrus writes them, which is what engines parse. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

void log_write(const struct cli *c, enum hull_log_level level, const char *text)
{
    char when[40];
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
    /* One write per line: several processes may share the file. */
    char *line = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&line, &len);
    if (!f)
        return;
    if (c->log_json) {
        fprintf(f, "{\"level\":\"%s\",\"msg\":\"", level_name(level));
        put_escaped(f, text);
        fprintf(f, "\",\"time\":\"%sZ\"}\n", when);
    } else {
        fprintf(f, "time=\"%sZ\" level=%s msg=\"", when, level_name(level));
        put_escaped(f, text);
        fputs("\"\n", f);
    }
    if (fclose(f) == 0) {
        fwrite(line, 1, len, c->log);
        fflush(c->log);
    }
    free(line);
}
