/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: five or six system calls, made once, before anything else looks at the
 * host. What only some configurations need (cgroup hierarchies, kernel features) is asked later.
 */
#include "host/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "base/fd.h"
#include "base/uapi.h"

static bool fs_is(const char *path, unsigned long magic)
{
    struct statfs st;
    return statfs(path, &st) == 0 && (unsigned long)st.f_type == magic;
}

static enum cgroup_mode probe_cgroup_mode(void)
{
    struct statfs st;
    if (statfs("/sys/fs/cgroup", &st) < 0)
        return CGROUP_NONE;
    if ((unsigned long)st.f_type == CGROUP2_SUPER_MAGIC)
        return CGROUP_V2;
    if (fs_is("/sys/fs/cgroup/unified", CGROUP2_SUPER_MAGIC))
        return CGROUP_HYBRID;
    /* v1 hierarchies live on a tmpfs; the empty directory of sysfs means nothing is mounted. */
    if ((unsigned long)st.f_type == SYSFS_MAGIC)
        return CGROUP_NONE;
    return CGROUP_V1;
}

/* The initial user namespace has a fixed inode (PROC_USER_INIT_INO), and maps all ids onto themselves. */
static bool probe_in_userns(void)
{
    char link[32];
    ssize_t len = readlink("/proc/self/ns/user", link, sizeof(link) - 1);
    if (len > 0) {
        link[len] = '\0';
        if (strcmp(link, "user:[4026531837]") == 0)
            return false;
    }
    _cleanup_close_ int fd = openat(AT_FDCWD, "/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;   /* a kernel without user namespaces */
    char buf[256];
    ssize_t n = fd_read_all(fd, buf, sizeof(buf) - 1);
    if (n < 0)
        return false;
    buf[n] = '\0';
    unsigned long v[3]; /* inside, outside, count */
    char *p = buf, *end;
    for (size_t i = 0; i < COUNT_OF(v); i++, p = end) {
        v[i] = strtoul(p, &end, 10);
        if (end == p)
            return true;    /* no mapping yet */
    }
    return v[0] != 0 || v[1] != 0 || v[2] != UINT32_MAX;
}

static int probe_caps(uint64_t *ret)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    if (syscall(SYS_capget, &head, data) < 0)
        return -errno;
    *ret = (uint64_t)data[1].effective << 32 | data[0].effective;
    return 0;
}

int host_facts_probe(struct host_facts *f, struct hull_error *e)
{
    struct host_facts facts = {.euid = geteuid(), .egid = getegid()};
    int r = probe_caps(&facts.caps);
    if (r < 0)
        return error_set(e, -r, "capget");
    facts.in_userns = probe_in_userns();
    facts.cgroup_mode = probe_cgroup_mode();
    *f = facts;
    return 0;
}

bool host_has_cap(const struct host_facts *f, unsigned cap)
{
    return cap < 64 && (f->caps >> cap & 1) != 0;
}
