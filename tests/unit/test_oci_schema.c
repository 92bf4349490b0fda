/* SPDX-License-Identifier: Apache-2.0 */
/* The field tables against the runtime-spec's JSON schema, and the example against runc's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/fd.h"
#include "json/field.h"
#include "oci/example.h"
#include "oci/load.h"
#include "oci/schema.h"
#include "oci/validate.h"

#ifndef TEST_DATA
#define TEST_DATA "tests/data"
#endif

/* What the tables say that the schema does not, and the other way round. */
static const char *const deviations[] = {
    /* in the spec until 1.2 */
    "+linux.intelRdt.enableCMT",
    "+linux.intelRdt.enableMBM",
    /* Go writes an empty object for a nil limit */
    "-linux.resources.pids.limit required",
    "+linux.resources.pids.limit",
    "-linux.seccomp.defaultAction required",
    "+linux.seccomp.defaultAction",
    /* required by the text of the spec */
    "-linux.resources.blockIO.throttleReadBpsDevice[].rate",
    "+linux.resources.blockIO.throttleReadBpsDevice[].rate required",
    "-linux.resources.blockIO.throttleWriteBpsDevice[].rate",
    "+linux.resources.blockIO.throttleWriteBpsDevice[].rate required",
    "-linux.resources.blockIO.throttleReadIOPSDevice[].rate",
    "+linux.resources.blockIO.throttleReadIOPSDevice[].rate required",
    "-linux.resources.blockIO.throttleWriteIOPSDevice[].rate",
    "+linux.resources.blockIO.throttleWriteIOPSDevice[].rate required",
    "-linux.personality.domain",
    "+linux.personality.domain required",
};

static struct { char *v[400]; size_t n; } lines;

static void walk(const struct json_type *t, const char *path)
{
    assert_true(t->n_fields <= 64);
    assert_non_null(t->doc);
    for (size_t i = 0; i < t->n_fields; i++) {
        const struct field *f = &t->fields[i];
        char name[256];
        snprintf(name, sizeof(name), "%s%s%s", path, *path ? "." : "", f->name);
        char *line = lines.v[lines.n++] = malloc(300);
        snprintf(line, 300, "%s%s", name, f->required ? " required" : "");
        if (f->kind == FIELD_LIST)
            strcat(name, "[]");
        if (f->kind == FIELD_OBJECT_MAP)
            strcat(name, "{}");
        if (f->type)
            walk(f->type, name);
    }
}

static bool is_known(char sign, const char *line)
{
    for (size_t i = 0; i < COUNT_OF(deviations); i++)
        if (deviations[i][0] == sign && strcmp(deviations[i] + 1, line) == 0)
            return true;
    return false;
}

static int fault(const char *where, const char *line)
{
    print_message("only in %s: %s\n", where, line);
    return 1;
}

static void test_complete(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    int faults = 0;
    size_t n = 0;
    bool seen[400] = {false};
    walk(&oci_config_type, "");
    char *text = fd_read_file(AT_FDCWD, TEST_DATA "/spec/fields-1.3.txt", 65536, &a, NULL);
    assert_non_null(text);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), n++) {
        size_t i = 0;
        while (i < lines.n && strcmp(lines.v[i], line) != 0)
            i++;
        if (i < lines.n)
            seen[i] = true;
        else if (!is_known('-', line))
            faults += fault("the spec", line);
    }
    assert_int_equal(n, 223);
    for (size_t i = 0; i < lines.n; i++)
        if (!seen[i] && !is_known('+', lines.v[i]))
            faults += fault("the tables", lines.v[i]);
    assert_int_equal(faults, 0);
    while (lines.n)
        free(lines.v[--lines.n]);
}

static void check_example(const char *file, bool rootless)
{
    _cleanup_arena_ struct arena a = {0};
    struct hull_error e;
    struct oci_config *c;
    char *text = NULL, *expected = fd_read_file(AT_FDCWD, file, 65536, &a, NULL);
    assert_non_null(expected);
    assert_int_equal(oci_example_text(rootless, false, 0, 0, &text, &e), 0);
    assert_string_equal(text, expected);
    free(text);
    /* it must be a configuration that hull itself runs */
    assert_int_equal(oci_example_text(rootless, true, 1000, 1001, &text, &e), 0);
    assert_int_equal(oci_config_parse(text, strlen(text), &a, NULL, &c, &e), 0);
    if (oci_validate(c, NULL, &e) < 0 ||
        (rootless && oci_validate_rootless(c, &e) < 0))
        fail_msg("%s", e.text);
    assert_non_null(oci_namespace_find(c, "cgroup"));
    if (rootless)
        assert_int_equal(c->linux_->gidMappings.v[0].hostID, 1001);
    free(text);
}

static void test_example(void **state)
{
    (void)state;
    check_example(TEST_DATA "/spec/example.json", false);
    check_example(TEST_DATA "/spec/example-rootless.json", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_complete),
        cmocka_unit_test(test_example),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
