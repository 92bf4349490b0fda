/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as linux.seccomp: what compiles must be a program that the kernel takes (jumps go
 * forward and stay inside, a return at the end), that answers every call with an action of the
 * profile, and that is the same when it is compiled again. The first byte chooses the architecture.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json/bind.h"
#include "oci/schema.h"
#include "seccomp/compile.h"

static void check(const struct seccomp_program *p)
{
    if (p->n == 0 || p->n > BPF_MAXINSNS || BPF_CLASS(p->v[p->n - 1].code) != BPF_RET)
        abort();
    for (size_t i = 0; i < p->n; i++) {
        const struct sock_filter *f = &p->v[i];
        if (BPF_CLASS(f->code) != BPF_JMP)
            continue;
        const size_t far = BPF_OP(f->code) == BPF_JA ? f->k : f->jt > f->jf ? f->jt : f->jf;
        if (far >= p->n - i - 1)
            abort();
    }
}

static void ask(const struct oci_seccomp *s, const struct seccomp_program *p,
                const struct seccomp_arch *a, const uint8_t *data, size_t size)
{
    struct seccomp_call c = {.arch = a->audit};
    uint32_t allowed[64] = {SECCOMP_RET_KILL_THREAD, SECCOMP_RET_ERRNO | ENOSYS};
    size_t n = 2;
    struct hull_error e;
    if (seccomp_action(s->defaultAction, &s->defaultErrnoRet, "", &allowed[n++], &e) < 0)
        abort();
    for (size_t i = 0; i < s->syscalls.n && n < COUNT_OF(allowed); i++)
        if (seccomp_action(s->syscalls.v[i].action, &s->syscalls.v[i].errnoRet, "", &allowed[n++],
                           &e) < 0)
            abort();
    if (s->syscalls.n + 3 > COUNT_OF(allowed))
        return;
    for (uint32_t nr = 0; nr < 600; nr++) {
        c.nr = a->base + nr;
        for (size_t i = 0; i < 6; i++)
            c.args[i] = size > 8 ? data[(nr + i * 7) % (size - 8)] * UINT64_C(0x100000001) : 0;
        const uint32_t answer = seccomp_evaluate(p->v, p->n, &c);
        size_t k = 0;
        while (k < n && allowed[k] != answer)
            k++;
        if (k == n)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct hull_error e = {0};
    struct oci_seccomp s = {0};
    if (size == 0)
        return 0;
    const struct seccomp_arch *native = seccomp_arch_at(data[0] % 23);
    char *text = malloc(size);
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (json_bind(text, size - 1, &oci_seccomp_type, &s, &a, NULL, &e) == 0) {
        const struct seccomp_program *p, *again;
        if (seccomp_compile(&s, native, &a, NULL, &p, &e) == 0) {
            check(p);
            ask(&s, p, native, data, size);
            if (seccomp_compile(&s, native, &a, NULL, &again, &e) < 0 || p->n != again->n ||
                memcmp(p->v, again->v, p->n * sizeof(*p->v)) != 0)
                abort();
        } else if (!e.text[0] || strchr(e.text, '\n')) {
            abort();
        }
    }
    arena_free(&a);
    free(text);
    return 0;
}
