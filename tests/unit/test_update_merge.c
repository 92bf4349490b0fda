/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of update: stored resources and a request, against what is kept and what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "json/write.h"
#include "lib/update_merge.h"
#include "oci/load.h"
#include "oci/schema.h"

static struct oci_resources *parse(struct arena *a, const char *json)
{
    struct hull_error e = {0};
    struct oci_resources *r = NULL;
    char *text = arena_strdup(a, json);
    if (oci_resources_parse(text, strlen(text), a, NULL, &r, &e) < 0)
        fail_msg("%s: %s", json, e.text);
    return r;
}

static void expect_json(const struct oci_resources *r, const char *want)
{
    struct json_out o = {0};
    struct hull_error e = {0};
    char *text = NULL;
    json_write(&o, &oci_resources_type, r);
    assert_true(json_out_take(&o, &text, &e) >= 0);
    assert_string_equal(text, want);
    free(text);
}

static void test_merge(void **state)
{
    (void)state;
    static const struct { const char *stored, *asked, *all, *write; } cases[] = {
        {"{}", "{}", "{}", "{}"},
        {"{\"memory\":{\"limit\":10,\"reservation\":5}}", "{\"memory\":{\"limit\":20}}",
         "{\"memory\":{\"limit\":20,\"reservation\":5}}", "{\"memory\":{\"limit\":20}}"},
        /* swap and limit travel together */
        {"{\"memory\":{\"limit\":10,\"swap\":30}}", "{\"memory\":{\"limit\":20}}",
         "{\"memory\":{\"limit\":20,\"swap\":30}}", "{\"memory\":{\"limit\":20,\"swap\":30}}"},
        {"{\"memory\":{\"limit\":10}}", "{\"memory\":{\"swap\":-1}}",
         "{\"memory\":{\"limit\":10,\"swap\":-1}}", "{\"memory\":{\"limit\":10,\"swap\":-1}}"},
        {"{\"memory\":{\"limit\":10,\"swap\":30}}", "{\"memory\":{\"limit\":-1}}",
         "{\"memory\":{\"limit\":-1}}", "{\"memory\":{\"limit\":-1}}"},
        {"{\"memory\":{\"limit\":10,\"swap\":30}}", "{\"memory\":{\"limit\":-1,\"swap\":40}}",
         "{\"memory\":{\"limit\":-1,\"swap\":40}}", "{\"memory\":{\"limit\":-1,\"swap\":40}}"},
        /* 0 is "not set" */
        {"{\"memory\":{\"limit\":10}}", "{\"memory\":{\"limit\":0,\"swap\":0}}",
         "{\"memory\":{\"limit\":10}}", "{\"memory\":{}}"},
        {"{\"memory\":{\"checkBeforeUpdate\":true}}", "{\"memory\":{\"reservation\":3}}",
         "{\"memory\":{\"reservation\":3}}", "{\"memory\":{\"reservation\":3}}"},
        {"{}", "{\"memory\":{\"disableOOMKiller\":false,\"swappiness\":0}}",
         "{\"memory\":{\"swappiness\":0,\"disableOOMKiller\":false}}",
         "{\"memory\":{\"swappiness\":0,\"disableOOMKiller\":false}}"},
        /* quota and period */
        {"{\"cpu\":{\"quota\":5,\"period\":9,\"shares\":2}}", "{\"cpu\":{\"period\":8}}",
         "{\"cpu\":{\"shares\":2,\"quota\":5,\"period\":8}}",
         "{\"cpu\":{\"quota\":5,\"period\":8}}"},
        {"{\"cpu\":{\"quota\":5,\"period\":9}}", "{\"cpu\":{\"quota\":-1}}",
         "{\"cpu\":{\"quota\":-1,\"period\":9}}", "{\"cpu\":{\"quota\":-1,\"period\":9}}"},
        {"{\"cpu\":{\"quota\":5,\"period\":9,\"burst\":1}}", "{\"cpu\":{\"cpus\":\"0\"}}",
         "{\"cpu\":{\"quota\":5,\"burst\":1,\"period\":9,\"cpus\":\"0\"}}",
         "{\"cpu\":{\"cpus\":\"0\"}}"},
        {"{\"cpu\":{\"shares\":7}}", "{\"cpu\":{\"idle\":1}}",
         "{\"cpu\":{\"shares\":7,\"idle\":1}}", "{\"cpu\":{\"idle\":1}}"},
        {"{\"cpu\":{\"shares\":7,\"idle\":1}}", "{\"cpu\":{\"idle\":0}}",
         "{\"cpu\":{\"shares\":7,\"idle\":0}}", "{\"cpu\":{\"shares\":7,\"idle\":0}}"},
        {"{\"pids\":{\"limit\":7}}", "{\"pids\":{\"limit\":0}}", "{\"pids\":{\"limit\":0}}",
         "{\"pids\":{\"limit\":0}}"},
        {"{\"pids\":{\"limit\":7}}", "{\"pids\":{}}", "{\"pids\":{\"limit\":7}}", "{\"pids\":{}}"},
        /* devices stay, whatever is asked for */
        {"{\"devices\":[{\"allow\":false}]}", "{\"devices\":[{\"allow\":true}]}",
         "{\"devices\":[{\"allow\":false}]}", "{}"},
        /* lists by device: the last of equal ones is changed */
        {"{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":1},"
         "{\"major\":8,\"minor\":0,\"rate\":2},{\"major\":8,\"minor\":1,\"rate\":3}]}}",
         "{\"blockIO\":{\"weight\":10,\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,"
         "\"rate\":9},{\"major\":7,\"minor\":0,\"rate\":4}]}}",
         "{\"blockIO\":{\"weight\":10,\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,"
         "\"rate\":1},{\"major\":8,\"minor\":0,\"rate\":9},{\"major\":8,\"minor\":1,\"rate\":3},"
         "{\"major\":7,\"minor\":0,\"rate\":4}]}}",
         "{\"blockIO\":{\"weight\":10,\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,"
         "\"rate\":9},{\"major\":7,\"minor\":0,\"rate\":4}]}}"},
        {"{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":1,"
         "\"leafWeight\":2}]}}",
         "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":5}]}}",
         "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":5,"
         "\"leafWeight\":2}]}}",
         "{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":5}]}}"},
        {"{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1}]}",
         "{\"hugepageLimits\":[{\"pageSize\":\"1GB\",\"limit\":2},{\"pageSize\":\"2MB\","
         "\"limit\":3}]}",
         "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":3},{\"pageSize\":\"1GB\","
         "\"limit\":2}]}",
         "{\"hugepageLimits\":[{\"pageSize\":\"1GB\",\"limit\":2},{\"pageSize\":\"2MB\","
         "\"limit\":3}]}"},
        {"{\"network\":{\"classID\":1,\"priorities\":[{\"name\":\"lo\",\"priority\":1}]}}",
         "{\"network\":{\"priorities\":[{\"name\":\"lo\",\"priority\":2}]}}",
         "{\"network\":{\"classID\":1,\"priorities\":[{\"name\":\"lo\",\"priority\":2}]}}",
         "{\"network\":{\"priorities\":[{\"name\":\"lo\",\"priority\":2}]}}"},
        {"{\"rdma\":{\"a\":{\"hcaHandles\":1,\"hcaObjects\":2}}}", "{\"rdma\":{\"a\":{\"hcaHandles\":3}}}",
         "{\"rdma\":{\"a\":{\"hcaHandles\":3,\"hcaObjects\":2}}}", "{\"rdma\":{\"a\":{\"hcaHandles\":3}}}"},
        {"{\"unified\":{\"cpu.max\":\"1 2\",\"pids.max\":\"3\"}}", "{\"unified\":{\"pids.max\":\"4\"}}",
         "{\"unified\":{\"cpu.max\":\"1 2\",\"pids.max\":\"4\"}}", "{\"unified\":{\"pids.max\":\"4\"}}"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        _cleanup_arena_ struct arena a = {0};
        struct hull_error e = {0};
        struct oci_resources all, write;
        const struct oci_resources *stored = parse(&a, cases[i].stored);
        assert_int_equal(resources_merge(&a, stored, parse(&a, cases[i].asked), &all, &write, &e), 0);
        expect_json(&all, cases[i].all);
        expect_json(&write, cases[i].write);
        /* What is shared with the stored resources must not have changed. */
        const struct oci_resources *again = parse(&a, cases[i].stored);
        struct json_out o = {0};
        char *text = NULL;
        json_write(&o, &oci_resources_type, again);
        assert_true(json_out_take(&o, &text, &e) >= 0);
        expect_json(stored, text);
        free(text);
    }
}

static void test_nothing_stored(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct hull_error e = {0};
    struct oci_resources all, write;
    assert_int_equal(resources_merge(&a, NULL, parse(&a, "{\"cpu\":{\"period\":8}}"), &all, &write, &e),
                     0);
    expect_json(&all, "{\"cpu\":{\"period\":8}}");
    expect_json(&write, "{\"cpu\":{\"period\":8}}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_nothing_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
