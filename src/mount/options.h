/* SPDX-License-Identifier: Apache-2.0 */
/* mounts[].options: runtime-spec config.md#mounts, config-linux.md#linux-mount-options. */
#ifndef HULL_MOUNT_OPTIONS_H
#define HULL_MOUNT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/error.h"
#include "oci/config.h"

/* What a list of options says, in the terms of mount(2) and mount_setattr(2). */
struct mount_options {
    unsigned long   flags;        /* MS_* asked for */
    unsigned long   cleared;      /* MS_* asked not to be set ("rw", "suid"...) */
    uint64_t        rec_set;      /* MOUNT_ATTR_* to set on the whole tree ("rro") */
    uint64_t        rec_clr;      /* MOUNT_ATTR_* to clear on the whole tree ("rrw") */
    unsigned long  *propagation;  /* MS_SHARED, MS_SLAVE... each perhaps with MS_REC, in order */
    size_t          n_propagation;
    struct oci_strs data;         /* parameters of the file system: "size=64k", "newinstance" */
    bool            tmpcopyup;
    bool            idmap, ridmap;
    bool            copy_symlink;  /* a source that is a link: the link is made, nothing mounted */
    bool            src_nofollow;  /* a source that is a link: the link itself; also with copy_symlink */
    bool            dest_nofollow; /* a mount point that is a link: the link itself */
};

/**
 * Sorts options by the table; what is not in it is for the file system. An option that holds commas
 * counts as several. Pure; strings are shared with options or live in a.
 * @return 0 or -ENOMEM
 */
int mount_options_parse(struct arena *a, const struct oci_strs *options, struct mount_options *ret,
                        struct hull_error *e);
/** The propagation flags of a word such as "rslave"; 0 when it is none. */
unsigned long mount_propagation(const char *word);
/** MOUNT_ATTR_* of MS_* flags as mount(2) has it: strictatime beats noatime beats relatime. */
uint64_t mount_attr(unsigned long flags);
/** The i-th word that `features` lists as a mount option, in no order; NULL after the last. */
const char *mount_option_word(size_t i);

/* The MS_* flags that say something about access times. */
#define MOUNT_ATIME_FLAGS (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)
#endif
