/* SPDX-License-Identifier: Apache-2.0 */
/* What the stages of the compiler hand to each other: profile.c, ranges.c, args.c, codegen.c. */
#ifndef HULL_SECCOMP_COMPILE_H
#define HULL_SECCOMP_COMPILE_H

#include <linux/bpf_common.h>
#include "seccomp/arch.h"
#include "seccomp/seccomp.h"

enum arg_op { ARG_NE, ARG_LT, ARG_LE, ARG_EQ, ARG_GE, ARG_GT, ARG_MASKED_EQ };

/* (argument & mask) op value */
struct arg_test { uint64_t mask, value; uint8_t arg; uint8_t op; };

/* All tests hold: action. The tests are in the order of their arguments, one per argument. */
struct arg_rule {
    uint32_t        action;
    unsigned        order;     /* of insertion */
    size_t          n;
    struct arg_test tests[6];
};

/* What happens to system calls: an action, or rules with the default action behind them. */
struct outcome {
    uint32_t         action;
    struct arg_rule *rules;
    size_t           n, cap;
    const struct seccomp_arch *arch; /* of the rules */
};

/* Numbers from start up to the next range's start. */
struct range { uint32_t start; uint16_t outcome; };

/* One value of seccomp_data.arch: ranges over all of its numbers. */
struct section { uint32_t audit; struct range *v; size_t n; };

enum { OUTCOME_DEFAULT, OUTCOME_BAD_ARCH, OUTCOME_ENOSYS };
enum { CALL_MAP_SIZE = 2048, OUTCOME_MAX = 60000 };

/* Outcomes of one architecture's calls, by number as in the tables. */
struct call_map { uint16_t outcome[CALL_MAP_SIZE]; };

struct compiler {
    const struct oci_seccomp *profile;
    struct arena             *arena;
    struct log               *log;
    struct hull_error        *e;
    uint32_t        default_action;
    bool            enosys;          /* calls above the profile's highest get ENOSYS */
    struct outcome *outcomes;
    size_t          n_outcomes, cap_outcomes;
    size_t          n_rules;         /* with arguments, of all architectures */
};

/* ---- ranges.c ---- */
/** Adds a rule for the call at a table number; without tests it is for all arguments. */
int call_map_add(struct compiler *c, struct call_map *m, const struct seccomp_arch *a,
                 unsigned number, uint32_t action, const struct arg_test *tests, size_t n);
/* An architecture with its rules; highest 0: no number of it is in the profile. */
struct arch_calls { const struct seccomp_arch *arch; struct call_map *map; uint32_t highest; };
/** The ranges of one value of seccomp_data.arch; x32 (may be NULL) shares it with x86_64. */
int ranges_build(struct compiler *c, const struct arch_calls *a, const struct arch_calls *x32,
                 struct section *ret);
int outcomes_init(struct compiler *c);

/* ---- codegen.c ---- */
/* Instructions are made from the last to the first, since jumps only go forward. */
struct code {
    struct sock_filter v[BPF_MAXINSNS];
    size_t at;                       /* index of the newest one */
    bool   full;
    struct { uint32_t action; size_t at; } returns[16]; /* the nearest return of an action */
    size_t n_returns;
};
typedef size_t place;                /* index of an instruction to jump to */

place code_load(struct code *k, unsigned at);
place code_and(struct code *k, uint32_t mask);
/** "if A op value goto yes, else no"; op is BPF_JEQ, BPF_JGT or BPF_JGE. */
place code_branch(struct code *k, unsigned op, uint32_t value, place yes, place no);
/** A return of that action within reach. */
place code_return(struct code *k, uint32_t action);
int code_generate(struct compiler *c, const struct section *s, size_t n, struct code *ret);

/* ---- args.c ---- */
/** Makes the tests fit the registers and drops those that are always true; the new count. */
size_t args_normalise(struct arg_test *tests, size_t n, bool bits32);
/** Puts the rules of a call into the order in which libseccomp asks them. */
void args_sort(struct outcome *o);
/** The rules of a call, the default action behind them. */
place args_code(struct code *k, const struct outcome *o, uint32_t default_action);

/* ---- words.c ---- */
/**
 * SECCOMP_RET_* of an action word; EPERM where a number is wanted and not given.
 * @param where  JSON path of the object that the word is in, for the error
 */
int seccomp_action(const char *word, const struct opt_u32 *errno_ret, const char *where,
                   uint32_t *ret, struct hull_error *e);
/** -1 when unknown. */
int seccomp_operator(const char *word);
#endif
