/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "json/bind.h"
#include "json/field.h"
#include "json/read.h"
#include "oci/config.h"

/* One member of every kind. */
struct leaf { char *name; uint32_t value; };
struct keyed { char *key; struct opt_u32 value; };
struct all {
    bool b;
    struct opt_bool ob;
    int64_t i64;
    int32_t i32;
    uint64_t u64;
    uint32_t u32;
    uint16_t u16;
    struct opt_i64 oi64;
    struct opt_i32 oi32;
    struct opt_u64 ou64;
    struct opt_u32 ou32;
    struct opt_u16 ou16;
    char *s;
    char *color;
    struct oci_strs strs;
    struct oci_strs colors;
    struct oci_u32s numbers;
    struct oci_map map;
    struct leaf *leaf;
    LIST_OF(struct leaf) leaves;
    LIST_OF(struct keyed) keyed;
};

static const char *const colors[] = {"red", "green", "blue", NULL};

static const struct field leaf_fields[] = {
    STR(struct leaf, name, REQUIRED),
    U32(struct leaf, value),
};
static const struct json_type leaf_type = JSON_TYPE(struct leaf, leaf_fields, "");
static const struct field keyed_fields[] = {OPT_U32(struct keyed, value)};
static const struct json_type keyed_type = JSON_TYPE(struct keyed, keyed_fields, "");
static const struct field all_fields[] = {
    BOOL(struct all, b),
    OPT_BOOL(struct all, ob),
    I64(struct all, i64),
    I32(struct all, i32),
    U64(struct all, u64),
    U32(struct all, u32),
    U16(struct all, u16),
    OPT_I64(struct all, oi64),
    OPT_I32(struct all, oi32),
    OPT_U64(struct all, ou64),
    OPT_U32(struct all, ou32),
    OPT_U16(struct all, ou16),
    STR(struct all, s),
    STR(struct all, color, ONEOF(colors)),
    STRS(struct all, strs),
    STRS(struct all, colors, ONEOF(colors)),
    U32S(struct all, numbers),
    MAP(struct all, map),
    OBJ(struct all, leaf, leaf),
    LIST(struct all, leaves, leaf),
    OBJ_MAP(struct all, keyed, keyed),
};
static const struct json_type all_type = JSON_TYPE(struct all, all_fields, "");

/* What one test decodes into. */
static struct {
    struct arena arena;
    struct hull_error e;
    struct all all;
    char unknown[4096];
} t;

static void note_unknown(void *arg, const char *path, unsigned line, unsigned column)
{
    char *list = arg;
    snprintf(list + strlen(list), sizeof(t.unknown) - strlen(list), "%s@%u:%u ", path, line,
             column);
}

/* Decodes len bytes from a heap copy of the right size, so that ASan sees every overrun. */
static int decode_bytes(const char *json, size_t len)
{
    const struct json_bind_options o = {.unknown = note_unknown, .arg = t.unknown};
    arena_free(&t.arena);
    memset(&t.all, 0, sizeof(t.all));
    memset(&t.e, 0, sizeof(t.e));
    t.unknown[0] = '\0';
    char *text = arena_alloc(&t.arena, len + 1);
    assert_non_null(text);
    memcpy(text, json, len);
    return json_bind(text, len, &all_type, &t.all, &t.arena, &o, &t.e);
}

static int decode(const char *json)
{
    return decode_bytes(json, strlen(json));
}

static void good(const char *json)
{
    if (decode(json) != 0)
        fail_msg("%s: %s", json, t.e.text);
}

static int teardown(void **state)
{
    (void)state;
    arena_free(&t.arena);
    return 0;
}

static void test_scalars(void **state)
{
    (void)state;
    good("{\"b\":true,\"ob\":false,\"i64\":-9223372036854775808,\"i32\":-2147483648,"
         "\"u64\":18446744073709551615,\"u32\":4294967295,\"u16\":65535,"
         "\"oi64\":9223372036854775807,\"oi32\":2147483647,\"ou64\":0,\"ou32\":7,\"ou16\":1,"
         "\"s\":\"text\",\"color\":\"blue\"}");
    assert_true(t.all.b);
    assert_true(t.all.ob.set && !t.all.ob.v);
    assert_true(t.all.i64 == INT64_MIN);
    assert_true(t.all.i32 == INT32_MIN);
    assert_true(t.all.u64 == UINT64_MAX);
    assert_true(t.all.u32 == UINT32_MAX);
    assert_true(t.all.u16 == UINT16_MAX);
    assert_true(t.all.oi64.set && t.all.oi64.v == INT64_MAX);
    assert_true(t.all.oi32.set && t.all.oi32.v == INT32_MAX);
    assert_true(t.all.ou64.set && t.all.ou64.v == 0);
    assert_true(t.all.ou32.set && t.all.ou32.v == 7);
    assert_true(t.all.ou16.set && t.all.ou16.v == 1);
    assert_string_equal(t.all.s, "text");
    assert_string_equal(t.all.color, "blue");
    good("{\"i64\":-0,\"oi64\":-9223372036854775808}");
    assert_true(t.all.oi64.v == INT64_MIN);
}

