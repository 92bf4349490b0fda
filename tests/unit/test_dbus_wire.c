/* SPDX-License-Identifier: Apache-2.0 */
/* The golden bytes were made by another implementation (jeepney 0.8, on a little-endian machine). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/macro.h"
#include "dbus/message.h"
#include "dbus/systemd.h"

static const char start_transient[] =
    "6c0100017001000007000000b600000001016f00190000002f6f72672f667265"
    "656465736b746f702f73797374656d6431000000000000000201730020000000"
    "6f72672e667265656465736b746f702e73797374656d64312e4d616e61676572"
    "0000000000000000030173001200000053746172745472616e7369656e74556e"
    "697400000000000006017300180000006f72672e667265656465736b746f702e"
    "73797374656d6431000000000000000008016700107373612873762961287361"
    "28737629290000000d00000072756e632d63312e73636f706500000007000000"
    "7265706c6163650043010000000000000b0000004465736372697074696f6e00"
    "01730000190000006c6962636f6e7461696e657220636f6e7461696e65722063"
    "310000000000000005000000536c696365000173000000000c00000073797374"
    "656d2e736c69636500000000000000000800000044656c656761746500016200"
    "0100000000000000040000005049447300026175000000000400000067120000"
    "090000004d656d6f72794d617800017400000000000000000000100000000000"
    "0b000000416c6c6f776564435055730002617900020000000501000000000000"
    "0b000000446576696365416c6c6f770005612873732900000000000000000000"
    "0b000000446576696365416c6c6f770005612873732900003300000000000000"
    "08000000636861722d313336000000000300000072776d000d0000002f646576"
    "2f636861722f313a33000000020000007277000000000000";
static const char job_removed[] =
    "6c04000145000000090000008a00000001016f00190000002f6f72672f667265"
    "656465736b746f702f73797374656d6431000000000000000201730020000000"
    "6f72672e667265656465736b746f702e73797374656d64312e4d616e61676572"
    "0000000000000000030173000a0000004a6f6252656d6f766564000000000000"
    "07017300040000003a312e33000000000801670004756f737300000000000000"
    "040000001f0000002f6f72672f667265656465736b746f702f73797374656d64"
    "312f6a6f622f34000d00000072756e632d63312e73636f706500000004000000"
    "646f6e6500";
static const char unit_exists[] =
    "6c030001420000000a0000004f00000004017300230000006f72672e66726565"
    "6465736b746f702e73797374656d64312e556e69744578697374730000000000"
    "050175000700000007017300040000003a312e33000000000801670001730000"
    "3d000000556e69742072756e632d63312e73636f70652077617320616c726561"
    "6479206c6f61646564206f7220686173206120667261676d656e742066696c65"
    "2e00";

static size_t from_hex(const char *hex, uint8_t *out)
{
    const size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (uint8_t)byte;
    }
    return n;
}

static void properties(struct wire_out *o)
{
    static const uint8_t cpus[] = {5, 1};
    systemd_property_string(o, "Description", "libcontainer container c1");
    systemd_property_string(o, "Slice", "system.slice");
    systemd_property_bool(o, "Delegate", true);
    systemd_property(o, "PIDs", "au");
    struct wire_array a = wire_array_begin(o, 4);
    wire_u32(o, 4711);
    wire_array_end(o, a);
    systemd_property_u64(o, "MemoryMax", 1048576);
    systemd_property(o, "AllowedCPUs", "ay");
    a = wire_array_begin(o, 1);
    wire_raw(o, cpus, sizeof(cpus));
    wire_array_end(o, a);
    systemd_property(o, "DeviceAllow", "a(ss)");
    wire_array_end(o, wire_array_begin(o, 8));
    systemd_property(o, "DeviceAllow", "a(ss)");
    a = wire_array_begin(o, 8);
    wire_string(o, "char-136");
    wire_string(o, "rwm");
    wire_pad(o, 8);
    wire_string(o, "/dev/char/1:3");
    wire_string(o, "rw");
    wire_array_end(o, a);
}

static void test_call(void **state)
{
    (void)state;
    static const struct message_target t = {
        .destination = "org.freedesktop.systemd1", .path = "/org/freedesktop/systemd1",
        .interface = "org.freedesktop.systemd1.Manager", .member = "StartTransientUnit"};
    struct arena arena = {0};
    struct wire_out o = {.arena = &arena}, p = {.arena = &arena}, m = {.arena = &arena};
    uint8_t want[sizeof(start_transient)];
    const size_t n = from_hex(start_transient, want);
    properties(&p);
    wire_string(&o, "runc-c1.scope");
    wire_string(&o, "replace");
    struct wire_array list = wire_array_begin(&o, 8);
    wire_raw(&o, p.v, p.len);
    wire_array_end(&o, list);
    wire_array_end(&o, wire_array_begin(&o, 8));
    message_call(&m, 7, &t, "ssa(sv)a(sa(sv))", &o);
    assert_false(m.failed);
    assert_int_equal(m.len, n);
    assert_memory_equal(m.v, want, n);
    assert_int_equal(message_length(m.v), n);
    arena_free(&arena);
}

static void test_parse(void **state)
{
    (void)state;
    uint8_t v[512];
    struct message m;
    size_t n = from_hex(job_removed, v);
    assert_int_equal(message_parse(v, n, &m), 0);
    assert_int_equal(m.kind, MESSAGE_SIGNAL);
    assert_string_equal(m.member, "JobRemoved");
    assert_string_equal(m.sender, ":1.3");
    assert_string_equal(m.signature, "uoss");
    assert_string_equal(m.error_name, "");
    assert_int_equal(wire_read_u32(&m.body), 4);
    assert_string_equal(wire_read_string(&m.body), "/org/freedesktop/systemd1/job/4");
    assert_string_equal(wire_read_string(&m.body), "runc-c1.scope");
    assert_string_equal(wire_read_string(&m.body), "done");
    assert_false(m.body.bad);
    assert_string_equal(wire_read_string(&m.body), "");
    assert_true(m.body.bad);

    n = from_hex(unit_exists, v);
    assert_int_equal(message_parse(v, n, &m), 0);
    assert_int_equal(m.kind, MESSAGE_ERROR);
    assert_int_equal(m.reply_serial, 7);
    assert_string_equal(m.error_name, "org.freedesktop.systemd1.UnitExists");
    assert_string_equal(wire_read_string(&m.body),
                        "Unit runc-c1.scope was already loaded or has a fragment file.");
}

/* Every message that is cut short or has one byte changed is refused or read without harm. */
static void test_damage(void **state)
{
    (void)state;
    uint8_t v[512];
    struct message m;
    const size_t n = from_hex(job_removed, v);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(message_parse(v, i, &m), -EBADMSG);
    for (size_t i = 0; i < n; i++)
        for (unsigned x = 1; x < 256; x++) {
            v[i] ^= (uint8_t)x;
            if (message_parse(v, n, &m) == 0) {
                (void)wire_read_u32(&m.body);
                for (int j = 0; j < 4; j++)
                    (void)strlen(wire_read_string(&m.body));
            }
            v[i] ^= (uint8_t)x;
        }
    v[0] = 'B';
    assert_int_equal(message_length(v), 0);
    v[0] = 'l';
    memset(v + 4, 0xff, 4);
    assert_int_equal(message_length(v), 0);
}

