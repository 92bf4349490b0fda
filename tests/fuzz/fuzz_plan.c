/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a configuration, up to the plan and its two printed forms, for every kind of host:
 * what is accepted must give a plan in which each process waits only for what the other one sends
 * before it waits itself, and in which init's last step is the program.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/cgroup.h"
#include "oci/load.h"
#include "oci/validate.h"
#include "plan/plan.h"
#include "run/run.h"

/* The first byte chooses the host and the command. */
struct choice {
    struct host_facts          host;
    struct hull_create_options options;
    bool                       run, rootless;
};

static struct choice choose(uint8_t b)
{
    return (struct choice){
        .host = {.euid = b & 4 ? 1000 : 0, .caps = b & 4 ? 0 : UINT64_MAX,
                 .cgroup_mode = (enum cgroup_mode)(b & 3)},
        .options = {.size = sizeof(struct hull_create_options), .no_pivot = b & 8, .pid_file = b & 16 ? "pid" : NULL},
        .run = b & 32,
        .rootless = b & 4,
    };
}

/* Walks both lists as the two processes would; true when neither gets stuck. */
static bool meets(const struct plan *p)
{
    size_t at[2] = {0, 0};
    uint64_t sent[2] = {0, 0};
    for (bool moved = true; moved;) {
        moved = false;
        for (int w = AT_HOST; w <= AT_INIT; w++)
            for (; at[w] < p->n; at[w]++, moved = true) {
                const struct step *s = &p->v[at[w]];
                if ((int)s->where != w)
                    continue;
                if (s->kind == STEP_NOTIFY)
                    sent[w] |= UINT64_C(1) << s->index;
                else if (s->kind == STEP_AWAIT && !(sent[!w] & UINT64_C(1) << s->index))
                    break;
            }
    }
    return at[AT_HOST] == p->n && at[AT_INIT] == p->n;
}

static void check_plan(const struct launch *l, const struct plan *p)
{
    if (p->n == 0 || p->v[p->n - 1].kind != STEP_EXEC || p->v[p->n - 1].where != AT_INIT || !meets(p))
        abort();
    for (int json = 0; json < 2; json++) {
        char *text = plan_explain(l, p, json);
        if (!text || !*text)
            abort();
        free(text);
    }
}

static int check_config(const struct oci_config *c, bool rootless, struct hull_error *e)
{
    int r = oci_validate(c, NULL, e);
    if (r == 0 && rootless)
        r = oci_validate_rootless(c, e);
    return r < 0 || !c->process ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct hull_error e = {0};
    struct oci_config *config;
    if (size < 2)
        return 0;
    struct choice choice = choose(data[0]);
    char *text = malloc(size);
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (oci_config_parse(text, size - 1, &a, NULL, &config, &e) == 0 &&
        check_config(config, choice.rootless, &e) == 0) {
        struct plan plan = {.arena = &a};
        struct launch l = {
            .config = config, .host = &choice.host, .options = &choice.options, .name = "hull",
            .id = "fuzz", .root = "/run/hull", .bundle = "/bundle", .rootfs = "/bundle/rootfs",
            .run = choice.run, .detach = !choice.run, .rootless = choice.rootless,
            .rootless_cgroup = choice.rootless, .arena = &a,
        };
        memset(&e, 0, sizeof(e));
        if (plan_build(&l, &plan, &e) == 0)
            check_plan(&l, &plan);
        else if (e.code <= 0 || !e.text[0])
            abort();
        cgroup_close(l.cgroup);
    }
    arena_free(&a);
    free(text);
    return 0;
}
