/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 * A container whose program is "#!/proc/self/exe" makes the kernel execute our binary inside, and
 * whoever holds that file open can write to it once it is idle: CVE-2019-5736. So the commands that
 * put a process of ours into a container run from a sealed memfd copy, which can't be written, and
 * whose page cache is not the host file's. A copy of some 300 KB costs less than the exec.
 *
 * MFD_EXEC is unknown before 6.3 (EINVAL); where vm.memfd_noexec=2 forbids executable memfds, an
 * unlinked file in /run or /tmp, reopened read-only, takes its place. So too where the kernel won't
 * seal: F_SEAL_WRITE ends in EBUSY when anything (DAMON, say) still holds a page of the file after the
 * 150 ms that the kernel waits.
 */
#include "hull.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/sys.h"
#include "run/seal.h"

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };
#ifndef F_GET_SEALS
#define F_GET_SEALS 1034
#endif

static int copy(int from, int to)
{
    struct stat st;
    if (fstat(from, &st) < 0)
        return -errno;
    for (off_t at = 0; at < st.st_size;) {
        ssize_t n = sendfile(to, from, &at, (size_t)(st.st_size - at));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
    }
    return 0;
}

/*
 * Sealed, or a file without any name that nobody can write: one of our copies. Every file of a tmpfs
 * has F_SEAL_SEAL, so seals alone tell neither way.
 */
static bool is_copy(int exe)
{
    struct stat st;
    int seals = fcntl(exe, F_GET_SEALS);
    if (seals >= 0 && (seals & SEALS) == SEALS)
        return true;
    return fstat(exe, &st) == 0 && st.st_nlink == 0 && (st.st_mode & 0222) == 0;
}

/* A file without name, open read-only; nobody holds it open for writing. */
static int unlinked_copy(int exe)
{
    static const char *const dirs[] = {"/run", "/tmp", "/var/tmp"};
    int r = -EACCES;
    for (size_t i = 0; i < COUNT_OF(dirs); i++) {
        _cleanup_close_ int w = openat(AT_FDCWD, dirs[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0500);
        struct statvfs fs;
        if (w < 0 || fstatvfs(w, &fs) < 0 || (fs.f_flag & ST_NOEXEC))
            continue;
        r = copy(exe, w);
        if (r < 0)
            continue;
        char path[32];
        snprintf(path, sizeof(path), "/proc/self/fd/%d", w);
        _cleanup_close_ int ro = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
        r = ro < 0 ? -errno : -EXDEV;
        if (ro >= 0 && is_copy(ro)) /* else we would copy it again, without end */
            return TAKE_FD(ro);
    }
    return r;
}

static int sealed_copy(int exe)
{
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    _cleanup_close_ int fd = sys_memfd_create("runc_cloned:/proc/self/exe", flags | MFD_EXEC);
    if (fd < 0 && errno == EINVAL)
        fd = sys_memfd_create("runc_cloned:/proc/self/exe", flags);
    if (fd < 0)
        return -errno;
    int r = copy(exe, fd);
    if (r < 0)
        return r;
    return fcntl(fd, F_ADD_SEALS, SEALS) < 0 ? -errno : TAKE_FD(fd);
}

int hull_seal(char *const argv[], char *const envp[], struct hull_error *e)
{
    if (seal_in_place(argv) == 0)
        return 0;
    _cleanup_close_ int exe = openat(AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (exe < 0)
        return error_set(e, errno, "open /proc/self/exe");
    if (is_copy(exe))
        return 0;
    _cleanup_close_ int fd = sealed_copy(exe);
    if (fd < 0)
        fd = unlinked_copy(exe);
    if (fd < 0)
        return error_set(e, -fd, "copy /proc/self/exe (no memfd can be sealed, and /run, /tmp and "
                                 "/var/tmp take no file that may be executed)");
    sys_execveat(fd, "", argv, envp, AT_EMPTY_PATH);
    return error_set(e, errno, "execute the copy of /proc/self/exe (is the sysctl vm.memfd_noexec 2?)");
}
