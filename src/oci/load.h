/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the configuration, the process file of exec and the resources of update. Decoding only:
 * whether the values make sense is oci/validate.h's question.
 */
#ifndef HULL_OCI_LOAD_H
#define HULL_OCI_LOAD_H

#include <stddef.h>
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "oci/config.h"

/**
 * Loads a configuration file. In the result linux_ is never NULL, nor is process->user of a process
 * that is there.
 * @param dirfd  the bundle directory
 * @param name   the file in it, normally "config.json"
 * @param a      owns the text and the result
 * @param log    unknown members are named at debug level; may be NULL
 * @return 0 or -HULL_E_CONFIG ("JSON specification file config.json not found", or the decoder's
 *         error with the name of the file in front), -errno
 */
int oci_config_load(int dirfd, const char *name, struct arena *a, struct log *log,
                    struct oci_config **ret, struct hull_error *e);
/** As oci_config_load for a text in memory, which becomes part of the result (see json_bind). */
int oci_config_parse(char *text, size_t len, struct arena *a, struct log *log,
                     struct oci_config **ret, struct hull_error *e);
/** The process object in the file at path (exec --process); user is never NULL in the result. */
int oci_process_load(const char *path, struct arena *a, struct log *log, struct oci_process **ret,
                     struct hull_error *e);
/**
 * The array of mounts in the file at path (mounts add) takes the place of c->mounts.
 * @param c  of the container, whose mappings count for "idmap=uids=@..."
 */
int oci_mounts_load(const char *path, struct arena *a, struct log *log, struct oci_config *c,
                    struct hull_error *e);
/** A linux.resources object (update --resources); text as in oci_config_parse. */
int oci_resources_parse(char *text, size_t len, struct arena *a, struct log *log,
                        struct oci_resources **ret, struct hull_error *e);

/**
 * The place of a JSON path such as "mounts[3].source" in a text, by which a check that fails after
 * decoding can still name the line.
 * @param text       the text as it is in the file; decoding changes its own copy
 * @param json_path  names in the form of error paths: a.b, a[0], a["odd key"]
 * @param ret_line   from 1; of the value, or of the innermost object or array on the way to it that
 *                   exists
 * @param ret_col    from 1, in bytes
 * @return 0, or -ENOENT when the text is no JSON or nothing on the path exists
 */
int oci_locate(const char *text, size_t len, const char *json_path, unsigned *ret_line,
               unsigned *ret_col);
/**
 * Appends " (LINE:COLUMN)" to an error that names a place of the configuration (code HULL_E_CONFIG
 * or HULL_E_UNSUPPORTED, where set, no place in the text yet), by reading the file once more.
 * Leaves the error alone when the place can't be found.
 * @return -e->code
 */
int oci_error_locate(int dirfd, const char *name, struct hull_error *e);
#endif
