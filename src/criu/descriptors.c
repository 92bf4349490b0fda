/* SPDX-License-Identifier: Apache-2.0 */
#include "criu/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "json/read.h"
#include "json/write.h"

#define FILE_NAME "descriptors.json"

int descriptors_save(int image_fd, pid_t pid, struct hull_error *e)
{
    struct json_out o = {0};
    json_out_open_array(&o, NULL);
    for (int fd = 0; fd <= 2; fd++) {
        char link[48], target[PATH_MAX];
        snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, fd);
        ssize_t n = readlink(link, target, sizeof(target) - 1);
        target[n > 0 ? n : 0] = '\0'; /* closed: the place in the list stays */
        json_out_string(&o, NULL, target);
    }
    json_out_close_array(&o);
    _cleanup_free_ char *text = NULL;
    ssize_t len = json_out_take(&o, &text, e);
    if (len < 0)
        return -e->code;
    _cleanup_close_ int fd = openat(image_fd, FILE_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : fd_write_all(fd, text, (size_t)len);
    return r < 0 ? error_set(e, -r, "write " FILE_NAME) : 0;
}

int descriptors_load(int image_fd, struct arena *a, struct oci_strs *ret, struct hull_error *e)
{
    enum { LIMIT = 1 << 20, MAX = 16 };
    size_t len, n = 0;
    char *text = fd_read_file(image_fd, FILE_NAME, LIMIT, a, &len);
    if (!text)
        return error_set(e, errno, "open " FILE_NAME);
    char **v = arena_array(a, MAX, sizeof(*v));
    if (!v)
        return error_oom(e);
    struct json_reader r;
    json_reader_init(&r, text, len);
    int more = json_peek(&r) == '[' ? json_enter(&r) : json_unexpected(&r, "an array");
    for (bool first = true; more == 0; first = false) {
        more = json_next_element(&r, first);
        if (more <= 0 || n == MAX)
            break;
        more = json_read_string(&r, &v[n++], &len);
    }
    if (more < 0)
        return error_set(e, HULL_E_CONFIG, FILE_NAME ": %s", r.problem);
    *ret = (struct oci_strs){.v = v, .n = n};
    return 0;
}
