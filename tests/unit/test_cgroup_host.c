/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroup layer against the real kernel, in whatever mode /sys/fs/cgroup has. Needs root; makes
 * nothing outside of cgroups named hull-test-*. For v2 on a v1 host:
 *   unshare -m sh -c 'mount --make-rprivate /; umount -R /sys/fs/cgroup;
 *                     mount -t cgroup2 none /sys/fs/cgroup; exec test_cgroup_host'
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/sys.h"
#include "cgroup/cgroup.h"
#include "cgroup/ops.h"
#include "cgroup/file.h"

struct box {
    struct arena      arena;
    struct host_facts host;
    struct oci_linux  lin;
    struct oci_config config;
    struct oci_resources res;
    struct launch     l;
    struct hull_error e;
};

/* Fails with the layer's own message. */
#define assert_done(b, expr)                                            \
    do {                                                                \
        int r_ = (expr);                                                \
        if (r_ < 0)                                                     \
            fail_msg("%s: %d: %s", #expr, r_, (b)->e.text);             \
    } while (0)

static void open_box(struct box *b, const char *path)
{
    *b = (struct box){0};
    assert_int_equal(host_facts_probe(&b->host, &b->e), 0);
    if (b->host.euid != 0 || b->host.cgroup_mode == CGROUP_NONE)
        skip();
    b->lin.cgroupsPath = (char *)path;
    b->lin.resources = &b->res;
    b->config.linux_ = &b->lin;
    b->l = (struct launch){.config = &b->config, .host = &b->host, .id = "hull-test-id",
                           .arena = &b->arena, .init_pid = -1};
    assert_done(b, cgroup_plan_path(&b->l, &b->e));
}

static int run_step(struct box *b, const struct step *s)
{
    switch (s->kind) {
    case STEP_CGROUP_CREATE:
        return cgroup_step_create(&b->l, s, &b->e);
    case STEP_CGROUP_JOIN:
        return cgroup_step_join(&b->l, s, &b->e);
    case STEP_CGROUP_LIMITS:
        return cgroup_step_limits(&b->l, s, &b->e);
    default:
        return cgroup_step_devices(&b->l, s, &b->e);
    }
}

static int run_steps(struct box *b, const struct plan *p, enum step_where where)
{
    int r = 0;
    for (size_t i = 0; i < p->n && r == 0; i++)
        if (p->v[i].where == where)
            r = run_step(b, &p->v[i]);
    return r;
}

static int wait_forever(void)
{
    while (pause() < 0)
        ;
    return 0;
}

/* Makes the cgroup with init in it, as a create does. */
static int start(struct box *b, int (*work)(void))
{
    struct plan before = {.arena = &b->arena}, join = {.arena = &b->arena};
    struct plan after = {.arena = &b->arena};
    assert_done(b, cgroup_plan_create(&b->l, &before, &b->e));
    assert_done(b, cgroup_plan_join(&b->l, &join, &b->e));
    assert_done(b, cgroup_plan_limits(&b->l, &after, &b->e));
    assert_done(b, cgroup_plan_devices(&b->l, &after, &b->e));
    int r = run_steps(b, &before, AT_HOST);
    if (r < 0)
        return r;
    int gate[2], ready[2];
    assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    struct clone_args args = {.exit_signal = SIGCHLD};
    if (cgroup_clone_fd(b->l.cgroup) >= 0) {
        args.flags = CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup_clone_fd(b->l.cgroup);
        b->l.cgroup->entry.cloned_into = true;
    }
    pid_t pid = sys_clone3(&args, sizeof(args));
    assert_true(pid >= 0);
    if (pid == 0) {
        char c = 'r';
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (run_steps(b, &join, AT_INIT) < 0) {
            fprintf(stderr, "init: %s\n", b->e.text);
            _exit(99);
        }
        if (write(ready[1], &c, 1) != 1 || read(gate[0], &c, 1) != 1)
            _exit(98);
        _exit(work());
    }
    b->l.init_pid = pid;
    char c;
    assert_done(b, run_steps(b, &join, AT_HOST));
    assert_int_equal(read(ready[0], &c, 1), 1);
    r = run_steps(b, &after, AT_HOST);
    if (r == 0)
        assert_int_equal(write(gate[1], "x", 1), 1);
    for (int i = 0; i < 2; i++) {
        close(gate[i]);
        close(ready[i]);
    }
    return r;
}

static struct cgroup *reload(struct box *b)
{
    struct oci_map paths;
    struct cgroup *cg;
    assert_done(b, cgroup_paths(b->l.cgroup, &b->arena, &paths, &b->e));
    assert_true(paths.n > 0);
    assert_done(b, cgroup_from_saved(&b->arena, NULL, &b->host, &paths, false, &cg, &b->e));
    return cg;
}

static void close_box(struct box *b)
{
    if (b->l.init_pid > 0)
        waitpid(b->l.init_pid, NULL, WNOHANG);
    for (size_t i = 0; i < b->l.cgroup->n; i++)
        assert_int_equal(access(b->l.cgroup->v[i].dir, F_OK), -1);
    cgroup_close(b->l.cgroup);
    arena_free(&b->arena);
}

static bool member(struct box *b, pid_t pid)
{
    char path[64], buf[4096];
    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
    ssize_t n = cgroup_file_read(AT_FDCWD, path, buf, sizeof(buf));
    assert_true(n > 0);
    size_t found = 0;
    for (char *p = buf; (p = strstr(p, "/hull-test-")); p++)
        found++;
    return found == b->l.cgroup->n;
}

static void test_life(void **state)
{
    (void)state;
    struct box b;
    open_box(&b, "/hull-test-life");
    assert_done(&b, start(&b, wait_forever));
    assert_true(member(&b, b.l.init_pid));
    struct cgroup *cg = reload(&b);
    pid_t *pids;
    size_t n;
    assert_done(&b, cgroup_pids(cg, true, &b.arena, &pids, &n, &b.e));
    assert_int_equal(n, 1);
    assert_int_equal(pids[0], b.l.init_pid);
    assert_true(cgroup_exists(cg));

    bool frozen;
    assert_done(&b, cgroup_freeze(cg, true, &b.e));
    assert_done(&b, cgroup_is_frozen(cg, &frozen, &b.e));
    assert_true(frozen);

    /* A second container in the same place is refused and takes nothing away. */
    struct box c;
    open_box(&c, "/hull-test-life");
    assert_int_equal(start(&c, wait_forever), -HULL_E_STATE);
    assert_string_equal(c.e.text, "container's cgroup is not empty: 1 process(es) found");
    arena_free(&c.arena);

    assert_done(&b, cgroup_freeze(cg, false, &b.e));
    assert_done(&b, cgroup_is_frozen(cg, &frozen, &b.e));
    assert_false(frozen);
    assert_done(&b, cgroup_kill_all(cg, SIGTERM, &b.e));
    int status;
    assert_int_equal(waitpid(b.l.init_pid, &status, 0), b.l.init_pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_done(&b, cgroup_destroy(cg, &b.e));
    assert_false(cgroup_exists(cg));
    assert_done(&b, cgroup_destroy(cg, &b.e));   /* again: success */
    assert_int_equal(cgroup_kill_all(cg, SIGKILL, &b.e), -ENOENT);
    close_box(&b);
}

/* Reaps nothing, forks all the time. */
static int fork_storm(void)
{
    for (;;) {
        pid_t p = fork();
        if (p == 0) {
            usleep(1000);
            if (fork() == 0)
                usleep(100000);
            _exit(0);
        }
        usleep(500);
        if (p > 0)
            waitpid(p, NULL, 0);
    }
}

static void make_below(struct box *b, const char *sub)
{
    for (size_t i = 0; i < b->l.cgroup->n; i++) {
        char *path = arena_printf(&b->arena, "%s/%s", b->l.cgroup->v[i].dir, sub);
        if (mkdir(path, 0755) < 0)
            fail_msg("mkdir %s: %s", path, strerror(errno));
    }
}

static void test_destroy_busy(void **state)
{
    (void)state;
    struct box b;
    open_box(&b, "/hull-test-busy/x");
    b.res.pids = &(struct oci_pids){.limit = {true, 64}};
    if (b.host.cgroup_mode == CGROUP_V2)
        b.res.pids = NULL;
    assert_done(&b, start(&b, fork_storm));
    make_below(&b, "a");
    make_below(&b, "a/b");
    make_below(&b, "a/c");
    make_below(&b, "d");
    usleep(20000);
    struct cgroup *cg = reload(&b);
    assert_done(&b, cgroup_freeze(cg, true, &b.e));
    assert_done(&b, cgroup_destroy(cg, &b.e));
    int status;
    assert_int_equal(waitpid(b.l.init_pid, &status, 0), b.l.init_pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    for (size_t i = 0; i < cg->n; i++)
        assert_int_equal(access(cg->v[i].dir, F_OK), -1);
    /* The parent was made by create as well; undo takes it, destroy of the record does not. */
    for (size_t i = 0; i < b.l.cgroup->n; i++)
        assert_int_equal(b.l.cgroup->v[i].made, 2);
    assert_done(&b, cgroup_step_create_undo(&b.l, NULL, &b.e));
    for (size_t i = 0; i < b.l.cgroup->n; i++) {
        char *parent = arena_printf(&b.arena, "%s/hull-test-busy", b.l.cgroup->v[i].root);
        assert_int_equal(access(parent, F_OK), -1);
    }
    close_box(&b);
}

/*
 * Bits of what works: 1 null read-write, 2 mknod of any device, 4 kmsg (1:11), 8 full for writing.
 */
static int try_devices(void)
{
    int got = 0, fd;
    if ((fd = open("/dev/null", O_RDWR)) >= 0)
        got |= 1;
    close(fd);
    unlink("/tmp/hull-test-node");
    if (mknod("/tmp/hull-test-node", S_IFCHR | 0600, makedev(1, 11)) == 0)
        got |= 2;
    if ((fd = open("/tmp/hull-test-node", O_RDONLY | O_NONBLOCK)) >= 0)
        got |= 4;
    close(fd);
    unlink("/tmp/hull-test-node");
    if (mknod("/tmp/hull-test-node", S_IFCHR | 0600, makedev(1, 7)) == 0 &&
        (fd = open("/tmp/hull-test-node", O_RDONLY)) >= 0)
        got |= 8;
    unlink("/tmp/hull-test-node");
    return got;
}

static int devices_of(struct oci_device_rule *rules, size_t n)
{
    struct box b;
    open_box(&b, "/hull-test-devices");
    b.res.devices.v = rules;
    b.res.devices.n = n;
    assert_done(&b, start(&b, try_devices));
    int status;
    assert_int_equal(waitpid(b.l.init_pid, &status, 0), b.l.init_pid);
    assert_true(WIFEXITED(status));
    assert_done(&b, cgroup_destroy(b.l.cgroup, &b.e));
    b.l.init_pid = -1;
    close_box(&b);
    return WEXITSTATUS(status);
}

static void test_devices(void **state)
{
    (void)state;
    char rwm[] = "rwm", r[] = "r", c[] = "c";
    struct oci_device_rule deny_all = {.allow = false, .access = rwm};
    struct oci_device_rule allow_all = {.allow = true, .access = rwm};
    struct oci_device_rule kmsg_read = {
        .allow = true, .type = c, .major = {true, 1}, .minor = {true, 11}, .access = r};
    struct oci_device_rule no_kmsg = {
        .allow = false, .type = c, .major = {true, 1}, .minor = {true, 11}, .access = r};
    assert_int_equal(devices_of(NULL, 0), 1 | 2 | 8);
    assert_int_equal(devices_of(&deny_all, 1), 1 | 2 | 8);
    assert_int_equal(devices_of((struct oci_device_rule[]){deny_all, kmsg_read}, 2), 1 | 2 | 4 | 8);
    assert_int_equal(devices_of(&allow_all, 1), 1 | 2 | 4 | 8);
    assert_int_equal(devices_of((struct oci_device_rule[]){allow_all, no_kmsg}, 2), 1 | 2 | 8);
}

/* An existing, empty cgroup with another filter is taken over, its program replaced. */
static void test_devices_replaced(void **state)
{
    (void)state;
    char rwm[] = "rwm";
    struct oci_device_rule allow_all = {.allow = true, .access = rwm};
    struct box first, b;
    open_box(&first, "/hull-test-devices");
    assert_done(&first, start(&first, try_devices));
    int status;
    assert_int_equal(waitpid(first.l.init_pid, &status, 0), first.l.init_pid);
    assert_int_equal(WEXITSTATUS(status), 1 | 2 | 8);
    cgroup_close(first.l.cgroup);
    for (int i = 0; i < 2; i++) {
        open_box(&b, "/hull-test-devices");
        if (i == 0) {
            b.res.devices.v = &allow_all;
            b.res.devices.n = 1;
        }
        assert_done(&b, start(&b, try_devices));
        assert_int_equal(b.l.cgroup->v[0].made, 0);
        assert_int_equal(waitpid(b.l.init_pid, &status, 0), b.l.init_pid);
        assert_int_equal(WEXITSTATUS(status), i == 0 ? 1 | 2 | 4 | 8 : 1 | 2 | 8);
        /* It was there before: a failing create would leave it. */
        assert_done(&b, cgroup_step_create_undo(&b.l, NULL, &b.e));
        assert_int_equal(access(b.l.cgroup->v[0].dir, F_OK), 0);
        if (i == 1)
            assert_done(&b, cgroup_destroy(b.l.cgroup, &b.e));
        else
            arena_free(&b.arena);
    }
    b.l.init_pid = -1;
    close_box(&b);
    arena_free(&first.arena);
}

static void read_value(struct box *b, const char *controller, const char *file, char *buf, size_t n)
{
    const struct cgroup_dir *d = cgroup_find(b->l.cgroup, controller);
    assert_non_null(d);
    _cleanup_close_ int fd = cgroup_dir_open(d);
    assert_true(fd >= 0);
    assert_true(cgroup_file_read(fd, file, buf, n) >= 0);
    buf[strcspn(buf, "\n")] = '\0';
}

static void check_value(struct box *b, const char *controller, const char *file, const char *want)
{
    char buf[256];
    read_value(b, controller, file, buf, sizeof(buf));
    assert_string_equal(buf, want);
}

static void test_limits_v1(void **state)
{
    (void)state;
    struct box b;
    open_box(&b, "/hull-test-limits");
    if (b.host.cgroup_mode == CGROUP_V2) {
        arena_free(&b.arena);
        skip();
    }
    struct oci_memory m = {.limit = {true, 30 << 20}, .swap = {true, 50 << 20},
                           .reservation = {true, 10 << 20}, .swappiness = {true, 20},
                           .disableOOMKiller = {true, true}};
    char cpus[] = "0", mems[] = "0";
    struct oci_cpu cpu = {.shares = {true, 512}, .quota = {true, 50000}, .period = {true, 200000},
                          .cpus = cpus, .mems = mems};
    struct oci_pids pids = {.limit = {true, 0}};
    b.res = (struct oci_resources){.memory = &m, .cpu = &cpu, .pids = &pids};
    assert_done(&b, start(&b, wait_forever));
    check_value(&b, "memory", "memory.limit_in_bytes", "31457280");
    check_value(&b, "memory", "memory.memsw.limit_in_bytes", "52428800");
    check_value(&b, "memory", "memory.soft_limit_in_bytes", "10485760");
    check_value(&b, "memory", "memory.swappiness", "20");
    check_value(&b, "cpu", "cpu.shares", "512");
    check_value(&b, "cpu", "cpu.cfs_quota_us", "50000");
    check_value(&b, "cpu", "cpu.cfs_period_us", "200000");
    check_value(&b, "cpuset", "cpuset.cpus", "0");
    check_value(&b, "pids", "pids.max", "1");

    struct cgroup *cg = reload(&b);
    m = (struct oci_memory){.limit = {true, 60 << 20}, .swap = {true, 80 << 20}};
    b.res = (struct oci_resources){.memory = &m};
    assert_done(&b, cgroup_update(cg, &b.res, NULL, &b.e));
    check_value(&b, "memory", "memory.memsw.limit_in_bytes", "83886080");
    m = (struct oci_memory){.limit = {true, 30 << 20}, .swap = {true, 50 << 20}};
    assert_done(&b, cgroup_update(cg, &b.res, NULL, &b.e));
    check_value(&b, "memory", "memory.limit_in_bytes", "31457280");
    check_value(&b, "memory", "memory.memsw.limit_in_bytes", "52428800");
    m = (struct oci_memory){.limit = {true, -1}};
    assert_done(&b, cgroup_update(cg, &b.res, NULL, &b.e));
    check_value(&b, "memory", "memory.memsw.limit_in_bytes", "9223372036854771712");

    cpu = (struct oci_cpu){.idle = {true, 2}};
    b.res = (struct oci_resources){.cpu = &cpu};
    assert_int_equal(cgroup_update(cg, &b.res, NULL, &b.e), -EINVAL);
    assert_string_equal(
        b.e.text, "error setting cgroup config for linux.resources.cpu.idle: failed to write "
                  "\"2\": write /sys/fs/cgroup/cpu/hull-test-limits/cpu.idle: invalid argument");
    cpu.idle.v = 1;
    assert_done(&b, cgroup_update(cg, &b.res, NULL, &b.e));
    check_value(&b, "cpu", "cpu.idle", "1");
    assert_done(&b, cgroup_destroy(cg, &b.e));
    assert_int_equal(waitpid(b.l.init_pid, NULL, 0), b.l.init_pid);
    close_box(&b);
}

static void test_limit_refused(void **state)
{
    (void)state;
    struct box b;
    open_box(&b, "/hull-test-refused");
    char cpus[] = "99999";
    struct oci_cpu cpu = {.cpus = cpus};
    b.res.cpu = &cpu;
    int r = start(&b, wait_forever);
    assert_true(r < 0);
    assert_non_null(strstr(b.e.text, "cpuset.cpus"));
    assert_string_equal(b.e.where, "linux.resources.cpu.cpus");
    if (b.l.init_pid > 0) {
        kill(b.l.init_pid, SIGKILL);
        waitpid(b.l.init_pid, NULL, 0);
        assert_done(&b, cgroup_destroy(b.l.cgroup, &b.e));
    }
    close_box(&b);
}

/* A frozen cgroup is refused; it stays. */
static void test_frozen(void **state)
{
    (void)state;
    struct box b;
    open_box(&b, "/hull-test-frozen");
    assert_done(&b, start(&b, wait_forever));
    kill(b.l.init_pid, SIGKILL);
    waitpid(b.l.init_pid, NULL, 0);
    assert_done(&b, cgroup_freeze(b.l.cgroup, true, &b.e));
    struct box c;
    open_box(&c, "/hull-test-frozen");
    assert_int_equal(start(&c, wait_forever), -HULL_E_STATE);
    assert_string_equal(c.e.text, "container's cgroup unexpectedly frozen");
    arena_free(&c.arena);
    assert_int_equal(access(b.l.cgroup->v[0].dir, F_OK), 0);
    assert_done(&b, cgroup_destroy(b.l.cgroup, &b.e));
    close_box(&b);
}

static void test_exec(void **state)
{
    (void)state;
    struct box b;
    open_box(&b, "/hull-test-exec");
    assert_done(&b, start(&b, wait_forever));
    make_below(&b, "sub");
    struct cgroup *cg = reload(&b);
    char sub[] = "sub", up[] = "..", none[] = "nonexistent", bad[] = "whaaat:/", top[] = "/";
    char *ways[][2] = {{NULL, NULL}, {sub, NULL}, {top, NULL}};
    const char *want[] = {"/hull-test-exec\n", "/hull-test-exec/sub\n", "/hull-test-exec\n"};
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        struct cgroup_entry entry;
        char **subs = ways[i][0] ? ways[i] : NULL;
        if (i == 1 && cgroup_find(cg, "cpuset")) {
            char *dir = cgroup_find(cg, "cpuset")->dir ? arena_printf(&b.arena, "%s/sub",
                        cgroup_find(cg, "cpuset")->dir) : NULL;
            _cleanup_close_ int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
            assert_int_equal(cgroup_file_write(fd, "cpuset.cpus", "0"), 0);
            assert_int_equal(cgroup_file_write(fd, "cpuset.mems", "0"), 0);
        }
        assert_done(&b, cgroup_open_entry(cg, b.l.init_pid, subs, &entry, &b.e));
        pid_t pid = fork();
        if (pid == 0)
            _exit(cgroup_enter(&entry, &b.e) < 0 ? 1 : (pause(), 0));
        assert_done(&b, cgroup_enter_host(cg, &entry, pid, b.l.init_pid, subs, &b.e));
        char path[64], buf[4096];
        size_t found = 0;
        snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
        for (int tries = 0; found != cg->n && tries < 200; tries++) {
            found = 0;
            assert_true(cgroup_file_read(AT_FDCWD, path, buf, sizeof(buf)) > 0);
            for (char *p = buf; (p = strstr(p, want[i])); p++)
                found++;
            usleep(5000);
        }
        if (found != cg->n)
            fail_msg("%s", buf);
        cgroup_entry_close(&entry);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    struct cgroup_entry entry;
    assert_true(cgroup_open_entry(cg, b.l.init_pid, (char *[]){up, NULL}, &entry, &b.e) < 0);
    assert_string_equal(b.e.text + strcspn(b.e.text, "b"), "bad sub cgroup path: ..");
    assert_true(cgroup_open_entry(cg, b.l.init_pid, (char *[]){none, NULL}, &entry, &b.e) < 0);
    assert_non_null(strstr(b.e.text, " adding pid "));
    assert_non_null(strstr(b.e.text, "no such file or directory"));
    assert_true(cgroup_open_entry(cg, b.l.init_pid, (char *[]){bad, NULL}, &entry, &b.e) < 0);
    assert_non_null(strstr(b.e.text, "unknown controller whaaat"));
    assert_done(&b, cgroup_destroy(cg, &b.e));
    close_box(&b);
}

static void test_cycles(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        struct box b;
        char path[64];
        snprintf(path, sizeof(path), "/hull-test-cycle-%d", i);
        open_box(&b, path);
        assert_done(&b, start(&b, wait_forever));
        assert_done(&b, cgroup_destroy(reload(&b), &b.e));
        assert_int_equal(waitpid(b.l.init_pid, NULL, 0), b.l.init_pid);
        close_box(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),         cmocka_unit_test(test_destroy_busy),
        cmocka_unit_test(test_devices),      cmocka_unit_test(test_devices_replaced),
        cmocka_unit_test(test_limits_v1),    cmocka_unit_test(test_limit_refused),
        cmocka_unit_test(test_frozen),       cmocka_unit_test(test_exec),
        cmocka_unit_test(test_cycles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
