/* SPDX-License-Identifier: Apache-2.0 */
/* Spec: config.md#process. Words: runc's validateProcessSpec, env and scheduler checks. */
#include <inttypes.h>
#include <string.h>
#include "json/words.h"
#include "oci/validate_part.h"

/* The path of a member of the process object. */
static struct oci_path member(const char *at, const char *name)
{
    return oci_path("%s%s%s", at, *at ? "." : "", name);
}

static int check_program(const struct oci_process *p, const char *at, struct hull_error *e)
{
    if (!p->cwd || !*p->cwd)
        return error_at(e, member(at, "cwd").text, HULL_E_CONFIG, "Cwd property must not be empty");
    if (p->cwd[0] != '/')
        return error_at(e, member(at, "cwd").text, HULL_E_CONFIG, "Cwd must be an absolute path");
    if (p->args.n == 0)
        return error_at(e, member(at, "args").text, HULL_E_CONFIG, "args must not be empty");
    return 0;
}

static int check_env(const struct oci_process *p, const char *at, struct hull_error *e)
{
    for (size_t i = 0; i < p->env.n; i++) {
        const struct oci_path where = oci_path("%s%senv[%zu]", at, *at ? "." : "", i);
        if (!strchr(p->env.v[i], '='))
            return error_at(e, where.text, HULL_E_CONFIG,
                            "invalid environment variable: missing '='");
        if (p->env.v[i][0] == '=')
            return error_at(e, where.text, HULL_E_CONFIG,
                            "invalid environment variable: name cannot be empty");
    }
    return 0;
}

/* (uid_t)-1 means "leave it as it is" to the kernel's set*id calls. */
static int check_user(const struct oci_user *u, const char *at, struct hull_error *e)
{
    if (!u)
        return 0;
    if (u->uid == UINT32_MAX)
        return oci_invalid(e, member(at, "user.uid"), "%" PRIu32 " is not a valid id", u->uid);
    if (u->gid == UINT32_MAX)
        return oci_invalid(e, member(at, "user.gid"), "%" PRIu32 " is not a valid id", u->gid);
    for (size_t i = 0; i < u->additionalGids.n; i++)
        if (u->additionalGids.v[i] == UINT32_MAX)
            return oci_invalid(e, oci_path("%s%suser.additionalGids[%zu]", at, *at ? "." : "", i),
                               "%" PRIu32 " is not a valid id", u->additionalGids.v[i]);
    return 0;
}

static int check_rlimits(const struct oci_process *p, const char *at, struct hull_error *e)
{
    for (size_t i = 0; i < p->rlimits.n; i++) {
        const struct oci_rlimit *r = &p->rlimits.v[i];
        for (size_t k = 0; k < i; k++)
            if (strcmp(p->rlimits.v[k].type, r->type) == 0)
                return oci_invalid(e, oci_path("%s%srlimits[%zu].type", at, *at ? "." : "", i),
                                   "duplicate rlimit %s", r->type);
        if (r->soft > r->hard)
            return oci_invalid(e, oci_path("%s%srlimits[%zu].soft", at, *at ? "." : "", i),
                               "%" PRIu64 " is above the hard limit %" PRIu64, r->soft, r->hard);
    }
    return 0;
}

static int check_scheduler(const struct oci_scheduler *s, const char *at, struct hull_error *e)
{
    if (!s)
        return 0;
    const char *policy = s->policy;
    const bool fair = strcmp(policy, "SCHED_OTHER") == 0 || strcmp(policy, "SCHED_BATCH") == 0;
    const bool real_time = strcmp(policy, "SCHED_FIFO") == 0 || strcmp(policy, "SCHED_RR") == 0;
    const bool deadline = strcmp(policy, "SCHED_DEADLINE") == 0;
    if (fair && (s->nice.v < -20 || s->nice.v > 19))
        return error_at(e, member(at, "scheduler.nice").text, HULL_E_CONFIG,
                        "invalid scheduler.nice: %" PRId32 " when scheduler.policy is %s",
                        s->nice.v, policy);
    if (s->priority.v != 0 && !real_time)
        return error_at(e, member(at, "scheduler.priority").text, HULL_E_CONFIG,
                        "scheduler.priority can only be specified for SchedFIFO or SchedRR policy");
    if (!deadline && (s->runtime.v || s->deadline.v || s->period.v))
        return error_at(e, member(at, "scheduler").text, HULL_E_CONFIG,
                        "scheduler runtime/deadline/period can only be specified for SchedDeadline "
                        "policy");
    return 0;
}

int oci_validate_process(const struct oci_process *p, const char *at, struct hull_error *e)
{
    int err;
    if ((err = check_program(p, at, e)) < 0 ||
        (err = check_env(p, at, e)) < 0 ||
        (err = check_user(p->user, at, e)) < 0 ||
        (err = check_rlimits(p, at, e)) < 0 ||
        (err = check_scheduler(p->scheduler, at, e)) < 0)
        return err;
    if (p->ioPriority && (p->ioPriority->priority.v < 0 || p->ioPriority->priority.v > 7))
        return error_at(e, member(at, "ioPriority.priority").text, HULL_E_CONFIG,
                        "invalid ioPriority.Priority: %" PRId32, p->ioPriority->priority.v);
    if (p->oomScoreAdj.set && (p->oomScoreAdj.v < -1000 || p->oomScoreAdj.v > 1000))
        return oci_invalid(e, member(at, "oomScoreAdj"), "%" PRId32 " is not within -1000 and 1000",
                           p->oomScoreAdj.v);
    return 0;
}
