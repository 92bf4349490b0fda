/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * A message is a list of fields, each a key (number << 3 | wire type) and a value: a varint, or a
 * length and that many bytes. One table per message says which member of the struct a field is. The
 * length of a nested message stands before it, so sizes are computed first, by the same walk with no
 * buffer.
 */
#include "criu/rpc.h"

#include <errno.h>
#include <string.h>

enum wire { WIRE_VARINT, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };
enum kind { K_BOOL, K_I32, K_U32, K_STRING, K_MESSAGE, K_STRINGS, K_MESSAGES };

struct message;
struct pb_field {
    uint32_t              number;
    enum kind             kind;
    size_t                offset;
    const struct message *sub;
};
struct message {
    size_t                 size;
    const struct pb_field *fields;
    size_t                 n;
};

#define F(S, number, kind, member) {number, kind, offsetof(struct S, member), NULL}
#define SUB(S, number, kind, member, sub) {number, kind, offsetof(struct S, member), &sub}
#define MESSAGE(S, fields) {sizeof(struct S), fields, COUNT_OF(fields)}

static const struct pb_field page_server_fields[] = {
    F(criu_page_server, 1, K_STRING, address), F(criu_page_server, 2, K_I32, port),
};
static const struct message page_server = MESSAGE(criu_page_server, page_server_fields);
static const struct pb_field mount_map_fields[] = {
    F(criu_mount_map, 1, K_STRING, key), F(criu_mount_map, 2, K_STRING, val),
};
static const struct message mount_map = MESSAGE(criu_mount_map, mount_map_fields);
static const struct pb_field join_ns_fields[] = {
    F(criu_join_ns, 1, K_STRING, ns), F(criu_join_ns, 2, K_STRING, ns_file),
};
static const struct message join_ns = MESSAGE(criu_join_ns, join_ns_fields);
static const struct pb_field inherit_fd_fields[] = {
    F(criu_inherit_fd, 1, K_STRING, key), F(criu_inherit_fd, 2, K_I32, fd),
};
static const struct message inherit_fd = MESSAGE(criu_inherit_fd, inherit_fd_fields);
static const struct pb_field cgroup_root_fields[] = {
    F(criu_cgroup_root, 1, K_STRING, ctrl), F(criu_cgroup_root, 2, K_STRING, path),
};
static const struct message cgroup_root = MESSAGE(criu_cgroup_root, cgroup_root_fields);

#define O(number, kind, member) F(criu_opts, number, kind, member)
static const struct pb_field opts_fields[] = {
    O(1, K_I32, images_dir_fd),
    O(2, K_I32, pid),
    O(3, K_BOOL, leave_running),
    O(4, K_BOOL, ext_unix_sk),
    O(5, K_BOOL, tcp_established),
    O(6, K_BOOL, evasive_devices),
    O(7, K_BOOL, shell_job),
    O(8, K_BOOL, file_locks),
    O(9, K_I32, log_level),
    O(10, K_STRING, log_file),
    SUB(criu_opts, 11, K_MESSAGE, ps, page_server),
    O(12, K_BOOL, notify_scripts),
    O(13, K_STRING, root),
    O(14, K_STRING, parent_img),
    O(15, K_BOOL, track_mem),
    O(16, K_BOOL, auto_dedup),
    O(17, K_I32, work_dir_fd),
    O(18, K_BOOL, link_remap),
    SUB(criu_opts, 23, K_MESSAGES, ext_mnt, mount_map),
    O(24, K_BOOL, manage_cgroups),
    SUB(criu_opts, 25, K_MESSAGES, cg_root, cgroup_root),
    O(26, K_BOOL, rst_sibling),
    SUB(criu_opts, 27, K_MESSAGES, inherit_fd, inherit_fd),
    O(34, K_I32, manage_cgroups_mode),
    O(37, K_STRINGS, external),
    O(38, K_U32, empty_ns),
    SUB(criu_opts, 39, K_MESSAGES, join_ns, join_ns),
    O(44, K_STRING, freeze_cgroup),
    O(46, K_BOOL, tcp_skip_in_flight),
    O(48, K_BOOL, lazy_pages),
    O(49, K_I32, status_fd),
    O(50, K_BOOL, orphan_pts_master),
    O(51, K_STRING, config_file),
    O(52, K_BOOL, tcp_close),
    O(53, K_STRING, lsm_profile),
    O(63, K_STRING, lsm_mount_context),
    O(64, K_I32, network_lock),
};
static const struct message opts = MESSAGE(criu_opts, opts_fields);