static void test_absent(void **state)
{
    (void)state;
    good("{}");
    assert_false(t.all.ob.set || t.all.oi64.set || t.all.ou16.set);
    assert_null(t.all.s);
    assert_null(t.all.strs.v);
    assert_null(t.all.leaf);
    good("{\"b\":null,\"ob\":null,\"oi64\":null,\"s\":null,\"strs\":null,\"map\":null,"
         "\"leaf\":null,\"leaves\":null,\"keyed\":null}");
    assert_false(t.all.ob.set || t.all.oi64.set);
    assert_null(t.all.leaves.v);
    /* "" is no string, as for Go's structs; an enumeration may be left empty, too */
    good("{\"s\":\"\",\"color\":\"\",\"strs\":[\"\"],\"map\":{\"a\":\"\"}}");
    assert_null(t.all.s);
    assert_null(t.all.color);
    assert_string_equal(t.all.strs.v[0], "");
    assert_string_equal(t.all.map.v[0].value, "");
    /* a required one keeps it */
    good("{\"leaf\":{\"name\":\"\"}}");
    assert_string_equal(t.all.leaf->name, "");
}

static void test_last_wins(void **state)
{
    (void)state;
    good("{\"oi64\":1,\"oi64\":2,\"s\":\"a\",\"s\":\"b\",\"strs\":[\"x\",\"y\"],\"strs\":[\"z\"],"
         "\"map\":{\"k\":\"1\",\"a\":\"0\",\"k\":\"2\"},\"leaf\":{\"name\":\"n\",\"value\":1},"
         "\"leaf\":{\"name\":\"m\"},\"ou32\":1,\"ou32\":null}");
    assert_true(t.all.oi64.v == 2);
    assert_string_equal(t.all.s, "b");
    assert_int_equal(t.all.strs.n, 1);
    assert_string_equal(t.all.strs.v[0], "z");
    assert_int_equal(t.all.map.n, 2);
    assert_string_equal(t.all.map.v[1].value, "2");
    assert_string_equal(t.all.leaf->name, "m");
    assert_int_equal(t.all.leaf->value, 0);
    assert_false(t.all.ou32.set);
}

static void test_lists(void **state)
{
    (void)state;
    good("{\"strs\":[],\"numbers\":[0,4294967295],\"colors\":[\"red\",\"red\"],"
         "\"leaves\":[{\"name\":\"a\",\"value\":1},{\"value\":2,\"name\":\"b\"}],"
         "\"keyed\":{\"z\":{\"value\":9},\"a\":{},\"z\":{\"value\":8}},\"map\":{\"n\":null}}");
    assert_int_equal(t.all.strs.n, 0);
    assert_non_null(t.all.strs.v);
    assert_int_equal(t.all.numbers.n, 2);
    assert_true(t.all.numbers.v[1] == UINT32_MAX);
    assert_int_equal(t.all.colors.n, 2);
    assert_int_equal(t.all.leaves.n, 2);
    assert_string_equal(t.all.leaves.v[1].name, "b");
    assert_int_equal(t.all.leaves.v[0].value, 1);
    assert_int_equal(t.all.keyed.n, 2);
    assert_string_equal(t.all.keyed.v[0].key, "a");
    assert_int_equal(t.all.keyed.v[1].value.v, 8);
    assert_int_equal(t.all.map.n, 0);
}

static void test_long_list(void **state)
{
    (void)state;
    enum { N = 50000 };
    char *json = test_malloc(N * 16 + 32), *p = json;
    p += sprintf(p, "{\"leaves\":[");
    for (int i = 0; i < N; i++)
        p += sprintf(p, "%s{\"name\":\"%d\"}", i ? "," : "", i % 100);
    sprintf(p, "]}");
    good(json);
    assert_int_equal(t.all.leaves.n, N);
    for (int i = 0; i < N; i++)
        assert_int_equal(atoi(t.all.leaves.v[i].name), i % 100);
    test_free(json);
}

