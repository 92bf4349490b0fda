/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * execve says no by one number, and that may be about the file, about the interpreter of its first
 * line, about the loader that it was linked for, or about one of theirs. So the way that the kernel took
 * is gone again, and what on it explains this very number is said; else nothing.
 *
 * We are the process that was to become the program: in the container's root, with its user and rights,
 * and after its filter. What lies there may have been made to harm whoever looks: only regular files are
 * opened, without waiting and without a terminal, only their heads are read, at most five files deep, and
 * of what is quoted from them only printable characters.
 */
#include "process/process.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include "base/fd.h"
#include "base/sys.h"

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

enum { DEPTH = 5, HEAD = 256 /* as much of a first line as the kernel looks at */, NAME = 256 };

enum role { PROGRAM, INTERPRETER, LOADER };

struct look {
    int err;                  /* what is to be explained */
    char path[NAME];          /* the file looked at */
    char what[2 * NAME + 64]; /* how it is called in the text */
    enum role role;
    char *why;
    size_t len;
};

/* Only says what explains the error. */
#define SAY(l, number, ...)                                                                        \
    ((l)->err == (number) ? (void)snprintf((l)->why, (l)->len, __VA_ARGS__) : (void)0)

int exec_may(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return errno;
    if (S_ISDIR(st.st_mode))
        return EISDIR;
    if (syscall(SYS_faccessat2, AT_FDCWD, path, 1 /* X_OK */, 0x200 /* AT_EACCESS */) == 0)
        return 0;
    if (errno == ENOSYS || errno == EPERM)
        return st.st_mode & 0111 ? 0 : EACCES;
    return errno;
}

static void printable(char *s)
{
    for (; *s; s++)
        if (*s < 0x20 || *s > 0x7e)
            *s = '?';
}

static void missing(struct look *l)
{
    char target[NAME];
    ssize_t n = readlink(l->path, target, sizeof(target) - 1);
    if (n <= 0) {
        if (l->role != PROGRAM) /* of the program itself the number says it all */
            SAY(l, ENOENT, "%s is not there", l->what);
        return;
    }
    target[n] = '\0';
    printable(target);
    SAY(l, ENOENT, "%s is a symbolic link to %s, which is not there", l->what, target);
}

/* Whether the file may be executed, as far as it is not about its contents. */
static bool permitted(struct look *l)
{
    struct stat st;
    struct statvfs fs;
    if (stat(l->path, &st) < 0) {
        if (errno == ENOENT)
            missing(l);
        else if (errno == EACCES)
            SAY(l, EACCES, "a directory on the way to %s may not be searched", l->what);
        else if (errno == ELOOP)
            SAY(l, ELOOP, "%s is a symbolic link that leads to itself or through too many others",
                l->what);
        else if (errno == ENOTDIR)
            SAY(l, ENOTDIR, "on the way to %s something is no directory", l->what);
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        SAY(l, l->err == EISDIR ? EISDIR : EACCES, "%s is %s, not a program", l->what,
            S_ISDIR(st.st_mode)    ? "a directory"
            : S_ISFIFO(st.st_mode) ? "a FIFO"
            : S_ISSOCK(st.st_mode) ? "a socket"
                                   : "a device");
        return false;
    }
    if (exec_may(l->path) == 0)
        return true;
    if (statvfs(l->path, &fs) == 0 && fs.f_flag & ST_NOEXEC)
        SAY(l, EACCES, "%s lies on a mount with the option noexec", l->what);
    else if (!(st.st_mode & 0111))
        SAY(l, EACCES, "%s has no x bit (mode %04o)", l->what, st.st_mode & 07777u);
    else
        SAY(l, EACCES, "%s may not be executed by uid %u and gid %u (owner %u:%u, mode %04o)",
            l->what, (unsigned)geteuid(), (unsigned)getegid(), (unsigned)st.st_uid,
            (unsigned)st.st_gid, st.st_mode & 07777u);
    return false;
}

/* Goes on with the file that this one needs. */
static bool needs(struct look *l, enum role role, const char *path, size_t len)
{
    char parent[NAME], shown[NAME];
    if (len == 0 || len >= sizeof(l->path) || memchr(path, '\0', len))
        return false;
    memcpy(parent, l->path, sizeof(parent));
    printable(parent);
    memcpy(l->path, path, len);
    l->path[len] = '\0';
    memcpy(shown, l->path, sizeof(shown));
    printable(shown);
    snprintf(l->what, sizeof(l->what), "the %s %s of %s",
             role == LOADER ? "ELF loader" : "script interpreter", shown, parent);
    l->role = role;
    return true;
}

static bool script(struct look *l, const char *head, size_t n)
{
    const char *p = head + 2 + strspn(head + 2, " \t");
    size_t len = strcspn(p, " \t\n");
    if (len == 0) {
        SAY(l, ENOEXEC, "%s names no interpreter in its first line", l->what);
        return false;
    }
    if (p + len == head + n && n == HEAD) {
        SAY(l, ENOEXEC, "the first line of %s is too long", l->what);
        return false;
    }
    if (p[len - 1] == '\r') {
        SAY(l, ENOENT,
            "the first line of %s ends in CR LF, as written on Windows, so its interpreter is not "
            "found",
            l->what);
        return false;
    }
    return needs(l, INTERPRETER, p, len);
}

/* Where ELF files of the two classes have what we need. */
struct elf_layout {
    unsigned phoff, phentsize, phnum, off, filesz, word, phdr;
};

static uint64_t number(const unsigned char *p, unsigned bytes, bool big)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)p[big ? bytes - 1 - i : i] << 8 * i;
    return v;
}

