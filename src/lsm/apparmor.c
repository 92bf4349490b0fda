/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * A process writes "exec PROFILE" to its own attribute file, and the kernel puts it under the
 * profile at the next execve. The profile must be loaded already. Since 5.8 the file is in a
 * directory of the module's own; in attr/ it belongs to whichever module comes first. A profile
 * without AppArmor is an error (EINVAL or ENOENT by the kernel): nobody should believe in a
 * confinement that is not there.
 */
#include "lsm/lsm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include "base/fd.h"
#include "base/proc.h"

int apparmor_change_on_exec(int proc_fd, const char *profile, struct hull_error *e)
{
    static const char *const files[] = {"self/attr/apparmor/exec", "self/attr/exec"};
    char text[1024];
    int n = snprintf(text, sizeof(text), "exec %s", profile);
    if (n < 0 || (size_t)n >= sizeof(text))
        return error_at(e, "process.apparmorProfile", ENAMETOOLONG,
                        "unable to apply apparmor profile: apparmor failed to apply profile");
    const char *file = files[0];
    int fd = proc_open_at(proc_fd, file, O_WRONLY);
    if (fd == -ENOENT)
        fd = proc_open_at(proc_fd, file = files[1], O_WRONLY);
    int err = fd < 0 ? -fd : write(fd, text, (size_t)n) < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    if (err == 0)
        return 0;
    const char *hint = err == ENOENT && file == files[0] ? " (is the profile loaded?)"
                       : file == files[1]                ? " (is AppArmor enabled?)"
                                                         : "";
    return error_at(e, "process.apparmorProfile", err,
                    "unable to apply apparmor profile: apparmor failed to apply profile: write "
                    "/proc/%s%s",
                    file, hint);
}
