/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two other opinions on what a profile means: libseccomp's program, made as runc makes it, and a
 * judge that reads the rules one by one. For test_seccomp_oracle.c.
 */
#ifndef HULL_TESTS_SECCOMP_JUDGE_H
#define HULL_TESTS_SECCOMP_JUDGE_H

#include <seccomp.h>
#include "seccomp/compile.h"
#include "seccomp/syscalls.h"

struct model {
    const struct oci_seccomp  *profile;
    const struct seccomp_arch *archs[8];
    size_t                     n_archs;
    struct sock_filter         v[65536];  /* libseccomp's program */
    size_t                     n;
    bool                       enosys;
};

/* An architecture that libseccomp knows, by position; 0 beyond the last. */
uint32_t known_token(size_t i, const struct seccomp_arch **ret);

/* Names about which both tables say the same on every architecture that libseccomp knows. */
extern const char *agreed[SYSCALL_COUNT];
extern size_t n_agreed;
void find_agreed(void);

/**
 * Fills m. Negative: libseccomp refuses the profile, or is not done within three seconds.
 * @param here  in this process, without limit
 */
int build_theirs(const struct oci_seccomp *p, const struct seccomp_arch *native, bool here,
                 struct model *m);
/** Prepares m for the functions below. */
void judge_prepare(const struct model *m);
/** Whether runc answers ENOSYS before the filter is asked. */
bool newer_than_profile(const struct model *m, const struct seccomp_call *c);

/* The actions that the profile allows for a call: one, but for rules that contradict each other. */
struct verdict { uint32_t v[64]; size_t n; bool final; };
void judge(const struct model *m, const struct seccomp_call *c, struct verdict *ret);
bool possible(const struct verdict *v, uint32_t action);
#endif
