/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/macro.h"
#include "dbus/type.h"
#include "dbus/variant.h"

static void to_hex(const struct wire_out *o, char *out)
{
    for (size_t i = 0; i < o->len; i++)
        sprintf(out + 2 * i, "%02x", o->v[i]);
    out[2 * o->len] = '\0';
}

static void test_values(void **state)
{
    (void)state;
    static const struct { const char *text, *signature, *hex; } cases[] = {
        {"true", "b", "01000000"},
        {" false ", "b", "00000000"},
        {"5", "i", "05000000"},
        {"-5", "i", "fbffffff"},
        {"+5", "i", "05000000"},
        {"0x1f", "i", "1f000000"},
        {"uint64 5", "t", "0500000000000000"},
        {"@t 5", "t", "0500000000000000"},
        {"uint64 18446744073709551615", "t", "ffffffffffffffff"},
        {"int64 -9223372036854775808", "x", "0000000000000080"},
        {"byte 255", "y", "ff"},
        {"uint16 65535", "q", "ffff"},
        {"int16 -1", "n", "ffff"},
        {"uint32 7", "u", "07000000"},
        {"1.5", "d", "000000000000f83f"},
        {"double 2", "d", "0000000000000040"},
        {"'abc'", "s", "0300000061626300"},
        {"\"a'b\"", "s", "0300000061276200"},
        {"'a\\'b\\n'", "s", "040000006127620a00"},
        {"'\\u00e4'", "s", "02000000c3a400"},
        {"''", "s", "0000000000"},
        {"objectpath '/a/b'", "o", "040000002f612f6200"},
        {"signature 'a(ss)'", "g", "0561287373" "2900"},
        {"['a', 'b']", "as", "0e000000" "010000006100" "0000" "010000006200"},
        {"@as []", "as", "00000000"},
        {"@a(ss) []", "a(ss)", "0000000000000000"},
        {"[uint64 1, 2]", "at", "10000000" "00000000" "0100000000000000" "0200000000000000"},
        {"[('x', uint64 1)]", "a(st)", "10000000" "00000000" "010000007800" "0000" "0100000000000000"},
        {"('a', 1, true)", "(sib)", "010000006100" "0000" "01000000" "01000000"},
        {"<'a'>", "v", "01730000" "010000006100"},
        {"{'k': <1>}", "a{sv}", "10000000" "00000000" "010000006b00" "016900" "000000" "01000000"},
        {"[byte 1, 2,]", "ay", "020000000102"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a = {0};
        struct wire_out o = {.arena = &a};
        struct hull_error e = {0};
        char signature[VARIANT_SIGNATURE_SIZE], hex[512];
        if (variant_signature(cases[i].text, signature, &e) < 0)
            fail_msg("%s: %s", cases[i].text, e.text);
        assert_string_equal(signature, cases[i].signature);
        assert_int_equal(variant_write(cases[i].text, signature, &o, &e), 0);
        to_hex(&o, hex);
        assert_string_equal(hex, cases[i].hex);
        arena_free(&a);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "", " ", "x", "tru", "'abc", "\"abc'", "5 6", "5,", "[", "[]", "{}", "()", "[1,", "[1 2]",
        "[1, 'a']", "[1, uint64 2]", "2147483648", "-2147483649", "byte 256", "byte -1",
        "uint64 -1", "uint64 18446744073709551616", "uint64 'a'", "@z 5", "@", "@a 5", "@{sv} 5",
        "@as 5", "handle 5", "nothing", "@mi nothing", "1.2.3", "--5", "0x", "'\\u0000'", "'\\",
        "'\\uzzzz'", "'\xff'", "objectpath 'a'", "objectpath '/a/'", "objectpath '//'",
        "signature 'a'", "signature '{ss}'", "<5", "(1", "(1;2)", "{'a': 1, 'b'}", "{[1]: 2}",
        "{1: 2, 'a': 3}", "uint64", "@(", "@()", "[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]",
        "<<<<<<<<<<<<<<<<<<1>>>>>>>>>>>>>>>>>>",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a = {0};
        struct wire_out o = {.arena = &a};
        struct hull_error e = {0};
        char signature[VARIANT_SIGNATURE_SIZE];
        int r = variant_signature(cases[i], signature, &e);
        if (r == 0)
            r = variant_write(cases[i], signature, &o, &e);
        if (r == 0)
            fail_msg("%s is accepted as %s", cases[i], signature);
        assert_int_equal(r, -HULL_E_CONFIG);
        assert_true(e.text[0] != '\0');
        arena_free(&a);
    }
}

static void test_scaled(void **state)
{
    (void)state;
    static const struct { const char *text; int r; uint64_t want; } cases[] = {
        {"5", 0, 5000000},
        {"uint64 5", 0, 5000000},
        {"@q 2", 0, 2000000},
        {"byte 3", 0, 3000000},
        {"1.25", 0, 1250000},
        {"0", 0, 0},
        {"-1", -HULL_E_CONFIG, 0},
        {"-1.5", -HULL_E_CONFIG, 0},
        {"'5'", -HULL_E_CONFIG, 0},
        {"true", -HULL_E_CONFIG, 0},
        {"[5]", -HULL_E_CONFIG, 0},
        {"uint64 18446744073709551615", -HULL_E_CONFIG, 0},
        {"1e300", -HULL_E_CONFIG, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a = {0};
        struct hull_error e = {0};
        char signature[VARIANT_SIGNATURE_SIZE];
        uint64_t v = 0;
        assert_int_equal(variant_signature(cases[i].text, signature, &e), 0);
        assert_int_equal(variant_scaled(&a, cases[i].text, signature, 1000000, &v, &e), cases[i].r);
        if (cases[i].r == 0)
            assert_true(v == cases[i].want);
        arena_free(&a);
    }
}

static void test_types(void **state)
{
    (void)state;
    static const struct { const char *s; size_t n; } cases[] = {
        {"i", 1}, {"ii", 1}, {"as", 2}, {"a(st)b", 5}, {"a{sv}", 5}, {"a{s(ii)}x", 8}, {"", 0},
        {"a", 0}, {"()", 0}, {"(i", 0}, {"{sv}", 0}, {"a{vs}", 0}, {"a{s}", 0}, {"a{sss}", 0},
        {"a{(i)s}", 0}, {"z", 0}, {")", 0}, {"aaaaaaaaaaaaaaaaaaaaai", 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(type_length(cases[i].s), cases[i].n);
    assert_true(type_is_utf8("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"));
    static const char *const bad[] = {"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xc3(" };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(type_is_utf8(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_scaled),
        cmocka_unit_test(test_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
