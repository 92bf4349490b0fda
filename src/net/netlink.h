/* SPDX-License-Identifier: Apache-2.0 */
/* The little of rtnetlink(7) that moving a device takes: a request and its answers, no caches. */
#ifndef HULL_NET_NETLINK_H
#define HULL_NET_NETLINK_H

#include <stdint.h>
#include <sys/socket.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include "base/error.h"

struct netlink {
    int      fd;      /* -1: not open */
    uint32_t seq;
};

/**
 * Opens a socket in a network namespace; it stays there. The caller has one thread, which visits the
 * namespace for a moment.
 * @param netns  descriptor of the namespace, or -1 for our own
 * @return 0 or -errno
 */
int netlink_open(struct netlink *n, int netns);
void netlink_close(struct netlink *n);

/* A request in the making; too many attributes make it fail when it is sent. */
struct netlink_request {
    union {
        struct nlmsghdr header;
        char            room[512];
    };
    bool full;
};

/** Begins a request; payload is the fixed part, such as struct ifinfomsg. */
void netlink_begin(struct netlink_request *r, uint16_t type, uint16_t flags, const void *payload,
                   size_t len);
void netlink_add(struct netlink_request *r, uint16_t type, const void *data, size_t len);

/** Called for each message of an answer; a negative result ends it. */
typedef int netlink_visit(void *arg, const struct nlmsghdr *h);
/**
 * Sends the request and reads until the kernel is done.
 * @param visit  may be NULL
 * @return 0 or -errno, the kernel's or visit's
 */
int netlink_talk(struct netlink *n, struct netlink_request *r, netlink_visit *visit, void *arg);
/** The attribute of a message whose fixed part has len bytes, NULL when it is not there. */
const struct rtattr *netlink_find(const struct nlmsghdr *h, size_t len, uint16_t type);
#endif
