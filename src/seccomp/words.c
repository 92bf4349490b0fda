/* SPDX-License-Identifier: Apache-2.0 */
/* The words of linux.seccomp: actions, operators, flags. */
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

#include "seccomp/compile.h"

#ifndef SECCOMP_RET_USER_NOTIF
#define SECCOMP_RET_USER_NOTIF 0x7fc00000U
#endif

/* Each list is sorted, as `features` shows it. */
/* most: the highest number that the action may carry. */
static const struct { const char *word; uint32_t value, most; } actions[] = {
    {"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW, 0},
    {"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO, 4095 /* the kernel's MAX_ERRNO */},
    {"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD, 0},
    {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, 0},
    {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD, 0},
    {"SCMP_ACT_LOG", SECCOMP_RET_LOG, 0},
    {"SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF, 0},
    {"SCMP_ACT_TRACE", SECCOMP_RET_TRACE, SECCOMP_RET_DATA},
    {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP, 0},
};

static const struct { const char *word; enum arg_op op; } operators[] = {
    {"SCMP_CMP_EQ", ARG_EQ}, {"SCMP_CMP_GE", ARG_GE}, {"SCMP_CMP_GT", ARG_GT},
    {"SCMP_CMP_LE", ARG_LE}, {"SCMP_CMP_LT", ARG_LT}, {"SCMP_CMP_MASKED_EQ", ARG_MASKED_EQ},
    {"SCMP_CMP_NE", ARG_NE},
};

static const struct { const char *word; int flag; } flags[] = {
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FLAG_SPEC_ALLOW},
    {"SECCOMP_FILTER_FLAG_TSYNC", 0},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FLAG_WAIT_KILLABLE_RECV},
};

int seccomp_action(const char *word, const struct opt_u32 *errno_ret, const char *where,
                   uint32_t *ret, struct hull_error *e)
{
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        if (strcmp(actions[i].word, word) != 0)
            continue;
        if (errno_ret->set && errno_ret->v > actions[i].most)
            return error_at(e, where, HULL_E_CONFIG, "%s: errno %u: action %s takes a number up to %u",
                            where, errno_ret->v, word, actions[i].most);
        const uint32_t number = errno_ret->set ? errno_ret->v : EPERM;
        *ret = actions[i].value | (actions[i].most ? number : 0);
        return 0;
    }
    return error_at(e, where, HULL_E_CONFIG, "string %s is not a valid action for seccomp", word);
}

int seccomp_operator(const char *word)
{
    for (size_t i = 0; i < COUNT_OF(operators); i++)
        if (strcmp(operators[i].word, word) == 0)
            return (int)operators[i].op;
    return -1;
}

int seccomp_flag(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(flags); i++)
        if (strcmp(flags[i].word, name) == 0)
            return flags[i].flag;
    return -1;
}

const char *seccomp_word(enum seccomp_word kind, size_t i)
{
    switch (kind) {
    case SECCOMP_WORD_ACTION:
        return i < COUNT_OF(actions) ? actions[i].word : NULL;
    case SECCOMP_WORD_OPERATOR:
        return i < COUNT_OF(operators) ? operators[i].word : NULL;
    case SECCOMP_WORD_ARCH:
        return seccomp_arch_at(i) ? seccomp_arch_at(i)->name : NULL;
    case SECCOMP_WORD_FLAG:
        return i < COUNT_OF(flags) ? flags[i].word : NULL;
    }
    return NULL;
}
