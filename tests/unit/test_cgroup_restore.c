/* SPDX-License-Identifier: Apache-2.0 */
/* What an update writes to go back, for each form that control files have; and the way back. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/fd.h"
#include "cgroup/file.h"
#include "cgroup/limits.h"
#include "cgroup/ops.h"

static char top[64];
static struct arena arena;

/* A cgroup that is a plain directory with the named files. */
static struct cgroup *make(const char *const (*files)[2], size_t n)
{
    struct hull_error e = {0};
    strcpy(top, "/tmp/hull-test-restore-XXXXXX");
    assert_non_null(mkdtemp(top));
    struct cgroup *cg = cgroup_new(&arena, NULL, CGROUP_V2);
    cg->fs_root = top;
    cg->path = "/c";
    assert_int_equal(cgroup_locate(cg, &e), 0);
    assert_int_equal(mkdir(cg->v[0].dir, 0755), 0);
    _cleanup_close_ int dir = cgroup_dir_open(&cg->v[0]);
    for (size_t i = 0; i < n; i++) {
        close(openat(dir, files[i][0], O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        assert_int_equal(cgroup_file_write(dir, files[i][0], files[i][1]), 0);
    }
    return cg;
}

static void clean(struct cgroup *cg, const char *const (*files)[2], size_t n)
{
    struct hull_error e = {0};
    {
        _cleanup_close_ int dir = cgroup_dir_open(&cg->v[0]);
        for (size_t i = 0; i < n; i++)
            unlinkat(dir, files[i][0], 0);
    }
    assert_int_equal(cgroup_destroy(cg, &e), 0);
    assert_int_equal(rmdir(top), 0);
    arena_free(&arena);
}

static void test_forms(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"memory.max", "1000\n"},
        {"io.max", "8:0 rbps=1 wbps=max riops=max wiops=2\n8:16 rbps=7 wbps=8 riops=9 wiops=10\n"},
        {"io.bfq.weight", "default 100\n8:0 55\n"},
        {"io.weight", "default 100\n8:0 55\n"},
        {"blkio.throttle.read_bps_device", "8:0 100\n"},
        {"rdma.max", "mlx4_0 hca_handle=2 hca_object=max\nmlx4_1 hca_handle=max hca_object=max\n"},
        {"net_prio.ifpriomap", "lo 0\neth0 5\n"},
        {"memory.oom_control", "oom_kill_disable 1\nunder_oom 0\noom_kill 0\n"},
        {"cpuset.cpus", ""},
    };
    static const struct { const char *file, *value, *want; } cases[] = {
        {"memory.max", "5", "1000\n"},
        {"io.max", "8:16 rbps=3", "8:16 rbps=7 wbps=8 riops=9 wiops=10\n"},
        {"io.max", "8:1 rbps=3", "8:1 rbps=max wbps=max riops=max wiops=max\n"},
        {"io.max", "8:0 rbps=3\n8:32 rbps=3\n",
         "8:0 rbps=1 wbps=max riops=max wiops=2\n8:32 rbps=max wbps=max riops=max wiops=max\n"},
        {"io.bfq.weight", "70", "100\n8:0 55\n"},
        {"io.bfq.weight", "8:0 70\n", "8:0 55\n"},
        {"io.bfq.weight", "8:16 70\n", "8:16 default\n"},
        {"io.weight", "70", "default 100\n8:0 55\n"},
        {"blkio.throttle.read_bps_device", "8:0 7", "8:0 100\n"},
        {"blkio.throttle.read_bps_device", "8:16 7", "8:16 0\n"},
        {"rdma.max", "mlx4_1 hca_handle=3", "mlx4_1 hca_handle=max hca_object=max\n"},
        {"rdma.max", "mlx4_2 hca_handle=3", NULL},
        {"net_prio.ifpriomap", "eth0 9", "eth0 5\n"},
        {"memory.oom_control", "0", "1"},
        {"cpuset.cpus", "1", "\n"},
        {"not.there", "1", NULL},
    };
    struct cgroup *cg = make(files, COUNT_OF(files));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct hull_error e = {0};
        struct cgroup_limits l = {.arena = &arena}, old;
        assert_int_equal(limits_add(&l, "why", "x", cases[i].file, 0, &e, "%s", cases[i].value), 0);
        assert_int_equal(limits_save(cg, &l, &old, &e), 0);
        assert_int_equal(old.n, cases[i].want != NULL);
        if (cases[i].want)
            assert_string_equal(old.v[0].value, cases[i].want);
    }
    clean(cg, files, COUNT_OF(files));
}

static void test_rollback(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"memory.max", "1000\n"}, {"memory.low", "10\n"}, {"cgroup.controllers", "memory\n"}};
    struct cgroup *cg = make(files, COUNT_OF(files));
    struct hull_error e = {0};
    char buf[64];
    struct oci_memory m = {.limit = {true, 2000}, .reservation = {true, 20}};
    struct oci_cpu c = {.cpus = (char *)"0"};
    const struct oci_resources r = {.memory = &m, .cpu = &c};
    assert_true(cgroup_update(cg, &r, NULL, &e) < 0);
    assert_string_equal(e.where, "linux.resources.cpu.cpus");
    _cleanup_close_ int dir = cgroup_dir_open(&cg->v[0]);
    assert_true(cgroup_file_read(dir, "memory.max", buf, sizeof(buf)) > 0);
    assert_string_equal(buf, "1000\n");
    assert_true(cgroup_file_read(dir, "memory.low", buf, sizeof(buf)) > 0);
    assert_string_equal(buf, "10\n");

    const struct cgroup_limits *old;
    const struct oci_resources only = {.memory = &m};
    assert_int_equal(cgroup_update(cg, &only, &old, &e), 0);
    assert_true(cgroup_file_read(dir, "memory.max", buf, sizeof(buf)) > 0);
    assert_string_equal(buf, "2000\n");
    cgroup_update_undo(cg, old);
    assert_true(cgroup_file_read(dir, "memory.max", buf, sizeof(buf)) > 0);
    assert_string_equal(buf, "1000\n");
    fd_close(&dir);
    clean(cg, files, COUNT_OF(files));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_rollback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
