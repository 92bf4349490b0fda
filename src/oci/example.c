/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/example.h"

#include <string.h>
#include "hull.h"
#include "json/write.h"
#include "oci/schema.h"

#define STRINGS(...) {(char *[]){__VA_ARGS__}, COUNT_OF(((char *[]){__VA_ARGS__}))}
#define MOUNT(where, what, from, ...) \
    {.destination = (where), .type = (what), .source = (from), .options = STRINGS(__VA_ARGS__)}
#define CAPS STRINGS("CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE")

/* Templates; oci_example copies what it hands out or changes. */
static const struct oci_capabilities capabilities = {
    .bounding = CAPS,
    .effective = CAPS,
    .permitted = CAPS,
};

static const struct oci_process process = {
    .terminal = true,
    .args = STRINGS("sh"),
    .env = STRINGS("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                   "TERM=xterm"),
    .cwd = "/",
    .noNewPrivileges = {true, true},
};

static const struct oci_rlimit rlimits[] = {{"RLIMIT_NOFILE", .hard = 1024, .soft = 1024}};

static const struct oci_mount mounts[] = {
    {.destination = "/proc", .type = "proc", .source = "proc"},
    MOUNT("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
    MOUNT("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666",
          "mode=0620", "gid=5"),
    MOUNT("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
    MOUNT("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
    MOUNT("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
    MOUNT("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"),
};

/* An unprivileged user cannot mount sysfs without a network namespace of its own. */
static const struct oci_mount rootless_sys =
    MOUNT("/sys", "none", "/sys", "rbind", "nosuid", "noexec", "nodev", "ro");

static const struct oci_device_rule device_rules[] = {{.allow = false, .access = "rwm"}};

static const char *const namespaces[] = {"pid", "network", "ipc", "uts", "mount"};

static const struct oci_strs masked_paths = STRINGS(
    "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi");

static const struct oci_strs readonly_paths =
    STRINGS("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger");

static void *copy(struct arena *a, const void *src, size_t size)
{
    void *p = arena_alloc(a, size);
    return p ? memcpy(p, src, size) : NULL;
}

static struct oci_process *make_process(struct arena *a)
{
    struct oci_process *p = copy(a, &process, sizeof(process));
    if (!p)
        return NULL;
    p->user = arena_alloc(a, sizeof(*p->user));
    p->capabilities = copy(a, &capabilities, sizeof(capabilities));
    p->rlimits.v = copy(a, rlimits, sizeof(rlimits));
    p->rlimits.n = COUNT_OF(rlimits);
    return p->user && p->capabilities && p->rlimits.v ? p : NULL;
}

static bool fill_mounts(struct arena *a, struct oci_config *c, bool rootless)
{
    c->mounts.v = copy(a, mounts, sizeof(mounts));
    c->mounts.n = COUNT_OF(mounts);
    for (size_t i = 0; c->mounts.v && rootless && i < c->mounts.n; i++) {
        struct oci_mount *m = &c->mounts.v[i];
        if (strcmp(m->destination, "/sys") == 0)
            *m = rootless_sys;
        /* gid=5 is not mapped; it is the last option of devpts */
        if (m->options.n && strcmp(m->options.v[m->options.n - 1], "gid=5") == 0)
            m->options.n--;
    }
    return c->mounts.v;
}

static bool add_mapping(struct arena *a, struct oci_id_mappings *map, uint32_t id)
{
    const struct oci_id_mapping m = {.containerID = 0, .hostID = id, .size = 1};
    map->v = copy(a, &m, sizeof(m));
    map->n = 1;
    return map->v;
}

static bool fill_namespaces(struct arena *a, struct oci_linux *l, bool rootless, bool cgroup2)
{
    struct oci_namespace *v = arena_array(a, COUNT_OF(namespaces) + 2, sizeof(*v));
    size_t n = 0;
    if (!v)
        return false;
    for (size_t i = 0; i < COUNT_OF(namespaces); i++)
        if (!rootless || strcmp(namespaces[i], "network") != 0)
            v[n++].type = (char *)namespaces[i];
    if (cgroup2)
        v[n++].type = "cgroup";
    if (rootless)
        v[n++].type = "user";
    l->namespaces.v = v;
    l->namespaces.n = n;
    return true;
}

static struct oci_linux *make_linux(struct arena *a, bool rootless, bool cgroup2, uid_t uid,
                                    gid_t gid)
{
    struct oci_linux *l = arena_alloc(a, sizeof(*l));
    if (!l || !fill_namespaces(a, l, rootless, cgroup2))
        return NULL;
    l->maskedPaths = masked_paths;
    l->readonlyPaths = readonly_paths;
    if (rootless)
        return add_mapping(a, &l->uidMappings, uid) && add_mapping(a, &l->gidMappings, gid) ? l
                                                                                            : NULL;
    l->resources = arena_alloc(a, sizeof(*l->resources));
    if (!l->resources)
        return NULL;
    l->resources->devices.v = copy(a, device_rules, sizeof(device_rules));
    l->resources->devices.n = COUNT_OF(device_rules);
    return l->resources->devices.v ? l : NULL;
}

int oci_example(struct arena *a, bool rootless, bool cgroup2, uid_t uid, gid_t gid,
                struct oci_config **ret, struct hull_error *e)
{
    static const struct oci_root root = {.path = "rootfs", .readonly = true};
    struct oci_config *c = arena_alloc(a, sizeof(*c));
    if (!c)
        return error_oom(e);
    c->ociVersion = HULL_SPEC_VERSION;
    c->process = make_process(a);
    c->root = copy(a, &root, sizeof(root));
    c->hostname = "runc"; /* what runc writes; scripts that compare know no other */
    c->linux_ = make_linux(a, rootless, cgroup2, uid, gid);
    if (!c->process || !c->root || !c->linux_ || !fill_mounts(a, c, rootless))
        return error_oom(e);
    *ret = c;
    return 0;
}

int oci_example_text(bool rootless, bool cgroup2, uid_t uid, gid_t gid, char **ret,
                     struct hull_error *e)
{
    _cleanup_arena_ struct arena a = {0};
    struct json_out o = {.indent = "\t"};
    struct oci_config *c;
    int err = oci_example(&a, rootless, cgroup2, uid, gid, &c, e);
    if (err < 0)
        return err;
    json_write(&o, &oci_config_type, c);
    ssize_t len = json_out_take(&o, ret, e);
    return len < 0 ? (int)len : 0;
}
