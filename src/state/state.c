/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * state.json by field table, replaced by write to a temporary name and rename. What runc also keeps
 * has runc's names. status is never stored: it follows from the process, the fifo and the freezer.
 */
#include "state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "base/fd.h"
#include "base/sys.h"
#include "json/bind.h"
#include "json/field.h"
#include "json/write.h"
#include "oci/schema.h"
#include "state/runc.h"

static const struct field state_fields[] = {
    STR(struct container_state, ociVersion),
    STR(struct container_state, id, REQUIRED),
    I32(struct container_state, init_process_pid, ALWAYS),
    U64(struct container_state, init_process_start, ALWAYS),
    STR(struct container_state, created),
    STR(struct container_state, bundle),
    STR(struct container_state, rootfs),
    BOOL(struct container_state, rootless),
    BOOL(struct container_state, systemd_cgroup),
    U32(struct container_state, owner, ALWAYS),
    BOOL(struct container_state, private_pid_namespace),
    STRS(struct container_state, namespaces),
    MAP(struct container_state, namespace_paths),
    MAP(struct container_state, cgroup_paths),
    MAP(struct container_state, annotations),
    STR(struct container_state, intel_rdt_path),
    STR(struct container_state, intel_rdt_mon_path),
    BOOL(struct container_state, intel_rdt_ours),
    OBJ(struct container_state, resources, oci_resources),
    OBJ(struct container_state, config, runc_config),
    BOOL(struct container_state, of_runc),
};
static const struct json_type container_state_type =
    JSON_TYPE(struct container_state, state_fields, NULL);

const char *status_name(enum container_status s)
{
    static const char *const names[] = {"creating", "created", "running", "paused", "stopped"};
    return names[s];
}

int state_write(int dir_fd, const struct container_state *s, struct arena *a, struct hull_error *e)
{
    char room[4096];
    struct json_out o = {.buf = room, .cap = sizeof(room), .borrowed = true};
    struct container_state both = *s;
    if (runc_view(s, a, &both.config) < 0 ||
        (s->init_process_pid > 0 && runc_namespace_paths(s->init_process_pid, a, &both.namespace_paths) < 0))
        return error_oom(e);
    json_write(&o, &container_state_type, &both);
    if (o.failed)
        return error_oom(e);
    static const char tmp[] = "state.json.tmp";
    _cleanup_close_ int fd =
        openat(dir_fd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : fd_write_all(fd, o.buf, o.len);
    json_out_free(&o);
    /* No fsync: the record must survive a crash of hull, not of the host, which ends the container too. */
    if (r == 0 && renameat(dir_fd, tmp, dir_fd, "state.json") < 0)
        r = -errno;
    return r < 0 ? error_set(e, -r, "write state.json") : 0;
}

int state_read(int dir_fd, struct arena *a, struct container_state **ret, struct hull_error *e)
{
    enum { LIMIT = 16 << 20 };
    size_t len;
    char *text = fd_read_file(dir_fd, "state.json", LIMIT, a, &len);
    if (!text && errno == ENOENT) /* not yet, or not any more */
        return error_set(e, HULL_E_NOT_FOUND, "container does not exist");
    if (!text)
        return error_set(e, errno, "container state: state.json");
    struct container_state *s = arena_alloc(a, sizeof(*s));
    if (!s)
        return error_oom(e);
    if (json_bind(text, len, &container_state_type, s, a, NULL, e) < 0) {
        error_prefix(e, "container state: state.json is damaged");
        e->code = HULL_E_STATE;
        return -HULL_E_STATE;
    }
    int r = s->ociVersion || !s->config ? 0 : runc_absorb(s, dir_fd, a);
    if (r < 0)
        return error_set(e, -r, "container state: state.json of runc");
    *ret = s;
    return 0;
}

void state_to_oci(const struct container_state *s, enum container_status status, struct oci_state *ret)
{
    *ret = (struct oci_state){
        .ociVersion = s->ociVersion,
        .id = s->id,
        .status = (char *)status_name(status),
        .bundle = s->bundle,
        .rootfs = s->rootfs,
        .created = s->created,
        .annotations = s->annotations,
        .owner = (char *)"",
    };
    ret->pid.set = true;
    ret->pid.v = status == STATUS_STOPPED ? 0 : s->init_process_pid;
}

char *state_hook_json(const struct oci_state *s, struct arena *a)
{
    struct json_out o = {0};
    _cleanup_free_ char *text = NULL;
    struct hull_error err;
    json_write(&o, &oci_hook_state_type, s);
    return json_out_take(&o, &text, &err) < 0 ? NULL : arena_strdup(a, text);
}

char *state_now(struct arena *a)
{
    struct timespec t;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &tm);
    char frac[16];
    int n = snprintf(frac, sizeof(frac), ".%09ld", t.tv_nsec);
    /* Go's RFC3339Nano drops trailing zeros. */
    while (n > 1 && frac[n - 1] == '0')
        frac[--n] = '\0';
    return arena_printf(a, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", tm.tm_year + 1900, tm.tm_mon + 1,
                        tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, n > 1 ? frac : "");
}
