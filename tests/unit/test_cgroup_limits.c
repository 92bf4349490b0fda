/* SPDX-License-Identifier: Apache-2.0 */
/* linux.resources as writes: the list itself, and the bytes that arrive in a directory of files. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/fd.h"
#include "cgroup/file.h"
#include "cgroup/limits.h"
#include "cgroup/ops.h"

static void expect(enum cgroup_mode mode, const struct oci_resources *r, const char *want)
{
    struct arena a = {0};
    struct hull_error e = {0};
    struct cgroup_limits l;
    char got[sizeof(e.text) + 16] = "";
    size_t n = 0;
    int err = mode == CGROUP_V2 ? limits_v2(&a, r, &l, &e) : limits_v1(&a, r, &l, &e);
    if (err < 0)
        snprintf(got, sizeof(got), "error: %s", e.text);
    for (size_t i = 0; err == 0 && i < l.n; i++) {
        n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%s=%s", i ? "; " : "", l.v[i].file,
                              l.v[i].value);
        if (l.v[i].other_file)
            n += (size_t)snprintf(got + n, sizeof(got) - n, "|%s=%s", l.v[i].other_file,
                                  l.v[i].other_value);
    }
    assert_string_equal(got, want);
    arena_free(&a);
}

#define MEMORY(...) (&(struct oci_resources){.memory = &(struct oci_memory){__VA_ARGS__}})
#define CPU(...) (&(struct oci_resources){.cpu = &(struct oci_cpu){__VA_ARGS__}})
#define PIDS(n) (&(struct oci_resources){.pids = &(struct oci_pids){.limit = {true, n}}})
#define SET(v) {true, v}

static void test_memory(void **state)
{
    (void)state;
    const struct oci_resources *r =
        MEMORY(.limit = SET(100), .swap = SET(300), .reservation = SET(50));
    expect(CGROUP_V1, r, "memory.limit_in_bytes=100; memory.memsw.limit_in_bytes=300; "
                         "memory.soft_limit_in_bytes=50");
    expect(CGROUP_V2, r, "memory.swap.max=200; memory.max=100; memory.low=50");
    r = MEMORY(.limit = SET(100), .swap = SET(100));
    expect(CGROUP_V2, r, "memory.swap.max=0; memory.max=100");
    r = MEMORY(.limit = SET(-1));
    expect(CGROUP_V1, r, "memory.limit_in_bytes=-1; memory.memsw.limit_in_bytes=-1");
    expect(CGROUP_V2, r, "memory.swap.max=max; memory.max=max");
    r = MEMORY(.limit = SET(0), .swap = SET(0), .swappiness = SET(0),
               .disableOOMKiller = SET(true));
    expect(CGROUP_V1, r, "memory.oom_control=1; memory.swappiness=0");
    expect(CGROUP_V2, r, "");
    r = MEMORY(.swappiness = SET(101));
    expect(CGROUP_V1, r, "error: invalid memory swappiness value: 101 (valid range is 0-100)");
    r = MEMORY(.swap = SET(5));
    expect(CGROUP_V2, r, "error: unable to set swap limit without memory limit");
    r = MEMORY(.disableOOMKiller = SET(false));
    expect(CGROUP_V1, r, "");
}

static void test_cpu(void **state)
{
    (void)state;
    char cpus[] = "0-1", mems[] = "0";
    const struct oci_resources *r = CPU(.shares = SET(1024), .quota = SET(50000), .burst = SET(7),
                                        .cpus = cpus, .mems = mems);
    expect(CGROUP_V1, r, "cpuset.cpus=0-1|cpus=0-1; cpuset.mems=0|mems=0; cpu.shares=1024; "
                         "cpu.cfs_burst_us=7; cpu.cfs_quota_us=50000");
    expect(CGROUP_V2, r, "cpu.weight=100; cpu.max.burst=7; cpu.max=50000 100000; cpuset.cpus=0-1; "
                         "cpuset.mems=0");
    expect(CGROUP_V2, CPU(.period = SET(2000)), "cpu.max=max 2000");
    expect(CGROUP_V2, CPU(.quota = SET(-1), .period = SET(2000)), "cpu.max=max 2000");
    expect(CGROUP_V1, CPU(.quota = SET(-1)), "cpu.cfs_quota_us=-1");
    expect(CGROUP_V2, CPU(.idle = SET(1), .shares = SET(1024)), "cpu.idle=1");
    expect(CGROUP_V2, CPU(.idle = SET(0), .shares = SET(1024)), "cpu.idle=0; cpu.weight=100");
    expect(CGROUP_V1, CPU(.idle = SET(1), .shares = SET(1024)), "cpu.shares=1024; cpu.idle=1");
    expect(CGROUP_V1, CPU(.realtimePeriod = SET(9), .realtimeRuntime = SET(8)),
           "cpu.rt_period_us=9; cpu.rt_runtime_us=8");
    expect(CGROUP_V2, CPU(.realtimePeriod = SET(9)), "");
    expect(CGROUP_V1, CPU(.shares = SET(0), .quota = SET(0), .period = SET(0)), "");
}

static void test_rest(void **state)
{
    (void)state;
    expect(CGROUP_V1, PIDS(0), "pids.max=1");
    expect(CGROUP_V2, PIDS(-1), "pids.max=max");
    expect(CGROUP_V2, PIDS(99), "pids.max=99");

    struct oci_weight_device wd[] = {{8, 0, SET(400), {0}}};
    struct oci_throttle_device td[] = {{8, 0, 1000}, {8, 16, 0}};
    struct oci_block_io b = {.weight = SET(750), .weightDevice = {wd, 1},
                             .throttleReadBpsDevice = {td, 2}, .throttleWriteIOPSDevice = {td, 1}};
    struct oci_resources r = {.blockIO = &b};
    expect(CGROUP_V2, &r, "io.bfq.weight=750|io.weight=7475; io.bfq.weight=8:0 400\n; "
                          "io.max=8:0 rbps=1000; io.max=8:16 rbps=max; io.max=8:0 wiops=1000");
    expect(CGROUP_V1, &r,
           "blkio.weight=750|blkio.bfq.weight=750; blkio.weight_device=8:0 400|"
           "blkio.bfq.weight_device=8:0 400; blkio.throttle.read_bps_device=8:0 1000; "
           "blkio.throttle.read_bps_device=8:16 0; "
           "blkio.throttle.write_iops_device=8:0 1000");

    char size[] = "2MB", evil[] = "../x";
    struct oci_hugepage_limit h = {size, 4096};
    r = (struct oci_resources){.hugepageLimits = {&h, 1}};
    expect(CGROUP_V2, &r, "hugetlb.2MB.max=4096; hugetlb.2MB.rsvd.max=4096");
    expect(CGROUP_V1, &r, "hugetlb.2MB.limit_in_bytes=4096; hugetlb.2MB.rsvd.limit_in_bytes=4096");
    h.pageSize = evil;
    expect(CGROUP_V2, &r, "error: invalid hugepage size \"../x\"");

    char mlx[] = "mlx5_1", eth[] = "eth0";
    struct oci_rdma rdma = {mlx, SET(3), SET(10000)};
    r = (struct oci_resources){.rdma = {&rdma, 1}};
    expect(CGROUP_V2, &r, "rdma.max=mlx5_1 hca_handle=3 hca_object=10000");
    struct oci_interface_priority prio = {eth, 500};
    struct oci_network net = {.classID = SET(1048577), .priorities = {&prio, 1}};
    r = (struct oci_resources){.network = &net};
    expect(CGROUP_V1, &r, "net_cls.classid=1048577; net_prio.ifpriomap=eth0 500");
    expect(CGROUP_V2, &r, "");
}

static void test_unified(void **state)
{
    (void)state;
    char key[] = "memory.max", value[] = "5", slash[] = "a/b", word[] = "word";
    struct oci_pair p = {key, value};
    struct oci_resources r = {.unified = {&p, 1}};
    expect(CGROUP_V2, &r, "memory.max=5");
    expect(CGROUP_V1, &r, "error: invalid configuration: cannot use unified on cgroup v1");
    p.key = slash;
    expect(CGROUP_V2, &r, "error: unified resource \"a/b\" must be a file name (no slashes)");
    p.key = word;
    expect(CGROUP_V2, &r,
           "error: unified resource \"word\" must be in the form CONTROLLER.PARAMETER");
}

/* The v2 writes into a plain directory that stands for the cgroup. */
static void test_bytes(void **state)
{
    (void)state;
    struct arena a = {0};
    struct hull_error e = {0};
    char top[] = "/tmp/hull-test-limits-XXXXXX", buf[64];
    assert_non_null(mkdtemp(top));
    struct cgroup *cg = cgroup_new(&a, NULL, CGROUP_V2);
    cg->fs_root = top;
    cg->path = "/c";
    assert_int_equal(cgroup_locate(cg, &e), 0);
    assert_int_equal(mkdir(cg->v[0].dir, 0755), 0);
    _cleanup_close_ int dir = cgroup_dir_open(&cg->v[0]);
    static const char *const files[] = {"memory.max", "io.weight", "cgroup.controllers", "x.lines"};
    for (size_t i = 0; i < COUNT_OF(files); i++)
        close(openat(dir, files[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    assert_int_equal(cgroup_file_write(dir, "cgroup.controllers", "io memory\n"), 0);

    struct oci_memory m = {.limit = SET(-1)};
    struct oci_block_io b = {.weight = SET(750)};
    char key[] = "x.lines", value[] = "a\nb\n";
    struct oci_pair u = {key, value};
    struct oci_resources r = {.memory = &m, .blockIO = &b, .unified = {&u, 1}};
    assert_int_equal(cgroup_update(cg, &r, NULL, &e), 0); /* memory.swap.max is missing: fine for "max" */
    assert_true(cgroup_file_read(dir, "memory.max", buf, sizeof(buf)) > 0);
    assert_string_equal(buf, "max");
    assert_true(cgroup_file_read(dir, "io.weight", buf, sizeof(buf)) > 0);
    assert_string_equal(buf, "7475");
    assert_true(cgroup_file_read(dir, "x.lines", buf, sizeof(buf)) > 0);
    assert_string_equal(buf, "a\nb\n");

    r = (struct oci_resources){.pids = &(struct oci_pids){.limit = SET(5)}};
    assert_int_equal(cgroup_update(cg, &r, NULL, &e), -ENOENT);
    assert_non_null(strstr(e.text, "controller \"pids\" not available"));
    assert_string_equal(e.where, "linux.resources.pids.limit");
    char pids[] = "pids.max";
    u.key = pids;
    r = (struct oci_resources){.unified = {&u, 1}};
    assert_true(cgroup_update(cg, &r, NULL, &e) < 0);
    assert_string_equal(
        e.text, "unified resource \"pids.max\" can't be set: controller \"pids\" not available");
    for (size_t i = 0; i < COUNT_OF(files); i++)
        unlinkat(dir, files[i], 0);
    assert_int_equal(cgroup_destroy(cg, &e), 0);
    assert_int_equal(rmdir(top), 0);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),  cmocka_unit_test(test_cpu),   cmocka_unit_test(test_rest),
        cmocka_unit_test(test_unified), cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
