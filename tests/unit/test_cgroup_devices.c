/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "cgroup/devices.h"

/* "+c 1:3 rw", "-a *:* rwm" to a rule; buf keeps the strings. */
static struct oci_device_rule rule(const char *text, char buf[16])
{
    struct oci_device_rule r = {.allow = text[0] == '+'};
    char major[16], minor[16];
    assert_int_equal(sscanf(text + 1, "%1s %15[^:]:%15s %7s", buf, major, minor, buf + 4), 4);
    r.type = buf;
    r.access = buf + 4;
    if (*major != '*')
        r.major = (struct opt_i64){true, strtol(major, NULL, 10)};
    if (*minor != '*')
        r.minor = (struct opt_i64){true, strtol(minor, NULL, 10)};
    return r;
}

static int add(struct device_filter *f, const char *text)
{
    char buf[16];
    struct hull_error e = {0};
    struct oci_device_rule r = rule(text, buf);
    return device_filter_add(f, &r, &e);
}

static void expect(struct device_filter *f, const char *want)
{
    char got[1024] = "";
    size_t n = 0;
    n += (size_t)snprintf(got, sizeof(got), "%s", f->default_allow ? "allow" : "deny");
    for (size_t i = 0; i < f->n; i++)
        n += (size_t)snprintf(got + n, sizeof(got) - n, " %c%d:%d=%u", f->v[i].type,
                              (int)f->v[i].major, (int)f->v[i].minor, f->v[i].access);
    assert_string_equal(got, want);
}

static void test_merge(void **state)
{
    (void)state;
    struct arena a = {0};
    struct device_filter f = {.arena = &a};
    assert_int_equal(add(&f, "+c 1:3 r"), 0);
    assert_int_equal(add(&f, "+c 1:3 m"), 0);
    assert_int_equal(add(&f, "+b 1:3 w"), 0);
    assert_int_equal(add(&f, "+c 1:* m"), 0);
    expect(&f, "deny c1:-1=1 b1:3=4 c1:3=3");
    assert_int_equal(add(&f, "-c 1:3 r"), 0);
    expect(&f, "deny c1:-1=1 b1:3=4 c1:3=1");
    assert_int_equal(add(&f, "-c 1:3 m"), -HULL_E_CONFIG);   /* a hole in c 1:* m */
    assert_int_equal(add(&f, "-c 9:9 rwm"), 0);              /* nothing there: no effect */
    assert_int_equal(add(&f, "-c *:* rwm"), 0);              /* wider: takes all it covers */
    expect(&f, "deny b1:3=4");
    assert_int_equal(add(&f, "+a *:* rwm"), 0);
    expect(&f, "allow");
    assert_int_equal(add(&f, "-c 10:229 rwm"), 0);
    assert_int_equal(add(&f, "+c *:* m"), 0);                /* narrower in effect: stays denied */
    expect(&f, "allow c10:229=7");
    assert_int_equal(add(&f, "+c 10:229 r"), 0);
    expect(&f, "allow c10:229=5");
    assert_int_equal(add(&f, "-a *:* rwm"), 0);
    expect(&f, "deny");
    /* "a" with numbers is no "all". */
    assert_int_equal(add(&f, "+a 10:* r"), 0);
    expect(&f, "deny b10:-1=2 c10:-1=2");
    arena_free(&a);
}

static void test_invalid(void **state)
{
    (void)state;
    struct arena a = {0};
    struct device_filter f = {.arena = &a};
    assert_int_equal(add(&f, "+u 1:3 r"), -HULL_E_CONFIG);
    assert_int_equal(add(&f, "+p 1:3 r"), -HULL_E_CONFIG);
    assert_int_equal(add(&f, "+c 1:3 x"), -HULL_E_CONFIG);   /* no letter that is known */
    assert_int_equal(add(&f, "+c -2:3 r"), -HULL_E_CONFIG);
    assert_int_equal(add(&f, "+c 4294967296:3 r"), -HULL_E_CONFIG);
    struct hull_error e = {0};
    struct oci_device_rule none = {.allow = true};
    struct oci_resources res = {.devices = {&none, 1}};
    assert_int_equal(device_filter_build(&a, &res, &f, &e), -HULL_E_CONFIG);
    assert_string_equal(e.text, "device access at 0 field cannot be empty");
    assert_string_equal(e.where, "linux.resources.devices[0]");
    arena_free(&a);
}

static void test_defaults(void **state)
{
    (void)state;
    struct arena a = {0};
    struct device_filter f;
    struct hull_error e = {0};
    const char *want = "deny b-1:-1=1 c-1:-1=1 c1:3=7 c1:5=7 c1:7=7 c1:8=7 c1:9=7 c5:0=7 c5:2=7 "
                       "c10:200=7 c136:-1=7";
    assert_int_equal(device_filter_build(&a, NULL, &f, &e), 0);
    expect(&f, want);
    char buf[16];
    struct oci_device_rule deny = rule("-a *:* rwm", buf);
    struct oci_resources res = {.devices = {&deny, 1}};
    assert_int_equal(device_filter_build(&a, &res, &f, &e), 0);
    expect(&f, want);
    deny.allow = true;
    assert_int_equal(device_filter_build(&a, &res, &f, &e), 0);
    expect(&f, "allow");
    arena_free(&a);
}

