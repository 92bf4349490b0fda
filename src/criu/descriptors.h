/* SPDX-License-Identifier: Apache-2.0 */
/*
 * descriptors.json in the image directory: what the standard streams of the container's init were, as
 * /proc/PID/fd shows it ("pipe:[123]", "/dev/pts/0"). CRIU knows a pipe by that name, and gives the
 * restored process ours in its place. The file is runc's, in its form.
 */
#ifndef HULL_CRIU_DESCRIPTORS_H
#define HULL_CRIU_DESCRIPTORS_H

#include "base/arena.h"
#include "base/error.h"
#include "oci/config.h"

/** Writes the names of descriptors 0 to 2 of pid into the directory. */
int descriptors_save(int image_fd, pid_t pid, struct hull_error *e);
/** Reads the list. */
int descriptors_load(int image_fd, struct arena *a, struct oci_strs *ret, struct hull_error *e);
#endif
