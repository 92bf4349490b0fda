/* SPDX-License-Identifier: Apache-2.0 */
/* A program outside of the tree: the header, the shared library, and options of other versions. */
#include <errno.h>
#include <hull.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(cond)                                                                                 \
    do {                                                                                            \
        if (!(cond)) {                                                                              \
            fprintf(stderr, "%s:%d: not so: %s (%s)\n", __FILE__, __LINE__, #cond, e.text);         \
            exit(1);                                                                                \
        }                                                                                           \
    } while (0)

/* An older client's: it ends after the root. */
struct old_options {
    size_t      size;
    const char *root;
};

/* A newer client's, with an option that this version does not have. */
struct new_options {
    struct hull_options now;
    uint64_t            option;
};

int main(void)
{
    struct hull_error e = {0};
    hull_runtime *rt = NULL;
    char root[] = "/tmp/hull-client-XXXXXX";
    CHECK(mkdtemp(root));

    struct old_options old = {.size = sizeof(old), .root = root};
    CHECK(hull_open((const struct hull_options *)(const void *)&old, &rt, &e) == 0);
    CHECK(strcmp(hull_root(rt), root) == 0);
    struct hull_state *state = NULL;
    CHECK(hull_state_get(rt, "nobody", &state, &e) == -HULL_E_NOT_FOUND && !state);
    CHECK(strstr(e.text, "container does not exist"));
    char *spec = NULL, *list = NULL;
    CHECK(hull_spec(rt, true, &spec, &e) == 0 && strstr(spec, "\"uidMappings\""));
    CHECK(hull_list_json(rt, &list, &e) == 0 && strcmp(list, "null") == 0);
    free(list);
    free(spec);

    struct hull_create_options create = {.size = sizeof(create), .bundle = root};
    CHECK(hull_create(rt, "client", &create, &e) < 0 && strstr(e.text, "config.json not found"));
    create.size = 0;
    CHECK(hull_create(rt, "client", &create, &e) == -EINVAL);
    hull_close(rt);

    struct new_options newer = {.now = {.size = sizeof(newer), .root = root}};
    CHECK(hull_open(&newer.now, &rt, &e) == 0);
    hull_close(rt);
    newer.option = 1;
    CHECK(hull_open(&newer.now, &rt, &e) == -E2BIG && strstr(e.text, "does not know"));
    CHECK(hull_signal_number("SIGKILL") == 9);
    CHECK(remove(root) == 0);
    return 0;
}
