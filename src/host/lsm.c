/* SPDX-License-Identifier: Apache-2.0 */
#include "host/lsm.h"

#include <fcntl.h>
#include <string.h>
#include <sys/vfs.h>
#include "base/fd.h"
#include "base/macro.h"

enum { SELINUX_MAGIC_LOW = 0x797cff8c }; /* without the sign bit, for f_type of any width */

static ssize_t read_start(const char *path, char *buf, size_t len)
{
    _cleanup_close_ int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, len - 1);
    buf[n > 0 ? n : 0] = '\0';
    return n;
}

bool host_has_apparmor(void)
{
    char text[4];
    return access("/sys/kernel/security/apparmor", F_OK) == 0 &&
           read_start("/sys/module/apparmor/parameters/enabled", text, sizeof(text)) > 0 &&
           text[0] == 'Y';
}

bool host_has_selinux(void)
{
    static const char *const places[] = {"/sys/fs/selinux", "/selinux"};
    struct statfs st;
    char label[64];
    bool mounted = false;
    for (size_t i = 0; i < COUNT_OF(places) && !mounted; i++)
        mounted = statfs(places[i], &st) == 0 && (st.f_type & 0x7fffffff) == SELINUX_MAGIC_LOW;
    /* Before a policy is loaded everything is labelled "kernel". */
    return mounted && read_start("/proc/self/attr/current", label, sizeof(label)) > 0 &&
           strcmp(label, "kernel") != 0;
}
