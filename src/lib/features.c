/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * hull_features: the spec's features.md as JSON, from the tables that the features themselves work
 * by, so that it can't promise more than there is. The structure is runc's; lists that runc sorts
 * are sorted. What the machine has to offer is no part of that structure and goes into
 * annotations.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "hooks/hooks.h"
#include "host/abilities.h"
#include "json/write.h"
#include "lib/runtime.h"
#include "mount/options.h"
#include "ns/ns.h"
#include "oci/memory_policy.h"
#include "process/process.h"
#include "seccomp/seccomp.h"

#define FEATURES_SPEC_MIN "1.0.0"

enum { WORDS_MAX = 128 };
struct words { const char *v[WORDS_MAX]; size_t n; };

static void add(struct words *w, const char *word)
{
    if (w->n < WORDS_MAX)
        w->v[w->n++] = word;
}

static int by_word(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void write_words(struct json_out *o, const char *key, const struct words *w)
{
    json_out_open_array(o, key);
    for (size_t i = 0; i < w->n; i++)
        json_out_string(o, NULL, w->v[i]);
    json_out_close_array(o);
}

static void write_sorted(struct json_out *o, const char *key, struct words *w)
{
    qsort(w->v, w->n, sizeof(*w->v), by_word);
    write_words(o, key, w);
}

static void write_hooks(struct json_out *o)
{
    struct words w = {.n = 0};
    for (int k = 0; k < HOOK_KIND_COUNT; k++)
        add(&w, hook_name((enum hook_kind)k));
    write_words(o, "hooks", &w);
}

static void write_mount_options(struct json_out *o)
{
    struct words w = {.n = 0};
    const char *word;
    for (size_t i = 0; (word = mount_option_word(i)); i++)
        add(&w, word);
    write_sorted(o, "mountOptions", &w);
}

static void write_namespaces(struct json_out *o)
{
    struct words w = {.n = 0};
    for (int t = 0; t < NS_COUNT; t++)
        add(&w, ns_name((enum ns_type)t));
    write_sorted(o, "namespaces", &w);
}

static void write_capabilities(struct json_out *o)
{
    struct words w = {.n = 0};
    for (unsigned i = 0; caps_name(i); i++)
        add(&w, caps_name(i));
    write_words(o, "capabilities", &w);
}

static void write_yes(struct json_out *o, const char *key, const char *const *members)
{
    json_out_open_object(o, key);
    for (size_t i = 0; members[i]; i++)
        json_out_bool(o, members[i], true);
    json_out_close_object(o);
}

static void write_seccomp(struct json_out *o)
{
    static const struct { enum seccomp_word kind; const char *key; } lists[] = {
        {SECCOMP_WORD_ACTION, "actions"}, {SECCOMP_WORD_OPERATOR, "operators"},
        {SECCOMP_WORD_ARCH, "archs"},     {SECCOMP_WORD_FLAG, "knownFlags"},
    };
    const char *word;
    json_out_open_object(o, "seccomp");
    json_out_bool(o, "enabled", true);
    for (size_t k = 0; k < COUNT_OF(lists); k++) {
        struct words w = {.n = 0};
        for (size_t i = 0; (word = seccomp_word(lists[k].kind, i)); i++)
            add(&w, word);
        write_words(o, lists[k].key, &w);
    }
    struct words supported = {.n = 0};
    for (size_t i = 0; (word = seccomp_word(SECCOMP_WORD_FLAG, i)); i++) {
        const unsigned flag = (unsigned)seccomp_flag(word);
        if (flag == 0 || seccomp_flags_supported(flag))
            add(&supported, word);
    }
    write_words(o, "supportedFlags", &supported);
    json_out_close_object(o);
}

static void write_memory_policy(struct json_out *o)
{
    const struct oci_memory_policy_word *word;
    struct words modes = {.n = 0}, flags = {.n = 0};
    for (size_t i = 0; (word = oci_memory_policy_mode(i)); i++)
        add(&modes, word->name);
    for (size_t i = 0; (word = oci_memory_policy_flag(i)); i++)
        add(&flags, word->name);
    json_out_open_object(o, "memoryPolicy");
    write_words(o, "modes", &modes);
    write_words(o, "flags", &flags);
    json_out_close_object(o);
}

static void write_linux(struct json_out *o)
{
    static const char *const cgroup[] = {"v1", "v2", "systemd", "systemdUser", "rdma", NULL};
    static const char *const enabled[] = {"enabled", NULL};
    static const char *const intel_rdt[] = {"enabled", "schemata", "monitoring", NULL};
    json_out_open_object(o, "linux");
    write_namespaces(o);
    write_capabilities(o);
    write_yes(o, "cgroup", cgroup);
    write_seccomp(o);
    write_yes(o, "apparmor", enabled);
    write_yes(o, "selinux", enabled);
    write_yes(o, "intelRdt", intel_rdt);
    write_memory_policy(o);
    json_out_open_object(o, "mountExtensions");
    write_yes(o, "idmap", enabled);
    json_out_close_object(o);
    write_yes(o, "netDevices", enabled);
    json_out_close_object(o);
}

/* The keys of runc are those that engines look for. */
static void write_annotations(struct json_out *o, const struct host_facts *host, const char *commit)
{
    static const char *const modes[] = {
        [CGROUP_NONE] = "none", [CGROUP_V1] = "v1", [CGROUP_HYBRID] = "hybrid", [CGROUP_V2] = "v2",
    };
    struct utsname u;
    const struct host_ability *a;
    json_out_open_object(o, "annotations");
    json_out_string(o, "org.opencontainers.runc.checkpoint.enabled", "true");
    if (commit)
        json_out_string(o, "org.opencontainers.runc.commit", commit);
    json_out_string(o, "org.opencontainers.runc.version", HULL_VERSION);
    json_out_string(o, "run.hull.host.cgroup", modes[host->cgroup_mode]);
    if (uname(&u) == 0)
        json_out_string(o, "run.hull.host.kernel", u.release);
    for (size_t i = 0; (a = host_ability(i)); i++) {
        char key[64];
        snprintf(key, sizeof(key), "run.hull.host.%s", a->name);
        json_out_string(o, key, a->has() ? "true" : "false");
    }
    json_out_string(o, "run.hull.version", HULL_VERSION);
    json_out_close_object(o);
}

int hull_features(hull_runtime *rt, const char *commit, char **ret, struct hull_error *e)
{
    static const char *const unsafe[] = {
        "bundle", "org.systemd.property.", "org.criu.config", "run.oci.",
    };
    int r = runtime_host(rt, e);
    if (r < 0)
        return r;
    struct json_out o = {.indent = "    "};
    struct words w = {.n = 0};
    for (size_t i = 0; i < COUNT_OF(unsafe); i++)
        add(&w, unsafe[i]);
    json_out_open_object(&o, NULL);
    json_out_string(&o, "ociVersionMin", FEATURES_SPEC_MIN);
    json_out_string(&o, "ociVersionMax", HULL_SPEC_VERSION);
    write_hooks(&o);
    write_mount_options(&o);
    write_linux(&o);
    write_annotations(&o, &rt->host, commit);
    write_words(&o, "potentiallyUnsafeConfigAnnotations", &w);
    json_out_close_object(&o);
    json_out_raw(&o, "\n", 1);
    return json_out_take(&o, ret, e) < 0 ? -e->code : 0;
}
