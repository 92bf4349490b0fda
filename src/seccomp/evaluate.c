/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * Runs a program of ours as the kernel would (Documentation/networking/filter.rst, the subset that
 * seccomp allows and we make). I asks it whether it may still use sendmsg(2); the tests compare the
 * compiler with libseccomp by it, therefore it knows the instructions of both.
 */
#include <linux/seccomp.h>
#include <string.h>

#include "seccomp/compile.h"

uint32_t seccomp_evaluate(const struct sock_filter *v, size_t n, const struct seccomp_call *c)
{
    uint32_t a = 0;
    for (size_t i = 0; i < n; i++) {
        const struct sock_filter *f = &v[i];
        bool taken;
        switch (f->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (f->k > sizeof(*c) - sizeof(a) || f->k % sizeof(a) != 0)
                return SECCOMP_RET_KILL_THREAD;
            memcpy(&a, (const char *)c + f->k, sizeof(a));
            continue;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= f->k;
            continue;
        case BPF_RET | BPF_K:
            return f->k;
        case BPF_JMP | BPF_JA:
            if (f->k > n)
                return SECCOMP_RET_KILL_THREAD;
            i += f->k;
            continue;
        case BPF_JMP | BPF_JEQ | BPF_K:
            taken = a == f->k;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            taken = a > f->k;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            taken = a >= f->k;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            taken = a & f->k;
            break;
        default:
            return SECCOMP_RET_KILL_THREAD;
        }
        i += taken ? f->jt : f->jf;
    }
    return SECCOMP_RET_KILL_THREAD;
}

bool seccomp_allows(const struct seccomp_program *p, int nr, const uint64_t args[6])
{
    struct seccomp_call c = {.nr = (uint32_t)nr, .arch = seccomp_native_arch()->audit};
    memcpy(c.args, args, sizeof(c.args));
    const uint32_t answer = seccomp_evaluate(p->v, p->n, &c) & SECCOMP_RET_ACTION_FULL;
    return answer == SECCOMP_RET_ALLOW || answer == SECCOMP_RET_LOG;
}