static const struct pb_field features_fields[] = {
    F(criu_features, 1, K_BOOL, mem_track), F(criu_features, 2, K_BOOL, lazy_pages),
};
static const struct message features = MESSAGE(criu_features, features_fields);

static const struct pb_field request_fields[] = {
    F(criu_request, 1, K_I32, type),
    SUB(criu_request, 2, K_MESSAGE, opts, opts),
    F(criu_request, 3, K_BOOL, notify_success),
    F(criu_request, 4, K_BOOL, keep_open),
    SUB(criu_request, 5, K_MESSAGE, features, features),
};
static const struct message request = MESSAGE(criu_request, request_fields);

static const struct pb_field notify_fields[] = {
    F(criu_notify, 1, K_STRING, script), F(criu_notify, 2, K_I32, pid),
};
static const struct message notify = MESSAGE(criu_notify, notify_fields);
static const struct pb_field version_fields[] = {
    F(criu_version, 1, K_I32, major), F(criu_version, 2, K_I32, minor),
    F(criu_version, 3, K_STRING, gitid), F(criu_version, 4, K_I32, sublevel),
};
static const struct message version = MESSAGE(criu_version, version_fields);
static const struct pb_field response_fields[] = {
    F(criu_response, 1, K_I32, type),
    F(criu_response, 2, K_BOOL, success),
    SUB(criu_response, 5, K_MESSAGE, notify, notify),
    F(criu_response, 7, K_I32, cr_errno),
    SUB(criu_response, 8, K_MESSAGE, features, features),
    SUB(criu_response, 10, K_MESSAGE, version, version),
};
static const struct message response = MESSAGE(criu_response, response_fields);

/* ---------------------------------------------------------------------------------------- encode */

/* Without p only the length is counted. */
struct out { uint8_t *p; size_t len; };

static void put_varint(struct out *o, uint64_t v)
{
    do {
        if (o->p)
            o->p[o->len] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        o->len++;
        v >>= 7;
    } while (v > 0);
}

static void put_number(struct out *o, const struct pb_field *f, uint64_t v)
{
    put_varint(o, (uint64_t)f->number << 3 | WIRE_VARINT);
    put_varint(o, v);
}

static void put_string(struct out *o, const struct pb_field *f, const char *s)
{
    const size_t n = strlen(s);
    put_varint(o, (uint64_t)f->number << 3 | WIRE_BYTES);
    put_varint(o, n);
    if (o->p)
        memcpy(o->p + o->len, s, n);
    o->len += n;
}

static void put_fields(struct out *o, const struct message *m, const void *obj);

static void put_message(struct out *o, const struct pb_field *f, const void *obj)
{
    struct out size = {0};
    put_fields(&size, f->sub, obj);
    put_varint(o, (uint64_t)f->number << 3 | WIRE_BYTES);
    put_varint(o, size.len);
    put_fields(o, f->sub, obj);
}

static void put_field(struct out *o, const struct pb_field *f, const void *member)
{
    struct list { const char *v; size_t n; };
    switch (f->kind) {
    case K_BOOL:
        if (*(const bool *)member)
            put_number(o, f, 1);
        break;
    case K_I32: /* negative numbers are sign-extended to 64 bits */
        if (((const struct opt_i32 *)member)->set)
            put_number(o, f, (uint64_t)(int64_t)((const struct opt_i32 *)member)->v);
        break;
    case K_U32:
        if (((const struct opt_u32 *)member)->set)
            put_number(o, f, ((const struct opt_u32 *)member)->v);
        break;
    case K_STRING:
        if (*(char *const *)member)
            put_string(o, f, *(char *const *)member);
        break;
    case K_MESSAGE:
        if (*(void *const *)member)
            put_message(o, f, *(void *const *)member);
        break;
    case K_STRINGS: {
        const struct oci_strs *l = member;
        for (size_t i = 0; i < l->n; i++)
            put_string(o, f, l->v[i]);
        break;
    }
    case K_MESSAGES: {
        const struct list *l = member; /* the layout of LIST_OF */
        for (size_t i = 0; i < l->n; i++)
            put_message(o, f, l->v + i * f->sub->size);
        break;
    }
    }
}

