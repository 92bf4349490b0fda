/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/macro.h"
#include "json/read.h"
#include "json/words.h"

/* Reads "TEXT" from a heap copy; NULL when it is refused. */
static char *read_string(const char *body)
{
    static char ret[256];
    size_t len = strlen(body) + 2, n;
    char *copy = malloc(len + 1), *s;
    struct json_reader r;
    copy[0] = '"';
    strcpy(stpcpy(copy + 1, body), "\"");
    json_reader_init(&r, copy, len);
    int err = json_read_string(&r, &s, &n);
    if (err == 0) {
        assert_int_equal(strlen(s), n);
        assert_true(r.p == r.end);
        memcpy(ret, s, n + 1);
    }
    free(copy);
    return err == 0 ? ret : NULL;
}

static void test_strings(void **state)
{
    (void)state;
    static const struct { const char *json, *value; } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"0123456\\n89abcde\\tf", "0123456\n89abcde\tf"},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
        {"\\u0041\\u00e9\\u20AC\\uD834\\uDD1E", "A\xc3\xa9\xe2\x82\xac\xf0\x9d\x84\x9e"},
        {"\\uffff\\u0001", "\xef\xbf\xbf\x01"},
        {"\x7f \xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf",
         "\x7f \xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbf"},
        {"\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf", "\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf"},
        /* not UTF-8 */
        {"\x80", NULL},
        {"\xc0\x80", NULL},
        {"\xc1\xbf", NULL},
        {"\xc2", NULL},
        {"\xe0\x9f\xbf", NULL},
        {"\xed\xa0\x80", NULL},
        {"\xe2\x82", NULL},
        {"\xf0\x8f\xbf\xbf", NULL},
        {"\xf4\x90\x80\x80", NULL},
        {"\xf5\x80\x80\x80", NULL},
        {"\xff", NULL},
        /* no escapes */
        {"\\", NULL},
        {"\\a", NULL},
        {"\\U0041", NULL},
        {"\\u004", NULL},
        {"\\u 041", NULL},
        {"\\ud834", NULL},
        {"\\ud834\\", NULL},
        {"\\ud834\\u", NULL},
        {"\\ud834\\ud834", NULL},
        {"\\udd1e", NULL},
        {"\x1f", NULL},
        {"12345678\x01", NULL},
        {"tab\there", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *got = read_string(cases[i].json);
        if ((got == NULL) != (cases[i].value == NULL) ||
            (got && strcmp(got, cases[i].value) != 0))
            fail_msg("%s: %s", cases[i].json, got ? got : "refused");
    }
}

/* A special byte at every place of the eight that are looked at together. */
static void test_scan(void **state)
{
    (void)state;
    for (size_t at = 0; at < 20; at++) {
        char body[32] = "aaaaaaaaaaaaaaaaaaaa", *got;
        memcpy(body + at, "\\n", 2);
        got = read_string(body);
        assert_non_null(got);
        assert_true(got[at] == '\n');
        memset(body, 'a', 20);
        body[at] = '\x1e';
        assert_null(read_string(body));
        body[at] = '\x90';
        assert_null(read_string(body));
    }
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct { const char *json; bool ok, integer, overflow; uint64_t v; } cases[] = {
        {"0", true, true, false, 0},
        {"-0", true, true, false, 0},
        {"42", true, true, false, 42},
        {"18446744073709551615", true, true, false, UINT64_MAX},
        {"18446744073709551616", true, true, true, 0},
        {"184467440737095516150", true, true, true, 0},
        {"1.5", true, false, false, 0},
        {"1E2", true, false, false, 0},
        {"1e-2", true, false, false, 0},
        {"0.0e0", true, false, false, 0},
        {"00", false, false, false, 0},
        {"-01", false, false, false, 0},
        {"-", false, false, false, 0},
        {"1.", false, false, false, 0},
        {"1.e1", false, false, false, 0},
        {"1e", false, false, false, 0},
        {".5", false, false, false, 0},
        {"+1", false, false, false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct json_reader r;
        struct json_number n;
        char *copy = strdup(cases[i].json);
        json_reader_init(&r, copy, strlen(copy));
        int err = json_read_number(&r, &n);
        assert_int_equal(err, cases[i].ok ? 0 : -1);
        if (cases[i].ok) {
            assert_int_equal(n.len, strlen(copy));
            assert_true(n.integer == cases[i].integer && n.overflow == cases[i].overflow);
            assert_true(!n.integer || n.overflow || n.magnitude == cases[i].v);
            assert_true(n.negative == (copy[0] == '-'));
        } else {
            assert_non_null(r.problem);
        }
        free(copy);
    }
}

static void test_skip(void **state)
{
    (void)state;
    static const struct { const char *json; bool ok; } cases[] = {
        {"{}", true},
        {"[]", true},
        {"[1,\"a\",null,true,false,{\"a\":[{}]},[[]]]", true},
        {"{\"a\":1,\"b\":{\"c\":[]}}", true},
        {"[1 2]", false},
        {"[1,]", false},
        {"{\"a\"}", false},
        {"{\"a\":}", false},
        {"{\"a\":1,}", false},
        {"[}", false},
        {"{]", false},
        {"[", false},
        {"", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct json_reader r;
        char *copy = strdup(cases[i].json);
        json_reader_init(&r, copy, strlen(copy));
        assert_int_equal(json_skip_value(&r), cases[i].ok ? 0 : -1);
        if (cases[i].ok)
            assert_true(r.p == r.end && r.depth == 0);
        free(copy);
    }
}

static void test_words(void **state)
{
    (void)state;
    static const char *const names[] = {"network", "mount", "pid", NULL};
    char buf[600];
    assert_string_equal(json_quote("a\"\\\n\t\x01\x7f\xc3\xa9").text,
                        "\"a\\\"\\\\\\n\\t\\x01\\x7f\xc3\xa9\"");
    assert_string_equal(json_quote(NULL).text, "\"\"");
    memset(buf, 'x', sizeof(buf) - 1);
    buf[sizeof(buf) - 1] = '\0';
    struct json_quoted q = json_quote(buf);
    assert_string_equal(q.text + strlen(q.text) - 5, "x...\"");
    for (size_t i = 0; i + 1 < sizeof(buf); i++) /* no half sequence at the cut */
        buf[i] = "\xe2\x82\xac"[i % 3];
    for (size_t from = 0; from < 3; from++) {
        q = json_quote(buf + from * 3 + 0);
        char *end = strstr(q.text, "...");
        assert_non_null(end);
        assert_true((end - q.text - 1) % 3 == 0);
    }
    assert_string_equal(json_nearest(names, "netwrok"), "network");
    assert_string_equal(json_nearest(names, "PID"), "pid");
    assert_string_equal(json_nearest(names, "mnt"), "mount");
    assert_null(json_nearest(names, "cgroup"));
    assert_null(json_nearest(names, ""));
    assert_null(json_nearest(names, buf));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings), cmocka_unit_test(test_scan),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_skip),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
