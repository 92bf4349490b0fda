/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * One datagram asks, one or several answer: messages of the type asked for, then NLMSG_DONE (dump)
 * or NLMSG_ERROR, which with error 0 is the acknowledgement. A namespace's devices are reached by
 * a socket that was made in it. Lengths come from the kernel but are checked all the same.
 */
#include "net/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include "base/fd.h"

static int open_here(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    return fd < 0 ? -errno : fd;
}

int netlink_open(struct netlink *n, int netns)
{
    int fd;
    if (netns < 0) {
        fd = open_here();
    } else {
        _cleanup_close_ int own = openat(AT_FDCWD, "/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        if (own < 0 || setns(netns, CLONE_NEWNET) < 0)
            return -errno;
        fd = open_here();
        if (setns(own, CLONE_NEWNET) < 0) {
            fd_close(&fd);
            return -errno;
        }
    }
    if (fd < 0)
        return fd;
    *n = (struct netlink){.fd = fd, .seq = 1};
    return 0;
}

void netlink_close(struct netlink *n)
{
    fd_close(&n->fd);
}

void netlink_begin(struct netlink_request *r, uint16_t type, uint16_t flags, const void *payload,
                   size_t len)
{
    memset(r, 0, sizeof(*r));
    r->header.nlmsg_type = type;
    r->header.nlmsg_flags = NLM_F_REQUEST | flags;
    r->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
    memcpy(r->room + NLMSG_HDRLEN, payload, len);
}

void netlink_add(struct netlink_request *r, uint16_t type, const void *data, size_t len)
{
    const size_t at = NLMSG_ALIGN(r->header.nlmsg_len);
    if (len > sizeof(r->room) || at + RTA_SPACE(len) > sizeof(r->room)) {
        r->full = true;
        return;
    }
    const struct rtattr head = {.rta_len = (uint16_t)RTA_LENGTH(len), .rta_type = type};
    memcpy(r->room + at, &head, sizeof(head));
    memcpy(r->room + at + RTA_LENGTH(0), data, len);
    r->header.nlmsg_len = (uint32_t)(at + RTA_LENGTH(len));
}

static int send_request(struct netlink *n, struct netlink_request *r)
{
    if (r->full)
        return -EMSGSIZE;
    r->header.nlmsg_seq = ++n->seq;
    ssize_t w;
    do
        w = send(n->fd, r->room, r->header.nlmsg_len, 0);
    while (w < 0 && errno == EINTR);
    return w < 0 ? -errno : 0;
}

/* 1: more to come, 0: done. */
static int take_message(const struct netlink *n, const struct nlmsghdr *h, netlink_visit *visit,
                        void *arg)
{
    if (h->nlmsg_seq != n->seq)
        return 1;   /* of a request that was given up */
    if (h->nlmsg_type == NLMSG_DONE)
        return 0;
    if (h->nlmsg_type == NLMSG_ERROR) {
        if (h->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr)))
            return -EBADMSG;
        const struct nlmsgerr *err = NLMSG_DATA(h);
        return err->error;  /* 0: an acknowledgement */
    }
    int r = visit ? visit(arg, h) : 0;
    return r < 0 ? r : 1;
}

int netlink_talk(struct netlink *n, struct netlink_request *r, netlink_visit *visit, void *arg)
{
    enum { ANSWER_MAX = 32768 };    /* what the kernel uses at most for one datagram of a dump */
    union { struct nlmsghdr h; char room[ANSWER_MAX]; } answer;
    int err = send_request(n, r);
    if (err < 0)
        return err;
    for (;;) {
        ssize_t got = recv(n->fd, answer.room, sizeof(answer.room), MSG_TRUNC);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if ((size_t)got > sizeof(answer.room))
            return -EMSGSIZE;
        size_t left = (size_t)got;
        for (const struct nlmsghdr *h = &answer.h; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
            err = take_message(n, h, visit, arg);
            if (err <= 0)
                return err;
        }
    }
}

const struct rtattr *netlink_find(const struct nlmsghdr *h, size_t len, uint16_t type)
{
    if (h->nlmsg_len < NLMSG_SPACE(len))
        return NULL;
    size_t left = h->nlmsg_len - NLMSG_SPACE(len);
    const struct rtattr *a = (const struct rtattr *)((const char *)h + NLMSG_SPACE(len));
    for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
        if ((a->rta_type & NLA_TYPE_MASK) == type)
            return a;
    return NULL;
}
