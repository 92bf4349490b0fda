/* SPDX-License-Identifier: Apache-2.0 */
/* linux.cgroupsPath, linux.resources and annotations as a systemd unit, read back as text. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/macro.h"
#include "cgroup/unit.h"

struct fixture { struct arena a; struct cgroup cg; struct cgroup_unit u; struct wire_out o; };

static void setup(struct fixture *f, enum cgroup_mode mode)
{
    *f = (struct fixture){.cg = {.mode = mode}};
    f->u = (struct cgroup_unit){.name = "runc-c1.scope", .slice = "system.slice", .container = "c1"};
    f->cg.unit = &f->u;
    f->cg.arena = f->o.arena = &f->a;
}

/* Appends; the buffers of this test are far larger than anything that is printed. */
static void put(char *out, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void put(char *out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsprintf(out + strlen(out), fmt, ap);
    va_end(ap);
}

static void print_value(struct wire_in *in, const char *type, char *out)
{
    if (strcmp(type, "s") == 0) {
        put(out, "%s", wire_read_string(in));
    } else if (strcmp(type, "t") == 0) {
        const uint64_t v = wire_read_u64(in);
        put(out, v == UINT64_MAX ? "infinity" : "%" PRIu64, v);
    } else if (strcmp(type, "b") == 0) {
        put(out, wire_read_u32(in) ? "yes" : "no");
    } else if (strcmp(type, "i") == 0) {
        put(out, "%d", (int)wire_read_u32(in));
    } else if (*type == 'a') {
        const size_t end = wire_read_array(in, wire_align(type[1]));
        while (in->at < end && !in->bad) {
            if (type[1] == 'y')
                put(out, "%02x", wire_read_u8(in));
            else if (type[1] == 'u')
                put(out, "%u ", wire_read_u32(in));
            else if (strcmp(type, "as") == 0)
                put(out, "%s ", wire_read_string(in));
            else if (strcmp(type, "a(ss)") == 0) {
                wire_read_pad(in, 8);
                put(out, "%s", wire_read_string(in));
                put(out, ":%s ", wire_read_string(in));
            } else {
                wire_read_pad(in, 8);
                put(out, "%s", wire_read_string(in));
                put(out, ":%" PRIu64 " ", wire_read_u64(in));
            }
        }
    } else {
        fail_msg("type %s", type);
    }
}

/* "Name=value\n" of each property. */
static char *text_of(const struct wire_out *o, char *out)
{
    struct wire_in in = {.v = o->v, .len = o->len};
    out[0] = '\0';
    while (in.at < in.len && !in.bad) {
        wire_read_pad(&in, 8);
        strcat(out, wire_read_string(&in));
        strcat(out, "=");
        const char *type = wire_read_signature(&in);
        print_value(&in, type, out);
        strcat(out, "\n");
    }
    assert_false(in.bad);
    return out;
}

static void test_slices(void **state)
{
    (void)state;
    static const struct { const char *slice, *path; } cases[] = {
        {"system.slice", "/system.slice"},
        {"a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice"},
        {"-.slice", ""},
        {".slice", NULL}, {"a", NULL}, {"a.scope", NULL}, {"a--b.slice", NULL}, {"-a.slice", NULL},
        {"a-.slice", NULL}, {"a/b.slice", NULL}, {"../x.slice", NULL}, {"", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a = {0};
        struct hull_error e = {0};
        const char *path = NULL;
        int r = unit_expand_slice(&a, cases[i].slice, &path, &e);
        assert_int_equal(r, cases[i].path ? 0 : -HULL_E_CONFIG);
        if (cases[i].path)
            assert_string_equal(path, cases[i].path);
        arena_free(&a);
    }
}

static void test_plan(void **state)
{
    (void)state;
    static const struct { const char *path; bool user; const char *name, *slice; } cases[] = {
        {NULL, false, "runc-c1.scope", "system.slice"},
        {"", true, "runc-c1.scope", "user.slice"},
        {"machine.slice:libpod:abc", false, "libpod-abc.scope", "machine.slice"},
        {"a-b.slice:docker:1", true, "docker-1.scope", "a-b.slice"},
        {":docker:1", false, "docker-1.scope", "system.slice"},
        {"-.slice:p:n", false, "p-n.scope", "-.slice"},
        {"system.slice::n", false, "-n.scope", "system.slice"},
        {"a.slice::a-b.slice", false, "a-b.slice", "a.slice"},
        {"/a/b", false, NULL, NULL}, {"a:b", false, NULL, NULL}, {"a.slice:b:c:d", false, NULL, NULL},
        {"a:b:c", false, NULL, NULL}, {"a.slice:b:../c", false, NULL, NULL},
        {"a.slice:b/../..:c", false, NULL, NULL}, {"a.slice:b:c d", false, NULL, NULL},
        {"a.slice:b:c'", false, NULL, NULL}, {"a.slice:b:c\n", false, NULL, NULL},
        {"../x.slice:b:c", false, NULL, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a = {0};
        struct oci_linux lin = {.cgroupsPath = (char *)cases[i].path};
        struct oci_config config = {.linux_ = &lin};
        struct host_facts host = {.cgroup_mode = CGROUP_V2};
        struct launch l = {.config = &config, .host = &host, .id = "c1", .arena = &a,
                           .systemd_cgroup = true, .rootless_cgroup = cases[i].user};
        struct hull_error e = {0};
        int r = cgroup_plan_path(&l, &e);
        if (!cases[i].name) {
            assert_int_equal(r, -HULL_E_CONFIG);
            assert_string_equal(e.where, "linux.cgroupsPath");
        } else {
            assert_int_equal(r, 0);
            assert_string_equal(l.cgroup->unit->name, cases[i].name);
            assert_string_equal(l.cgroup->unit->slice, cases[i].slice);
            assert_int_equal(l.cgroup->unit->user, cases[i].user);
        }
        arena_free(&a);
    }
}

static void test_start(void **state)
{
    (void)state;
    struct fixture f;
    struct hull_error e;
    char out[4096];
    setup(&f, CGROUP_V2);
    assert_int_equal(unit_start_properties(&f.cg, 42, 252, &f.o, &e), 0);
    assert_string_equal(text_of(&f.o, out),
                        "Description=libcontainer container c1\nSlice=system.slice\nDelegate=yes\n"
                        "PIDs=42 \nMemoryAccounting=yes\nCPUAccounting=yes\nIOAccounting=yes\n"
                        "TasksAccounting=yes\nDefaultDependencies=no\n");
    arena_free(&f.a);
    setup(&f, CGROUP_V1);
    f.u.is_slice = true;
    assert_int_equal(unit_start_properties(&f.cg, 0, 252, &f.o, &e), 0);
    assert_string_equal(text_of(&f.o, out),
                        "Description=libcontainer container c1\nWants=system.slice \n"
                        "MemoryAccounting=yes\nCPUAccounting=yes\nBlockIOAccounting=yes\n"
                        "TasksAccounting=yes\nDefaultDependencies=no\n");
    arena_free(&f.a);
}

#define SET(x) {true, (x)}

static struct oci_memory memory = {.limit = SET(1 << 20), .swap = SET(3 << 20), .reservation = SET(4096)};
static struct oci_memory no_swap = {.limit = SET(1 << 20), .swap = SET(1 << 20)};
static struct oci_memory unlimited = {.limit = SET(-1)};
static struct oci_cpu cpu = {.shares = SET(1024), .quota = SET(50000), .period = SET(100000),
                             .cpus = (char *)"0,2,8", .mems = (char *)"0"};
static struct oci_cpu odd = {.quota = SET(1234)};
static struct oci_cpu idle = {.idle = SET(1), .shares = SET(2)}, awake = {.idle = SET(0)};
static struct oci_cpu period = {.period = SET(10000)};
static struct oci_pids pids0 = {.limit = SET(0)}, pids_max = {.limit = SET(-1)};
static struct oci_weight_device weight_device = {8, 0, SET(10), {0}};
static struct oci_block_io block_io = {.weight = SET(1000), .weightDevice = {&weight_device, 1}};

static void test_resources(void **state)
{
    (void)state;
    static const struct {
        enum cgroup_mode     mode;
        unsigned             version;
        struct oci_resources r;
        const char          *want;
    } cases[] = {
        {CGROUP_V2, 252, {.memory = &memory},
         "MemoryMax=1048576\nMemoryLow=4096\nMemorySwapMax=2097152\n"},
        {CGROUP_V2, 252, {.memory = &no_swap}, "MemoryMax=1048576\nMemorySwapMax=0\n"},
        {CGROUP_V2, 252, {.memory = &unlimited}, "MemoryMax=infinity\nMemorySwapMax=infinity\n"},
        {CGROUP_V1, 252, {.memory = &memory}, "MemoryLimit=1048576\n"},
        {CGROUP_V2, 252, {.cpu = &cpu},
         "CPUWeight=100\nCPUQuotaPeriodUSec=100000\nCPUQuotaPerSecUSec=500000\nAllowedCPUs=0501\n"
         "AllowedMemoryNodes=01\n"},
        {CGROUP_V1, 239, {.cpu = &cpu}, "CPUShares=1024\nCPUQuotaPerSecUSec=500000\n"},
        {CGROUP_V2, 252, {.cpu = &odd}, "CPUQuotaPerSecUSec=20000\n"},
        {CGROUP_V2, 252, {.cpu = &period}, "CPUQuotaPeriodUSec=10000\nCPUQuotaPerSecUSec=infinity\n"},
        {CGROUP_V2, 252, {.cpu = &idle}, "CPUWeight=0\n"},
        {CGROUP_V2, 251, {.cpu = &idle}, "CPUWeight=1\n"},
        {CGROUP_V2, 252, {.cpu = &awake}, "CPUWeight=100\n"},
        {CGROUP_V2, 252, {.pids = &pids0}, "TasksMax=1\n"},
        {CGROUP_HYBRID, 252, {.pids = &pids_max}, "TasksMax=infinity\n"},
        {CGROUP_V2, 252, {.blockIO = &block_io}, "IOWeight=10000\nIODeviceWeight=/dev/block/8:0:1 \n"},
        {CGROUP_V1, 252, {.blockIO = &block_io}, "BlockIOWeight=1000\n"},
        {CGROUP_V2, 252, {.memory = NULL}, ""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        struct hull_error e;
        char out[4096];
        setup(&f, cases[i].mode);
        assert_int_equal(unit_resource_properties(&f.cg, &cases[i].r, cases[i].version, &f.o, NULL, &e), 0);
        assert_string_equal(text_of(&f.o, out), cases[i].want);
        arena_free(&f.a);
    }
}

static void test_unified(void **state)
{
    (void)state;
    static const struct { const char *key, *value, *want; } cases[] = {
        {"memory.high", "4096", "MemoryHigh=4096\n"},
        {"memory.max", " max\n", "MemoryMax=infinity\n"},
        {"memory.zswap.max", "1", ""},   /* since 253 */
        {"pids.max", "0", "TasksMax=1\n"},
        {"cpu.weight", "16", "CPUWeight=16\n"},
        {"cpu.idle", "1", "CPUWeight=0\n"},
        {"cpu.idle", "0", ""},
        {"cpu.max", "max 10000", "CPUQuotaPeriodUSec=10000\nCPUQuotaPerSecUSec=infinity\n"},
        {"cpu.max", "5000", "CPUQuotaPeriodUSec=100000\nCPUQuotaPerSecUSec=50000\n"},
        {"cpuset.cpus", "1-3", "AllowedCPUs=0e\n"},
        {"hugetlb.2MB.max", "x", ""},
        {"memory.max", "1G", NULL}, {"memory.max", "", NULL}, {"memory.max", "-1", NULL},
        {"cpu.max", "max max max", NULL}, {"cpu.max", "5 0", NULL}, {"cpuset.cpus", "x", NULL},
        {"pids.max", "99999999999999999999", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        struct hull_error e;
        char out[4096];
        struct oci_pair pair = {(char *)cases[i].key, (char *)cases[i].value};
        struct oci_resources r = {.unified = {&pair, 1}};
        setup(&f, CGROUP_V2);
        int err = unit_resource_properties(&f.cg, &r, 252, &f.o, NULL, &e);
        assert_int_equal(err, cases[i].want ? 0 : -HULL_E_CONFIG);
        if (cases[i].want)
            assert_string_equal(text_of(&f.o, out), cases[i].want);
        arena_free(&f.a);
    }
}

static void test_quota(void **state)
{
    (void)state;
    static const struct { int64_t quota; uint64_t period; int64_t want; } cases[] = {
        {50000, 100000, 50000}, {1234, 0, 2000}, {1, 100000, 1000}, {-1, 100000, -1},
        {INT64_MAX, 100000, INT64_MAX}, {3000, 10000, 3000}, {33333, 100000, 34000},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a = {0};
        struct hull_error e;
        struct oci_cpu c = {.quota = SET(cases[i].quota), .period = {cases[i].period > 0, cases[i].period}};
        struct oci_resources r = {.cpu = &c};
        const struct oci_resources *out;
        assert_int_equal(unit_resources(&a, &r, &out, &e), 0);
        assert_true(out->cpu->quota.v == cases[i].want);
        arena_free(&a);
    }
}

static void test_annotations(void **state)
{
    (void)state;
    static const struct { const char *key, *value, *want; } cases[] = {
        {"org.systemd.property.TimeoutStopSec", "uint64 5", "TimeoutStopUSec=5000000\n"},
        {"org.systemd.property.RuntimeMaxSec", "2", "RuntimeMaxUSec=2000000\n"},
        {"org.systemd.property.CollectMode", "'inactive-or-failed'", "CollectMode=inactive-or-failed\n"},
        {"org.systemd.property.After", "['a.service', 'b.service']", "After=a.service b.service \n"},
        {"org.systemd.property.XSec", "5", "XSec=5\n"},   /* no small letter before it */
        {"org.example", "x", ""},
        {"org.systemd.property.Ab", "5", NULL}, {"org.systemd.property.A1b", "5", NULL},
        {"org.systemd.property.", "5", NULL}, {"org.systemd.property.Abc", "x", NULL},
        {"org.systemd.property.TimeoutStopSec", "'x'", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        struct hull_error e = {0};
        char out[4096];
        struct oci_pair pair = {(char *)cases[i].key, (char *)cases[i].value};
        setup(&f, CGROUP_V2);
        int r = unit_annotation_properties(&(struct oci_map){&pair, 1}, &f.o, &e);
        assert_int_equal(r, cases[i].want ? 0 : -HULL_E_CONFIG);
        if (cases[i].want) {
            assert_string_equal(text_of(&f.o, out), cases[i].want);
        } else {
            assert_string_equal(e.where, "annotations");
            assert_non_null(strstr(e.text, cases[i].key));
        }
        arena_free(&f.a);
    }
}

static void test_devices(void **state)
{
    (void)state;
    static struct device_exception some[] = {
        {'b', DEVICE_ANY, DEVICE_ANY, DEVICE_MKNOD}, {'c', 1, 3, DEVICE_RWM},
        {'c', 136, DEVICE_ANY, DEVICE_READ | DEVICE_WRITE}};
    static struct device_exception minor[] = {{'c', DEVICE_ANY, 3, DEVICE_RWM}};
    static const struct { enum cgroup_mode mode; struct device_filter f; const char *want; } cases[] = {
        {CGROUP_V2, {false, some, 3, 3, NULL},
         "DeviceAllow=\nDevicePolicy=strict\nDeviceAllow=block-*:m /dev/char/1:3:rwm char-136:rw \n"},
        {CGROUP_V1, {true, NULL, 0, 0, NULL}, "DeviceAllow=\nDevicePolicy=auto\n"},
        {CGROUP_V2, {true, some, 1, 1, NULL}, "DeviceAllow=\nDevicePolicy=auto\n"},
        {CGROUP_V1, {true, some, 1, 1, NULL}, "DeviceAllow=\nDevicePolicy=strict\n"},
        {CGROUP_V2, {false, minor, 1, 1, NULL}, "DeviceAllow=\nDevicePolicy=auto\n"},
        {CGROUP_V1, {false, minor, 1, 1, NULL}, "DeviceAllow=\nDevicePolicy=strict\nDeviceAllow=\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        struct hull_error e;
        char out[4096];
        setup(&f, cases[i].mode);
        assert_int_equal(unit_device_properties(&f.cg, &cases[i].f, 252, &f.o, &e), 0);
        assert_string_equal(text_of(&f.o, out), cases[i].want);
        arena_free(&f.a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slices),      cmocka_unit_test(test_plan),
        cmocka_unit_test(test_start),       cmocka_unit_test(test_resources),
        cmocka_unit_test(test_unified),     cmocka_unit_test(test_quota),
        cmocka_unit_test(test_annotations), cmocka_unit_test(test_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