static void test_names(void **state)
{
    (void)state;
    good("{\"OI64\":5,\"Leaf\":{\"NAME\":\"x\"},\"sTrS\":[\"q\"]}");
    assert_true(t.all.oi64.v == 5);
    assert_string_equal(t.all.leaf->name, "x");
    assert_int_equal(t.all.strs.n, 1);
    /* only letters have a case: '@' and '`' differ in the same bit */
    good("{\"a\":1,\"b@\":{},\"weird\\tkey\":[1,{\"x\":null}],\n"
         " \"leaf\":{\"name\":\"\",\"q\":1.5e3}}");
    assert_string_equal(t.unknown,
                        "a@1:6 [\"b@\"]@1:13 [\"weird\\tkey\"]@1:29 leaf.q@2:24 ");
}

/* Texts and the errors they give: where and text. */
static const struct { const char *json, *where, *text; } bad[] = {
    /* the text as a whole */
    {"", "", "the JSON text is empty"},
    {" \n\t ", "", "the JSON text is empty"},
    {"\xef\xbb\xbf{}", "", "byte order mark is not allowed in JSON (1:1)"},
    {"[]", "", "expected object, got array (1:1)"},
    {"null", "", "expected object, got null (1:1)"},
    {"nul", "", "expected object, got 'n' (1:1)"},
    {"\x01", "", "expected object, got byte 0x01 (1:1)"},
    {"{} x", "", "expected end of text, got 'x' (1:4)"},
    {"{}\n{}", "", "expected end of text, got object (2:1)"},
    {"{", "", "unexpected end of text (1:2)"},
    {"{\"s", "", "unexpected end of text (1:4)"},
    {"{\"s\"", "", "unexpected end of text (1:5)"},
    {"{\"s\":", "s", "s: unexpected end of text (1:6)"},
    {"{\"s\":\"a", "s", "s: unexpected end of text (1:8)"},
    {"{\"s\":\"a\\", "s", "s: unexpected end of text (1:9)"},
    {"{\"strs\":[\"a\",", "strs[1]", "strs[1]: unexpected end of text (1:14)"},
    {"{\"strs\":[\"a\"", "strs", "strs: unexpected end of text (1:13)"},
    /* syntax */
    {"{,}", "", "expected a member name or '}', got ',' (1:2)"},
    {"{\"b\":true,}", "", "expected a member name, got '}' (1:11)"},
    {"{\"b\":true \"s\":1}", "", "expected ',' or '}', got string (1:11)"},
    {"{\"b\" true}", "", "expected ':', got boolean (1:6)"},
    {"{b:true}", "", "expected a member name or '}', got 'b' (1:2)"},
    {"{\"strs\":[\"a\",]}", "strs[1]", "strs[1]: expected string, got ']' (1:14)"},
    {"{\"strs\":[\"a\"}", "strs", "strs: expected ',' or ']', got '}' (1:13)"},
    {"{\"x\":[1,]}", "x", "x: expected a value, got ']' (1:9)"},
    {"{\"x\":tru}", "x", "x: expected boolean, got 't' (1:6)"},
    {"{\"b\":+1}", "b", "b: expected boolean, got '+' (1:6)"},
    {"{\"x\":'a'}", "x", "x: expected a value, got ''' (1:6)"},
    {"{/* c */}", "", "expected a member name or '}', got '/' (1:2)"},
    /* types */
    {"{\"b\":1}", "b", "b: expected boolean, got number (1:6)"},
    {"{\"b\":\"true\"}", "b", "b: expected boolean, got string (1:6)"},
    {"{\"s\":7}", "s", "s: expected string, got number (1:6)"},
    {"{\"s\":[]}", "s", "s: expected string, got array (1:6)"},
    {"{\"u32\":\"1000\"}", "u32", "u32: expected integer, got string (1:8)"},
    {"{\"u32\":true}", "u32", "u32: expected integer, got boolean (1:8)"},
    {"{\"u32\":[]}", "u32", "u32: expected integer, got array (1:8)"},
    {"{\"strs\":{}}", "strs", "strs: expected array, got object (1:9)"},
    {"{\"strs\":[\n\"a\",\n 2]}", "strs[1]", "strs[1]: expected string, got number (3:2)"},
    {"{\"strs\":[null]}", "strs[0]", "strs[0]: expected string, got null (1:10)"},
    {"{\"numbers\":[1,-1]}", "numbers[1]",
     "numbers[1]: expected an unsigned 32-bit integer, got -1 (1:15)"},
    {"{\"map\":[]}", "map", "map: expected object, got array (1:8)"},
    {"{\"map\":{\"a.b\":1}}", "map[\"a.b\"]",
     "map[\"a.b\"]: expected string, got number (1:15)"},
    {"{\"map\":{\"ab\":{}}}", "map.ab", "map.ab: expected string, got object (1:14)"},
    {"{\"leaf\":[]}", "leaf", "leaf: expected object, got array (1:9)"},
    {"{\"leaves\":[{\"name\":\"a\"},{\"name\":false}]}", "leaves[1].name",
     "leaves[1].name: expected string, got boolean (1:33)"},
    {"{\"keyed\":{\"e0\":{\"value\":\"\"}}}", "keyed.e0.value",
     "keyed.e0.value: expected integer, got string (1:25)"},
    /* integers */
    {"{\"i64\":9223372036854775808}", "i64",
     "i64: expected a 64-bit integer, got 9223372036854775808 (1:8)"},
    {"{\"i64\":-9223372036854775809}", "i64",
     "i64: expected a 64-bit integer, got -9223372036854775809 (1:8)"},
    {"{\"i32\":2147483648}", "i32", "i32: expected a 32-bit integer, got 2147483648 (1:8)"},
    {"{\"u64\":18446744073709551616}", "u64",
     "u64: expected an unsigned 64-bit integer, got 18446744073709551616 (1:8)"},
    {"{\"u64\":-1}", "u64", "u64: expected an unsigned 64-bit integer, got -1 (1:8)"},
    {"{\"u64\":-0}", "u64", "u64: expected an unsigned 64-bit integer, got -0 (1:8)"},
    {"{\"u32\":4294967296}", "u32",
     "u32: expected an unsigned 32-bit integer, got 4294967296 (1:8)"},
    {"{\"u16\":65536}", "u16", "u16: expected an unsigned 16-bit integer, got 65536 (1:8)"},
    {"{\"ou16\":-5}", "ou16", "ou16: expected an unsigned 16-bit integer, got -5 (1:9)"},
    {"{\"i64\":1.0}", "i64", "i64: expected a 64-bit integer, got 1.0 (1:8)"},
    {"{\"i64\":1e3}", "i64", "i64: expected a 64-bit integer, got 1e3 (1:8)"},
    {"{\"u64\":99999999999999999999999999999999999999999999}", "u64",
     "u64: expected an unsigned 64-bit integer, got 9999999999999999999999999999999999999999... "
     "(1:8)"},
    {"{\"i64\":01}", "i64", "i64: number with a leading zero (1:8)"},
    {"{\"i64\":-}", "i64", "i64: malformed number (1:9)"},
    {"{\"i64\":1.}", "i64", "i64: malformed number (1:10)"},
    {"{\"i64\":1e+}", "i64", "i64: malformed number (1:11)"},
    {"{\"i64\":0x10}", "", "expected ',' or '}', got 'x' (1:9)"},
    /* required and enumerations */
    {"{\n \"leaf\": {\"value\":1}}", "leaf.name",
     "leaf.name: missing required field (2:10)"},
    {"{\"leaves\":[{\"name\":null}]}", "leaves[0].name",
     "leaves[0].name: missing required field (1:12)"},
    {"{\"color\":\"yellow\"}", "color",
     "color: expected one of \"red\", \"green\", \"blue\", got \"yellow\" (1:10)"},
    {"{\"colors\":[\"red\",\"Blue\"]}", "colors[1]",
     "colors[1]: expected one of \"red\", \"green\", \"blue\", got \"Blue\"; did you mean "
     "\"blue\"? (1:18)"},
    {"{\"color\":\"gren\"}", "color",
     "color: expected one of \"red\", \"green\", \"blue\", got \"gren\"; did you mean \"green\"? "
     "(1:10)"},
    {"{\"color\":\"a\\n\\\"\"}", "color",
     "color: expected one of \"red\", \"green\", \"blue\", got \"a\\n\\\"\" (1:10)"},
    /* a decoded line break earlier on does not move the place */
    {"{\"s\":\"a\\nb\\u000ac\",\"b\":3}", "b", "b: expected boolean, got number (1:24)"},
    /* strings */
    {"{\"s\":\"a\\u0000\"}", "s", "s: U+0000 is not allowed in a string (1:8)"},
    {"{\"s\":\"a\nb\"}", "s", "s: control character in a string (1:8)"},
    {"{\"s\":\"\\x\"}", "s", "s: unknown escape sequence in a string (1:7)"},
    {"{\"s\":\"\\u12g4\"}", "s", "s: \\u needs four hexadecimal digits (1:7)"},
    {"{\"s\":\"\\ud800\"}", "s", "s: lone surrogate in a string (1:7)"},
    {"{\"s\":\"\\ud800\\u0041\"}", "s", "s: lone surrogate in a string (1:7)"},
    {"{\"s\":\"\\udc00\\ud800\"}", "s", "s: lone surrogate in a string (1:7)"},
    {"{\"s\":\"\xff\"}", "s", "s: invalid UTF-8 in a string (1:7)"},
    {"{\"\xc0\xaf\":1}", "", "invalid UTF-8 in a string (1:3)"},
    {"{\"x\":\"\xed\xa0\x80\"}", "x", "x: invalid UTF-8 in a string (1:7)"},
};

