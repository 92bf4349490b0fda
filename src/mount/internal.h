/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of src/mount share. */
#ifndef HULL_MOUNT_INTERNAL_H
#define HULL_MOUNT_INTERNAL_H

#include <stdbool.h>
#include <sys/stat.h>
#include "base/fd.h"
#include "base/sys.h"
#include "mount/mount.h"
#include "mount/options.h"

/* How a mount is made; each has a function in mount.c's table. */
enum mount_kind {
    MOUNT_FS,        /* any file system by name */
    MOUNT_TMPFS,     /* takes over the mode of the directory, tmpcopyup */
    MOUNT_PROC,      /* proc and sysfs: only on a real directory */
    MOUNT_SYSFS,
    MOUNT_BIND,
    MOUNT_CGROUP,
    MOUNT_REMOUNT,   /* "remount", also with bind: changes what is mounted there */
    MOUNT_KIND_COUNT
};

/* One entry of mounts, arg of STEP_MOUNT and STEP_SOURCE_OPEN. */
struct mount_step {
    const struct oci_mount *config;
    size_t                  index;      /* in mounts */
    enum mount_kind         kind;
    const char             *dest;       /* cleaned, absolute in the rootfs */
    const char             *source;     /* bind: absolute host path; else as given, "" if absent */
    const char             *below;      /* bind source in the rootfs: its path there; else NULL */
    struct mount_options    o;
    int                    *late_fd;    /* to be made read-only later: the mount, kept open by I */
};

/* Arg of STEP_ROOTFS_READONLY. */
struct rootfs_readonly {
    bool                             root;
    const struct mount_step *const *late;
    size_t                           n;
};

/* A tree of mounts, usually one that is not attached yet. */
struct mount_tree {
    int  fd;         /* -1: none */
    bool attached;
    bool plain;      /* no open_tree(2): fd is only the source's place, bound when attached */
    bool recursive;
};

static inline void cleanup_tree_(struct mount_tree *t)
{
    if (t->fd >= 0)
        fd_close_later(t->fd);
}
#define _cleanup_tree_ __attribute__((cleanup(cleanup_tree_)))

/* tree.c */
/** Clones the mount at dirfd/path ("": dirfd itself), with all below if recursive. 0 or -errno. */
int tree_clone(int dirfd, const char *path, bool recursive, struct mount_tree *ret);
/**
 * Mounts t on target; afterwards t->fd is the root of the mounted tree. 0 or -errno.
 * @param dest  target's path in the rootfs, needed to find the mount again without move_mount(2)
 */
int tree_attach(const struct launch *l, struct mount_tree *t, int target, const char *dest);
/**
 * mount_setattr(2). Without it (before 5.12) a mount that is attached is changed by mount(2); one
 * that is not, and recursion, are -ENOSYS. 0 or -errno.
 */
int tree_setattr(const struct launch *l, const struct mount_tree *t, bool recursive, uint64_t set,
                 uint64_t clr);
/** Sets propagation (MS_SHARED..., perhaps with MS_REC) of the attached mount fd. 0 or -errno. */
int tree_propagate(const struct launch *l, int fd, unsigned long propagation);

/* plan.c */
/** A step for mounts[i] with its destination, cleaned, and its options; no more of it is filled. */
int mount_step_new(const struct launch *l, size_t i, struct mount_step **ret, struct hull_error *e);

/* running.c */
/** What can't be done in a running container. Pure. */
int running_check(const struct mount_step *s, struct hull_error *e);
/** X: to be called before the first change; P can be interrupted until then. */
int running_begin(struct launch *l, struct hull_error *e);
/** Notes a new mount (the descriptor of its root), or the link name in directory fd. 0 or -errno. */
int running_note(const struct launch *l, int fd, const char *name);

/* legacy.c */
/** Unmounts the mount whose root fd is. -EINVAL: it is no root of a mount. 0 or -errno. */
int legacy_unmount(const struct launch *l, int fd);
/**
 * mount(2) with descriptors: the path of each is /proc/self/fd/N of l->proc_fd. 0 or -errno;
 * -E2BIG for data that mount(2) would cut.
 * @param source_fd  -1: source is used as a string
 */
int legacy_mount(const struct launch *l, const char *source, int source_fd, int target,
                 const char *type, unsigned long flags, const char *data);
/** Sets and clears MOUNT_ATTR_* of one attached mount by mount(2) and keeps the rest. */
int legacy_remount(const struct launch *l, int fd, uint64_t set, uint64_t clr);

/* fs.c */
/** What is to be mounted by fs_make. */
struct fs_request {
    const char            *type, *source;
    unsigned long          flags;       /* MS_* */
    const char            *first;       /* a parameter before data, or NULL */
    const struct oci_strs *data;        /* or NULL */
    const char            *label;       /* SELinux context of the mount, or NULL */
    const char            *label_type;  /* "context" or another of that family */
};
/** Makes a mount of a file system that is not attached yet. -ENOSYS: use fs_legacy. */
int fs_make(const struct fs_request *f, int *ret_mount, struct hull_error *e);
/** Whether fs_make can't express the request (iversion, values over 255 bytes). */
bool fs_needs_legacy(const struct fs_request *f);
/** The same by mount(2); ret_mount is opened anew by dest. */
int fs_legacy(const struct launch *l, const struct fs_request *f, int target, const char *dest,
              int *ret_mount, struct hull_error *e);
