/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: on cgroup v2 device access is decided by BPF programs of type CGROUP_DEVICE
 * (4.15). P makes one from the merged filter and attaches it with ALLOW_MULTI, so that programs of
 * ancestors and of systemd count as well: access needs the consent of all. A single program that is
 * there already is replaced atomically (BPF_F_REPLACE, 5.6), more are detached after ours is in.
 *
 *   r2 = type, r3 = access, r4 = major, r5 = minor
 *   per exception: compare; all fit: return !default
 *   return default
 */
#include "cgroup/devices.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/fd.h"
#include "base/sys.h"

_Static_assert((int)DEVICE_MKNOD == (int)BPF_DEVCG_ACC_MKNOD &&
               (int)DEVICE_READ == (int)BPF_DEVCG_ACC_READ &&
               (int)DEVICE_WRITE == (int)BPF_DEVCG_ACC_WRITE, "access bits");

#define MAX_INSNS_PER_EXCEPTION 8
#define PREAMBLE 6
#define VERIFIER_LOG_SIZE (64 * 1024)
#define MAX_ATTACHED 64   /* of the kernel: BPF_CGROUP_MAX_PROGS */

static struct bpf_insn load_word(unsigned dst, int16_t offset)
{
    return (struct bpf_insn){.code = BPF_LDX | BPF_MEM | BPF_W,
                             .dst_reg = dst & 15u,
                             .src_reg = BPF_REG_1,
                             .off = offset};
}

static struct bpf_insn alu32(int op, unsigned dst, int32_t imm)
{
    return (struct bpf_insn){
        .code = (uint8_t)(BPF_ALU | op | BPF_K), .dst_reg = dst & 15u, .imm = imm};
}

static struct bpf_insn move_reg(unsigned dst, unsigned src)
{
    return (struct bpf_insn){
        .code = BPF_ALU | BPF_MOV | BPF_X, .dst_reg = dst & 15u, .src_reg = src & 15u};
}

/* Jumps that leave the exception's block; the offset is filled in at its end. */
static struct bpf_insn jump_imm(int op, unsigned dst, int32_t imm)
{
    return (struct bpf_insn){
        .code = (uint8_t)(BPF_JMP | op | BPF_K), .dst_reg = dst & 15u, .imm = imm};
}

static size_t add_exception(struct bpf_insn *p, const struct device_exception *x, bool allow)
{
    size_t n = 0;
    p[n++] = jump_imm(BPF_JNE, BPF_REG_2,
                      x->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
    if (x->access != DEVICE_RWM) {
        p[n++] = move_reg(BPF_REG_1, BPF_REG_3);
        p[n++] = alu32(BPF_AND, BPF_REG_1, (int32_t)x->access);
        /* To allow, all that is asked for must be granted; to deny, one denied bit suffices. */
        if (allow)
            p[n++] = (struct bpf_insn){
                .code = BPF_JMP | BPF_JNE | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_3};
        else
            p[n++] = jump_imm(BPF_JEQ, BPF_REG_1, 0);
    }
    if (x->major != DEVICE_ANY)
        p[n++] = jump_imm(BPF_JNE, BPF_REG_4, (int32_t)x->major);
    if (x->minor != DEVICE_ANY)
        p[n++] = jump_imm(BPF_JNE, BPF_REG_5, (int32_t)x->minor);
    p[n++] = alu32(BPF_MOV, BPF_REG_0, allow);
    p[n++] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
    for (size_t i = 0; i + 2 < n; i++)
        if (BPF_CLASS(p[i].code) == BPF_JMP)
            p[i].off = (int16_t)(n - i - 1);
    return n;
}

int device_filter_program(const struct device_filter *f, struct arena *a, struct bpf_insn **ret,
                          size_t *ret_n, struct hull_error *e)
{
    struct bpf_insn *p = arena_array(a, PREAMBLE + f->n * (MAX_INSNS_PER_EXCEPTION + 1) + 2,
                                     sizeof(*p));
    if (!p)
        return error_oom(e);
    size_t n = 0;
    /* struct bpf_cgroup_dev_ctx: access_type = access << 16 | type, major, minor */
    p[n++] = load_word(BPF_REG_2, 0);
    p[n++] = move_reg(BPF_REG_3, BPF_REG_2);
    p[n++] = alu32(BPF_AND, BPF_REG_2, 0xffff);
    p[n++] = alu32(BPF_RSH, BPF_REG_3, 16);
    p[n++] = load_word(BPF_REG_4, 4);
    p[n++] = load_word(BPF_REG_5, 8);
    for (size_t i = 0; i < f->n; i++)
        n += add_exception(p + n, &f->v[i], !f->default_allow);
    p[n++] = alu32(BPF_MOV, BPF_REG_0, f->default_allow);
    p[n++] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
    *ret = p;
    *ret_n = n;
    return 0;
}

static int load(union bpf_attr *attr)
{
    for (int tries = 0;; tries++) {
        int fd = (int)sys_bpf(BPF_PROG_LOAD, attr, sizeof(*attr));
        if (fd >= 0)
            return fd;
        /* EAGAIN: a signal interrupted the verifier. */
        if (errno != EAGAIN || tries == 30)
            return -errno;
    }
}

/* Before 5.11 programs counted against RLIMIT_MEMLOCK; raised for the call only, so that the
 * container does not inherit it. */
static int load_unlocked(union bpf_attr *attr)
{
    int fd = load(attr);
    struct rlimit old, unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    if (fd != -EPERM || getrlimit(RLIMIT_MEMLOCK, &old) < 0 ||
        setrlimit(RLIMIT_MEMLOCK, &unlimited) < 0)
        return fd;
    fd = load(attr);
    (void)setrlimit(RLIMIT_MEMLOCK, &old);
    return fd;
}

static int load_program(const struct bpf_insn *insns, size_t n, struct arena *a,
                        struct hull_error *e)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.insns = (uintptr_t)insns;
    attr.insn_cnt = (uint32_t)n;
    attr.license = (uintptr_t)"Apache";
    strcpy(attr.prog_name, "hull_devices");
    int fd = load_unlocked(&attr);
    if (fd >= 0)
        return fd;
    /* Once more with the verifier's log, which costs too much to ask for each time. */
    char *log = arena_alloc(a, VERIFIER_LOG_SIZE);
    if (log) {
        attr.log_level = 1;
        attr.log_buf = (uintptr_t)log;
        attr.log_size = VERIFIER_LOG_SIZE;
        int again = load_unlocked(&attr);
        if (again >= 0)
            return again;
    }
    for (char *p = log; p && *p; p++)
        if (*p == '\n')
            *p = ';';
    if (log && *log)
        return error_set(e, -fd, "failed to call BPF_PROG_LOAD: %.2000s", log);
    return error_set(e, -fd, "failed to call BPF_PROG_LOAD");
}