static void transition(const char *list, const char *const *rules, const char *want)
{
    struct arena a = {0};
    struct hull_error e = {0};
    char text[512], got[1024] = "";
    snprintf(text, sizeof(text), "%s", list);
    struct device_filter from, to = {.arena = &a};
    struct device_changes c;
    assert_int_equal(device_filter_parse_list(&a, text, &from, &e), 0);
    for (; *rules; rules++)
        assert_int_equal(add(&to, *rules), 0);
    assert_int_equal(device_filter_transition(&from, &to, &a, &c, &e), 0);
    size_t n = 0;
    for (size_t i = 0; i < c.n; i++)
        n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%c%s", i ? ", " : "",
                              c.v[i].allow ? '+' : '-', c.v[i].text);
    assert_string_equal(got, want);
    arena_free(&a);
}

#define RULES(...) (const char *const[]){__VA_ARGS__, NULL}

static void test_transition(void **state)
{
    (void)state;
    transition("a *:* rwm\n", RULES("+c 1:3 rwm"), "-a *:* rwm, +c 1:3 rwm");
    transition("a *:* rwm\n", RULES("+a *:* rwm", "-c 1:3 w"), "+a *:* rwm, -c 1:3 w");
    transition("c 1:3 rwm\n", RULES("+c 1:3 rwm"), "");
    transition("c 1:3 rwm\nb *:* m\n", RULES("+c 1:3 r", "+c 1:5 rw"),
               "-b *:* m, -c 1:3 wm, +c 1:5 rw");
    transition("c 1:3 rwm\n", RULES("+a *:* rwm"), "+a *:* rwm");
    transition("", RULES("+c 1:3 r"), "+c 1:3 r");
}

static void test_bad_list(void **state)
{
    (void)state;
    static const char *const bad[] = {"c 1:3\n", "x 1:3 r\n", "c a:3 r\n", "c 1:3 q\n", "\n"};
    struct arena a = {0};
    struct hull_error e = {0};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char text[64];
        struct device_filter f;
        snprintf(text, sizeof(text), "%s", bad[i]);
        assert_int_equal(device_filter_parse_list(&a, text, &f, &e), -HULL_E_CONFIG);
    }
    arena_free(&a);
}

/* Runs the few instructions that the generator emits. */
static int simulate(const struct bpf_insn *p, size_t n, uint32_t type, uint32_t access,
                    uint32_t major, uint32_t minor)
{
    uint32_t ctx[3] = {access << 16 | type, major, minor};
    uint64_t r[11] = {0};
    for (size_t pc = 0, steps = 0; pc < n && steps <= n; pc++, steps++) {
        const struct bpf_insn i = p[pc];
        uint64_t operand = BPF_SRC(i.code) == BPF_X ? r[i.src_reg] : (uint64_t)(int64_t)i.imm;
        switch (BPF_CLASS(i.code)) {
        case BPF_LDX:
            r[i.dst_reg] = ctx[i.off / 4];
            break;
        case BPF_ALU:
            if (BPF_OP(i.code) == BPF_MOV)
                r[i.dst_reg] = (uint32_t)operand;
            else if (BPF_OP(i.code) == BPF_AND)
                r[i.dst_reg] = (uint32_t)(r[i.dst_reg] & operand);
            else
                r[i.dst_reg] = (uint32_t)r[i.dst_reg] >> operand;
            break;
        default:
            if (BPF_OP(i.code) == BPF_EXIT)
                return (int)r[0];
            if ((r[i.dst_reg] == operand) == (BPF_OP(i.code) == BPF_JEQ))
                pc += (size_t)i.off;
        }
    }
    fail();
    return -1;
}

/* The v1 controller's rules, straight from its documentation. */
static int oracle(const struct device_filter *f, char type, unsigned access, int64_t major,
                  int64_t minor)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct device_exception *x = &f->v[i];
        if (x->type != type || (x->major >= 0 && x->major != major) ||
            (x->minor >= 0 && x->minor != minor))
            continue;
        if (f->default_allow ? (x->access & access) != 0 : (x->access & access) == access)
            return !f->default_allow;
    }
    return f->default_allow;
}

static void check_program(const char *const *rules)
{
    struct arena a = {0};
    struct hull_error e = {0};
    struct device_filter f = {.arena = &a};
    struct bpf_insn *p;
    size_t n;
    for (; *rules; rules++)
        assert_int_equal(add(&f, *rules), 0);
    assert_int_equal(device_filter_program(&f, &a, &p, &n, &e), 0);
    for (uint32_t major = 0; major < 6; major++)
        for (uint32_t minor = 0; minor < 6; minor++)
            for (uint32_t access = 1; access < 8; access++) {
                assert_int_equal(simulate(p, n, BPF_DEVCG_DEV_CHAR, access, major, minor),
                                 oracle(&f, 'c', access, major, minor));
                assert_int_equal(simulate(p, n, BPF_DEVCG_DEV_BLOCK, access, major, minor),
                                 oracle(&f, 'b', access, major, minor));
            }
    arena_free(&a);
}

static void test_program(void **state)
{
    (void)state;
    check_program(RULES("-a *:* rwm"));
    check_program(RULES("+a *:* rwm"));
    check_program(RULES("+c 1:3 rwm", "+b *:2 r", "+c 4:* wm", "+c *:* m", "+b 5:5 rw"));
    check_program(RULES("+a *:* rwm", "-c 1:3 w", "-b *:* m", "-c 2:* rwm"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge),      cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_defaults),   cmocka_unit_test(test_transition),
        cmocka_unit_test(test_bad_list),   cmocka_unit_test(test_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
