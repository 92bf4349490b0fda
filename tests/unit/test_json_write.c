/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "json/write.h"
#include "oci/config.h"
#include "oci/schema.h"

static void expect(struct json_out *o, const char *text)
{
    struct hull_error e;
    char *got;
    ssize_t len = json_out_take(o, &got, &e);
    assert_int_equal(len, strlen(got));
    assert_string_equal(got, text);
    free(got);
}

/* The expected texts are what Go's json.Marshal prints. */
static void test_escapes(void **state)
{
    (void)state;
    static const struct { const char *value, *json; } cases[] = {
        {NULL, "\"\""},
        {"plain", "\"plain\""},
        {"\"\\/", "\"\\\"\\\\/\""},
        {"\b\f\n\r\t\x01\x1f\x7f", "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\""},
        {"<a>&b", "\"\\u003ca\\u003e\\u0026b\""},
        {"\xc3\xa9\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa",
         "\"\xc3\xa9\\u2028\\u2029\xe2\x80\xaa\""},
        {"a\xff\xe2\x82z", "\"a\\ufffd\\ufffd\\ufffdz\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct json_out o = {0};
        json_out_string(&o, NULL, cases[i].value);
        expect(&o, cases[i].json);
    }
}

static void write_all(struct json_out *o)
{
    char *strings[] = {"x", "y"};
    json_out_open_object(o, NULL);
    json_out_string(o, "s", "v");
    json_out_int(o, "i", INT64_MIN);
    json_out_uint(o, "u", UINT64_MAX);
    json_out_bool(o, "b", true);
    json_out_null(o, "n");
    json_out_strings(o, "list", strings, 2);
    json_out_strings(o, "none", NULL, 0);
    json_out_open_object(o, "empty");
    json_out_close_object(o);
    json_out_open_array(o, "a");
    json_out_open_object(o, NULL);
    json_out_int(o, "k", 1);
    json_out_close_object(o);
    json_out_open_array(o, NULL);
    json_out_close_array(o);
    json_out_close_array(o);
    json_out_close_object(o);
}

static void test_compact(void **state)
{
    (void)state;
    struct json_out o = {0};
    write_all(&o);
    json_out_raw(&o, "\n", 1);
    expect(&o, "{\"s\":\"v\",\"i\":-9223372036854775808,\"u\":18446744073709551615,\"b\":true,"
               "\"n\":null,\"list\":[\"x\",\"y\"],\"none\":[],\"empty\":{},"
               "\"a\":[{\"k\":1},[]]}\n");
}

static void test_indented(void **state)
{
    (void)state;
    struct json_out o = {.indent = "  "};
    write_all(&o);
    expect(&o, "{\n"
               "  \"s\": \"v\",\n"
               "  \"i\": -9223372036854775808,\n"
               "  \"u\": 18446744073709551615,\n"
               "  \"b\": true,\n"
               "  \"n\": null,\n"
               "  \"list\": [\n"
               "    \"x\",\n"
               "    \"y\"\n"
               "  ],\n"
               "  \"none\": [],\n"
               "  \"empty\": {},\n"
               "  \"a\": [\n"
               "    {\n"
               "      \"k\": 1\n"
               "    },\n"
               "    []\n"
               "  ]\n"
               "}");
}

static void test_state(void **state)
{
    (void)state;
    struct oci_pair annotations[] = {{"k", "v"}};
    struct oci_state s = {
        .ociVersion = "1.3.0", .id = "c1", .status = "stopped", .bundle = "/b",
        .rootfs = "/b/rootfs", .created = "2026-01-01T00:00:00Z",
    };
    struct json_out o = {0};
    json_write(&o, &oci_state_type, &s);
    expect(&o, "{\"ociVersion\":\"1.3.0\",\"id\":\"c1\",\"pid\":0,\"status\":\"stopped\","
               "\"bundle\":\"/b\",\"rootfs\":\"/b/rootfs\",\"created\":\"2026-01-01T00:00:00Z\","
               "\"owner\":\"\"}");
    s.pid = (struct opt_i32){true, 42};
    s.annotations.v = annotations;
    s.annotations.n = 1;
    json_write(&o, &oci_hook_state_type, &s);
    expect(&o, "{\"ociVersion\":\"1.3.0\",\"id\":\"c1\",\"status\":\"stopped\",\"pid\":42,"
               "\"bundle\":\"/b\",\"annotations\":{\"k\":\"v\"}}");
}

/* What Go's specs-go prints for zero values: members without omitempty stay. */
static void test_zeros(void **state)
{
    (void)state;
    struct oci_process p = {.cwd = "/"};
    struct oci_device_rule rule = {.access = "rwm"};
    struct oci_resources r = {.devices = {&rule, 1}};
    struct json_out o = {0};
    json_write(&o, &oci_process_type, &p);
    expect(&o, "{\"user\":{\"uid\":0,\"gid\":0},\"cwd\":\"/\"}");
    json_write(&o, &oci_resources_type, &r);
    expect(&o, "{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]}");
    json_write(&o, &oci_linux_type, &(struct oci_linux){0});
    expect(&o, "{}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escapes),  cmocka_unit_test(test_compact),
        cmocka_unit_test(test_indented), cmocka_unit_test(test_state),
        cmocka_unit_test(test_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
