/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: systemd enforces device rules of its own (a BPF program on v2, devices.allow
 * on v1) and does so anew at each daemon-reload. If it knew nothing of ours, v1's would be lost then;
 * if it knew less, v2's consent of all programs would take devices away (NVIDIA's users know). So it
 * is told all rules, as DevicePolicy=strict with a list of what is allowed.
 *
 * It knows no rule for one minor of every major, and no list of what is denied. With such rules on
 * v2 it is told to allow all ("auto"), and our program, which it does not touch, decides alone. On
 * v1 "auto" would write "allow all" into the files, hence the stricter choice there, as in runc.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/fd.h"
#include "cgroup/unit.h"

#define VERSION_MAJOR_NUMBERS 240   /* char-136; before that names of /proc/devices alone */
#define PROC_DEVICES_MAX (1u << 20)

static void policy(struct wire_out *o, const char *value)
{
    /* The empty list clears what the unit has. */
    systemd_property(o, "DeviceAllow", "a(ss)");
    wire_array_end(o, wire_array_begin(o, 8));
    systemd_property_string(o, "DevicePolicy", value);
}

static bool can_say(const struct device_filter *f)
{
    if (f->default_allow)
        return f->n == 0;
    for (size_t i = 0; i < f->n; i++)
        if (f->v[i].major == DEVICE_ANY && f->v[i].minor != DEVICE_ANY)
            return false;
    return true;
}

/* The driver's name for a major number in the text of /proc/devices, or NULL. */
static const char *driver_name(struct arena *a, const char *text, char type, int64_t major)
{
    const char *p = strstr(text, type == 'c' ? "Character devices:" : "Block devices:");
    for (p = p ? strchr(p, '\n') : NULL; p; p = strchr(p, '\n')) {
        char *name;
        p += 1 + strspn(p + 1, " ");
        const long long n = strtoll(p, &name, 10);
        if (name == p || *name != ' ')
            return NULL;   /* the empty line at the end of the block */
        name += strspn(name, " ");
        if (n == major)
            return arena_strndup(a, name, strcspn(name, "\n"));
    }
    return NULL;
}

/* What DeviceAllow calls the device; NULL: an old systemd has no word for it. */
static const char *device_name(struct arena *a, const struct device_exception *x, unsigned version)
{
    const char *kind = x->type == 'b' ? "block" : "char";
    if (x->major == DEVICE_ANY)
        return arena_printf(a, "%s-*", kind);
    if (x->minor != DEVICE_ANY)
        return arena_printf(a, "/dev/%s/%" PRId64 ":%" PRId64, kind, x->major, x->minor);
    if (version >= VERSION_MAJOR_NUMBERS)
        return arena_printf(a, "%s-%" PRId64, kind, x->major);
    const char *text = fd_read_file(AT_FDCWD, "/proc/devices", PROC_DEVICES_MAX, a, NULL);
    const char *name = text ? driver_name(a, text, x->type, x->major) : NULL;
    return name ? arena_printf(a, "%s-%s", kind, name) : NULL;
}

int unit_device_properties(const struct cgroup *cg, const struct device_filter *f,
                           unsigned version, struct wire_out *o, struct hull_error *e)
{
    if (f->default_allow ? f->n == 0 || cg->mode == CGROUP_V2
                         : !can_say(f) && cg->mode == CGROUP_V2) {
        policy(o, "auto");
        return o->failed ? error_oom(e) : 0;
    }
    policy(o, "strict");
    if (!can_say(f))
        log_debug(cg->log, "systemd can't express all rules of linux.resources.devices: after "
                           "a daemon-reload it will deny what it does not know");
    if (f->default_allow)
        return o->failed ? error_oom(e) : 0;
    systemd_property(o, "DeviceAllow", "a(ss)");
    struct wire_array list = wire_array_begin(o, 8);
    for (size_t i = 0; i < f->n; i++) {
        const struct device_exception *x = &f->v[i];
        const char *name = device_name(o->arena, x, version);
        char access[4];
        if (!name || (x->major == DEVICE_ANY && x->minor != DEVICE_ANY))
            continue;
        snprintf(access, sizeof(access), "%s%s%s", x->access & DEVICE_READ ? "r" : "",
                 x->access & DEVICE_WRITE ? "w" : "", x->access & DEVICE_MKNOD ? "m" : "");
        wire_pad(o, 8);
        wire_string(o, name);
        wire_string(o, access);
    }
    wire_array_end(o, list);
    return o->failed ? error_oom(e) : 0;
}
