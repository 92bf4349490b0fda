/* SPDX-License-Identifier: Apache-2.0 */
/* What this kernel and machine can do, for the command `features`: asked for only there. */
#ifndef HULL_HOST_ABILITIES_H
#define HULL_HOST_ABILITIES_H

#include <stddef.h>

/** A name such as "idmap" and the file or call that shows it. */
struct host_ability {
    const char *name;
    /** 1 or 0; never fails. */
    int (*has)(void);
};

/** The i-th in alphabetical order; NULL after the last. */
const struct host_ability *host_ability(size_t i);
#endif
