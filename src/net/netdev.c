/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * linux.netDevices (config-linux.md#network-devices): P moves devices of its own network namespace
 * to the container's, as soon as that exists. The kernel keeps MTU and hardware address but takes
 * the IP addresses away; the permanent ones of global scope are added again there, then the device
 * is brought up. It goes down before the move, and under its new name in the same request, so that
 * neither side sees it in between. A name that is taken is an error, unless it is a template such
 * as "eth%d".
 *
 * If the start fails, what was moved comes back as it was. After that devices belong to the
 * network namespace: delete does not touch them, and when the namespace ends the kernel returns
 * physical ones to the initial namespace and destroys virtual ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <linux/if_addr.h>
#include "base/fd.h"
#include "net/net.h"
#include "net/netlink.h"

/* The flags of an address that its owner chose; the others are the kernel's notes. */
enum {
    ADDRESS_FLAGS = IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE |
                    IFA_F_MCAUTOJOIN,
    INDICES_MAX = 4096,
};

struct address_part { uint8_t v[16]; size_t len; };
struct address {
    struct ifaddrmsg    head;
    uint32_t            flags;
    struct address_part local, peer, broadcast;
    struct address     *next;
};

struct netdev {
    const char     *name;        /* on the host */
    char            inside[IF_NAMESIZE];
    int             index;       /* on the host, 0: not found yet */
    int             index_inside;
    bool            was_up, down, moved;
    struct address *addresses;   /* permanent ones */
};

/* What the step did, for its undo. */
struct netdev_set {
    int            own_ns, ns;   /* network namespaces of P and of the container */
    const char    *ns_path;
    struct netlink host, inside;
    struct netdev *v;
    size_t         n;
};

static int link_found(void *arg, const struct nlmsghdr *h)
{
    if (h->nlmsg_type == RTM_NEWLINK && h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct ifinfomsg)))
        memcpy(arg, NLMSG_DATA(h), sizeof(struct ifinfomsg));
    return 0;
}

static int link_by_name(struct netlink *n, const char *name, struct ifinfomsg *ret)
{
    const struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
    struct netlink_request r;
    netlink_begin(&r, RTM_GETLINK, NLM_F_ACK, &head, sizeof(head));
    netlink_add(&r, IFLA_IFNAME, name, strlen(name) + 1);
    memset(ret, 0, sizeof(*ret));
    int err = netlink_talk(n, &r, link_found, ret);
    return err < 0 ? err : ret->ifi_index > 0 ? 0 : -ENODEV;
}

static int link_set_up(struct netlink *n, int index, bool up)
{
    const struct ifinfomsg head = {
        .ifi_index = index, .ifi_change = IFF_UP, .ifi_flags = up ? IFF_UP : 0};
    struct netlink_request r;
    netlink_begin(&r, RTM_NEWLINK, NLM_F_ACK, &head, sizeof(head));
    return netlink_talk(n, &r, NULL, NULL);
}

static int link_move(struct netlink *n, int index, const char *name, int netns)
{
    const struct ifinfomsg head = {.ifi_index = index};
    const uint32_t fd = (uint32_t)netns;
    struct netlink_request r;
    netlink_begin(&r, RTM_NEWLINK, NLM_F_ACK, &head, sizeof(head));
    netlink_add(&r, IFLA_IFNAME, name, strlen(name) + 1);
    netlink_add(&r, IFLA_NET_NS_FD, &fd, sizeof(fd));
    return netlink_talk(n, &r, NULL, NULL);
}

struct address_search { struct arena *arena; int index; struct address **end; };

static void copy_part(struct address_part *to, const struct nlmsghdr *h, uint16_t type)
{
    const struct rtattr *a = netlink_find(h, sizeof(struct ifaddrmsg), type);
    if (a && RTA_PAYLOAD(a) <= sizeof(to->v)) {
        to->len = RTA_PAYLOAD(a);
        memcpy(to->v, RTA_DATA(a), to->len);
    }
}

static int address_found(void *arg, const struct nlmsghdr *h)
{
    struct address_search *s = arg;
    struct ifaddrmsg head;
    if (h->nlmsg_type != RTM_NEWADDR || h->nlmsg_len < NLMSG_LENGTH(sizeof(head)))
        return 0;
    memcpy(&head, NLMSG_DATA(h), sizeof(head));
    uint32_t flags = head.ifa_flags;
    const struct rtattr *wide = netlink_find(h, sizeof(head), IFA_FLAGS);
    if (wide && RTA_PAYLOAD(wide) == sizeof(flags))
        memcpy(&flags, RTA_DATA(wide), sizeof(flags));
    if ((int)head.ifa_index != s->index || !(flags & IFA_F_PERMANENT))
        return 0;
    struct address *a = arena_alloc(s->arena, sizeof(*a));
    if (!a)
        return -ENOMEM;
    a->head = head;
    a->flags = flags & ADDRESS_FLAGS;
    copy_part(&a->local, h, IFA_LOCAL);
    copy_part(&a->peer, h, IFA_ADDRESS);
    copy_part(&a->broadcast, h, IFA_BROADCAST);
    *s->end = a;
    s->end = &a->next;
    return 0;
}

