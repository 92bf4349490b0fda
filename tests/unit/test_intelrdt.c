/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/macro.h"
#include "kernel/intelrdt.h"

static void test_matches(void **state)
{
    (void)state;
    static const char schemata[] = "    L3:0=00f;1=fff\n    MB:0=20;1= 70\nL3CODE:0=1\n";
    static const struct { const char *line; bool matches; } cases[] = {
        {"L3:0=f;1=fff", true},  {"L3:1=FFF;0=00f", true}, {"L3:0=f", true},
        {"L3:0=0000f;", true},   {"L3:0=e", false},        {"L3:2=f", false},
        {"L3:0=ff", false},      {"MB:0=20", true},        {"MB:0=2", false},
        {"L2:0=f", false},       {"L3", false},            {"", false},
        {"L3CODE:0=1", true},    {"L3:0", false},          {"L3:=f", false},
        {"L3:0=", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (intelrdt_matches(cases[i].line, schemata) != cases[i].matches)
            fail_msg("%s", cases[i].line);
    assert_false(intelrdt_matches("L3:0=f", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_matches)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
