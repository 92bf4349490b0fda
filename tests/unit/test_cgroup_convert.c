/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/macro.h"
#include "cgroup/convert.h"

static void test_shares(void **state)
{
    (void)state;
    static const struct { uint64_t shares, weight;
    } cases[] = {
        {0, 0},          {1, 1},          {2, 1},
        {3, 2},          {4, 2},          {10, 4},
        {100, 17},       {102, 17},       {512, 59},
        {1000, 99},      {1024, 100},     {1025, 101},
        {2048, 174},     {10240, 639},    {65536, 3023},
        {262143, 10000}, {262144, 10000}, {UINT64_MAX, 10000},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(convert_shares_to_weight(cases[i].shares), cases[i].weight);
    for (uint64_t s = 2, last = 1; s < 300000; s++) {
        uint64_t w = convert_shares_to_weight(s);
        assert_true(w >= last && w <= 10000);
        last = w;
    }
}

static void test_blkio(void **state)
{
    (void)state;
    static const struct { uint16_t in; uint64_t out; } cases[] = {
        {0, 0}, {5, 1}, {10, 1}, {100, 910}, {500, 4950}, {750, 7475}, {1000, 10000}};
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(convert_blkio_weight(cases[i].in), cases[i].out);
}

static void test_swap(void **state)
{
    (void)state;
    static const struct { int64_t swap, memory, want; int ok; } cases[] = {
        {0, 0, 0, 1},      {0, -1, -1, 1},  {-1, 100, -1, 1}, {0, 100, 0, 1},
        {300, 100, 200, 1}, {100, 100, 0, 1}, {200, -1, 200, 1}, {-1, -1, -1, 1}, {-1, 0, -1, 1},
        {100, 0, 0, 0},    {50, 100, 0, 0}, {100, -2, 0, 0},  {-2, 100, 0, 0}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t got = 12345;
        const char *text = convert_swap(cases[i].swap, cases[i].memory, &got);
        assert_int_equal(!text, cases[i].ok);
        assert_int_equal(got, cases[i].ok ? cases[i].want : 12345);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares), cmocka_unit_test(test_blkio), cmocka_unit_test(test_swap)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
