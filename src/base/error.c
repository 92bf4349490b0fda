/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Fixed texts, because musl's and glibc's strerror differ and engines match on Go's words. */
static const char *const texts[] = {
    [EPERM] = "operation not permitted",
    [ENOENT] = "no such file or directory",
    [ESRCH] = "no such process",
    [EINTR] = "interrupted system call",
    [EIO] = "input/output error",
    [ENXIO] = "no such device or address",
    [E2BIG] = "argument list too long",
    [ENOEXEC] = "exec format error",
    [EBADF] = "bad file descriptor",
    [ECHILD] = "no child processes",
    [EAGAIN] = "resource temporarily unavailable",
    [ENOMEM] = "cannot allocate memory",
    [EACCES] = "permission denied",
    [EFAULT] = "bad address",
    [ENOTBLK] = "block device required",
    [EBUSY] = "device or resource busy",
    [EEXIST] = "file exists",
    [EXDEV] = "invalid cross-device link",
    [ENODEV] = "no such device",
    [ENOTDIR] = "not a directory",
    [EISDIR] = "is a directory",
    [EINVAL] = "invalid argument",
    [ENFILE] = "too many open files in system",
    [EMFILE] = "too many open files",
    [ENOTTY] = "inappropriate ioctl for device",
    [ETXTBSY] = "text file busy",
    [EFBIG] = "file too large",
    [ENOSPC] = "no space left on device",
    [ESPIPE] = "illegal seek",
    [EROFS] = "read-only file system",
    [EMLINK] = "too many links",
    [EPIPE] = "broken pipe",
    [EDOM] = "numerical argument out of domain",
    [ERANGE] = "numerical result out of range",
    [EDEADLK] = "resource deadlock avoided",
    [ENAMETOOLONG] = "file name too long",
    [ENOLCK] = "no locks available",
    [ENOSYS] = "function not implemented",
    [ENOTEMPTY] = "directory not empty",
    [ELOOP] = "too many levels of symbolic links",
    [ENODATA] = "no data available",
    [ETIME] = "timer expired",
    [EPROTO] = "protocol error",
    [EBADMSG] = "bad message",
    [EOVERFLOW] = "value too large for defined data type",
    [EILSEQ] = "invalid or incomplete multibyte or wide character",
    [EUSERS] = "too many users",
    [ENOTSOCK] = "socket operation on non-socket",
    [EDESTADDRREQ] = "destination address required",
    [EMSGSIZE] = "message too long",
    [EPROTOTYPE] = "protocol wrong type for socket",
    [ENOPROTOOPT] = "protocol not available",
    [EPROTONOSUPPORT] = "protocol not supported",
    [ESOCKTNOSUPPORT] = "socket type not supported",
    [EOPNOTSUPP] = "operation not supported",
    [EPFNOSUPPORT] = "protocol family not supported",
    [EAFNOSUPPORT] = "address family not supported by protocol",
    [EADDRINUSE] = "address already in use",
    [EADDRNOTAVAIL] = "cannot assign requested address",
    [ENETDOWN] = "network is down",
    [ENETUNREACH] = "network is unreachable",
    [ECONNABORTED] = "software caused connection abort",
    [ECONNRESET] = "connection reset by peer",
    [ENOBUFS] = "no buffer space available",
    [EISCONN] = "transport endpoint is already connected",
    [ENOTCONN] = "transport endpoint is not connected",
    [ETIMEDOUT] = "connection timed out",
    [ECONNREFUSED] = "connection refused",
    [EHOSTUNREACH] = "no route to host",
    [EALREADY] = "operation already in progress",
    [EINPROGRESS] = "operation now in progress",
    [ESTALE] = "stale file handle",
    [EUCLEAN] = "structure needs cleaning",
    [EDQUOT] = "disk quota exceeded",
    [ENOMEDIUM] = "no medium found",
    [ECANCELED] = "operation canceled",
    [ENOKEY] = "required key not available",
    [EKEYEXPIRED] = "key has expired",
    [EKEYREVOKED] = "key has been revoked",
    [EKEYREJECTED] = "key was rejected by service",
    [ELIBBAD] = "accessing a corrupted shared library",
};

const char *errno_text(int err)
{
    if (err > 0 && (size_t)err < COUNT_OF(texts) && texts[err])
        return texts[err];
    return strerror(err);
}

/* Formats into the text; one that does not fit loses its middle, since engines match the end. */
PRINTF_LIKE(3, 0) static void format(struct hull_error *e, int err, const char *fmt, va_list ap)
{
    char buf[sizeof(e->text) * 2];
    int n = vsnprintf(buf, sizeof(buf), fmt, ap);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(buf) ? (size_t)n : sizeof(buf) - 1;
    if (err > 0 && err < HULL_E_CONFIG) {
        const char *why = errno_text(err);
        size_t room = sizeof(buf) - 2 - strlen(why) - 1;
        if (len > room)
            len = room;
        len += (size_t)snprintf(buf + len, sizeof(buf) - len, "%s%s", len ? ": " : "", why);
    }
    if (len < sizeof(e->text)) {
        memcpy(e->text, buf, len);
        e->text[len] = '\0';
        return;
    }
    const size_t half = (sizeof(e->text) - 8) / 2;
    memcpy(e->text, buf, half);
    memcpy(e->text + half, " ... ", 5);
    memcpy(e->text + half + 5, buf + len - half, half);
    e->text[half + 5 + half] = '\0';
}

int (error_set)(struct hull_error *e, int err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    format(e, err, fmt, ap);
    va_end(ap);
    e->where[0] = '\0';
    e->code = err;
    return -err;
}

int (error_at)(struct hull_error *e, const char *where, int err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    format(e, err, fmt, ap);
    va_end(ap);
    snprintf(e->where, sizeof(e->where), "%s", where ? where : "");
    e->code = err;
    return -err;
}

static void format_only(struct hull_error *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void format_only(struct hull_error *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    format(e, 0, fmt, ap);
    va_end(ap);
}

int (error_prefix)(struct hull_error *e, const char *fmt, ...)
{
    char head[sizeof(e->text)], tail[sizeof(e->text)];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(head, sizeof(head), fmt, ap);
    va_end(ap);
    memcpy(tail, e->text, sizeof(tail));
    format_only(e, "%s: %s", head, tail);
    return -e->code;
}

int (error_suffix)(struct hull_error *e, const char *fmt, ...)
{
    const size_t len = strlen(e->text);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->text + len, sizeof(e->text) - len, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof(e->text) - len)
        e->text[len] = '\0';
    return -e->code;
}

int (error_oom)(struct hull_error *e)
{
    return error_set(e, ENOMEM, "out of memory");
}
