/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/fd.h"
#include "json/bind.h"
#include "json/field.h"
#include "json/write.h"
#include "oci/load.h"
#include "oci/schema.h"
#include "oci/validate.h"

#ifndef TEST_DATA
#define TEST_DATA "tests/data" /* the tests run in the top directory of the source */
#endif

static char *encode(const struct json_type *type, const void *obj, const char *indent)
{
    struct json_out o = {.indent = indent};
    struct hull_error e;
    char *text = NULL;
    json_write(&o, type, obj);
    assert_true(json_out_take(&o, &text, &e) > 0);
    return text;
}

/* What an engine wrote: decodes, passes the checks, and survives encoding and decoding. */
static void check_file(int dir, const char *name)
{
    _cleanup_arena_ struct arena a = {0};
    struct hull_error e = {0};
    const struct json_type *type = &oci_config_type;
    void *obj = NULL, *again;
    size_t len;
    int err;
    if (strncmp(name, "exec-process", 12) == 0) {
        char path[512];
        snprintf(path, sizeof(path), TEST_DATA "/engine-configs/%s", name);
        type = &oci_process_type;
        err = oci_process_load(path, &a, NULL, (struct oci_process **)&obj, &e);
        if (err == 0)
            err = oci_validate_process(obj, "", &e);
    } else if (strncmp(name, "exec-resources", 14) == 0) {
        type = &oci_resources_type;
        char *text = fd_read_file(dir, name, 65536, &a, &len);
        assert_non_null(text);
        err = oci_resources_parse(text, len, &a, NULL, (struct oci_resources **)&obj, &e);
    } else {
        err = oci_config_load(dir, name, &a, NULL, (struct oci_config **)&obj, &e);
        if (err == 0)
            err = oci_validate(obj, NULL, &e);
    }
    if (err < 0)
        fail_msg("%s: %s", name, e.text);
    char *first = encode(type, obj, "\t");
    again = arena_alloc(&a, type->size);
    char *text = arena_strdup(&a, first);
    err = json_bind(text, strlen(text), type, again, &a, NULL, &e);
    if (err < 0)
        fail_msg("%s: %s", name, e.text);
    char *second = encode(type, again, "\t");
    assert_string_equal(first, second);
    free(first);
    free(second);
}

