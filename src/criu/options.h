/* SPDX-License-Identifier: Apache-2.0 */
/* What checkpoint and restore ask of CRIU, from the caller's options. */
#ifndef HULL_CRIU_OPTIONS_H
#define HULL_CRIU_OPTIONS_H

#include "base/arena.h"
#include "base/error.h"
#include "criu/rpc.h"

/* The directories of one run. Zero is not closed: initialise with CRIU_DIRS_INIT. */
struct criu_dirs {
    int         image_fd, work_fd;   /* work_fd -1: the image directory */
    const char *image, *log;         /* paths; log: where CRIU writes its log */
};
#define CRIU_DIRS_INIT {.image_fd = -1, .work_fd = -1}
void criu_dirs_close(struct criu_dirs *d);
#define _cleanup_criu_dirs_ __attribute__((cleanup(criu_dirs_close)))
/** The descriptor of the directory that CRIU's log is in. */
static inline int criu_log_fd(const struct criu_dirs *d)
{
    return d->work_fd >= 0 ? d->work_fd : d->image_fd;
}

/** Makes what is missing (0700) and opens it; checks --parent-path. */
int criu_dirs_open(const struct hull_criu_options *o, struct criu_dirs *ret, struct hull_error *e);
/**
 * Fills what dump and restore have in common. Strings are shared with o, config and the arena.
 * @param config  of the container: its annotation org.criu.config names CRIU's configuration file, "" none
 */
int criu_options(const struct hull_criu_options *o, const struct oci_config *config,
                 const struct criu_dirs *d, const char *log_name, struct arena *a,
                 struct criu_opts *ret, struct hull_error *e);
#endif
