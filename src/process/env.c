/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * config.md, process.env. Each variable appears once; the last of duplicates wins but keeps the
 * place of its last mention, as runc does it. HOME is set from the container's passwd when it is
 * missing or empty.
 */
#include "process/process.h"

#include <string.h>

static size_t name_len(const char *entry)
{
    return strcspn(entry, "=");
}

const char *env_get(char *const *env, const char *name)
{
    const size_t n = strlen(name);
    for (; env && *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return *env + n + 1;
    return NULL;
}

static bool repeated_later(const struct oci_strs *env, size_t i)
{
    const size_t n = name_len(env->v[i]);
    for (size_t j = i + 1; j < env->n; j++)
        if (name_len(env->v[j]) == n && memcmp(env->v[i], env->v[j], n) == 0)
            return true;
    return false;
}

char **env_build(const struct oci_process *p, int root_fd, struct arena *a)
{
    char **out = arena_array(a, p->env.n + 2, sizeof(*out));
    if (!out)
        return NULL;
    size_t n = 0;
    bool home = false;
    for (size_t i = 0; i < p->env.n; i++) {
        if (repeated_later(&p->env, i) || strcmp(p->env.v[i], "HOME=") == 0)
            continue;
        home = home || strncmp(p->env.v[i], "HOME=", 5) == 0;
        out[n++] = p->env.v[i];
    }
    if (!home) {
        char *dir = user_home(root_fd, p->user ? p->user->uid : 0, a);
        out[n] = dir ? arena_printf(a, "HOME=%s", dir) : NULL;
        if (!out[n])
            return NULL;
        n++;
    }
    out[n] = NULL;
    return out;
}
