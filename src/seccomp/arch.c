/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation One row per architecture word of the spec. Both byte orders of an
 * architecture share a table of numbers; the tables are made by tools/seccomp-tables. socketcall
 * and ipc are treated as libseccomp does where it knows the architecture (x86, mips, ppc, s390),
 * and alike on m68k and sh.
 */
#include "seccomp/arch.h"

#include <linux/audit.h>
#include <linux/elf-em.h>
#include <string.h>
#include "base/macro.h"
#include "seccomp/syscalls.h"

#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258 /* 5.19 */
#endif
enum { LE = 0x40000000, WIDE = (int)0x80000000, N32 = 0x20000000 };
#define AUDIT(machine, flags) ((uint32_t)(machine) | (uint32_t)(flags))

/* Sorted by name, as `features` shows them. */
static const struct seccomp_arch archs[] = {
    {"SCMP_ARCH_AARCH64", AUDIT(EM_AARCH64, WIDE | LE), 0, syscalls_aarch64, false, false, false},
    {"SCMP_ARCH_ARM", AUDIT(EM_ARM, LE), 0, syscalls_arm, true, false, false},
    {"SCMP_ARCH_LOONGARCH64", AUDIT(EM_LOONGARCH, WIDE | LE), 0, syscalls_loongarch64, false, false,
     false},
    {"SCMP_ARCH_M68K", AUDIT(EM_68K, 0), 0, syscalls_m68k, true, true, true},
    {"SCMP_ARCH_MIPS", AUDIT(EM_MIPS, 0), 4000, syscalls_mips, true, true, true},
    {"SCMP_ARCH_MIPS64", AUDIT(EM_MIPS, WIDE), 5000, syscalls_mips64, false, true, false},
    {"SCMP_ARCH_MIPS64N32", AUDIT(EM_MIPS, WIDE | N32), 6000, syscalls_mips64n32, true, true,
     false},
    {"SCMP_ARCH_MIPSEL", AUDIT(EM_MIPS, LE), 4000, syscalls_mips, true, false, true},
    {"SCMP_ARCH_MIPSEL64", AUDIT(EM_MIPS, WIDE | LE), 5000, syscalls_mips64, false, false, false},
    {"SCMP_ARCH_MIPSEL64N32", AUDIT(EM_MIPS, WIDE | LE | N32), 6000, syscalls_mips64n32, true,
     false, false},
    {"SCMP_ARCH_PARISC", AUDIT(EM_PARISC, 0), 0, syscalls_parisc, true, true, false},
    {"SCMP_ARCH_PARISC64", AUDIT(EM_PARISC, WIDE), 0, syscalls_parisc64, false, true, false},
    {"SCMP_ARCH_PPC", AUDIT(EM_PPC, 0), 0, syscalls_ppc, true, true, true},
    {"SCMP_ARCH_PPC64", AUDIT(EM_PPC64, WIDE), 0, syscalls_ppc64, false, true, true},
    {"SCMP_ARCH_PPC64LE", AUDIT(EM_PPC64, WIDE | LE), 0, syscalls_ppc64, false, false, true},
    {"SCMP_ARCH_RISCV64", AUDIT(EM_RISCV, WIDE | LE), 0, syscalls_riscv64, false, false, false},
    {"SCMP_ARCH_S390", AUDIT(EM_S390, 0), 0, syscalls_s390, true, true, true},
    {"SCMP_ARCH_S390X", AUDIT(EM_S390, WIDE), 0, syscalls_s390x, false, true, true},
    {"SCMP_ARCH_SH", AUDIT(EM_SH, LE), 0, syscalls_sh, true, false, true},
    {"SCMP_ARCH_SHEB", AUDIT(EM_SH, 0), 0, syscalls_sh, true, true, true},
    {"SCMP_ARCH_X32", AUDIT(EM_X86_64, WIDE | LE), X32_BIT, syscalls_x32, true, false, false},
    {"SCMP_ARCH_X86", AUDIT(EM_386, LE), 0, syscalls_x86, true, false, true},
    {"SCMP_ARCH_X86_64", AUDIT(EM_X86_64, WIDE | LE), 0, syscalls_x86_64, false, false, false},
};

#if defined(__x86_64__) && defined(__ILP32__)
#define NATIVE "SCMP_ARCH_X32"
#elif defined(__x86_64__)
#define NATIVE "SCMP_ARCH_X86_64"
#elif defined(__i386__)
#define NATIVE "SCMP_ARCH_X86"
#elif defined(__aarch64__)
#define NATIVE "SCMP_ARCH_AARCH64"
#elif defined(__arm__)
#define NATIVE "SCMP_ARCH_ARM"
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE "SCMP_ARCH_RISCV64"
#elif defined(__loongarch64)
#define NATIVE "SCMP_ARCH_LOONGARCH64"
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define NATIVE "SCMP_ARCH_PPC64LE"
#elif defined(__powerpc64__)
#define NATIVE "SCMP_ARCH_PPC64"
#elif defined(__powerpc__)
#define NATIVE "SCMP_ARCH_PPC"
#elif defined(__s390x__)
#define NATIVE "SCMP_ARCH_S390X"
#elif defined(__mips64) && defined(__MIPSEL__)
#define NATIVE "SCMP_ARCH_MIPSEL64"
#elif defined(__mips64)
#define NATIVE "SCMP_ARCH_MIPS64"
#elif defined(__mips__) && defined(__MIPSEL__)
#define NATIVE "SCMP_ARCH_MIPSEL"
#elif defined(__mips__)
#define NATIVE "SCMP_ARCH_MIPS"
#elif defined(__hppa__)
#define NATIVE "SCMP_ARCH_PARISC"
#elif defined(__m68k__)
#define NATIVE "SCMP_ARCH_M68K"
#elif defined(__sh__)
#define NATIVE "SCMP_ARCH_SH"
#else
#error "an architecture that the runtime-spec's seccomp section does not know"
#endif

const struct seccomp_arch *seccomp_arch_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(archs); i++)
        if (strcmp(archs[i].name, name) == 0)
            return &archs[i];
    return NULL;
}

const struct seccomp_arch *seccomp_arch_at(size_t i)
{
    return i < COUNT_OF(archs) ? &archs[i] : NULL;
}

const struct seccomp_arch *seccomp_native_arch(void)
{
    return seccomp_arch_find(NATIVE);
}

const char *seccomp_syscall_name(unsigned index)
{
    return syscall_names + syscall_name_at[index];
}

int seccomp_syscall_find(const char *name)
{
    unsigned lo = 0, hi = SYSCALL_COUNT;
    while (lo < hi) {
        const unsigned mid = (lo + hi) / 2;
        const int c = strcmp(name, seccomp_syscall_name(mid));
        if (c == 0)
            return (int)mid;
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return -1;
}

bool seccomp_syscall_number(const struct seccomp_arch *a, unsigned index, uint32_t *ret)
{
    const uint32_t n = a->numbers[index];
    if (n == SYSCALL_ABSENT)
        return false;
    *ret = n >= SYSCALL_ARM_PRIVATE ? 0x0f0000 + (n - SYSCALL_ARM_PRIVATE) : a->base + n;
    return true;
}
