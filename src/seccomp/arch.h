/* SPDX-License-Identifier: Apache-2.0 */
/* The architectures of the spec and the numbers of their system calls. */
#ifndef HULL_SECCOMP_ARCH_H
#define HULL_SECCOMP_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seccomp_arch {
    const char     *name;      /* "SCMP_ARCH_X86_64" */
    uint32_t        audit;     /* AUDIT_ARCH_*: seccomp_data.arch */
    uint32_t        base;      /* first number */
    const uint16_t *numbers;   /* by index of the name, from base; syscalls.h */
    bool            bits32;    /* registers of 32 bits: the low word of an argument counts */
    bool            big_endian;
    bool            muxed;     /* socket and IPC calls also come through socketcall(2) and ipc(2) */
};

enum { X32_BIT = 0x40000000 };

/** By name; NULL when unknown. */
const struct seccomp_arch *seccomp_arch_find(const char *name);
/** By position, for tests and `features`; NULL beyond the last. */
const struct seccomp_arch *seccomp_arch_at(size_t i);
/** What this program is compiled for. */
const struct seccomp_arch *seccomp_native_arch(void);

/** Index of a system call's name in the tables; -1: unknown on every architecture. */
int seccomp_syscall_find(const char *name);
const char *seccomp_syscall_name(unsigned index);
/** The number as the kernel sees it. false: the architecture lacks it. */
bool seccomp_syscall_number(const struct seccomp_arch *a, unsigned index, uint32_t *ret);
#endif
