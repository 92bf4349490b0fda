/* SPDX-License-Identifier: Apache-2.0 */
/* Made by tools/seccomp-tables from Linux 7.2.13; do not edit. */
#ifndef HULL_SECCOMP_SYSCALLS_H
#define HULL_SECCOMP_SYSCALLS_H

#include <stdint.h>

enum { SYSCALL_COUNT = 508, SYSCALL_ABSENT = 0xffff, SYSCALL_ARM_PRIVATE = 2040 };

/* The names, sorted, each ended by NUL; and where each one starts. */
extern const char syscall_names[];
extern const uint16_t syscall_name_at[SYSCALL_COUNT];
/* 1..20: number for socketcall(2); 0x80 + number for ipc(2); else 0. */
extern const uint8_t syscall_mux[SYSCALL_COUNT];
/* Numbers by the index of the name, SYSCALL_ABSENT where there is none. */
extern const uint16_t syscalls_x86[SYSCALL_COUNT];
extern const uint16_t syscalls_x86_64[SYSCALL_COUNT];
extern const uint16_t syscalls_x32[SYSCALL_COUNT];
extern const uint16_t syscalls_arm[SYSCALL_COUNT];
extern const uint16_t syscalls_aarch64[SYSCALL_COUNT];
extern const uint16_t syscalls_loongarch64[SYSCALL_COUNT];
extern const uint16_t syscalls_m68k[SYSCALL_COUNT];
extern const uint16_t syscalls_mips[SYSCALL_COUNT];
extern const uint16_t syscalls_mips64[SYSCALL_COUNT];
extern const uint16_t syscalls_mips64n32[SYSCALL_COUNT];
extern const uint16_t syscalls_ppc[SYSCALL_COUNT];
extern const uint16_t syscalls_ppc64[SYSCALL_COUNT];
extern const uint16_t syscalls_s390[SYSCALL_COUNT];
extern const uint16_t syscalls_s390x[SYSCALL_COUNT];
extern const uint16_t syscalls_sh[SYSCALL_COUNT];
extern const uint16_t syscalls_parisc[SYSCALL_COUNT];
extern const uint16_t syscalls_parisc64[SYSCALL_COUNT];
extern const uint16_t syscalls_riscv64[SYSCALL_COUNT];
#endif
