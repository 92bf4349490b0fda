/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * As AppArmor: a write to the process' own attribute file, attr/exec for the next execve and
 * attr/keycreate for keys, which execve resets. The policy decides whether the change is allowed.
 */
#include "lsm/lsm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "base/fd.h"
#include "base/proc.h"

static int write_label(int proc_fd, const char *file, const char *label)
{
    _cleanup_close_ int fd = proc_open_at(proc_fd, file, O_WRONLY);
    if (fd < 0)
        return fd;
    return write(fd, label, strlen(label)) < 0 ? -errno : 0;
}

int selinux_set_exec_label(int proc_fd, const char *label, struct hull_error *e)
{
    int r = write_label(proc_fd, "self/attr/exec", label);
    return r < 0 ? error_at(e, "process.selinuxLabel", -r,
                            "can't set process label: write /proc/self/attr/exec")
                 : 0;
}

int selinux_set_key_label(int proc_fd, const char *label, struct hull_error *e)
{
    int r = write_label(proc_fd, "self/attr/keycreate", label);
    return r < 0 && r != -ENOENT
               ? error_at(e, "process.selinuxLabel", -r,
                          "can't set the label of the session keyring: write "
                          "/proc/self/attr/keycreate")
               : 0;
}
