/* SPDX-License-Identifier: Apache-2.0 */
/* Resolution in a root, twice: with openat2 and, in a child that may not call it, by the walk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/path.h"
#include "base/sys.h"

static struct arena arena;
static char base[] = "/tmp/hull-test-path-XXXXXX";
static int base_fd, root;

static void put(const char *path, const char *text)
{
    int fd = openat(root, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static int make_tree(void **state)
{
    (void)state;
    if (!mkdtemp(base))
        return -1;
    base_fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
    mkdirat(base_fd, "root", 0755);
    root = openat(base_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    mkdirat(root, "etc", 0755);
    mkdirat(root, "a", 0755);
    mkdirat(root, "a/b", 0755);
    put("etc/passwd", "inside");
    put("a/b/file", "file");
    assert_int_equal(symlinkat("/etc", root, "abs"), 0);
    assert_int_equal(symlinkat("../../../../etc/passwd", root, "a/up"), 0);
    assert_int_equal(symlinkat("a/../etc", root, "rel"), 0);
    assert_int_equal(symlinkat("loop", root, "loop"), 0);
    assert_int_equal(symlinkat("/new/dir/x", root, "dangle"), 0);
    assert_int_equal(symlinkat("no/../x", root, "dotdot"), 0);
    assert_int_equal(symlinkat("/..", root, "top"), 0);
    return 0;
}

static int remove_tree(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", base);
    arena_free(&arena);
    return system(command);
}

/* What is in the file at path, or the error. */
static const char *content(const char *path, int *ret_error)
{
    static char buf[64];
    int fd = path_open_in_root(root, path, O_RDONLY);
    *ret_error = fd < 0 ? fd : 0;
    if (fd < 0)
        return "";
    ssize_t n = read(fd, buf, sizeof(buf) - 1);
    buf[n > 0 ? n : 0] = '\0';
    close(fd);
    return buf;
}

static void expect_content(const char *path, const char *text)
{
    int r;
    assert_string_equal(content(path, &r), text);
    assert_int_equal(r, 0);
}

static void expect_error(const char *path, int err)
{
    int r;
    content(path, &r);
    assert_int_equal(r, -err);
}

static bool same_as_root(int fd)
{
    struct stat a, b;
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &a) | fstat(root, &b), 0);
    close(fd);
    return a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static void test_open(void **state)
{
    (void)state;
    expect_content("/etc/passwd", "inside");
    expect_content("etc/passwd", "inside");
    expect_content("abs/passwd", "inside");
    expect_content("a/up", "inside");
    expect_content("//rel///./passwd", "inside");
    expect_content("../../../../../../../../etc/passwd", "inside");
    expect_content("a/b/../../etc/passwd", "inside");
    expect_error("loop", ELOOP);
    expect_error("dangle", ENOENT);
    expect_error("etc/passwd/x", ENOTDIR);
    expect_error("nothing/x", ENOENT);
    assert_true(same_as_root(path_open_in_root(root, "", O_PATH)));
    assert_true(same_as_root(path_open_in_root(root, "/", O_PATH | O_DIRECTORY)));
    assert_true(same_as_root(path_open_in_root(root, "..", O_PATH)));
    assert_true(same_as_root(path_open_in_root(root, "top", O_PATH)));
    assert_int_equal(path_open_in_root(root, "etc/passwd", O_PATH | O_DIRECTORY), -ENOTDIR);
}

static void test_nofollow(void **state)
{
    (void)state;
    assert_int_equal(path_open_in_root_nofollow(root, "abs", O_PATH), -ELOOP);
    assert_int_equal(path_open_in_root_nofollow(root, "abs", O_PATH | O_DIRECTORY), -ELOOP);
    assert_int_equal(path_open_in_root_nofollow(root, "a/up", O_RDONLY), -ELOOP);
    int fd = path_open_in_root_nofollow(root, "abs/passwd", O_RDONLY);
    assert_true(fd >= 0);
    close(fd);
    fd = path_open_in_root_nofollow(root, "etc", O_PATH | O_DIRECTORY);
    assert_true(fd >= 0);
    close(fd);
}

