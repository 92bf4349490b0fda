/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thin wrappers of system calls that libcs lack (musl 1.2.3, glibc 2.36). Each returns what
 * syscall(2) does: -1 and errno. Structures are the kernel's own (linux/ headers).
 */
#ifndef HULL_BASE_SYS_H
#define HULL_BASE_SYS_H

#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>
#include "base/uapi.h"

/* The new mount API; linux/mount.h and sys/mount.h can't be included together, hence by value. */
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x00000004
#endif
#ifndef MOVE_MOUNT_T_EMPTY_PATH
#define MOVE_MOUNT_T_EMPTY_PATH 0x00000040
#endif
#define HULL_FSOPEN_CLOEXEC 1u
#define HULL_FSMOUNT_CLOEXEC 1u
enum hull_fsconfig {
    HULL_FSCONFIG_SET_FLAG = 0,
    HULL_FSCONFIG_SET_STRING = 1,
    HULL_FSCONFIG_CMD_CREATE = 6,
};
#define HULL_ATTR_RDONLY 0x00000001u
#define HULL_ATTR_NOSUID 0x00000002u
#define HULL_ATTR_NODEV 0x00000004u
#define HULL_ATTR_NOEXEC 0x00000008u
#define HULL_ATTR__ATIME 0x00000070u
#define HULL_ATTR_RELATIME 0x00000000u
#define HULL_ATTR_NOATIME 0x00000010u
#define HULL_ATTR_STRICTATIME 0x00000020u
#define HULL_ATTR_NODIRATIME 0x00000080u
#define HULL_ATTR_IDMAP 0x00100000u
#define HULL_ATTR_NOSYMFOLLOW 0x00200000u
struct hull_mount_attr {
    uint64_t attr_set, attr_clr, propagation, userns_fd;
};

static inline int sys_openat2(int dirfd, const char *path, const struct open_how *how)
{
    return (int)syscall(SYS_openat2, dirfd, path, how, sizeof(*how));
}
static inline int sys_open_tree(int dirfd, const char *path, unsigned flags)
{
    return (int)syscall(SYS_open_tree, dirfd, path, flags);
}
static inline int sys_move_mount(int from, const char *from_path, int to, const char *to_path,
                                 unsigned flags)
{
    return (int)syscall(SYS_move_mount, from, from_path, to, to_path, flags);
}
static inline int sys_fsopen(const char *type, unsigned flags)
{
    return (int)syscall(SYS_fsopen, type, flags);
}
static inline int sys_fsconfig(int fd, unsigned cmd, const char *key, const void *value, int aux)
{
    return (int)syscall(SYS_fsconfig, fd, cmd, key, value, aux);
}
static inline int sys_fsmount(int fd, unsigned flags, unsigned attr)
{
    return (int)syscall(SYS_fsmount, fd, flags, attr);
}
static inline int sys_mount_setattr(int dirfd, const char *path, unsigned flags,
                                    struct hull_mount_attr *attr)
{
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
    return (int)syscall(SYS_mount_setattr, dirfd, path, flags, attr, sizeof(*attr));
}
static inline pid_t sys_clone3(struct clone_args *args, size_t size)
{
    return (pid_t)syscall(SYS_clone3, args, size);
}
static inline int sys_pidfd_open(pid_t pid, unsigned flags)
{
    return (int)syscall(SYS_pidfd_open, pid, flags);
}
static inline int sys_pidfd_send_signal(int pidfd, int sig)
{
    return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}
/* _exit where a seccomp filter may refuse exit_group: the C library would try again for ever. */
static inline void sys_exit(int status) __attribute__((noreturn));
static inline void sys_exit(int status)
{
    (void)syscall(SYS_exit_group, status);
    (void)syscall(SYS_exit, status);
    __builtin_trap();
}
/* The default action for a signal, also for those that the C library keeps to itself. */
static inline void sys_signal_default(int sig)
{
    static const unsigned long kernel_sigaction[4]; /* handler, flags, restorer, mask: all 0 */
    (void)syscall(SYS_rt_sigaction, sig, kernel_sigaction, NULL, sizeof(uint64_t));
}
static inline int sys_pidfd_getfd(int pidfd, int fd)
{
    return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
}
static inline int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
    return (int)syscall(SYS_close_range, first, last, flags);
}
static inline int sys_memfd_create(const char *name, unsigned flags)
{
    return (int)syscall(SYS_memfd_create, name, flags);
}
static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
    return (int)syscall(SYS_pivot_root, new_root, put_old);
}
static inline int sys_execveat(int dirfd, const char *path, char *const argv[], char *const envp[],
                               int flags)
{
    return (int)syscall(SYS_execveat, dirfd, path, argv, envp, flags);
}
static inline long sys_keyctl(int op, unsigned long a, unsigned long b, unsigned long c)
{
    return syscall(SYS_keyctl, op, a, b, c);
}
static inline long sys_bpf(int cmd, void *attr, unsigned size)
{
    return syscall(SYS_bpf, cmd, attr, size);
}
#endif
