/* SPDX-License-Identifier: Apache-2.0 */
/* Other programs that do a part of a command better than we would: ps(1), grep(1). */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"

/* Everything until end of file, NUL-terminated; NULL: out of memory or unreadable. */
static char *read_all(int fd)
{
    size_t len = 0, cap = 1 << 16;
    char *buf = malloc(cap);
    while (buf) {
        ssize_t n = read(fd, buf + len, cap - len - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            free(buf);
            return NULL;
        }
        len += (size_t)n;
        buf[len] = '\0';
        if (n == 0)
            return buf;
        if (len + 1 < cap)
            continue;
        char *more = realloc(buf, cap *= 2);
        if (!more)
            free(buf);
        buf = more;
    }
    return NULL;
}

static int failed(struct hull_error *e, int code, const char *what)
{
    e->code = code;
    snprintf(e->text, sizeof(e->text), "%s: %s", what,
             code == ENOENT ? "executable file not found in $PATH" : hull_errno_text(code));
    return -1;
}

/* A file in memory: a program that does not read can't block us. */
static int file_of(const char *text)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    size_t len = strlen(text);
    if (fd >= 0 && (write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) < 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

int tool_output(char **argv, const char *input, char **ret_text, int *ret_status,
                struct hull_error *e)
{
    int p[2], in = input ? file_of(input) : 0;
    char what[64];
    pid_t pid;
    posix_spawn_file_actions_t fa;
    if (in < 0)
        return failed(e, errno, "memfd_create");
    if (pipe2(p, O_CLOEXEC) < 0) {
        failed(e, errno, "pipe");
        if (input)
            close(in);
        return -1;
    }
    posix_spawn_file_actions_init(&fa);
    if (input)
        posix_spawn_file_actions_adddup2(&fa, in, 0);
    posix_spawn_file_actions_adddup2(&fa, p[1], 1);
    posix_spawn_file_actions_adddup2(&fa, p[1], 2);
    int r = posix_spawnp(&pid, argv[0], &fa, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&fa);
    close(p[1]);
    if (input)
        close(in);
    char *text = r == 0 ? read_all(p[0]) : NULL;
    close(p[0]);
    snprintf(what, sizeof(what), r != 0 ? "exec: \"%s\"" : "reading the output of %s", argv[0]);
    if (r != 0)
        return failed(e, r, what);
    while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
        ;
    *ret_text = text;
    return text ? 0 : failed(e, ENOMEM, what);
}
