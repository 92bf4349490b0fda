/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/sys.h"
#include "mount/options.h"

static struct arena arena;
static struct hull_error error;

/* Parses words that are separated by blanks. */
static struct mount_options parse(const char *words)
{
    struct mount_options m;
    struct oci_strs list = { .v = arena_array(&arena, strlen(words) + 1, sizeof(char *)) };
    char *copy = arena_strdup(&arena, words);
    for (char *save = NULL, *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
        list.v[list.n++] = w;
    assert_int_equal(mount_options_parse(&arena, &list, &m, &error), 0);
    return m;
}

static const struct { const char *word; unsigned long set, cleared; } flag_words[] = {
    { "async", 0, MS_SYNCHRONOUS },      { "atime", 0, MS_NOATIME },
    { "bind", MS_BIND, 0 },              { "defaults", 0, 0 },
    { "dev", 0, MS_NODEV },              { "diratime", 0, MS_NODIRATIME },
    { "dirsync", MS_DIRSYNC, 0 },        { "exec", 0, MS_NOEXEC },
    { "iversion", MS_I_VERSION, 0 },     { "lazytime", MS_LAZYTIME, 0 },
    { "loud", 0, MS_SILENT },            { "mand", MS_MANDLOCK, 0 },
    { "noatime", MS_NOATIME, 0 },        { "nodev", MS_NODEV, 0 },
    { "nodiratime", MS_NODIRATIME, 0 },  { "noexec", MS_NOEXEC, 0 },
    { "noiversion", 0, MS_I_VERSION },   { "nolazytime", 0, MS_LAZYTIME },
    { "nomand", 0, MS_MANDLOCK },        { "norelatime", 0, MS_RELATIME },
    { "nostrictatime", 0, MS_STRICTATIME }, { "nosuid", MS_NOSUID, 0 },
    { "nosymfollow", MS_NOSYMFOLLOW, 0 }, { "rbind", MS_BIND | MS_REC, 0 },
    { "relatime", MS_RELATIME, 0 },      { "remount", MS_REMOUNT, 0 },
    { "ro", MS_RDONLY, 0 },              { "rw", 0, MS_RDONLY },
    { "silent", MS_SILENT, 0 },          { "strictatime", MS_STRICTATIME, 0 },
    { "suid", 0, MS_NOSUID },            { "symfollow", 0, MS_NOSYMFOLLOW },
    { "sync", MS_SYNCHRONOUS, 0 },
};

static const struct { const char *word; uint64_t set, clr; } attr_words[] = {
    { "rro", HULL_ATTR_RDONLY, 0 },       { "rrw", 0, HULL_ATTR_RDONLY },
    { "rnosuid", HULL_ATTR_NOSUID, 0 },   { "rsuid", 0, HULL_ATTR_NOSUID },
    { "rnodev", HULL_ATTR_NODEV, 0 },     { "rdev", 0, HULL_ATTR_NODEV },
    { "rnoexec", HULL_ATTR_NOEXEC, 0 },   { "rexec", 0, HULL_ATTR_NOEXEC },
    { "rnodiratime", HULL_ATTR_NODIRATIME, 0 }, { "rdiratime", 0, HULL_ATTR_NODIRATIME },
    { "rnosymfollow", HULL_ATTR_NOSYMFOLLOW, 0 }, { "rsymfollow", 0, HULL_ATTR_NOSYMFOLLOW },
    { "rnoatime", HULL_ATTR_NOATIME, HULL_ATTR__ATIME },
    { "ratime", 0, HULL_ATTR__ATIME },
    { "rrelatime", 0, HULL_ATTR__ATIME }, { "rnorelatime", 0, HULL_ATTR__ATIME },
    { "rstrictatime", HULL_ATTR_STRICTATIME, HULL_ATTR__ATIME },
    { "rnostrictatime", 0, HULL_ATTR__ATIME },
};

static const struct { const char *word; unsigned long flags; } propagation_words[] = {
    { "private", MS_PRIVATE },       { "rprivate", MS_PRIVATE | MS_REC },
    { "slave", MS_SLAVE },           { "rslave", MS_SLAVE | MS_REC },
    { "shared", MS_SHARED },         { "rshared", MS_SHARED | MS_REC },
    { "unbindable", MS_UNBINDABLE }, { "runbindable", MS_UNBINDABLE | MS_REC },
};

static void test_every_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(flag_words); i++) {
        struct mount_options m = parse(flag_words[i].word);
        assert_int_equal(m.flags, flag_words[i].set);
        assert_int_equal(m.cleared, flag_words[i].cleared);
        assert_int_equal(m.rec_set | m.rec_clr | m.n_propagation | m.data.n, 0);
    }
    for (size_t i = 0; i < COUNT_OF(attr_words); i++) {
        struct mount_options m = parse(attr_words[i].word);
        assert_int_equal(m.rec_set, attr_words[i].set);
        assert_int_equal(m.rec_clr, attr_words[i].clr);
        assert_int_equal(m.flags | m.cleared | m.n_propagation | m.data.n, 0);
    }
    for (size_t i = 0; i < COUNT_OF(propagation_words); i++) {
        struct mount_options m = parse(propagation_words[i].word);
        assert_int_equal(m.n_propagation, 1);
        assert_int_equal(m.propagation[0], propagation_words[i].flags);
        assert_int_equal(mount_propagation(propagation_words[i].word), propagation_words[i].flags);
        assert_int_equal(m.flags | m.cleared | m.rec_set | m.rec_clr | m.data.n, 0);
    }
}

