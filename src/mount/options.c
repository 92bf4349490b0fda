/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: one table has a row for every word of the spec's two option tables, also the
 * MAY ones. Pure, run while planning. A later option beats an earlier one. "Cleared" is remembered
 * apart from "not mentioned", because on a bind mount an explicit "rw" or "suid" must fail where
 * the kernel has the flag locked, while a flag that nobody mentioned may stay.
 *
 * Of crun's words rsync, rasync, rmand and rnomand are missing: the kernel has no such flags for a mount,
 * and crun itself gets EINVAL for them. Its rdirsync is what file systems know, dirsync.
 */
#include "mount/options.h"

#include <string.h>
#include "base/sys.h"
#include "oci/mount.h"

enum option_kind { OPT_FLAG, OPT_ATTR, OPT_PROPAGATION, OPT_EXTENSION };
enum { EXT_TMPCOPYUP = 1, EXT_IDMAP, EXT_RIDMAP, EXT_COPY_SYMLINK, EXT_SRC_NOFOLLOW, EXT_DEST_NOFOLLOW };

struct option {
    const char      *word;
    enum option_kind kind;
    bool             clear;
    unsigned long    value;
};

#define SET(word, flag)   { word, OPT_FLAG, false, flag }
#define CLEAR(word, flag) { word, OPT_FLAG, true, flag }
#define RSET(word, attr)  { word, OPT_ATTR, false, attr }
#define RCLEAR(word, attr) { word, OPT_ATTR, true, attr }
#define PROP(word, flags) { word, OPT_PROPAGATION, false, flags }

static const struct option option_table[] = {
    SET  ("ro",            MS_RDONLY),
    CLEAR("rw",            MS_RDONLY),
    SET  ("nosuid",        MS_NOSUID),
    CLEAR("suid",          MS_NOSUID),
    SET  ("nodev",         MS_NODEV),
    CLEAR("dev",           MS_NODEV),
    SET  ("noexec",        MS_NOEXEC),
    CLEAR("exec",          MS_NOEXEC),
    SET  ("sync",          MS_SYNCHRONOUS),
    CLEAR("async",         MS_SYNCHRONOUS),
    SET  ("dirsync",       MS_DIRSYNC),
    SET  ("bind",          MS_BIND),
    SET  ("rbind",         MS_BIND | MS_REC),
    SET  ("remount",       MS_REMOUNT),
    SET  ("defaults",      0),
    SET  ("noatime",       MS_NOATIME),
    CLEAR("atime",         MS_NOATIME),
    SET  ("nodiratime",    MS_NODIRATIME),
    CLEAR("diratime",      MS_NODIRATIME),
    SET  ("relatime",      MS_RELATIME),
    CLEAR("norelatime",    MS_RELATIME),
    SET  ("strictatime",   MS_STRICTATIME),
    CLEAR("nostrictatime", MS_STRICTATIME),
    SET  ("mand",          MS_MANDLOCK),
    CLEAR("nomand",        MS_MANDLOCK),
    SET  ("iversion",      MS_I_VERSION),
    CLEAR("noiversion",    MS_I_VERSION),
    SET  ("lazytime",      MS_LAZYTIME),
    CLEAR("nolazytime",    MS_LAZYTIME),
    SET  ("silent",        MS_SILENT),
    CLEAR("loud",          MS_SILENT),
    SET  ("nosymfollow",   MS_NOSYMFOLLOW),
    CLEAR("symfollow",     MS_NOSYMFOLLOW),

    PROP("private",     MS_PRIVATE),
    PROP("rprivate",    MS_PRIVATE | MS_REC),
    PROP("slave",       MS_SLAVE),
    PROP("rslave",      MS_SLAVE | MS_REC),
    PROP("shared",      MS_SHARED),
    PROP("rshared",     MS_SHARED | MS_REC),
    PROP("unbindable",  MS_UNBINDABLE),
    PROP("runbindable", MS_UNBINDABLE | MS_REC),

    RSET  ("rro",            HULL_ATTR_RDONLY),
    RCLEAR("rrw",            HULL_ATTR_RDONLY),
    RSET  ("rnosuid",        HULL_ATTR_NOSUID),
    RCLEAR("rsuid",          HULL_ATTR_NOSUID),
    RSET  ("rnodev",         HULL_ATTR_NODEV),
    RCLEAR("rdev",           HULL_ATTR_NODEV),
    RSET  ("rnoexec",        HULL_ATTR_NOEXEC),
    RCLEAR("rexec",          HULL_ATTR_NOEXEC),
    RSET  ("rnoatime",       HULL_ATTR_NOATIME),
    RCLEAR("ratime",         HULL_ATTR_NOATIME),
    RSET  ("rnodiratime",    HULL_ATTR_NODIRATIME),
    RCLEAR("rdiratime",      HULL_ATTR_NODIRATIME),
    RSET  ("rrelatime",      HULL_ATTR_RELATIME),
    RCLEAR("rnorelatime",    HULL_ATTR_RELATIME),
    RSET  ("rstrictatime",   HULL_ATTR_STRICTATIME),
    RCLEAR("rnostrictatime", HULL_ATTR_STRICTATIME),
    RSET  ("rnosymfollow",   HULL_ATTR_NOSYMFOLLOW),
    RCLEAR("rsymfollow",     HULL_ATTR_NOSYMFOLLOW),

    { "tmpcopyup", OPT_EXTENSION, false, EXT_TMPCOPYUP },
    { "idmap",     OPT_EXTENSION, false, EXT_IDMAP },
    { "ridmap",    OPT_EXTENSION, false, EXT_RIDMAP },

    /* crun's */
    { "copy-symlink",  OPT_EXTENSION, false, EXT_COPY_SYMLINK },
    { "src-nofollow",  OPT_EXTENSION, false, EXT_SRC_NOFOLLOW },
    { "dest-nofollow", OPT_EXTENSION, false, EXT_DEST_NOFOLLOW },
    SET("rdirsync", MS_DIRSYNC),
};

