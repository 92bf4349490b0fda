/* SPDX-License-Identifier: Apache-2.0 */
/* Messages against bytes that were written down by hand from the definition of Protocol Buffers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "base/macro.h"
#include "criu/rpc.h"

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static void check_encoding(const struct criu_request *req, const uint8_t *want, size_t len)
{
    _cleanup_arena_ struct arena a = {0};
    uint8_t *got;
    assert_int_equal(rpc_encode(req, &a, &got), (ssize_t)len);
    assert_memory_equal(got, want, len);
}

static void test_version_request(void **state)
{
    (void)state;
    const struct criu_request req = {.type = {true, CRIU_VERSION}, .keep_open = true};
    check_encoding(&req, BYTES(0x08, 10, 0x20, 1));
}

static void test_notify_answer(void **state)
{
    (void)state;
    const struct criu_request req = {.type = {true, CRIU_NOTIFY}, .notify_success = true};
    check_encoding(&req, BYTES(0x08, 6, 0x18, 1));
}

/* Numbers of more than seven bits, field numbers above 15, zero that is set, negative numbers. */
static void test_scalars(void **state)
{
    (void)state;
    struct criu_opts o = {
        .images_dir_fd = {true, -1},
        .pid = {true, 300},
        .manage_cgroups_mode = {true, CRIU_CG_IGNORE},
        .empty_ns = {true, 0x40000000},
        .tcp_close = true,
    };
    const struct criu_request req = {.type = {true, CRIU_DUMP}, .opts = &o};
    check_encoding(&req, BYTES(
        0x08, 1, 0x12, 27,
        0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,   /* 1: -1 */
        0x10, 0xac, 2,                                                  /* 2: 300 */
        0x90, 2, 0,                                                     /* 34: 0 */
        0xb0, 2, 0x80, 0x80, 0x80, 0x80, 4,                             /* 38: 2^30 */
        0xa0, 3, 1));                                                   /* 52: true */
}

static void test_strings_and_lists(void **state)
{
    (void)state;
    char *external[] = {(char *)"net[1]:k"};
    struct criu_mount_map maps[] = {{(char *)"/a", (char *)"/b"}, {(char *)"/c", (char *)""}};
    struct criu_opts o = {
        .root = (char *)"/r",
        .ext_mnt = {.v = maps, .n = 2},
        .external = {.v = external, .n = 1},
    };
    const struct criu_request req = {.type = {true, CRIU_RESTORE}, .opts = &o};
    check_encoding(&req, BYTES(
        0x08, 2, 0x12, 35,
        0x6a, 2, '/', 'r',
        0xba, 1, 8, 0x0a, 2, '/', 'a', 0x12, 2, '/', 'b',
        0xba, 1, 6, 0x0a, 2, '/', 'c', 0x12, 0,
        0xaa, 2, 8, 'n', 'e', 't', '[', '1', ']', ':', 'k'));
}

static void test_notification(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct criu_response r;
    assert_int_equal(rpc_decode(BYTES(0x08, 6, 0x10, 1, 0x2a, 7, 0x0a, 2, 'o', 'k', 0x10, 0xac, 2), &a, &r), 0);
    assert_int_equal(r.type.v, CRIU_NOTIFY);
    assert_true(r.success);
    assert_string_equal(r.notify->script, "ok");
    assert_int_equal(r.notify->pid.v, 300);
    assert_null(r.version);
}

/* A later CRIU may send more: fields that we don't know, of every wire type. */
static void test_unknown_fields(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct criu_response r;
    assert_int_equal(rpc_decode(BYTES(0xf8, 7, 0x96, 1, 0xf9, 7, 1, 2, 3, 4, 5, 6, 7, 8, 0xfa, 7, 1, 'x',
                                      0xfd, 7, 1, 2, 3, 4, 0x08, 10, 0x52, 4, 0x08, 4, 0x10, 1), &a, &r), 0);
    assert_int_equal(r.type.v, CRIU_VERSION);
    assert_int_equal(r.version->major.v, 4);
    assert_int_equal(r.version->minor.v, 1);
    assert_false(r.version->sublevel.set);
}

static void test_malformed(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct criu_response r;
    assert_int_equal(rpc_decode(BYTES(0x08), &a, &r), -EBADMSG);                    /* no value */
    assert_int_equal(rpc_decode(BYTES(0x08, 0x80), &a, &r), -EBADMSG);              /* cut off */
    assert_int_equal(rpc_decode(BYTES(0x2a, 9, 0x0a), &a, &r), -EBADMSG);           /* longer than all */
    assert_int_equal(rpc_decode(BYTES(0x2a, 2, 0x0a, 9), &a, &r), -EBADMSG);        /* the inner one */
    assert_int_equal(rpc_decode(BYTES(0x0b), &a, &r), -EBADMSG);                    /* groups */
    assert_int_equal(rpc_decode(BYTES(0x0a, 1, 'x'), &a, &r), -EBADMSG);            /* type as a string */
    assert_int_equal(rpc_decode(BYTES(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
                                &a, &r), -EBADMSG);                                 /* over 64 bits */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_request), cmocka_unit_test(test_notify_answer),
        cmocka_unit_test(test_scalars),         cmocka_unit_test(test_strings_and_lists),
        cmocka_unit_test(test_notification),    cmocka_unit_test(test_unknown_fields),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
