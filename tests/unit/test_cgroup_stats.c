/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's files as text, and the "stats" event that comes of them. */
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
#include "cgroup/ops.h"
#include "lib/stats_json.h"

struct file { const char *name, *text; };

static char top[64];
static struct arena arena;

static void write_files(int dir, const struct file *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        close(openat(dir, f[i].name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        assert_int_equal(cgroup_file_write(dir, f[i].name, f[i].text), 0);
    }
}

/* A cgroup that is a plain directory; on v1 the same one for all controllers. */
static struct cgroup *make(enum cgroup_mode mode, const struct file *f, size_t n)
{
    struct hull_error e = {0};
    strcpy(top, "/tmp/hull-test-stats-XXXXXX");
    assert_non_null(mkdtemp(top));
    struct cgroup *cg = cgroup_new(&arena, NULL, mode);
    const char *names = mode == CGROUP_V2 ? "" : "cpu,cpuacct,cpuset,memory,pids,blkio,hugetlb";
    assert_int_equal(cgroup_add_dir(cg, names, top, "c", &e), 0);
    assert_int_equal(mkdir(cg->v[0].dir, 0755), 0);
    _cleanup_close_ int dir = cgroup_dir_open(&cg->v[0]);
    write_files(dir, f, n);
    return cg;
}

static void clean(struct cgroup *cg, const struct file *f, size_t n)
{
    _cleanup_close_ int dir = cgroup_dir_open(&cg->v[0]);
    for (size_t i = 0; i < n; i++)
        unlinkat(dir, f[i].name, 0);
    assert_int_equal(rmdir(cg->v[0].dir), 0);
    assert_int_equal(rmdir(top), 0);
    arena_free(&arena);
}

static void expect(enum cgroup_mode mode, const struct file *f, size_t n, const char *want)
{
    struct cgroup *cg = make(mode, f, n);
    struct cgroup_stats st;
    struct hull_error e = {0};
    char *text = NULL;
    if (cgroup_stats_read(cg, &arena, &st, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(stats_json("id", &st, NULL, &text, &e), 0);
    /* How many sizes of huge pages there are is the host's affair. */
    char *huge = strstr(text, "\"hugetlb\":{");
    assert_non_null(huge);
    assert_memory_equal(text, want, strlen(want));
    assert_int_equal((size_t)(huge - text), strlen(want));
    free(text);
    clean(cg, f, n);
}

static void test_v2(void **state)
{
    (void)state;
    static const struct file files[] = {
        {"cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 5\nnr_throttled 4\n"
                     "throttled_usec 3\nnr_bursts 0\nburst_usec 0\n"},
        {"cpu.pressure", "some avg10=1.50 avg60=0.00 avg300=12.34 total=99\n"
                         "full avg10=0.05 avg60=100.00 avg300=7.00 total=18446744073709551615\n"},
        {"memory.stat", "file 4096\nanon 8192\nzswap -1\n"},
        {"memory.current", "1000\n"}, {"memory.max", "max\n"}, {"memory.peak", "2000\n"},
        {"memory.swap.current", "5\n"}, {"memory.swap.max", "100\n"},
        {"pids.current", "7\n"}, {"pids.max", "max\n"},
        {"io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=0 dbytes=0 dios=0\n8:16 \n"
                    "253:1 rbytes=0 wbytes=9 rios=0 wios=1\n"},
    };
    expect(CGROUP_V2, files, COUNT_OF(files),
           "{\"type\":\"stats\",\"id\":\"id\",\"data\":{"
           "\"cpu\":{\"usage\":{\"total\":30000,\"kernel\":10000,\"user\":20000},"
           "\"throttling\":{\"periods\":5,\"throttledPeriods\":4,\"throttledTime\":3000},"
           "\"psi\":{\"some\":{\"avg10\":1.5,\"avg60\":0,\"avg300\":12.34,\"total\":99},"
           "\"full\":{\"avg10\":0.05,\"avg60\":100,\"avg300\":7,\"total\":18446744073709551615}}},"
           "\"cpuset\":{\"cpu_exclusive\":0,\"mem_hardwall\":0,\"mem_exclusive\":0,"
           "\"memory_migrate\":0,\"memory_spread_page\":0,\"memory_spread_slab\":0,"
           "\"memory_pressure\":0,\"sched_load_balance\":0,\"sched_relax_domain_level\":0},"
           "\"memory\":{\"cache\":4096,"
           "\"usage\":{\"limit\":18446744073709551615,\"usage\":1000,\"max\":2000,\"failcnt\":0},"
           "\"swap\":{\"limit\":18446744073709551615,\"usage\":1005,\"failcnt\":0},"
           "\"raw\":{\"anon\":8192,\"file\":4096,\"zswap\":0}},"
           "\"pids\":{\"current\":7},"
           "\"blkio\":{\"ioServiceBytesRecursive\":[{\"major\":8,\"op\":\"Read\",\"value\":1},"
           "{\"major\":8,\"op\":\"Write\",\"value\":2},{\"major\":253,\"minor\":1,\"op\":\"Read\"},"
           "{\"major\":253,\"minor\":1,\"op\":\"Write\",\"value\":9}],"
           "\"ioServicedRecursive\":[{\"major\":8,\"op\":\"Read\",\"value\":3},"
           "{\"major\":8,\"op\":\"Write\"},{\"major\":253,\"minor\":1,\"op\":\"Read\"},"
           "{\"major\":253,\"minor\":1,\"op\":\"Write\",\"value\":1}]},");
}

static void test_v1(void **state)
{
    (void)state;
    static const struct file files[] = {
        {"cpuacct.stat", "user 3\nsystem 2\n"}, {"cpuacct.usage", "55\n"},
        {"cpuacct.usage_percpu", "50 5 \n"}, {"cpuacct.usage_all", "cpu user system\n0 30 20\n1 5 0\n"},
        {"cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n"},
        {"cpuset.cpus", "0-2,5\n"}, {"cpuset.mems", "0\n"}, {"cpuset.sched_load_balance", "1\n"},
        {"cpuset.sched_relax_domain_level", "-1\n"},
        {"memory.stat", "cache 12\nrss 34\n"},
        {"memory.usage_in_bytes", "1\n"}, {"memory.max_usage_in_bytes", "2\n"},
        {"memory.failcnt", "3\n"}, {"memory.limit_in_bytes", "4\n"},
        {"memory.kmem.usage_in_bytes", "5\n"}, {"memory.kmem.max_usage_in_bytes", "6\n"},
        {"memory.kmem.failcnt", "0\n"},
        {"pids.current", "1\n"}, {"pids.max", "20\n"},
        {"blkio.bfq.io_serviced_recursive", "8:0 Read 1\n8:0 Total 1\nTotal 1\n"},
        {"blkio.bfq.io_service_bytes_recursive", "8:0 Read 512\n8:0 Total 512\nTotal 512\n"},
        {"blkio.throttle.io_serviced", "8:0 Read 99\nTotal 99\n"},
    };
    expect(CGROUP_V1, files, COUNT_OF(files),
           "{\"type\":\"stats\",\"id\":\"id\",\"data\":{"
           "\"cpu\":{\"usage\":{\"total\":55,\"percpu\":[50,5],\"percpu_kernel\":[20,0],"
           "\"percpu_user\":[30,5],\"kernel\":20000000,\"user\":30000000}},"
           "\"cpuset\":{\"cpus\":[0,1,2,5],\"cpu_exclusive\":0,\"mems\":[0],\"mem_hardwall\":0,"
           "\"mem_exclusive\":0,\"memory_migrate\":0,\"memory_spread_page\":0,"
           "\"memory_spread_slab\":0,\"memory_pressure\":0,\"sched_load_balance\":1,"
           "\"sched_relax_domain_level\":-1},"
           "\"memory\":{\"cache\":12,\"usage\":{\"limit\":4,\"usage\":1,\"max\":2,\"failcnt\":3},"
           "\"kernel\":{\"limit\":0,\"usage\":5,\"max\":6,\"failcnt\":0},"
           "\"raw\":{\"cache\":12,\"rss\":34}},"
           "\"pids\":{\"current\":1,\"limit\":20},"
           "\"blkio\":{\"ioServiceBytesRecursive\":[{\"major\":8,\"op\":\"Read\",\"value\":512},"
           "{\"major\":8,\"op\":\"Total\",\"value\":512}],"
           "\"ioServicedRecursive\":[{\"major\":8,\"op\":\"Read\",\"value\":1},"
           "{\"major\":8,\"op\":\"Total\",\"value\":1}]},");
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct file cases[] = {
        {"memory.stat", "word\n"},    {"memory.stat", "anon x\n"}, {"cpu.stat", " 5\n"},
        {"pids.current", "lots\n"},   {"io.stat", "8:0 rbytes=x\n"},
        {"cpu.pressure", "some avg10\n"}, {"cpu.pressure", "some avg10=x total=1\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct cgroup *cg = make(CGROUP_V2, &cases[i], 1);
        struct cgroup_stats st;
        struct hull_error e = {0};
        assert_int_equal(cgroup_stats_read(cg, &arena, &st, &e), -EINVAL);
        assert_non_null(strstr(e.text, "unable to get container cgroup stats: unable to parse "));
        assert_non_null(strstr(e.text, cases[i].name));
        clean(cg, &cases[i], 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v2),
        cmocka_unit_test(test_v1),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
