/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes from outside as text and becomes a cgroup path, a device rule or a list: cgroupsPath,
 * the directories of state.json, exec --cgroup, /proc/PID/cgroup and devices.list. Input: lines,
 * one each. No path may have a ".." or leave its hierarchy.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "cgroup/cgroup.h"
#include "cgroup/devices.h"
#include "cgroup/ops.h"
#include "host/hierarchy.h"

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void require_clean(const char *rel)
{
    require(*rel != '/');
    for (const char *p = rel; *p;) {
        size_t len = strcspn(p, "/");
        require(len > 0);
        require(!(len == 1 && p[0] == '.') && !(len == 2 && p[0] == '.' && p[1] == '.'));
        p += len;
        require(!*p || p[1]);
        p += *p == '/';
    }
}

static void fuzz_plan(struct arena *a, char *text)
{
    struct oci_linux lin = {.cgroupsPath = text};
    struct oci_config config = {.linux_ = &lin};
    struct host_facts host = {.cgroup_mode = CGROUP_V2};
    struct launch l = {.config = &config, .host = &host, .id = "c1", .arena = a};
    struct hull_error e;
    if (cgroup_plan_path(&l, &e) < 0)
        return;
    const char *rel = l.cgroup->path + (*l.cgroup->path == '/');
    require(*rel != '\0');
    require_clean(rel);
}

static void fuzz_saved(struct arena *a, char *text, enum cgroup_mode mode)
{
    static char memory[] = "memory", none[] = "";
    struct host_facts host = {.cgroup_mode = mode};
    struct oci_pair pair[2] = {{mode == CGROUP_V2 ? none : memory, text}, {none, text}};
    struct oci_map map = {pair, 2};
    struct cgroup *cg;
    struct hull_error e;
    if (cgroup_from_saved(a, NULL, &host, &map, false, &cg, &e) < 0)
        return;
    for (size_t i = 0; i < cg->n; i++) {
        require(*cg->v[i].rel != '\0');
        require_clean(cg->v[i].rel);
        require(strncmp(cg->v[i].dir, "/sys/fs/cgroup/", 15) == 0);
    }
}

static void fuzz_sub(struct arena *a, char *text)
{
    const char *sub = NULL;
    struct hull_error e;
    if (cgroup_sub_for(a, NULL, (char *[]){text, NULL}, "cpu,cpuacct", &sub, &e) == 0 && sub)
        require_clean(sub);
}

static void fuzz_lists(struct arena *a, char *text)
{
    struct host_hierarchies list;
    struct device_filter f, all = {.arena = a};
    struct device_changes changes;
    struct bpf_insn *insns;
    size_t n;
    struct hull_error e;
    char *copy = arena_strdup(a, text);
    if (!copy)
        return;
    if (host_hierarchies_parse(a, text, &list, &e) == 0)
        for (size_t i = 0; i < list.n; i++)
            require(list.v[i].own[0] == '/');
    if (device_filter_parse_list(a, copy, &f, &e) < 0)
        return;
    require(device_filter_transition(&all, &f, a, &changes, &e) == 0);
    require(changes.n <= f.n + 1);
    require(device_filter_program(&f, a, &insns, &n, &e) == 0);
    require(n <= 8 + 9 * f.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    if (size == 0 || size > 65536)
        return 0;
    char *text = arena_strndup(&a, (const char *)data + 1, size - 1);
    if (text) {
        switch (data[0] % 5) {
        case 0:
            fuzz_plan(&a, text);
            break;
        case 1:
            fuzz_saved(&a, text, CGROUP_V2);
            break;
        case 2:
            fuzz_saved(&a, text, CGROUP_HYBRID);
            break;
        case 3:
            fuzz_sub(&a, text);
            break;
        default:
            fuzz_lists(&a, text);
        }
    }
    arena_free(&a);
    return 0;
}