/**
 * The usual case in one call: mount(2) on self/fd/TARGET, since the current directory is our procfs.
 * For mounts that need nothing more. A failure says little: ask fs_mount, which knows the parameter.
 */
int fs_quick(const struct launch *l, const struct fs_request *f, int target);
/** fs_make and attach, or fs_legacy. */
int fs_mount(const struct launch *l, const struct fs_request *f, int target, const char *dest,
             int *ret_mount, struct hull_error *e);

/* target.c */
struct mount_target {
    int         fd;        /* O_PATH; -1: none */
    struct stat st;
    bool        existed;
};
static inline void cleanup_target_(struct mount_target *t)
{
    if (t->fd >= 0)
        fd_close_later(t->fd);
}
#define _cleanup_target_ __attribute__((cleanup(cleanup_target_)))
/** Whether a mount may be on path in the container: it is not in /proc, or one of the files allowed. */
bool target_allowed(const char *path);
/**
 * Opens the mount point of s in the rootfs and makes it if it is missing: a directory, or an empty
 * file if make_file. What is there must be of that type (-ENOTDIR, but for remount). Refuses the
 * root itself and anything in /proc that is not allowed. Notes the place, and gives up masks_fd if
 * that is /proc, whatever the destination is written like.
 * @param source  descriptor of a bind mount's source, or -1
 */
int target_open(struct launch *l, const struct mount_step *s, bool make_file, int source,
                struct mount_target *ret, struct hull_error *e);

/* label.c */
/** Whether the option is one of those that give a file system an SELinux context. */
bool label_is_context(const char *option);
/** Refuses an unknown run.oci.mount_context_type. Pure. */
int label_check(const struct launch *l, struct hull_error *e);
/** Fills in label and label_type by linux.mountLabel. */
void label_request(const struct launch *l, struct fs_request *f);
/** Labels the root of what is mounted at dest, where the mount itself took no label. */
int label_root(const struct launch *l, const char *dest, struct hull_error *e);

/* idmap.c */
/** Whether the mount's ids are to be mapped. */
bool idmap_wanted(const struct mount_step *s);
/** P: makes or opens the user namespace of the mapping: l->idmap_fds[s->index]. */
int idmap_open(struct launch *l, const struct mount_step *s, struct hull_error *e);
/** Gives the tree, attached nowhere yet, that mapping. -errno, also with the error set. */
int idmap_apply(struct launch *l, const struct mount_step *s, int tree, struct hull_error *e);

/* bind.c, tmpfs.c, cgroupfs.c */
int mount_bind(struct launch *l, const struct mount_step *s, struct hull_error *e);
/** Opens the source of a bind mount (O_PATH), or the link that it is with src_nofollow. fd or -errno. */
int bind_open(const struct launch *l, const struct mount_step *s);
/** Clones the source of a bind mount, or what src_nofollow says. 0 or -errno. */
int bind_clone(const struct launch *l, const struct mount_step *s, bool recursive,
               struct mount_tree *ret);
/** Fails with what bind_clone has returned, and the way out where there is one. */
int bind_clone_error(const struct launch *l, const struct mount_step *s, int err,
                     struct hull_error *e);
/** Makes the link that source (O_PATH) is at the destination, where nothing or the same link may be. */
int bind_copy_link(struct launch *l, const struct mount_step *s, int source,
                   struct hull_error *e);
/* Where bind_attach puts a tree. */
struct bind_place {
    int         fd;        /* mount point */
    const char *dest;      /* the same as a path in the rootfs */
    const char *source;    /* for messages */
    bool        foreign;   /* from outside our user namespace: its flags count as locked */
};
/**
 * Attaches t with the flags that the options ask for: the plain ones for its top mount, recursive
 * ones for all, then propagation.
 */
int bind_attach(const struct launch *l, const struct mount_options *o, struct mount_tree *t,
                const struct bind_place *to, struct hull_error *e);
/** Copies the content of directory from (O_PATH) into the empty tmpfs at to. */
int tmpfs_copy_up(int from, int to, struct hull_error *e);
int mount_cgroup(struct launch *l, const struct mount_step *s, struct hull_error *e);
/** nopivot.c: unmounts or covers the host's proc and sysfs mounts. */
int nopivot_hide(const struct launch *l, struct hull_error *e);
/** masked.c: mounts an empty read-only tmpfs. */
int mask_mount(const struct launch *l, int target, const char *dest, int *ret_mount,
               struct hull_error *e);
/** Sets the propagation that the options ask for; mnt is attached at dest. */
int mount_set_propagation(const struct launch *l, const struct mount_options *o, int mnt,
                          const char *dest, struct hull_error *e);

/** Whether I is in a user namespace that is not the initial one. */
static inline bool mount_in_userns(const struct launch *l)
{
    return l->has_ns[NS_USER] || l->host->in_userns;
}
#endif