static int addresses_of(struct netlink *n, int index, struct arena *arena, struct address **ret)
{
    const struct ifaddrmsg head = {.ifa_family = AF_UNSPEC};
    struct address_search s = {.arena = arena, .index = index, .end = ret};
    struct netlink_request r;
    netlink_begin(&r, RTM_GETADDR, NLM_F_DUMP, &head, sizeof(head));
    return netlink_talk(n, &r, address_found, &s);
}

static int address_add(struct netlink *n, int index, const struct address *a)
{
    const struct ifaddrmsg head = {.ifa_family = a->head.ifa_family,
                                   .ifa_prefixlen = a->head.ifa_prefixlen,
                                   .ifa_scope = a->head.ifa_scope,
                                   .ifa_index = (uint32_t)index};
    const struct { uint16_t type; const struct address_part *part; } parts[] = {
        {IFA_LOCAL, &a->local}, {IFA_ADDRESS, &a->peer}, {IFA_BROADCAST, &a->broadcast}};
    struct netlink_request r;
    netlink_begin(&r, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (parts[i].part->len > 0)
            netlink_add(&r, parts[i].type, parts[i].part->v, parts[i].part->len);
    netlink_add(&r, IFA_FLAGS, &a->flags, sizeof(a->flags));
    return netlink_talk(n, &r, NULL, NULL);
}

/* The devices of a namespace, for finding out which one a template has named. */
struct index_list { int v[INDICES_MAX]; size_t n; };

static int index_found(void *arg, const struct nlmsghdr *h)
{
    struct index_list *l = arg;
    struct ifinfomsg info;
    if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_LENGTH(sizeof(info)))
        return 0;
    memcpy(&info, NLMSG_DATA(h), sizeof(info));
    if (l->n == COUNT_OF(l->v))
        return -ENOBUFS;
    l->v[l->n++] = info.ifi_index;
    return 0;
}

static int list_indices(struct netlink *n, struct index_list *ret)
{
    const struct ifinfomsg head = {.ifi_family = AF_UNSPEC};
    struct netlink_request r;
    ret->n = 0;
    netlink_begin(&r, RTM_GETLINK, NLM_F_DUMP, &head, sizeof(head));
    return netlink_talk(n, &r, index_found, ret);
}

static int newcomer(const struct index_list *before, const struct index_list *after)
{
    for (size_t i = 0; i < after->n; i++) {
        bool old = false;
        for (size_t k = 0; k < before->n && !old; k++)
            old = before->v[k] == after->v[i];
        if (!old)
            return after->v[i];
    }
    return -ENODEV;
}

/* Moves, and finds the device on the other side. 0 or -errno; *ret_what says what failed. */
static int move_and_find(struct netdev_set *set, struct netdev *d, const char **ret_what)
{
    const bool template = strchr(d->inside, '%');
    struct index_list before, after;
    struct ifinfomsg info = {0};
    *ret_what = "fail to list the network devices of the namespace";
    int r = template ? list_indices(&set->inside, &before) : 0;
    if (r < 0)
        return r;
    *ret_what = "fail to move network device to the namespace";
    r = link_move(&set->host, d->index, d->inside, set->ns);
    if (r < 0) {
        /* The kernel moves first: it may be there, but for its new name. */
        struct ifinfomsg still;
        d->moved = link_by_name(&set->host, d->name, &still) == -ENODEV &&
                   link_by_name(&set->inside, d->name, &info) == 0;
        d->index_inside = d->moved ? info.ifi_index : 0;
        return r;
    }
    d->moved = true;
    *ret_what = "link not found on the namespace";
    if (template) {
        r = list_indices(&set->inside, &after);
        if (r == 0)
            r = info.ifi_index = newcomer(&before, &after);
    } else {
        r = link_by_name(&set->inside, d->inside, &info);
    }
    d->index_inside = r < 0 ? 0 : info.ifi_index;
    return r < 0 ? r : 0;
}

static int move_one(struct launch *l, struct netdev_set *set, struct netdev *d,
                    struct hull_error *e)
{
    struct ifinfomsg info;
    const char *what;
    int r = link_by_name(&set->host, d->name, &info);
    if (r < 0)
        return error_set(e, -r, "link not found for interface %s on runtime namespace", d->name);
    if (info.ifi_flags & IFF_LOOPBACK)  /* refused by the kernel too, but it would be down then */
        return error_set(e, EINVAL, "fail to move network device to the namespace: %s", d->name);
    d->index = info.ifi_index;
    d->was_up = info.ifi_flags & IFF_UP;
    /* Before it goes down: IPv6 addresses don't outlive that. */
    r = addresses_of(&set->host, d->index, l->arena, &d->addresses);
    if (r < 0)
        return error_set(e, -r, "fail to get ip addresses");
    d->down = true;
    r = link_set_up(&set->host, d->index, false);
    if (r < 0)
        return error_set(e, -r, "fail to set link down");
    r = move_and_find(set, d, &what);
    if (r < 0)
        return error_set(e, -r, "%s: %s", what, d->inside);
    for (const struct address *a = d->addresses; a && r == 0; a = a->next)
        if (a->head.ifa_scope == RT_SCOPE_UNIVERSE)
            r = address_add(&set->inside, d->index_inside, a);
    if (r < 0)
        return error_set(e, -r, "fail to set up an address of %s on namespace", d->inside);
    r = link_set_up(&set->inside, d->index_inside, true);
    return r < 0 ? error_set(e, -r, "fail to set up interface %s on namespace", d->inside) : 0;
}

