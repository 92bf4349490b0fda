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
#include <string.h>

/* The reason, if it can be told, comes before runc's own words, which others match on. */
static int refuse(const char *path, const char *name, int err, struct hull_error *e)
{
    char why[EXEC_WHY_MAX];
    (void)exec_why(path, err, why, sizeof(why));
    const char *sep = *why ? ": " : "";
    if (err == EISDIR) /* Docker up to 20.10 makes its exit code 126 of the last words alone. */
        return error_at(e, "process.args[0]", EACCES, "%s%sexec: \"%s\": is a directory", why, sep, name);
    if (err == EACCES)
        return error_at(e, "process.args[0]", err, "%s%sexec: \"%s\"", why, sep, name);
    return error_at(e, "process.args[0]", err, "%s%sexec: \"%s\": stat %s", why, sep, name, path);
}

int exec_lookup(const char *name, char *const *env, struct arena *a, const char **ret,
                struct hull_error *e)
{
    if (strchr(name, '/')) {
        int err = exec_may(name);
        if (err)
            return refuse(name, name, err, e);
        *ret = name;
        return 0;
    }
    const char *denied = NULL;
    const char *path = env_get(env, "PATH");
    for (const char *p = path; p && *name; ) {
        size_t len = strcspn(p, ":");
        if (len > 0) {
            char *try = arena_printf(a, "%.*s/%s", (int)len, p, name);
            if (!try)
                return error_oom(e);
            int err = exec_may(try);
            if (err == 0) {
                *ret = try;
                return 0;
            }
            if (err == EACCES && !denied)
                denied = try;
        }
        p = p[len] ? p + len + 1 : NULL;
    }
    if (denied)
        return refuse(denied, name, EACCES, e);
    return error_at(e, "process.args[0]", HULL_E_INIT, "%sexec: \"%s\": executable file not found in $PATH",
                    path && *path ? "" : "process.env has no PATH: ", name);
}
