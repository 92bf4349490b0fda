/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * Finds args[0] inside the container at create, so that a missing program is an error of create and
 * not of start, with the words that engines turn into exit codes 126 and 127. Permission is asked of
 * the kernel (faccessat2 with the effective ids and capabilities), never computed from mode bits
 * alone: a process with CAP_DAC_OVERRIDE may run what the bits would refuse.
 */
#include "process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "base/fd.h"
#include "base/sys.h"

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

/* 0, or the errno for which path can't be executed. */
static int check(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return errno;
    if (S_ISDIR(st.st_mode))
        return EISDIR;
    if (syscall(SYS_faccessat2, AT_FDCWD, path, 1 /* X_OK */, 0x200 /* AT_EACCESS */) == 0)
        return 0;
    if (errno == ENOSYS || errno == EPERM)
        return st.st_mode & 0111 ? 0 : EACCES;
    return errno;
}

int exec_lookup(const char *name, char *const *env, struct arena *a, const char **ret,
                struct hull_error *e)
{
    if (strchr(name, '/')) {
        int err = check(name);
        if (err == EISDIR) /* Docker up to 20.10 makes its exit code 126 of the last words alone. */
            return error_at(e, "process.args[0]", EACCES, "exec: \"%s\": is a directory", name);
        if (err == EACCES)
            return error_at(e, "process.args[0]", err, "exec: \"%s\"", name);
        if (err)
            return error_at(e, "process.args[0]", err, "exec: \"%s\": stat %s", name, name);
        *ret = name;
        return 0;
    }
    bool denied = false;
    const char *path = env_get(env, "PATH");
    for (const char *p = path; p && *name; ) {
        size_t len = strcspn(p, ":");
        if (len > 0) {
            char *try = arena_printf(a, "%.*s/%s", (int)len, p, name);
            if (!try)
                return error_oom(e);
            int err = check(try);
            if (err == 0) {
                *ret = try;
                return 0;
            }
            denied = denied || err == EACCES;
        }
        p = p[len] ? p + len + 1 : NULL;
    }
    if (denied)
        return error_at(e, "process.args[0]", EACCES, "exec: \"%s\"", name);
    return error_at(e, "process.args[0]", HULL_E_INIT,
                    "exec: \"%s\": executable file not found in $PATH", name);
}

/* For a script: its interpreter; for an ELF file: its loader. Empty when there is none. */
static void needed_by(const char *path, char *interp, size_t cap, const char **kind)
{
    char head[4096];
    *kind = NULL;
    _cleanup_close_ int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : fd_read_all(fd, head, sizeof(head) - 1);
    if (n <= 2)
        return;
    head[n] = '\0';
    if (head[0] == '#' && head[1] == '!') {
        char *p = head + 2 + strspn(head + 2, " \t");
        size_t len = strcspn(p, " \t\n");
        if (len < cap) {
            memcpy(interp, p, len);
            interp[len] = '\0';
            *kind = "script interpreter";
        }
        return;
    }
    if (n < 64 || memcmp(head, "\177ELF", 4) != 0 || head[4] != 2 /* 64 bit */)
        return;
    uint64_t phoff;
    uint16_t phnum, phsize;
    memcpy(&phoff, head + 32, sizeof(phoff));
    memcpy(&phsize, head + 54, sizeof(phsize));
    memcpy(&phnum, head + 56, sizeof(phnum));
    for (unsigned i = 0; i < phnum && phoff + (i + 1u) * (uint64_t)phsize <= (uint64_t)n; i++) {
        const char *ph = head + phoff + i * (uint64_t)phsize;
        uint32_t type;
        uint64_t off, size;
        memcpy(&type, ph, sizeof(type));
        memcpy(&off, ph + 8, sizeof(off));
        memcpy(&size, ph + 32, sizeof(size));
        if (type == 3 /* PT_INTERP */ && size > 0 && size < cap && off < (uint64_t)n &&
            size <= (uint64_t)n - off) {
            memcpy(interp, head + off, size);
            interp[size] = '\0';
            *kind = "ELF loader";
            return;
        }
    }
}

int exec_explain(const char *path, const char *name, int err, struct hull_error *e)
{
    char interp[256];
    const char *kind;
    (void)name;
    if (err == ENOENT) {
        needed_by(path, interp, sizeof(interp), &kind);
        size_t len = kind ? strlen(interp) : 0;
        if (kind && len > 0 && interp[len - 1] == '\r')
            return error_set(e, err, "exec %s: the first line ends in CR LF, so its interpreter is not found", path);
        /* The plain form is the one that runc's users match on; the reason goes in front. */
        if (kind && access(interp, F_OK) < 0 && strcmp(kind, "ELF loader") == 0)
            return error_set(e, err, "exec %s: %s %s is missing", path, kind, interp);
    }
    return error_set(e, err, "exec %s", path);
}