void netdev_release(struct launch *l)
{
    struct netdev_set *set = l->net_devices;
    if (!set)
        return;
    netlink_close(&set->host);
    netlink_close(&set->inside);
    fd_close(&set->ns);
    fd_close(&set->own_ns);
    l->net_devices = NULL;
}

static int set_open(struct launch *l, struct netdev_set **ret, struct hull_error *e)
{
    const size_t n = l->config->linux_->netDevices.n;
    struct netdev_set *set = arena_alloc(l->arena, sizeof(*set));
    if (!set)
        return error_oom(e);
    *set = (struct netdev_set){.own_ns = -1, .ns = -1, .host.fd = -1, .inside.fd = -1};
    l->net_devices = set;
    set->v = arena_array(l->arena, n, sizeof(*set->v));
    set->ns_path = l->ns_path[NS_NET]
                       ? l->ns_path[NS_NET]
                       : arena_printf(l->arena, "/proc/%d/ns/net", (int)l->init_pid);
    if (!set->v || !set->ns_path)
        return error_oom(e);
    set->own_ns = openat(AT_FDCWD, "/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (set->own_ns < 0)
        return error_set(e, errno, "open /proc/self/ns/net");
    set->ns = openat(AT_FDCWD, set->ns_path, O_RDONLY | O_CLOEXEC);
    if (set->ns < 0)
        return error_set(e, errno, "could not get network namespace from path %s", set->ns_path);
    int r = netlink_open(&set->host, -1);
    if (r == 0)
        r = netlink_open(&set->inside, set->ns);
    if (r < 0)
        return error_set(e, -r, "could not get a netlink socket in namespace %s", set->ns_path);
    *ret = set;
    return 0;
}

int netdev_step_move(struct launch *l, const struct step *s, struct hull_error *e)
{
    struct netdev_set *set = NULL;
    (void)s;
    int r = set_open(l, &set, e);
    for (size_t i = 0; r == 0 && i < l->config->linux_->netDevices.n; i++) {
        const struct oci_net_device *c = &l->config->linux_->netDevices.v[i];
        struct netdev *d = &set->v[set->n++];
        d->name = c->key;
        snprintf(d->inside, sizeof(d->inside), "%s", c->name ? c->name : c->key);
        r = move_one(l, set, d, e);
        if (r < 0)
            error_prefix(e, "move netDevice %s to namespace %s", c->key, set->ns_path);
    }
    return r < 0 ? error_prefix(e, "error creating network interfaces") : 0;
}

/* Gives one device its old place, name, addresses and state. The first error, or 0. */
static int restore_one(struct netdev_set *set, struct netdev *d)
{
    struct ifinfomsg info;
    int r = 0;
    if (!d->down)
        return 0;
    if (d->moved && d->index_inside > 0) {
        (void)link_set_up(&set->inside, d->index_inside, false);
        r = link_move(&set->inside, d->index_inside, d->name, set->own_ns);
    }
    if (r == 0)
        r = link_by_name(&set->host, d->name, &info);
    if (r == 0 && d->was_up)
        r = link_set_up(&set->host, info.ifi_index, true);
    for (const struct address *a = d->addresses; a && r == 0; a = a->next) {
        r = address_add(&set->host, info.ifi_index, a);
        r = r == -EEXIST ? 0 : r;
    }
    return r;
}

int netdev_step_move_undo(struct launch *l, const struct step *s, struct hull_error *e)
{
    struct netdev_set *set = l->net_devices;
    int first = 0;
    (void)s;
    if (!set)
        return 0;
    for (size_t i = set->n; i-- > 0;) {
        int r = restore_one(set, &set->v[i]);
        if (r < 0 && first == 0)
            first = error_set(e, -r, "bring network device %s back", set->v[i].name);
    }
    netdev_release(l);
    return first;
}

void netdev_print(const struct launch *l, const struct step *s, char *buf, size_t len)
{
    size_t at = 0;
    (void)s;
    buf[0] = '\0';
    for (size_t i = 0; i < l->config->linux_->netDevices.n && at < len; i++) {
        const struct oci_net_device *c = &l->config->linux_->netDevices.v[i];
        at += (size_t)snprintf(buf + at, len - at, "%s%s%s%s", i ? " " : "", c->key,
                               c->name ? " as " : "", c->name ? c->name : "");
    }
}
