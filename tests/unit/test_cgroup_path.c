/* SPDX-License-Identifier: Apache-2.0 */
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
#include "cgroup/cgroup.h"
#include "cgroup/file.h"
#include "cgroup/ops.h"
#include "cgroup/tree.h"
#include "host/hierarchy.h"

static void test_plan_path(void **state)
{
    (void)state;
    static const struct { const char *given, *want;
    } cases[] = {
        {NULL, "c1"},
        {"", "c1"},
        {"/a/b", "/a/b"},
        {"a/b", "a/b"},
        {"/a/../../../x", "/x"},
        {"../../../tmp/x", "tmp/x"},
        {"/a//./b/", "/a/b"},
        {"./x", "x"},
        {"a/../b", "b"},
        {"/..a/b", "/..a/b"},
        {"/", NULL},
        {"..", NULL},
        {"/..", NULL},
        {".", NULL},
        {"/a\nb", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a = {0};
        struct oci_linux lin = {.cgroupsPath = (char *)cases[i].given};
        struct oci_config config = {.linux_ = &lin};
        struct host_facts host = {.cgroup_mode = CGROUP_V2};
        struct launch l = {.config = &config, .host = &host, .id = "c1", .arena = &a};
        struct hull_error e = {0};
        int r = cgroup_plan_path(&l, &e);
        if (!cases[i].want) {
            assert_int_equal(r, -HULL_E_CONFIG);
            assert_string_equal(e.where, "linux.cgroupsPath");
        } else {
            assert_int_equal(r, 0);
            assert_string_equal(l.cgroup->path, cases[i].want);
        }
        arena_free(&a);
    }
}

static void test_parse(void **state)
{
    (void)state;
    struct arena a = {0};
    struct hull_error e = {0};
    char text[] = "12:cpu,cpuacct:/x:y\nbad\n3:x\n2:memory:relative\n1:name=systemd:/\n0::/../up\n";
    struct host_hierarchies h;
    assert_int_equal(host_hierarchies_parse(&a, text, &h, &e), 0);
    assert_int_equal(h.n, 3);
    assert_string_equal(h.v[0].names, "cpu,cpuacct");
    assert_string_equal(h.v[0].own, "/x:y");
    assert_string_equal(h.v[1].names, "name=systemd");
    assert_string_equal(h.v[2].names, "");
    assert_string_equal(h.v[2].own, "/../up");
    assert_true(host_hierarchy_has("cpu,cpuacct", "cpuacct"));
    assert_false(host_hierarchy_has("cpu,cpuacct", "cpua"));
    assert_true(host_hierarchy_has("", ""));
    assert_false(host_hierarchy_has("cpu", ""));
    char empty[] = "";
    assert_int_equal(host_hierarchies_parse(&a, empty, &h, &e), 0);
    assert_int_equal(h.n, 0);
    arena_free(&a);
}

static int from_saved(struct arena *a, enum cgroup_mode mode, const char *key, const char *dir,
                      struct cgroup **ret)
{
    struct host_facts host = {.cgroup_mode = mode};
    struct oci_pair pair = {(char *)key, (char *)dir};
    struct oci_map map = {&pair, 1};
    struct hull_error e = {0};
    return cgroup_from_saved(a, NULL, &host, &map, false, ret, &e);
}

static void test_saved(void **state)
{
    (void)state;
    struct arena a = {0};
    struct cgroup *cg = NULL;
    assert_int_equal(from_saved(&a, CGROUP_V2, "", "/sys/fs/cgroup/a/b", &cg), 0);
    assert_string_equal(cg->v[0].rel, "a/b");
    assert_string_equal(cg->v[0].root, "/sys/fs/cgroup");
    assert_int_equal(from_saved(&a, CGROUP_HYBRID, "memory", "/sys/fs/cgroup/memory/a/b", &cg), 0);
    assert_string_equal(cg->v[0].rel, "a/b");
    assert_string_equal(cg->v[0].root, "/sys/fs/cgroup/memory");
    static const struct { enum cgroup_mode mode; const char *dir; } bad[] = {
        {CGROUP_V2, "/sys/fs/cgroup"}, {CGROUP_V2, "/sys/fs/cgroup/"}, {CGROUP_V2, "/tmp/x"},
        {CGROUP_V2, "/sys/fs/cgroup/../../x"}, {CGROUP_V2, "/sys/fs/cgroupx/a"},
        {CGROUP_V1, "/sys/fs/cgroup/memory"}, {CGROUP_V1, "/sys/fs/cgroup/memory/"},
        {CGROUP_V1, "/sys/fs/cgroup/memory/../x"}, {CGROUP_V1, "relative"},
        {CGROUP_V1, "/sys/fs/cgroup//x/y"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(from_saved(&a, bad[i].mode, "", bad[i].dir, &cg), -HULL_E_CONFIG);
    arena_free(&a);
}

static void test_saved_round_trip(void **state)
{
    (void)state;
    struct arena a = {0};
    struct hull_error e = {0};
    struct host_facts host = {.cgroup_mode = CGROUP_V1};
    struct cgroup *cg = cgroup_new(&a, NULL, CGROUP_V1), *again;
    assert_int_equal(cgroup_add_dir(cg, "cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "x", &e), 0);
    assert_int_equal(cgroup_add_dir(cg, "memory", "/sys/fs/cgroup/memory", "x", &e), 0);
    assert_int_equal(cgroup_add_dir(cg, "pids", "/sys/fs/cgroup/pids", "x", &e), 0);
    cg->v[2].missing = true;
    struct oci_map map;
    assert_int_equal(cgroup_paths(cg, &a, &map, &e), 0);
    assert_int_equal(map.n, 3);
    assert_string_equal(map.v[1].key, "cpuacct");
    assert_string_equal(map.v[1].value, "/sys/fs/cgroup/cpu,cpuacct/x");
    assert_int_equal(cgroup_from_saved(&a, NULL, &host, &map, false, &again, &e), 0);
    assert_int_equal(again->n, 2);
    assert_string_equal(again->v[0].names, "cpu,cpuacct");
    assert_non_null(cgroup_find(again, "cpuacct"));
    assert_null(cgroup_find(again, "pids"));
    arena_free(&a);
}

static void test_sub(void **state)
{
    (void)state;
    struct arena a = {0};
    struct hull_error e = {0};
    const char *sub;
    char plain[] = "x/../y", up[] = "a/../..", both[] = "cpu,memory:z", other[] = "cpu:w";
    assert_int_equal(cgroup_sub_for(&a, NULL, (char *[]){plain, NULL}, "cpu", &sub, &e), 0);
    assert_string_equal(sub, "y");
    assert_int_equal(cgroup_sub_for(&a, NULL, NULL, "cpu", &sub, &e), 0);
    assert_null(sub);
    assert_true(cgroup_sub_for(&a, NULL, (char *[]){up, NULL}, "cpu", &sub, &e) < 0);
    assert_string_equal(e.text, "bad sub cgroup path: a/../..");
    assert_int_equal(cgroup_sub_for(&a, NULL, (char *[]){both, NULL}, "cpu,cpuacct", &sub, &e), 0);
    assert_string_equal(sub, "z");
    assert_int_equal(cgroup_sub_for(&a, NULL, (char *[]){both, NULL}, "pids", &sub, &e), 0);
    assert_null(sub);
    assert_true(cgroup_sub_for(&a, NULL, (char *[]){both, other, NULL}, "cpu", &sub, &e) < 0);
    arena_free(&a);
}

/* On a plain directory: links are refused, and only what was made goes away again. */
static void test_tree(void **state)
{
    (void)state;
    struct hull_error e = {0};
    char top[] = "/tmp/hull-test-tree-XXXXXX";
    assert_non_null(mkdtemp(top));
    _cleanup_close_ int dir = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(dir, "there", 0755), 0);
    assert_int_equal(symlinkat("/tmp", dir, "link"), 0);
    struct cgroup_dir d = {.names = "", .root = top, .rel = "there/a/b", .dir = "there/a/b"};
    _cleanup_close_ int fd = cgroup_tree_make(&d, NULL, NULL, &e);
    assert_true(fd >= 0);
    assert_int_equal(d.made, 2);
    _cleanup_close_ int again = cgroup_dir_open(&d);
    assert_true(again >= 0);
    cgroup_tree_unmake(&d);
    assert_int_equal(faccessat(dir, "there/a", F_OK, 0), -1);
    assert_int_equal(faccessat(dir, "there", F_OK, 0), 0);
    struct cgroup_dir l = {.names = "", .root = top, .rel = "link/x", .dir = "link/x"};
    assert_int_equal(cgroup_tree_make(&l, NULL, NULL, &e), -ENOTDIR);
    assert_int_equal(cgroup_dir_open(&l), -ELOOP);
    struct cgroup_dir up = {.names = "", .root = top, .rel = "there/../..", .dir = "up"};
    assert_true(cgroup_dir_open(&up) < 0);
    /* Nested removal, deeper than there are descriptors. */
    char deep[2048] = "there";
    for (int i = 0; i < 600; i++) {
        strcat(deep, "/d");
        assert_int_equal(mkdirat(dir, deep, 0755), 0);
    }
    assert_int_equal(mkdirat(dir, "there/e", 0755), 0);
    assert_int_equal(mkdirat(dir, "there/e/f", 0755), 0);
    struct cgroup_dir t = {.names = "", .root = top, .rel = "there", .dir = "there"};
    assert_int_equal(cgroup_tree_remove(&t), 0);
    assert_int_equal(cgroup_tree_remove(&t), 0);
    assert_int_equal(unlinkat(dir, "link", 0), 0);
    assert_int_equal(rmdir(top), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan_path), cmocka_unit_test(test_parse),
        cmocka_unit_test(test_saved),     cmocka_unit_test(test_saved_round_trip),
        cmocka_unit_test(test_sub),       cmocka_unit_test(test_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
