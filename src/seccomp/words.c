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
static const struct { const char *word; uint32_t value; bool takes_errno; } actions[] = {
    {"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW, false},
    {"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO, true},
    {"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD, false},
    {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, false},
    {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD, false},
    {"SCMP_ACT_LOG", SECCOMP_RET_LOG, false},
    {"SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF, false},
    {"SCMP_ACT_TRACE", SECCOMP_RET_TRACE, true},
    {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP, false},
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

bool seccomp_action(const char *word, const struct opt_u32 *errno_ret, uint32_t *ret)
{
    for (size_t i = 0; i < COUNT_OF(actions); i++)
        if (strcmp(actions[i].word, word) == 0) {
            const uint32_t number = errno_ret->set ? errno_ret->v : EPERM;
            *ret = actions[i].value | (actions[i].takes_errno ? number & SECCOMP_RET_DATA : 0);
            return true;
        }
    return false;
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