static void test_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        int err = decode(bad[i].json);
        if (err != -HULL_E_CONFIG || strcmp(t.e.text, bad[i].text) != 0 ||
            strcmp(t.e.where, bad[i].where) != 0 || t.e.code != HULL_E_CONFIG)
            fail_msg("%s: %d at %s: %s", bad[i].json, err, t.e.where, t.e.text);
    }
}

static void test_nul_bytes(void **state)
{
    (void)state;
    static const char in_string[] = "{\"s\":\"a\0b\"}", outside[] = "{}\0";
    assert_int_equal(decode_bytes(in_string, sizeof(in_string) - 1), -HULL_E_CONFIG);
    assert_string_equal(t.e.text, "s: control character in a string (1:8)");
    assert_int_equal(decode_bytes(outside, sizeof(outside) - 1), -HULL_E_CONFIG);
    assert_string_equal(t.e.text, "expected end of text, got byte 0x00 (1:3)");
}

/* Every prefix of a good text is an error without a crash. */
static void test_truncation(void **state)
{
    (void)state;
    static const char json[] =
        "{\"b\":true,\"i64\":-12,\"s\":\"a\\u00e9\\ud83d\\ude00\xc3\xa9\",\"strs\":[\"x\"],"
        "\"map\":{\"a\":\"b\"},\"leaf\":{\"name\":\"n\",\"zz\":[[{}],1.5e-3,null]},"
        "\"keyed\":{\"k\":{\"value\":1}}}";
    good(json);
    assert_string_equal(t.all.s, "a\xc3\xa9\xf0\x9f\x98\x80\xc3\xa9");
    for (size_t len = 0; len < sizeof(json) - 1; len++)
        assert_int_equal(decode_bytes(json, len), -HULL_E_CONFIG);
}

