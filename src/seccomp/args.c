/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation Tests of arguments. The kernel's BPF compares 32-bit words, so that a test of
 * a 64-bit argument is one or two comparisons of each half; on an architecture with 32-bit
 * registers only the low word counts, in the argument and in the profile's value.
 *
 * A rule's tests are all to hold. Several rules of one call are asked one after the other, and the
 * order matters where they have different actions. It is the one in which libseccomp has them: by
 * the words that they test, from the last argument to the first and the high word before the low
 * one; of one word EQ, NE and MASKED_EQ come before LT and LE, these before GT and GE, and larger
 * values before smaller ones (LT and LE the other way). What has no order there stays in the
 * profile's order.
 */
#include <stddef.h>
#include <stdlib.h>
#include <linux/seccomp.h>

#include "seccomp/compile.h"

static uint32_t low(uint64_t v)
{
    return (uint32_t)v;
}

static uint32_t high(uint64_t v)
{
    return (uint32_t)(v >> 32);
}

size_t args_normalise(struct arg_test *tests, size_t n, bool bits32)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct arg_test t = tests[i];
        if (bits32) {
            t.mask = low(t.mask);
            t.value = low(t.value);
        }
        if (t.op == ARG_MASKED_EQ) {
            t.value &= t.mask;
            if (t.mask == 0)
                continue;
        }
        tests[kept++] = t;
    }
    return kept;
}

static int rank(uint8_t op)
{
    switch (op) {
    case ARG_GE:
    case ARG_GT:
        return 1;
    case ARG_LE:
    case ARG_LT:
        return 2;
    default:
        return 3;
    }
}

/* The comparison that is made, whose result may be taken the other way round. */
static uint8_t made(uint8_t op, bool is_high)
{
    switch (op) {
    case ARG_NE:
        return ARG_EQ;
    case ARG_LE:
        return ARG_GT;
    case ARG_LT:
        return is_high ? ARG_GT : ARG_GE;
    case ARG_GE:
        return is_high ? ARG_GT : ARG_GE;
    default:
        return op;
    }
}

/* One word of two tests of the same argument; *ret_same: they are one comparison. */
static int compare_word(const struct arg_test *a, const struct arg_test *b, bool is_high,
                        bool *ret_same)
{
    const uint32_t va = is_high ? high(a->value) : low(a->value);
    const uint32_t vb = is_high ? high(b->value) : low(b->value);
    const uint32_t ma = is_high ? high(a->mask) : low(a->mask);
    const uint32_t mb = is_high ? high(b->mask) : low(b->mask);
    *ret_same = made(a->op, is_high) == made(b->op, is_high) && va == vb && ma == mb;
    if (*ret_same)
        return 0;
    if (rank(a->op) != rank(b->op))
        return rank(b->op) - rank(a->op);
    if (va == vb)
        return 0;
    return (va > vb) == (rank(a->op) == 2) ? 1 : -1;
}

static int compare_rules(const struct arg_rule *a, const struct arg_rule *b, bool bits32)
{
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        const struct arg_test *x = &a->tests[i], *y = &b->tests[i];
        if (x->arg != y->arg)
            return y->arg - x->arg;
        for (int half = bits32 ? 0 : 1; half >= 0; half--) {
            bool same;
            int r = compare_word(x, y, half == 1, &same);
            if (r != 0)
                return r;
            if (!same)
                return 0;
        }
    }
    return 0;
}

static int by_words(const void *pa, const void *pb, bool bits32)
{
    const struct arg_rule *a = pa, *b = pb;
    int r = compare_rules(a, b, bits32);
    if (r != 0)
        return r;
    return a->order < b->order ? -1 : 1;
}

static int by_words32(const void *a, const void *b)
{
    return by_words(a, b, true);
}

static int by_words64(const void *a, const void *b)
{
    return by_words(a, b, false);
}

void args_sort(struct outcome *o)
{
    qsort(o->rules, o->n, sizeof(*o->rules), o->arch->bits32 ? by_words32 : by_words64);
}

static unsigned offset(const struct seccomp_arch *a, unsigned arg, bool is_high)
{
    const unsigned at = (unsigned)offsetof(struct seccomp_data, args) + arg * 8;
    return at + (is_high != a->big_endian ? 4 : 0);
}

/* A & mask == value for one word; nothing to do when no bit counts. */
static place code_equal(struct code *k, unsigned at, uint32_t mask, uint32_t value, place yes,
                        place no)
{
    if (mask == 0 || yes == no)
        return yes;
    code_branch(k, BPF_JEQ, value, yes, no);
    if (mask != UINT32_MAX)
        code_and(k, mask);
    return code_load(k, at);
}

/* argument > value, or >= */
static place code_above(struct code *k, const struct seccomp_arch *a, const struct arg_test *t,
                        unsigned op, place yes, place no)
{
    (void)code_branch(k, op, low(t->value), yes, no);
    place p = code_load(k, offset(a, t->arg, false));
    if (a->bits32)
        return p;
    p = code_branch(k, BPF_JEQ, high(t->value), p, no);
    (void)code_branch(k, BPF_JGT, high(t->value), yes, p);
    return code_load(k, offset(a, t->arg, true));
}

static place code_test(struct code *k, const struct seccomp_arch *a, const struct arg_test *t,
                       place yes, place no)
{
    switch (t->op) {
    case ARG_GT:
        return code_above(k, a, t, BPF_JGT, yes, no);
    case ARG_GE:
        return code_above(k, a, t, BPF_JGE, yes, no);
    case ARG_LE:
        return code_above(k, a, t, BPF_JGT, no, yes);
    case ARG_LT:
        return code_above(k, a, t, BPF_JGE, no, yes);
    case ARG_NE: {
        place p = code_equal(k, offset(a, t->arg, false), low(t->mask), low(t->value), no, yes);
        return a->bits32
                   ? p
                   : code_equal(k, offset(a, t->arg, true), high(t->mask), high(t->value), p, yes);
    }
    default: {
        place p = code_equal(k, offset(a, t->arg, false), low(t->mask), low(t->value), yes, no);
        return a->bits32
                   ? p
                   : code_equal(k, offset(a, t->arg, true), high(t->mask), high(t->value), p, no);
    }
    }
}

place args_code(struct code *k, const struct outcome *o, uint32_t default_action)
{
    place next = code_return(k, default_action);
    for (size_t i = o->n; i-- > 0;) {
        const struct arg_rule *rule = &o->rules[i];
        place p = code_return(k, rule->action);
        for (size_t t = rule->n; t-- > 0;)
            p = code_test(k, o->arch, &rule->tests[t], p, next);
        next = p;
    }
    return next;
}
