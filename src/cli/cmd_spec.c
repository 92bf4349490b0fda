/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

struct values { const char *bundle, *file; bool rootless; };

/* A new config.json in the bundle; a file given by name is replaced. */
static int open_file(const struct values *v)
{
    if (v->file && *v->file)
        return openat(AT_FDCWD, v->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int dir = openat(AT_FDCWD, v->bundle && *v->bundle ? v->bundle : ".",
                     O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -1;
    int fd = openat(dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    int err = errno;
    close(dir);
    errno = err;
    return fd;
}

static int spec(struct cli *c, void *values, char **args, int n_args, struct hull_error *e)
{
    const struct values *v = values;
    char *text = NULL;
    (void)args;
    (void)n_args;
    int r = hull_spec(c->rt, v->rootless, &text, e);
    if (r < 0)
        return r;
    int fd = open_file(v);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0) {
        e->code = errno;
        if (errno == EEXIST)
            snprintf(e->text, sizeof(e->text), "File config.json exists. Remove it first");
        else
            snprintf(e->text, sizeof(e->text), "write %s: %s",
                     v->file && *v->file ? v->file : "config.json", hull_errno_text(errno));
        r = -1;
    }
    free(text);
    return r;
}

static const struct option options[] = {
    STRING_ROW(struct values, bundle, "bundle", 'b', "string",
               "path to the root of the bundle directory"),
    STRING_ROW(struct values, file, "file", 'f', "string",
               "write to this file, which may exist, instead"),
    FLAG_ROW(struct values, rootless, "rootless", 0,
             "generate a configuration for a rootless container"),
};

const struct command cmd_spec = {
    .name = "spec",
    .arguments = "",
    .summary = "create a new specification file",
    .details = "   Writes the configuration file \"config.json\" of a new bundle: sh on a terminal, with\n"
               "   few capabilities. Edit it to run something else.",
    .options = options,
    .n_options = sizeof(options) / sizeof(*options),
    .values_size = sizeof(struct values),
    .min_args = 0,
    .max_args = 0,
    .fail_status = 1,
    .run = spec,
};