static const char *machine_name(unsigned machine)
{
    static const struct {
        unsigned number;
        const char *name;
    } names[] = {
        {EM_386, "i386"},        {EM_X86_64, "x86-64"},
        {EM_ARM, "ARM"},         {EM_AARCH64, "ARM64"},
        {EM_PPC, "PowerPC"},     {EM_PPC64, "PowerPC64"},
        {EM_S390, "s390"},       {EM_MIPS, "MIPS"},
        {EM_RISCV, "RISC-V"},    {258 /* EM_LOONGARCH */, "LoongArch"},
        {EM_SPARCV9, "SPARC64"},
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (names[i].number == machine)
            return names[i].name;
    return "another kind of processor";
}

/* The machine that we are made for, and so a native one. */
static unsigned own_machine(void)
{
    extern const unsigned char __ehdr_start[] __attribute__((visibility("hidden")));
    Elf64_Half machine;
    memcpy(&machine, __ehdr_start + offsetof(Elf64_Ehdr, e_machine), sizeof(machine));
    return machine;
}

/* The number with which the kernel refuses a program, or a loader, that is no good. */
static int bad(const struct look *l)
{
    return l->role == LOADER ? ELIBBAD : ENOEXEC;
}

static bool elf(struct look *l, int fd, const unsigned char *head, size_t n)
{
    static const struct elf_layout layouts[] = {
        {offsetof(Elf32_Ehdr, e_phoff), offsetof(Elf32_Ehdr, e_phentsize),
         offsetof(Elf32_Ehdr, e_phnum), offsetof(Elf32_Phdr, p_offset),
         offsetof(Elf32_Phdr, p_filesz), 4, sizeof(Elf32_Phdr)},
        {offsetof(Elf64_Ehdr, e_phoff), offsetof(Elf64_Ehdr, e_phentsize),
         offsetof(Elf64_Ehdr, e_phnum), offsetof(Elf64_Phdr, p_offset),
         offsetof(Elf64_Phdr, p_filesz), 8, sizeof(Elf64_Phdr)},
    };
    enum { HEADERS = 64 };
    const unsigned class = head[EI_CLASS];
    const bool big = head[EI_DATA] == ELFDATA2MSB;
    if (n < sizeof(Elf64_Ehdr) || (class != ELFCLASS32 && class != ELFCLASS64)) {
        SAY(l, bad(l), "%s is a damaged ELF file", l->what);
        return false;
    }
    const unsigned type = (unsigned)number(head + offsetof(Elf64_Ehdr, e_type), 2, big);
    const unsigned machine = (unsigned)number(head + offsetof(Elf64_Ehdr, e_machine), 2, big);
    struct utsname host;
    if (machine != own_machine() && uname(&host) == 0)
        SAY(l, bad(l), "%s is made for %s, which cannot run here (%s)", l->what,
            machine_name(machine), host.machine);
    else if (type != ET_EXEC && type != ET_DYN)
        SAY(l, bad(l), "%s is an ELF file, but not a program", l->what);
    else
        SAY(l, bad(l), "%s is a damaged ELF file", l->what);
    const struct elf_layout *y = &layouts[class == ELFCLASS64];
    const uint64_t at = number(head + y->phoff, y->word, big);
    const uint64_t size = number(head + y->phentsize, 2, big),
                   count = number(head + y->phnum, 2, big);
    for (uint64_t i = 0; i < count && i < HEADERS && size == y->phdr && at < INT32_MAX; i++) {
        unsigned char ph[sizeof(Elf64_Phdr)];
        char name[NAME];
        if (pread(fd, ph, y->phdr, (off_t)(at + i * size)) != (ssize_t)y->phdr)
            return false;
        if (number(ph, 4, big) != PT_INTERP)
            continue;
        const uint64_t off = number(ph + y->off, y->word, big),
                       len = number(ph + y->filesz, y->word, big);
        if (len < 2 || len > sizeof(name) || off > INT32_MAX ||
            pread(fd, name, len, (off_t)off) != (ssize_t)len || name[len - 1] != '\0')
            return false;
        return needs(l, LOADER, name, strlen(name));
    }
    return false;
}

static bool contents(struct look *l)
{
    char head[HEAD + 1];
    struct stat st;
    /* Without waiting for whoever might hold a FIFO or a lease that has come here meanwhile. */
    _cleanup_close_ int fd =
        openat(AT_FDCWD, l->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return false;
    ssize_t n = pread(fd, head, HEAD, 0);
    if (n < 0)
        return false;
    head[n] = '\0';
    if (n >= 2 && head[0] == '#' && head[1] == '!')
        return script(l, head, (size_t)n);
    if (n >= EI_NIDENT && memcmp(head, ELFMAG, SELFMAG) == 0)
        return elf(l, fd, (const unsigned char *)head, (size_t)n);
    if (n == 0)
        SAY(l, bad(l), "%s is empty", l->what);
    else if (memchr(head, '\0', (size_t)n))
        SAY(l, bad(l), "%s is in no format of a program that is known here", l->what);
    else
        SAY(l, bad(l), "%s is a text without a first line that names an interpreter (#!)", l->what);
    return false;
}

bool exec_why(const char *path, int err, char *why, size_t len)
{
    struct look l = {.err = err, .why = why, .len = len};
    why[0] = '\0';
    if (strlen(path) >= sizeof(l.path))
        return false;
    snprintf(l.path, sizeof(l.path), "%s", path);
    snprintf(l.what, sizeof(l.what), "%s", path);
    printable(l.what);
    if (err == ETXTBSY) {
        SAY(&l, ETXTBSY, "somebody has %s, or what it needs, open for writing", l.what);
        return false;
    }
    for (int i = 0; i < DEPTH; i++)
        if (!permitted(&l) || !contents(&l))
            return l.role == INTERPRETER && *why;
    SAY(&l, ELOOP, "%s has too many script interpreters in a row", path);
    return false;
}
