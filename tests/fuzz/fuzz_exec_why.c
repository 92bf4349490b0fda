/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What lies in a container's root where execve has failed: a program, or something that was made to harm
 * whoever looks for the reason. Input: such a file. The reason fits, ends, and is printable.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "base/fd.h"
#include "base/sys.h"
#include "process/process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int errors[] = {ENOENT, EACCES, ENOEXEC, ELIBBAD, ELOOP, ENOTDIR, EISDIR, ETXTBSY};
    static int fd = -1;
    char path[32], why[EXEC_WHY_MAX];
    if (fd < 0 && ((fd = sys_memfd_create("program", MFD_CLOEXEC)) < 0 || fchmod(fd, 0755) < 0))
        abort();
    if (size > 65536 || ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0 || fd_write_all(fd, data, size) < 0)
        return 0;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        memset(why, 0xff, sizeof(why));
        bool script = exec_why(path, errors[i], why, sizeof(why));
        const char *end = memchr(why, '\0', sizeof(why));
        if (!end || (script && end == why))
            abort();
        for (const char *p = why; p < end; p++)
            if (*p < 0x20 || *p > 0x7e)
                abort();
    }
    return 0;
}