static void test_engine_configs(void **state)
{
    (void)state;
    int n = 0, fd = open(TEST_DATA "/engine-configs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(fd >= 0);
    DIR *dir = fdopendir(fd);
    for (struct dirent *d; (d = readdir(dir));)
        if (strstr(d->d_name, ".json")) {
            check_file(fd, d->d_name);
            n++;
        }
    closedir(dir);
    assert_true(n >= 20);
}

/* Some values of a file by hand, since a round trip alone would not see an exchange of fields. */
static void test_values(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct hull_error e;
    struct oci_config *c;
    assert_int_equal(oci_config_load(AT_FDCWD, TEST_DATA "/engine-configs/docker-limits.json", &a,
                                     NULL, &c, &e), 0);
    assert_string_equal(c->ociVersion, "1.0.2-dev");
    assert_string_equal(c->process->args.v[1], "1000");
    assert_int_equal(c->process->capabilities->bounding.n, 14);
    assert_int_equal(c->process->capabilities->inheritable.n, 0);
    assert_true(c->process->oomScoreAdj.set);
    assert_int_equal(c->mounts.n, 10);
    assert_string_equal(c->mounts.v[3].destination, "/sys");
    assert_string_equal(c->mounts.v[3].options.v[3], "ro");
    assert_string_equal(c->hooks->prestart.v[0].path, "/proc/49/exe");
    assert_true(c->linux_->resources->memory->limit.v == 67108864);
    assert_true(c->linux_->resources->memory->swap.v == 134217728);
    assert_false(c->linux_->resources->memory->reservation.set);
    assert_int_equal(c->linux_->resources->devices.n, 8);
    assert_true(c->linux_->resources->devices.v[7].minor.v == 229);
    assert_string_equal(c->linux_->sysctl.v[1].value, "0 2147483647");
    assert_non_null(oci_namespace_find(c, "pid"));
    assert_null(oci_namespace_find(c, "user"));
    assert_string_equal(c->linux_->seccomp->defaultAction, "SCMP_ACT_ERRNO");
}

static void test_minimal(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct hull_error e;
    struct oci_config *c;
    char text[] = "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\"}}";
    assert_int_equal(oci_config_parse(text, strlen(text), &a, NULL, &c, &e), 0);
    assert_non_null(c->linux_);
    assert_non_null(c->process->user);
    assert_int_equal(c->process->user->uid, 0);
    assert_null(c->root);
}

static void note(void *arg, enum hull_log_level level, const char *text)
{
    (void)level;
    snprintf(arg, 256, "%s", text);
}

static void test_unknown_is_logged(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct hull_error e;
    struct oci_config *c;
    char line[256] = "";
    struct log log = {.fn = note, .arg = line, .level = HULL_LOG_DEBUG};
    char text[] = "{\"ociVersion\":\"1.0.0\",\n\"linux\":{\"fancy\": {\"a\":[]}}}";
    assert_int_equal(oci_config_parse(text, strlen(text), &a, &log, &c, &e), 0);
    assert_string_equal(line, "unknown field linux.fancy (2:19) is ignored");
}

/* A temporary file with that text; the name is good until the next call. */
static const char *file_with(const char *text)
{
    static char name[] = "/tmp/hull-test-XXXXXX";
    strcpy(name, "/tmp/hull-test-XXXXXX");
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return name;
}

static void test_file_errors(void **state)
{
    (void)state;
    static const struct { const char *text, *error; } cases[] = {
        {"", "the JSON text is empty"},
        {"{\"ociVersion\":", "ociVersion: unexpected end of text (1:15)"},
        {"{\"process\":{\"cwd\":\"/\"}}", "ociVersion: missing required field (1:1)"},
        {"{\"ociVersion\":\"1.0.0\",\n\"linux\":{\"namespaces\":[{\"type\":\"netwrk\"}]}}",
         "linux.namespaces[0].type: expected one of \"pid\", \"network\", \"mount\", \"ipc\", "
         "\"uts\", \"user\", \"cgroup\", \"time\", got \"netwrk\"; did you mean \"network\"? "
         "(2:32)"},
        {"{\"ociVersion\":\"1.0.0\",\"process\":{\"rlimits\":[{\"type\":\"RLIMIT_NOFILES\","
         "\"hard\":1,\"soft\":1}],\"cwd\":\"/\"}}",
         "process.rlimits[0].type: expected one of \"RLIMIT_AS\", \"RLIMIT_CORE\", \"RLIMIT_CPU\", "
         "\"RLIMIT_DATA\", \"RLIMIT_FSIZE\", \"RLIMIT_LOCKS\", \"RLIMIT_MEMLOCK\", "
         "\"RLIMIT_MSGQUEUE\" and 8 more, got \"RLIMIT_NOFILES\"; did you mean \"RLIMIT_NOFILE\"? "
         "(1:53)"},
    };
    struct hull_error e;
    struct oci_config *c;
    _cleanup_arena_ struct arena a = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char expected[1024];
        const char *name = file_with(cases[i].text);
        assert_int_equal(oci_config_load(AT_FDCWD, name, &a, NULL, &c, &e), -HULL_E_CONFIG);
        snprintf(expected, sizeof(expected), "%s: %s", name, cases[i].error);
        assert_string_equal(e.text, expected);
        unlink(name);
    }
    assert_int_equal(oci_config_load(AT_FDCWD, "no-such-config.json", &a, NULL, &c, &e),
                     -HULL_E_CONFIG);
    assert_string_equal(e.text, "JSON specification file no-such-config.json not found");
    struct oci_process *p;
    assert_int_equal(oci_process_load("/no/process.json", &a, NULL, &p, &e), -ENOENT);
    assert_string_equal(e.text, "open /no/process.json: no such file or directory");
}

