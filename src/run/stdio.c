/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * In the foreground and without a terminal the container gets pipes of ours instead of files, sockets and
 * terminals of the caller: by /proc/self/fd it could open these anew, and write to what it may only read,
 * cut off what it may only append to, or put input into the caller's terminal; and a socket can't be
 * opened that way at all, which programs do with /dev/stdout. A pipe is handed over as it is, and so is
 * /dev/null. The loop of wait.c copies.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "oci/id_map.h"
#include "run/run.h"

/* The host's id of one of the container; ids that are not mapped stay, and are refused where they are used. */
static uint32_t host_id(const struct oci_id_mappings *m, uint32_t id)
{
    uint32_t host;
    return oci_id_map_host(m, id, &host) ? host : id;
}

static int open_pipe(struct launch *l, int i, struct hull_error *e)
{
    struct standard_stream *s = &l->stdio[i];
    const struct oci_user *u = l->config->process->user;
    int p[2];
    if (pipe2(p, O_CLOEXEC) < 0)
        return error_set(e, errno, "pipe");
    s->inner = p[i == 0 ? 0 : 1];
    s->outer = p[i == 0 ? 1 : 0];
    s->uid = geteuid();
    /* Without the rights for it the ids are the same, or the container can do no more than write. */
    if (l->has_ns[NS_USER] && fchown(s->inner, host_id(&l->config->linux_->uidMappings, u ? u->uid : 0),
                                     host_id(&l->config->linux_->gidMappings, u ? u->gid : 0)) < 0)
        log_debug(l->log, "chown of a pipe: %s", errno_text(errno));
    return fcntl(s->outer, F_SETFL, O_NONBLOCK) < 0 ? error_set(e, errno, "fcntl") : 0;
}

int stdio_open(struct launch *l, bool relay, struct hull_error *e)
{
    for (int i = 0; i < 3; i++) {
        struct stat st;
        struct standard_stream *s = &l->stdio[i];
        if (fstat(i, &st) < 0)
            return error_set(e, errno, "stat standard stream %d", i);
        s->null = fd_is_dev_null(&st);
        s->uid = st.st_uid;
        /* In a user namespace a pipe of somebody whom it does not know could not become its user's. */
        const bool fit = s->null || (S_ISFIFO(st.st_mode) && !l->has_ns[NS_USER]);
        if (!relay || l->config->process->terminal || fit)
            continue;
        int r = open_pipe(l, i, e);
        if (r < 0)
            return r;
    }
    return 0;
}

int stdio_attach(struct launch *l, struct hull_error *e)
{
    for (int i = 0; i < 3; i++) {
        if (l->stdio[i].inner >= 0 && dup2(l->stdio[i].inner, i) < 0)
            return error_set(e, errno, "dup2");
        l->stdio[i].inner = -1;    /* closed with all others */
    }
    return 0;
}

void stdio_close_inner(struct launch *l)
{
    for (int i = 0; i < 3; i++)
        fd_close(&l->stdio[i].inner);
}
