/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: linux.mountLabel (config-linux.md#mount-label) is the SELinux context of the
 * file systems that are made for the container: a mount option that the kernel refuses without
 * SELinux. proc, sysfs and cgroup have contexts by policy and take none; mqueue takes none from its
 * mount and has its root labelled instead. The annotation run.oci.mount_context_type says which of
 * the four context options is meant.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>
#include "base/fd.h"
#include "base/path.h"
#include "host/lsm.h"
#include "mount/internal.h"
#include "oci/annotations.h"

#define CONTEXT_TYPE "run.oci.mount_context_type"

static const char *const context_types[] = { "context", "fscontext", "defcontext", "rootcontext" };

static const char *mount_label(const struct launch *l)
{
    const char *label = l->config->linux_->mountLabel;
    return label && *label ? label : NULL;
}

static const char *context_type(const struct launch *l)
{
    const char *type = oci_annotation(l->config, CONTEXT_TYPE);
    return type ? type : context_types[0];
}

bool label_is_context(const char *option)
{
    for (size_t i = 0; i < COUNT_OF(context_types); i++)
        if (strcmp(option, context_types[i]) == 0)
            return true;
    return false;
}

int label_check(const struct launch *l, struct hull_error *e)
{
    const char *type = context_type(l);
    if (label_is_context(type))
        return 0;
    return error_at(e, "annotations", HULL_E_CONFIG,
                    "annotation " CONTEXT_TYPE ": \"%s\" is none of context, fscontext, "
                    "defcontext, rootcontext",
                    type);
}

void label_request(const struct launch *l, struct fs_request *f)
{
    f->label = mount_label(l);
    f->label_type = context_type(l);
}

int label_root(const struct launch *l, const char *dest, struct hull_error *e)
{
    const char *label = mount_label(l);
    if (!label || !host_has_selinux())
        return 0;
    _cleanup_close_ int fd = path_open_in_root(l->rootfs_fd, dest, O_RDONLY | O_DIRECTORY);
    int r = fd < 0 ? fd : 0;
    if (r == 0 && fsetxattr(fd, "security.selinux", label, strlen(label), 0) < 0)
        r = -errno;
    return r < 0 ? error_set(e, -r, "set SELinux label %s of %s", label, dest) : 0;
}
