/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/runtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* runc's rule: XDG_RUNTIME_DIR counts for users, and in a user namespace for a root who is not said to be USER=root. */
static char *default_root(const struct hull_options *o, bool *ret_xdg)
{
    const char *name = o->name ? o->name : "hull";
    const char *xdg = getenv("XDG_RUNTIME_DIR"), *user = getenv("USER");
    bool other = geteuid() != 0;
    if (!other && xdg && (!user || strcmp(user, "root") != 0)) {
        struct host_facts f;
        struct hull_error err;
        other = host_facts_probe(&f, &err) == 0 && f.in_userns;
    }
    char *path = NULL;
    *ret_xdg = other && xdg && *xdg;
    int n = *ret_xdg ? asprintf(&path, "%s/%s", xdg, name) : asprintf(&path, "/run/%s", name);
    return n < 0 ? NULL : path;
}

static char *absolute(const char *path)
{
    if (path[0] == '/')
        return strdup(path);
    _cleanup_free_ char *cwd = getcwd(NULL, 0);
    char *out = NULL;
    return !cwd || asprintf(&out, "%s/%s", cwd, path) < 0 ? NULL : out;
}

int options_take(const void *given, void *ret, size_t size, struct hull_error *e)
{
    size_t theirs;
    memcpy(&theirs, given, sizeof(theirs));
    if (theirs < sizeof(theirs) || theirs > 4096)
        return error_set(e, EINVAL, "options with a size of %zu bytes", theirs);
    const char *bytes = given;
    for (size_t i = size; i < theirs; i++)
        if (bytes[i])
            return error_set(e, E2BIG, "options that hull " HULL_VERSION " does not know");
    memset(ret, 0, size);
    memcpy(ret, given, theirs < size ? theirs : size);
    return 0;
}

int hull_open(const struct hull_options *o, hull_runtime **ret, struct hull_error *e)
{
    struct hull_options taken;
    int r = options_take(o, &taken, sizeof(taken), e);
    if (r < 0)
        return r;
    o = &taken;
    hull_runtime *rt = calloc(1, sizeof(*rt));
    if (!rt)
        return error_oom(e);
    rt->options = *o;
    if (!rt->options.name)
        rt->options.name = "hull";
    rt->log = (struct log){.fn = o->log, .arg = o->log_arg, .level = o->log_level};
    rt->root = o->root ? absolute(o->root) : default_root(o, &rt->root_in_xdg);
    if (!rt->root) {
        free(rt);
        return error_oom(e);
    }
    if (o->root && strspn(rt->root, "/") == strlen(rt->root)) {
        hull_close(rt);
        return error_set(e, HULL_E_CONFIG, "root (\"%s\") must not be the root directory", o->root);
    }
    *ret = rt;
    return 0;
}

void hull_close(hull_runtime *rt)
{
    if (!rt)
        return;
    free(rt->root);
    free(rt);
}

const char *hull_root(const hull_runtime *rt)
{
    return rt->root;
}

int runtime_host(hull_runtime *rt, struct hull_error *e)
{
    if (rt->host_known)
        return 0;
    int r = host_facts_probe(&rt->host, e);
    rt->host_known = r == 0;
    return r;
}

const char *hull_errno_text(int err)
{
    return errno_text(err);
}