static void test_arrays(void **state)
{
    (void)state;
    static const uint8_t beyond[] = {9, 0, 0, 0, 1, 2, 3, 4}, inner_nul[] = {3, 0, 0, 0, 'a', 0, 'b', 0};
    struct wire_in in = {.v = beyond, .len = sizeof(beyond)};
    assert_int_equal(wire_read_array(&in, 1), 0);
    assert_true(in.bad);
    in = (struct wire_in){.v = inner_nul, .len = sizeof(inner_nul)};
    assert_string_equal(wire_read_string(&in), "");
    assert_true(in.bad);
    in = (struct wire_in){.v = beyond, .len = sizeof(beyond)};
    wire_read_skip_basic(&in, "v");
    assert_true(in.bad);
}

static void test_address(void **state)
{
    (void)state;
    static const struct { const char *list; size_t n; int r; const char *path; } cases[] = {
        {"unix:path=/run/x", 0, 1, "/run/x"},
        {"unix:path=/run/x,guid=12", 0, 1, "/run/x"},
        {"unix:guid=12,path=/run/x", 0, 1, "/run/x"},
        {"unix:path=/a%20b%2fc", 0, 1, "/a b/c"},
        {"unix:abstract=/tmp/x", 0, 1, "@/tmp/x"},
        {"tcp:host=x;unix:path=/y", 1, 1, "/y"},
        {"unix:path=/x;", 1, 0, NULL},
        {"", 0, 0, NULL},
        {"tcp:host=x", 0, -EINVAL, NULL},
        {"unix:runtime=yes", 0, -EINVAL, NULL},
        {"unix:path=/a%2", 0, -EINVAL, NULL},
        {"unix:path=/a%zz", 0, -EINVAL, NULL},
        {"unix:path=/a%00b", 0, -EINVAL, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char path[108];
        size_t len = 0;
        assert_int_equal(bus_address_parse(cases[i].list, cases[i].n, path, sizeof(path), &len),
                         cases[i].r);
        if (!cases[i].path)
            continue;
        assert_int_equal(len, strlen(cases[i].path));
        if (path[0] == '\0')
            path[0] = '@';
        assert_string_equal(path, cases[i].path);
    }
    char path[16];
    size_t len;
    assert_int_equal(bus_address_parse("unix:path=/0123456789abcdef", 0, path, sizeof(path), &len), -EINVAL);
}

static void test_names(void **state)
{
    (void)state;
    struct arena a = {0};
    assert_string_equal(systemd_unit_path(&a, "runc-c_1.scope"),
                        "/org/freedesktop/systemd1/unit/runc_2dc_5f1_2escope");
    assert_string_equal(systemd_unit_path(&a, "1a.scope"),
                        "/org/freedesktop/systemd1/unit/_31a_2escope");
    assert_int_equal(systemd_parse_version("252.39-1~deb12u1"), 252);
    assert_int_equal(systemd_parse_version("v245.4-1.fc32"), 245);
    assert_int_equal(systemd_parse_version("\"v219\""), 219);
    assert_int_equal(systemd_parse_version("none"), 0);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call),   cmocka_unit_test(test_parse),   cmocka_unit_test(test_damage),
        cmocka_unit_test(test_arrays), cmocka_unit_test(test_address), cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