static void put_fields(struct out *o, const struct message *m, const void *obj)
{
    for (size_t i = 0; i < m->n; i++)
        put_field(o, &m->fields[i], (const char *)obj + m->fields[i].offset);
}

ssize_t rpc_encode(const struct criu_request *req, struct arena *a, uint8_t **ret)
{
    struct out o = {0};
    put_fields(&o, &request, req);
    uint8_t *buf = arena_alloc(a, o.len + 1);
    if (!buf)
        return -ENOMEM;
    o = (struct out){.p = buf};
    put_fields(&o, &request, req);
    *ret = buf;
    return (ssize_t)o.len;
}

/* ---------------------------------------------------------------------------------------- decode */

struct in { const uint8_t *p, *end; };

static int get_varint(struct in *i, uint64_t *ret)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (i->p == i->end)
            return -EBADMSG;
        const uint8_t b = *i->p++;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80)) {
            *ret = v;
            return 0;
        }
    }
    return -EBADMSG;
}

/* The value of a field: a number, or the bytes. */
static int get_value(struct in *i, enum wire wire, uint64_t *ret_number, struct in *ret_bytes)
{
    uint64_t len = wire == WIRE_64 ? 8 : 4;
    if (wire == WIRE_VARINT)
        return get_varint(i, ret_number);
    if (wire == WIRE_BYTES && get_varint(i, &len) < 0)
        return -EBADMSG;
    if (wire != WIRE_BYTES && wire != WIRE_64 && wire != WIRE_32)
        return -EBADMSG;
    if (len > (uint64_t)(i->end - i->p))
        return -EBADMSG;
    *ret_bytes = (struct in){i->p, i->p + len};
    i->p += len;
    return 0;
}

static int get_fields(struct in i, const struct message *m, struct arena *a, void *obj);

static int set_field(const struct pb_field *f, enum wire wire, uint64_t number, struct in bytes,
                     struct arena *a, void *member)
{
    const bool wants_bytes = f->kind == K_STRING || f->kind == K_MESSAGE;
    if (wire != (wants_bytes ? WIRE_BYTES : WIRE_VARINT))
        return -EBADMSG;
    switch (f->kind) {
    case K_BOOL:
        *(bool *)member = number != 0;
        return 0;
    case K_I32:
        *(struct opt_i32 *)member = (struct opt_i32){true, (int32_t)(uint32_t)number};
        return 0;
    case K_STRING: {
        char *s = arena_strndup(a, (const char *)bytes.p, (size_t)(bytes.end - bytes.p));
        *(char **)member = s;
        return s ? 0 : -ENOMEM;
    }
    case K_MESSAGE: {
        void *sub = arena_alloc(a, f->sub->size);
        *(void **)member = sub;
        return sub ? get_fields(bytes, f->sub, a, sub) : -ENOMEM;
    }
    default: /* only in requests */
        return -EBADMSG;
    }
}

static int get_fields(struct in i, const struct message *m, struct arena *a, void *obj)
{
    while (i.p < i.end) {
        uint64_t key, number = 0;
        struct in bytes = {0};
        if (get_varint(&i, &key) < 0 || get_value(&i, (enum wire)(key & 7), &number, &bytes) < 0)
            return -EBADMSG;
        for (size_t k = 0; k < m->n; k++) {
            if (m->fields[k].number != key >> 3)
                continue;
            int r = set_field(&m->fields[k], (enum wire)(key & 7), number, bytes, a,
                              (char *)obj + m->fields[k].offset);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

int rpc_decode(const uint8_t *buf, size_t len, struct arena *a, struct criu_response *ret)
{
    struct criu_response r = {0};
    int err = get_fields((struct in){buf, buf + len}, &response, a, &r);
    if (err == 0)
        *ret = r;
    return err;
}
