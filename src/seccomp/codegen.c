/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation The program first asks for the architecture, then searches the number among
 * the ranges of that architecture by halving; a leaf is a return or the tests of arguments.
 * Everything is made from the end to the start: the target of each jump is there already. A
 * conditional jump reaches 255 instructions: a return that is farther is made once more, anything
 * else gets a long jump on the way.
 *
 * The depth matters twice: at each system call that the kernel's bitmap of always allowed calls
 * (5.11) does not answer, and at the load, where the kernel emulates the program once for each
 * number to fill that bitmap.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>

#include "seccomp/compile.h"

enum { REACH = 250 }; /* below 255: room for the long jumps of the other branch */

static place emit(struct code *k, unsigned op, unsigned jt, unsigned jf, uint32_t value)
{
    if (k->at == 0) {
        k->full = true;
        return 0;
    }
    k->v[--k->at] = (struct sock_filter){(uint16_t)op, (uint8_t)jt, (uint8_t)jf, value};
    return k->at;
}

place code_load(struct code *k, unsigned at)
{
    return emit(k, BPF_LD | BPF_W | BPF_ABS, 0, 0, at);
}

place code_and(struct code *k, uint32_t mask)
{
    return emit(k, BPF_ALU | BPF_AND | BPF_K, 0, 0, mask);
}

static place within_reach(struct code *k, place to)
{
    return to - k->at <= REACH ? to : emit(k, BPF_JMP | BPF_JA, 0, 0, (uint32_t)(to - k->at));
}

place code_branch(struct code *k, unsigned op, uint32_t value, place yes, place no)
{
    if (yes == no)
        return yes;
    yes = within_reach(k, yes);
    no = within_reach(k, no);
    return emit(k, BPF_JMP | op | BPF_K, (unsigned)(yes - k->at), (unsigned)(no - k->at), value);
}

place code_return(struct code *k, uint32_t action)
{
    size_t i = 0;
    while (i < k->n_returns && k->returns[i].action != action)
        i++;
    if (i < k->n_returns && k->returns[i].at - k->at <= REACH / 2)
        return k->returns[i].at;
    const place p = emit(k, BPF_RET | BPF_K, 0, 0, action);
    if (i == COUNT_OF(k->returns))
        i = 0; /* more actions than anybody uses: forget one */
    else if (i == k->n_returns)
        k->n_returns++;
    k->returns[i].action = action;
    k->returns[i].at = p;
    return p;
}

/* The next instruction falls into p. */
static void fall_into(struct code *k, place p)
{
    if (p != k->at)
        emit(k, BPF_JMP | BPF_JA, 0, 0, (uint32_t)(p - k->at));
}

static place leaf(struct compiler *c, struct code *k, uint16_t outcome)
{
    const struct outcome *o = &c->outcomes[outcome];
    return o->n > 0 ? args_code(k, o, c->default_action) : code_return(k, o->action);
}

/* Ranges from..to-1 of a section; A holds the number. */
static place search(struct compiler *c, struct code *k, const struct section *s, size_t from,
                    size_t to)
{
    const struct range *v = s->v;
    if (k->full || to - from == 1)
        return leaf(c, k, v[from].outcome);
    /* One number inside of others of one outcome: one comparison instead of two. */
    if (to - from == 3 && v[from].outcome == v[from + 2].outcome &&
        v[from + 1].start + 1 == v[from + 2].start) {
        const place other = leaf(c, k, v[from].outcome);
        return code_branch(k, BPF_JEQ, v[from + 1].start, leaf(c, k, v[from + 1].outcome), other);
    }
    const size_t mid = from + (to - from) / 2;
    const place right = search(c, k, s, mid, to);
    return code_branch(k, BPF_JGE, v[mid].start, right, search(c, k, s, from, mid));
}

int code_generate(struct compiler *c, const struct section *s, size_t n, struct code *ret)
{
    struct code *k = ret;
    k->at = COUNT_OF(k->v);
    k->full = false;
    k->n_returns = 0;
    place next = code_return(k, c->outcomes[OUTCOME_BAD_ARCH].action);
    for (size_t i = n; i-- > 0;) {
        place p = search(c, k, &s[i], 0, s[i].n);
        if (s[i].n > 1) {
            fall_into(k, p);
            p = code_load(k, (unsigned)offsetof(struct seccomp_data, nr));
        }
        next = code_branch(k, BPF_JEQ, s[i].audit, p, next);
    }
    fall_into(k, next);
    code_load(k, (unsigned)offsetof(struct seccomp_data, arch));
    if (k->full)
        return error_at(c->e, "linux.seccomp.syscalls", HULL_E_CONFIG,
                        "the seccomp filter needs more than %d instructions", BPF_MAXINSNS);
    return 0;
}
