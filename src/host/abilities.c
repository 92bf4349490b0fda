/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * Each row is one look, without side effects, by a file that the feature has or by a system call
 * with arguments that it must refuse. None says whether this caller may use the thing.
 */
#include "host/abilities.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include "base/fd.h"
#include "base/macro.h"
#include "base/sys.h"
#include "host/lsm.h"

enum { RESCTRL_MAGIC = 0x7655821 };

static int exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static int first_char(const char *path)
{
    char c = '\0';
    _cleanup_close_ int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, &c, 1) == 1 ? c : '\0';
}

static int apparmor(void)
{
    return host_has_apparmor();
}

static int idmap(void)
{
    struct hull_mount_attr attr = {.attr_set = HULL_ATTR_IDMAP, .userns_fd = (uint64_t)-1};
    return sys_mount_setattr(-1, "", AT_EMPTY_PATH, &attr) < 0 && errno != ENOSYS;
}

static int intel_rdt(void)
{
    struct statfs st;
    return statfs("/sys/fs/resctrl", &st) == 0 && (unsigned long)st.f_type == RESCTRL_MAGIC;
}

static int memory_policy(void)
{
    return exists("/proc/self/numa_maps");
}

static int seccomp(void)
{
    uint32_t action = SECCOMP_RET_ALLOW;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static int selinux(void)
{
    return host_has_selinux();
}

static int systemd(void)
{
    return exists("/run/systemd/system");
}

static int time_namespace(void)
{
    return exists("/proc/self/ns/time");
}

static int user_namespace(void)
{
    return exists("/proc/self/ns/user") && first_char("/proc/sys/user/max_user_namespaces") != '0';
}

static const struct host_ability abilities[] = {
    {"apparmor", apparmor},
    {"idmap", idmap},
    {"intelRdt", intel_rdt},
    {"memoryPolicy", memory_policy},
    {"seccomp", seccomp},
    {"selinux", selinux},
    {"systemd", systemd},
    {"timeNamespace", time_namespace},
    {"userNamespace", user_namespace},
};

const struct host_ability *host_ability(size_t i)
{
    return i < COUNT_OF(abilities) ? &abilities[i] : NULL;
}
