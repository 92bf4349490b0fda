/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * The cheap way of hull_seal: the process gets rid of the host's file without a second execve. Each
 * segment of our image is replaced by anonymous memory with the same bytes at the same address
 * (mremap(2) swaps it in atomically, so we may run from it meanwhile), and then the kernel is told
 * another file for /proc/self/exe: prctl(PR_SET_MM_MAP), which needs CAP_SYS_ADMIN or
 * CAP_CHECKPOINT_RESTORE in our user namespace and refuses with EBUSY as long as any mapping of the
 * old file is left. That file is an empty sealed memfd: "#!/proc/self/exe" in an image executes
 * nothing (ENOEXEC), and there is nothing of the host's behind the link.
 *
 * Only for a static program with one thread: a dynamic one has its loader and libraries mapped too.
 */
#include "run/seal.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "base/fd.h"
#include "base/sys.h"

#if defined(HULL_STATIC) && defined(__x86_64__)

extern char **environ;
/* Set by the linker: the start of our image. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

enum { PAGE = 4096 };

struct segment { uintptr_t start, end; int prot; };

static uintptr_t page_down(uintptr_t a)
{
    return a & ~(uintptr_t)(PAGE - 1);
}

static uintptr_t page_up(uintptr_t a)
{
    return page_down(a + PAGE - 1);
}

/*
 * The file-backed parts of our image. The memory behind the file part of a data segment (.bss) is
 * anonymous already. RELRO is a read-only part of it by now.
 */
static int find_segments(struct segment *v, size_t cap, struct segment *ret_relro)
{
    const uintptr_t base = (uintptr_t)&__ehdr_start;
    const ElfW(Phdr) *ph = (const void *)(base + __ehdr_start.e_phoff);
    const size_t n = __ehdr_start.e_phnum;
    size_t found = 0;
    *ret_relro = (struct segment){0};
    for (size_t i = 0; i < n; i++) {
        const uintptr_t start = base + ph[i].p_vaddr;
        if (ph[i].p_type == PT_INTERP || ph[i].p_align > 1u << 21)
            return -ENOTSUP;
        if (ph[i].p_type == PT_GNU_RELRO)
            *ret_relro = (struct segment){page_down(start), page_down(start + ph[i].p_memsz), PROT_READ};
        if (ph[i].p_type != PT_LOAD || ph[i].p_filesz == 0)
            continue;
        if (found == cap)
            return -ENOTSUP;
        v[found++] = (struct segment){
            page_down(start), page_up(start + ph[i].p_filesz),
            (ph[i].p_flags & PF_R ? PROT_READ : 0) | (ph[i].p_flags & PF_W ? PROT_WRITE : 0) |
                (ph[i].p_flags & PF_X ? PROT_EXEC : 0)};
    }
    return (int)found;
}

/* The segments lie side by side: one copy for all, moved over piece by piece. */
static int replace(const struct segment *v, size_t n)
{
    const size_t size = v[n - 1].end - v[0].start;
    /* Populated at once: a fault for each of some 130 pages would cost ten times as much. */
    char *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1,
                      0);
    if (copy == MAP_FAILED)
        return -errno;
    for (size_t i = 0; i < n; i++) {
        const size_t len = v[i].end - v[i].start;
        char *piece = copy + (v[i].start - v[0].start);
        memcpy(piece, (const void *)v[i].start, len);
        /* A policy may forbid executable anonymous memory (SELinux execmem): nothing is moved yet then. */
        if (!(v[i].prot & PROT_WRITE) && mprotect(piece, len, v[i].prot) < 0) {
            int err = errno;
            (void)munmap(copy, size);
            return -err;
        }
    }
    for (size_t i = 0; i < n; i++) {
        const size_t len = v[i].end - v[i].start;
        char *piece = copy + (v[i].start - v[0].start);
        /* The data changed since (by this function's own writes, if it has any): copied once more. */
        if (v[i].prot & PROT_WRITE)
            memcpy(piece, (const void *)v[i].start, len);
        if (mremap(piece, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)v[i].start) == MAP_FAILED)
            return -errno;
    }
    return 0;
}

static int set_exe(int fd, char *const argv[], const struct segment *v, size_t n)
{
    const uintptr_t brk = (uintptr_t)syscall(SYS_brk, 0);
    /* As they are: ps shows the command line, and our environment is nobody's who may not trace us. */
    char *const *last = environ;
    const char *args_end = environ[0] ? environ[0] : argv[0];
    while (*last && last[1])
        last++;
    const char *env_end = *last ? *last + strlen(*last) + 1 : args_end;
    struct prctl_mm_map map = {
        .start_code = v[0].start,
        .end_code = v[n > 1 ? n - 2 : 0].end,
        .start_data = v[n - 1].start,
        .end_data = v[n - 1].end,
        .start_brk = brk,
        .brk = brk,
        .start_stack = (uintptr_t)argv,
        .arg_start = (uintptr_t)argv[0],
        .arg_end = (uintptr_t)args_end,
        .env_start = (uintptr_t)args_end,
        .env_end = (uintptr_t)env_end,
        .exe_fd = (uint32_t)fd,
    };
    return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0) < 0 ? -errno : 0;
}

int seal_in_place(char *const argv[])
{
    struct segment v[8], relro;
    int n = find_segments(v, COUNT_OF(v), &relro);
    if (n <= 0)
        return n < 0 ? n : -ENOTSUP;
    _cleanup_close_ int fd = sys_memfd_create("hull", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (fd < 0)
        return -errno; /* before 6.3, or executable memfds forbidden: the other way knows what to do */
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        return -errno;
    int r = replace(v, (size_t)n);
    if (r == 0 && relro.end > relro.start &&
        mprotect((void *)relro.start, relro.end - relro.start, PROT_READ) < 0)
        r = -errno;
    return r < 0 ? r : set_exe(fd, argv, v, (size_t)n);
}

#else

int seal_in_place(char *const argv[])
{
    (void)argv;
    return -ENOTSUP;
}

#endif