/* Descriptors of the programs that are attached to this very cgroup; count or an error. */
static int attached(int cgroup_fd, int fds[MAX_ATTACHED], struct hull_error *e)
{
    uint32_t ids[MAX_ATTACHED];
    union bpf_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.query.target_fd = (uint32_t)cgroup_fd;
    attr.query.attach_type = BPF_CGROUP_DEVICE;
    attr.query.prog_ids = (uintptr_t)ids;
    attr.query.prog_cnt = MAX_ATTACHED;
    if (sys_bpf(BPF_PROG_QUERY, &attr, sizeof(attr)) < 0)
        return error_set(e, errno, "bpf_prog_query(BPF_CGROUP_DEVICE) failed");
    int n = 0;
    uint32_t count = attr.query.prog_cnt;
    for (uint32_t i = 0; i < count && i < MAX_ATTACHED; i++) {
        memset(&attr, 0, sizeof(attr));
        attr.prog_id = ids[i];
        int fd = (int)sys_bpf(BPF_PROG_GET_FD_BY_ID, &attr, sizeof(attr));
        /* One that an LSM hides, or that has just gone, can only restrict further. */
        if (fd >= 0)
            fds[n++] = fd;
    }
    return n;
}

static int attach(int cgroup_fd, int prog_fd, int replace_fd)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.target_fd = (uint32_t)cgroup_fd;
    attr.attach_bpf_fd = (uint32_t)prog_fd;
    attr.attach_type = BPF_CGROUP_DEVICE;
    attr.attach_flags = BPF_F_ALLOW_MULTI;
    if (replace_fd >= 0) {
        attr.attach_flags |= BPF_F_REPLACE;
        attr.replace_bpf_fd = (uint32_t)replace_fd;
    }
    return sys_bpf(BPF_PROG_ATTACH, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

static int detach(int cgroup_fd, int prog_fd)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.target_fd = (uint32_t)cgroup_fd;
    attr.attach_bpf_fd = (uint32_t)prog_fd;
    attr.attach_type = BPF_CGROUP_DEVICE;
    return sys_bpf(BPF_PROG_DETACH, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

static int attach_instead(int cgroup_fd, int prog_fd, const int *old, int n, struct hull_error *e)
{
    int r = -EINVAL;
    if (n == 1)
        r = attach(cgroup_fd, prog_fd, old[0]);
    if (r == 0)
        return 0;
    r = attach(cgroup_fd, prog_fd, -1);
    if (r < 0)
        return error_set(e, -r, "failed to call BPF_PROG_ATTACH");
    for (int i = 0; i < n; i++) {
        r = detach(cgroup_fd, old[i]);
        if (r < 0 && r != -ENOENT)
            return error_set(e, -r, "failed to call BPF_PROG_DETACH (BPF_CGROUP_DEVICE) on old "
                                    "filter program");
    }
    return 0;
}

static int replace_program(int dir, const struct bpf_insn *insns, size_t n_insns, bool fresh,
                           struct arena *a, struct hull_error *e)
{
    int old[MAX_ATTACHED], n = 0;
    if (!fresh && (n = attached(dir, old, e)) < 0)
        return n;
    _cleanup_close_ int prog = load_program(insns, n_insns, a, e);
    int r = prog < 0 ? prog : attach_instead(dir, prog, old, n, e);
    for (int i = 0; i < n; i++)
        close(old[i]);
    return r < 0 ? r : 0;
}

int device_program_attach(int cgroup_fd, const struct device_filter *f, bool fresh, struct arena *a,
                          struct hull_error *e)
{
    /* A new cgroup without a program allows all. */
    if (fresh && f->default_allow && f->n == 0)
        return 0;
    struct bpf_insn *insns;
    size_t n_insns;
    int r = device_filter_program(f, a, &insns, &n_insns, e);
    if (r < 0)
        return r;
    r = replace_program(cgroup_fd, insns, n_insns, fresh, a, e);
    if (r != -EBADF)
        return r;
    /* An O_PATH descriptor, which bpf(2) refuses. */
    _cleanup_close_ int dir = openat(cgroup_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir < 0 ? error_set(e, errno, "cannot open the cgroup directory")
                   : replace_program(dir, insns, n_insns, fresh, a, e);
}