static void test_locate(void **state)
{
    (void)state;
    static const char json[] = "{\n"
                               "  \"a\": {\"B\": [1, {\"c\\n\": 2}, 3]},\n"
                               "  \"odd.key\": \"x\",\n"
                               "  \"a\": {\"B\": [10,\n"
                               "    {\"deep\": true}, []]}\n"
                               "}\n";
    static const struct { const char *path; int err; unsigned line, column; } cases[] = {
        {"a", 0, 4, 8},
        {"a.B", 0, 4, 14},
        {"a.b[0]", 0, 4, 15},
        {"a.B[1]", 0, 5, 5},
        {"a.B[1].deep", 0, 5, 14},
        {"a.B[2]", 0, 5, 21},
        {"a.B[7]", 0, 4, 14},        /* the list is as near as it gets */
        {"a.B[1].missing.x", 0, 5, 5},
        {"[\"odd.key\"]", 0, 3, 14},
        {"nothing", -ENOENT, 0, 0},
        {"", -ENOENT, 0, 0},
        {"[0]", -ENOENT, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        unsigned line = 0, column = 0;
        int err = oci_locate(json, strlen(json), cases[i].path, &line, &column);
        if (err != cases[i].err || line != cases[i].line || column != cases[i].column)
            fail_msg("%s: %d at %u:%u", cases[i].path, err, line, column);
    }
    unsigned line, column;
    assert_int_equal(oci_locate("{\"a\": x", 7, "b", &line, &column), -ENOENT);
}

static void test_error_locate(void **state)
{
    (void)state;
    struct hull_error e;
    const char *name = file_with("{\n \"process\": {\"args\": []}}");
    error_at(&e, "process.args", HULL_E_CONFIG, "args must not be empty");
    assert_int_equal(oci_error_locate(AT_FDCWD, name, &e), -HULL_E_CONFIG);
    assert_string_equal(e.text, "args must not be empty (process.args, 2:22)");
    oci_error_locate(AT_FDCWD, name, &e);
    assert_string_equal(e.text, "args must not be empty (process.args, 2:22)");
    error_at(&e, "process.args", ENOENT, "open");
    assert_int_equal(oci_error_locate(AT_FDCWD, name, &e), -ENOENT);
    assert_string_equal(e.text, "open: no such file or directory");
    unlink(name);
}

static int load_mounts(struct arena *a, const char *text, struct oci_config *c, struct hull_error *e)
{
    const char *name = file_with(text);
    memset(e, 0, sizeof(*e));
    int r = oci_mounts_load(name, a, NULL, c, e);
    unlink(name);
    return r;
}

static void test_mounts(void **state)
{
    (void)state;
    static const struct { const char *text, *error; } bad[] = {
        {"", "the JSON text is empty"},
        {"{}", "mounts: expected array, got object (1:1)"},
        {"[{\"destination\":\"/\"}] 1", "expected end of text"},
        {"[\n{}]", "mounts[0].destination: missing required field (2:1)"},
        {"[{\"destination\":\"/a\",\"options\":[\"bind\",\"idmap=uids=0-1\"]}]", "mounts[0].options[1]: "},
        {"[{\"destination\":\"/a\",\"options\":[\"idmap=uids=@7-8-1\"]}]", "outside of the user namespace mappings"},
    };
    _cleanup_arena_ struct arena a = {0};
    struct hull_error e;
    struct oci_id_mapping range = {.containerID = 10, .hostID = 1000, .size = 5};
    struct oci_linux lin = {.uidMappings = {&range, 1}, .gidMappings = {&range, 1}};
    struct oci_config c = {.hostname = (char *)"kept", .linux_ = &lin};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(load_mounts(&a, bad[i].text, &c, &e), -HULL_E_CONFIG);
        assert_non_null(strstr(e.text, bad[i].error));
    }
    assert_int_equal(load_mounts(&a, "null", &c, &e), 0);
    assert_int_equal(c.mounts.n, 0);
    assert_int_equal(load_mounts(&a, "[{\"destination\":\"/a\",\"options\":[\"ro\","
                                 "\"ridmap=uids=0-4294967295-1#@2-12-3;gids=@0-14-1;\"]}]", &c, &e), 0);
    assert_string_equal(c.hostname, "kept");
    const struct oci_mount *m = &c.mounts.v[0];
    assert_string_equal(m->options.v[1], "ridmap");
    assert_int_equal(m->uidMappings.n, 2);
    assert_int_equal(m->uidMappings.v[0].hostID, UINT32_MAX);
    assert_int_equal(m->uidMappings.v[1].containerID, 2);
    assert_int_equal(m->uidMappings.v[1].hostID, 1002);
    assert_int_equal(m->uidMappings.v[1].size, 3);
    assert_int_equal(m->gidMappings.v[0].hostID, 1004);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_engine_configs),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_minimal),
        cmocka_unit_test(test_unknown_is_logged),
        cmocka_unit_test(test_file_errors),
        cmocka_unit_test(test_locate),
        cmocka_unit_test(test_mounts),
        cmocka_unit_test(test_error_locate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