/* The list of `features` and the three tables above say the same. */
static void test_words_are_complete(void **state)
{
    (void)state;
    size_t n = 0;
    while (mount_option_word(n)) {
        struct mount_options m = parse(mount_option_word(n));
        assert_int_equal(m.data.n, 0);
        n++;
    }
    assert_int_equal(n, COUNT_OF(flag_words) + COUNT_OF(attr_words) +
                            COUNT_OF(propagation_words) + 1 /* tmpcopyup */);
}

static void test_later_word_wins(void **state)
{
    (void)state;
    struct mount_options m = parse("ro rw nosuid suid nosuid");
    assert_int_equal(m.flags, MS_NOSUID);
    assert_int_equal(m.cleared, MS_RDONLY);
    m = parse("rrw rro");
    assert_int_equal(m.rec_set, HULL_ATTR_RDONLY);
    assert_int_equal(m.rec_clr, 0);
    m = parse("rslave shared");
    assert_int_equal(m.n_propagation, 2);
    assert_int_equal(m.propagation[0], MS_SLAVE | MS_REC);
    assert_int_equal(m.propagation[1], MS_SHARED);
}

static void test_data(void **state)
{
    (void)state;
    struct mount_options m = parse("size=64k nosuid newinstance mode=755,noexec,nr_inodes=1 ro,");
    assert_int_equal(m.flags, MS_NOSUID | MS_NOEXEC | MS_RDONLY);
    assert_int_equal(m.data.n, 4);
    assert_string_equal(m.data.v[0], "size=64k");
    assert_string_equal(m.data.v[1], "newinstance");
    assert_string_equal(m.data.v[2], "mode=755");
    assert_string_equal(m.data.v[3], "nr_inodes=1");
    m = parse("context=\"u:r:t:s0,c1\",ro");
    assert_int_equal(m.data.n, 1);
    assert_string_equal(m.data.v[0], "context=\"u:r:t:s0,c1\"");
    assert_int_equal(m.flags, MS_RDONLY);
    /* Case matters, and a prefix of a word is not the word. */
    m = parse("RO r rea rbindx");
    assert_int_equal(m.data.n, 4);
    m = parse("");
    assert_int_equal(m.data.n, 0);
    assert_int_equal(mount_propagation("ro"), 0);
    assert_int_equal(mount_propagation(""), 0);
}

static void test_extensions(void **state)
{
    (void)state;
    struct mount_options m = parse("copy-symlink dest-nofollow rdirsync");
    assert_true(m.copy_symlink && m.src_nofollow && m.dest_nofollow);
    assert_int_equal(m.flags, MS_DIRSYNC);
    m = parse("src-nofollow");
    assert_true(m.src_nofollow && !m.copy_symlink && !m.dest_nofollow);
    m = parse("tmpcopyup idmap ridmap");
    assert_true(m.tmpcopyup);
    assert_true(m.idmap);
    assert_true(m.ridmap);
    assert_int_equal(m.data.n, 0);
}

static void test_attr(void **state)
{
    (void)state;
    assert_int_equal(mount_attr(0), 0);
    assert_int_equal(mount_attr(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC),
                     HULL_ATTR_RDONLY | HULL_ATTR_NOSUID | HULL_ATTR_NODEV | HULL_ATTR_NOEXEC);
    assert_int_equal(mount_attr(MS_RELATIME), 0);
    assert_int_equal(mount_attr(MS_NOATIME | MS_RELATIME), HULL_ATTR_NOATIME);
    assert_int_equal(mount_attr(MS_NOATIME | MS_STRICTATIME), HULL_ATTR_STRICTATIME);
    assert_int_equal(mount_attr(MS_NODIRATIME | MS_NOSYMFOLLOW | MS_BIND | MS_REC),
                     HULL_ATTR_NODIRATIME | HULL_ATTR_NOSYMFOLLOW);
}

static int release(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_word),      cmocka_unit_test(test_words_are_complete),
        cmocka_unit_test(test_later_word_wins), cmocka_unit_test(test_data),
        cmocka_unit_test(test_extensions),      cmocka_unit_test(test_attr),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