static void test_limits(void **state)
{
    (void)state;
    char json[400];
    for (int depth = JSON_DEPTH_MAX - 2; depth <= JSON_DEPTH_MAX + 1; depth++) {
        char *p = stpcpy(json, "{\"x\":");
        for (int i = 1; i < depth; i++)
            *p++ = '[';
        for (int i = 1; i < depth; i++)
            *p++ = ']';
        strcpy(p, "}");
        assert_int_equal(decode(json), depth <= JSON_DEPTH_MAX ? 0 : -HULL_E_CONFIG);
    }
    assert_string_equal(t.e.text, "x: nested too deeply (1:69)");
    static char one;
    assert_int_equal(json_bind(&one, JSON_TEXT_MAX + 1, &all_type, &t.all, &t.arena, NULL, &t.e),
                     -HULL_E_CONFIG);
    assert_string_equal(t.e.text, "more than 16 MiB of JSON text");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_scalars, teardown),
        cmocka_unit_test_teardown(test_absent, teardown),
        cmocka_unit_test_teardown(test_last_wins, teardown),
        cmocka_unit_test_teardown(test_lists, teardown),
        cmocka_unit_test_teardown(test_long_list, teardown),
        cmocka_unit_test_teardown(test_names, teardown),
        cmocka_unit_test_teardown(test_errors, teardown),
        cmocka_unit_test_teardown(test_nul_bytes, teardown),
        cmocka_unit_test_teardown(test_truncation, teardown),
        cmocka_unit_test_teardown(test_limits, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
