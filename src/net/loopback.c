/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * A new network namespace has a loopback device that is down; one ioctl on any socket brings it up,
 * and the kernel then gives it 127.0.0.1 and ::1 itself.
 */
#include "net/net.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "base/fd.h"

int loopback_step(struct launch *l, const struct step *s, struct hull_error *e)
{
    (void)l;
    (void)s;
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq r = {.ifr_name = "lo"};
    r.ifr_flags = IFF_UP;
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &r) < 0)
        return error_set(e, errno, "bring the loopback device up");
    return 0;
}
