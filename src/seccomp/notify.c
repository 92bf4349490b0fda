/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation config-linux.md, "The Container Process State": the listener of a filter with
 * SCMP_ACT_NOTIFY goes to the agent at listenerPath, one connection per process, with the state of
 * container and process as JSON. P does it, in the host's file system; from then on the agent
 * answers I's calls.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "json/write.h"
#include "oci/schema.h"
#include "seccomp/seccomp.h"
#include "step/launch.h"

static char *process_state(const struct launch *l, const char *status, pid_t pid, pid_t init)
{
    const struct oci_seccomp *s = l->config->linux_->seccomp;
    char *const fds[] = {(char *)"seccompFd"};
    struct oci_state st = {
        .ociVersion = (char *)HULL_SPEC_VERSION,
        .id = (char *)l->id,
        .status = (char *)status,
        .pid = {true, init},
        .bundle = (char *)l->bundle,
        .annotations = l->config->annotations,
    };
    struct json_out o = {0};
    struct hull_error ignored;
    char *text;
    json_out_open_object(&o, NULL);
    json_out_string(&o, "ociVersion", HULL_SPEC_VERSION);
    json_out_strings(&o, "fds", fds, COUNT_OF(fds));
    json_out_int(&o, "pid", pid);
    if (s->listenerMetadata && *s->listenerMetadata)
        json_out_string(&o, "metadata", s->listenerMetadata);
    json_out_object(&o, "state", &oci_hook_state_type, &st);
    json_out_close_object(&o);
    return json_out_take(&o, &text, &ignored) < 0 ? NULL : text;
}

/* A path, or a name in the abstract namespace: "@name", as Go has it. */
static int connect_agent(const char *path)
{
    if (path[0] != '@')
        return fd_connect_unix(path);
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const size_t len = strlen(path);
    if (len > sizeof(to.sun_path))
        return -ENAMETOOLONG;
    memcpy(to.sun_path + 1, path + 1, len - 1);
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return -errno;
    if (connect(s, (struct sockaddr *)&to,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == 0)
        return s;
    const int err = errno;
    close(s);
    return -err;
}

int seccomp_notify_agent(const struct launch *l, const char *status, pid_t pid, pid_t init, int fd,
                         struct hull_error *e)
{
    const char *path = l->config->linux_->seccomp->listenerPath;
    _cleanup_free_ char *text = process_state(l, status, pid, init);
    if (!text)
        return error_oom(e);
    _cleanup_close_ int s = connect_agent(path);
    if (s < 0)
        return error_at(e, "linux.seccomp.listenerPath", -s,
                        "failed to connect with seccomp agent specified in the seccomp profile: "
                        "dial unix %s: connect",
                        path);
    int r = fd_send(s, fd, text, strlen(text));
    return r < 0
               ? error_at(e, "linux.seccomp.listenerPath", -r, "cannot send seccomp fd to %s", path)
               : 0;
}
