/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/idlist.h"
#include "base/macro.h"

static void test_lists(void **state)
{
    (void)state;
    static const struct { const char *text; int64_t count; uint64_t low; } cases[] = {
        {NULL, 0, 0},          {"", 0, 0},             {"0", 1, 1},
        {"0-3,7", 5, 0x8f},    {" 0 , 2-3 ", 3, 0xd},  {"1,", 1, 2},
        {",,5", 1, 0x20},      {"1,1,0-1", 2, 3},      {"99", 1, 0},
        {"100", -1, 0},        {"0-100", -1, 0},       {"3-1", -1, 0},
        {"1-", -1, 0},         {"-1", -1, 0},          {"a", -1, 0},
        {"1 2", -1, 0},        {"0x1", -1, 0},         {",", -1, 0},
        {" ", -1, 0},          {"1-2-3", -1, 0},       {"18446744073709551617", -1, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint64_t mask[2] = {0};
        assert_int_equal(idlist_parse(cases[i].text, mask, 100), cases[i].count);
        assert_int_equal(idlist_parse(cases[i].text, NULL, 100), cases[i].count);
        if (cases[i].count >= 0)
            assert_int_equal(mask[0], cases[i].low);
    }
    uint64_t mask[2] = {0};
    assert_int_equal(idlist_parse("63-64", mask, 100), 2);
    assert_true(mask[0] == UINT64_C(1) << 63 && mask[1] == 1);
    assert_int_equal(idlist_parse("65535", NULL, IDLIST_BITS), 1);
    assert_int_equal(idlist_parse("1", NULL, IDLIST_BITS + 1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