static void expect_made(int fd, const char *path, mode_t type)
{
    struct stat a, b;
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &a), 0);
    assert_int_equal(fstatat(root, path, &b, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(a.st_ino, b.st_ino);
    assert_int_equal(a.st_mode & S_IFMT, type);
    close(fd);
}

static void test_make(void **state)
{
    (void)state;
    expect_made(path_mkdir_in_root(root, "/x/y/z", 0755), "x/y/z", S_IFDIR);
    expect_made(path_mkdir_in_root(root, "/x/y/z", 0755), "x/y/z", S_IFDIR);
    expect_made(path_mkdir_in_root(root, "abs/sub", 0755), "etc/sub", S_IFDIR);
    expect_made(path_mkdir_in_root(root, "dangle/more", 0755), "new/dir/x/more", S_IFDIR);
    expect_made(path_mkfile_in_root(root, "x/f/file", 0644), "x/f/file", S_IFREG);
    expect_made(path_mkfile_in_root(root, "etc/passwd", 0644), "etc/passwd", S_IFREG);
    expect_content("etc/passwd", "inside");
    unlinkat(root, "link", 0);
    assert_int_equal(symlinkat("../../../made/file", root, "link"), 0);
    expect_made(path_mkfile_in_root(root, "link", 0644), "made/file", S_IFREG);
    assert_int_equal(path_mkdir_in_root(root, "dotdot", 0755), -EINVAL);
    assert_int_equal(path_mkdir_in_root(root, "q/../r", 0755), -EINVAL);
    assert_int_equal(faccessat(root, "q", F_OK, 0), -1);
    assert_int_equal(path_mkdir_in_root(root, "etc/passwd", 0755), -ENOTDIR);
    assert_int_equal(path_mkdir_in_root(root, "etc/passwd/x", 0755), -ENOTDIR);
    assert_int_equal(path_mkdir_in_root(root, "loop/x", 0755), -ELOOP);
    /* Nothing beside the root. */
    assert_int_equal(faccessat(base_fd, "made", F_OK, 0), -1);
}

static void test_parent(void **state)
{
    (void)state;
    const char *name = NULL;
    expect_made(path_open_parent_in_root(root, "/p/q/node", 0755, &arena, &name), "p/q", S_IFDIR);
    assert_string_equal(name, "node");
    expect_made(path_open_parent_in_root(root, "abs/node", 0, &arena, &name), "etc", S_IFDIR);
    assert_true(same_as_root(path_open_parent_in_root(root, "/node", 0, &arena, &name)));
    assert_string_equal(name, "node");
    assert_int_equal(path_open_parent_in_root(root, "/", 0755, &arena, &name), -EINVAL);
    assert_int_equal(path_open_parent_in_root(root, "..", 0755, &arena, &name), -EINVAL);
    assert_int_equal(path_open_parent_in_root(root, "/none/x", 0, &arena, &name), -ENOENT);
}

static void test_clean(void **state)
{
    (void)state;
    static const struct { const char *in, *out; } cases[] = {
        { "", "." },           { ".", "." },            { "/", "/" },
        { "//", "/" },         { "/..", "/" },          { "/../../a", "/a" },
        { "a/b/../c", "a/c" }, { "a/..", "." },         { "../a/../..", "../.." },
        { "a/../../b", "../b" }, { "/a//b/./c/", "/a/b/c" }, { "/dev/./pts/..", "/dev" },
        { "...", "..." },      { "..a/b", "..a/b" },    { "/a/b/../../..", "/" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(path_clean(&arena, cases[i].in), cases[i].out);
}

/* Answers ENOSYS to openat2 from now on. */
static int forbid_openat2(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog prog = { .len = COUNT_OF(code), .filter = code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open),   cmocka_unit_test(test_nofollow),
        cmocka_unit_test(test_make),   cmocka_unit_test(test_parent),
        cmocka_unit_test(test_clean),
    };
    pid_t pid = fork();
    if (pid == 0)
        return forbid_openat2() < 0 ? 1
                                    : cmocka_run_group_tests_name("path without openat2", tests,
                                                                  make_tree, remove_tree);
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        return 1;
    return cmocka_run_group_tests_name("path", tests, make_tree, remove_tree);
}