const char *mount_option_word(size_t i)
{
    enum { MOUNT_EXTENSIONS = 6 };    /* the last rows: features lists them elsewhere, or runc has none */
    return i < COUNT_OF(option_table) - MOUNT_EXTENSIONS ? option_table[i].word : NULL;
}

static const struct option *option_find(const char *word, size_t len)
{
    for (size_t i = 0; i < COUNT_OF(option_table); i++)
        if (strncmp(option_table[i].word, word, len) == 0 && option_table[i].word[len] == '\0')
            return &option_table[i];
    return NULL;
}

unsigned long mount_propagation(const char *word)
{
    const struct option *o = option_find(word, strlen(word));
    return o && o->kind == OPT_PROPAGATION ? o->value : 0;
}

static void option_apply(const struct option *o, struct mount_options *m)
{
    switch (o->kind) {
    case OPT_FLAG:
        m->flags = o->clear ? m->flags & ~o->value : m->flags | o->value;
        m->cleared = o->clear ? m->cleared | o->value : m->cleared & ~o->value;
        break;
    case OPT_ATTR:
        m->rec_set = o->clear ? m->rec_set & ~o->value : m->rec_set | o->value;
        m->rec_clr = o->clear ? m->rec_clr | o->value : m->rec_clr & ~o->value;
        /* The access time bits are one number: the kernel wants all of it cleared to set a part. */
        if ((o->value & HULL_ATTR__ATIME) == o->value)
            m->rec_clr |= HULL_ATTR__ATIME;
        break;
    case OPT_PROPAGATION:
        m->propagation[m->n_propagation++] = o->value;
        break;
    case OPT_EXTENSION:
        m->tmpcopyup |= o->value == EXT_TMPCOPYUP;
        m->idmap |= o->value == EXT_IDMAP;
        m->ridmap |= o->value == EXT_RIDMAP;
        m->copy_symlink |= o->value == EXT_COPY_SYMLINK;
        m->src_nofollow |= o->value == EXT_SRC_NOFOLLOW || o->value == EXT_COPY_SYMLINK;
        m->dest_nofollow |= o->value == EXT_DEST_NOFOLLOW;
        break;
    }
}

int mount_options_parse(struct arena *a, const struct oci_strs *options, struct mount_options *ret,
                        struct hull_error *e)
{
    struct mount_options m = { 0 };
    size_t max = 0;
    for (struct oci_option w = { 0 }; oci_option_next(options, &w);)
        max++;
    m.propagation = arena_array(a, max + 1, sizeof(*m.propagation));
    m.data.v = arena_array(a, max + 1, sizeof(*m.data.v));
    if (!m.propagation || !m.data.v)
        return error_oom(e);
    for (struct oci_option w = { 0 }; oci_option_next(options, &w);) {
        const struct option *o = option_find(w.word, w.len);
        if (o) {
            option_apply(o, &m);
        } else {
            char *word = arena_strndup(a, w.word, w.len);
            if (!word)
                return error_oom(e);
            m.data.v[m.data.n++] = word;
        }
    }
    *ret = m;
    return 0;
}

uint64_t mount_attr(unsigned long flags)
{
    static const struct { unsigned long ms; uint64_t attr; } map[] = {
        { MS_RDONLY,      HULL_ATTR_RDONLY },
        { MS_NOSUID,      HULL_ATTR_NOSUID },
        { MS_NODEV,       HULL_ATTR_NODEV },
        { MS_NOEXEC,      HULL_ATTR_NOEXEC },
        { MS_NODIRATIME,  HULL_ATTR_NODIRATIME },
        { MS_NOSYMFOLLOW, HULL_ATTR_NOSYMFOLLOW },
    };
    uint64_t attr = 0;
    for (size_t i = 0; i < COUNT_OF(map); i++)
        if (flags & map[i].ms)
            attr |= map[i].attr;
    if (flags & MS_STRICTATIME)
        attr |= HULL_ATTR_STRICTATIME;
    else if (flags & MS_NOATIME)
        attr |= HULL_ATTR_NOATIME;
    return attr;
}
