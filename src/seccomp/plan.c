/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp filter in the plan. Where it is loaded, and why there: plan/build.c. */
#include <stdio.h>

#include "seccomp/seccomp.h"
#include "step/launch.h"

int seccomp_plan(struct launch *l, struct hull_error *e)
{
    const struct oci_seccomp *s = l->config->linux_->seccomp;
    return s && s->defaultAction ? seccomp_compile(s, NULL, l->arena, l->log, &l->seccomp, e) : 0;
}

void seccomp_print(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    (void)s;
    snprintf(buf, len, "%zu instructions, %zu architecture%s%s", l->seccomp->n, l->seccomp->n_archs,
             l->seccomp->n_archs == 1 ? "" : "s",
             l->seccomp->has_notify ? ", with a listener" : "");
}
