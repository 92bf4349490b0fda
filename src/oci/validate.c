/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation. The checks run in runc's order, so that a configuration with several faults
 * gets the message people know: process first (runc checks it while loading), then root, mounts and
 * namespaces, then the rest of linux. Each check stops at its first fault.
 */
#include "oci/validate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "json/words.h"
#include "oci/validate_part.h"

struct oci_path oci_path(const char *fmt, ...)
{
    struct oci_path ret;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(ret.text, sizeof(ret.text), fmt, ap);
    va_end(ap);
    return ret;
}

int oci_invalid(struct hull_error *e, struct oci_path at, const char *fmt, ...)
{
    char what[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    return error_at(e, at.text, HULL_E_CONFIG, "%s: %s", at.text, what);
}

const struct oci_namespace *oci_namespace_find(const struct oci_config *c, const char *type)
{
    for (size_t i = 0; i < c->linux_->namespaces.n; i++)
        if (strcmp(c->linux_->namespaces.v[i].type, type) == 0)
            return &c->linux_->namespaces.v[i];
    return NULL;
}

/* A number without leading zeros; NULL when there is none. */
static const char *skip_number(const char *s)
{
    size_t n = strspn(s, "0123456789");
    return n == 0 || (n > 1 && *s == '0') ? NULL : s + n;
}

/* Dot-separated identifiers of SemVer 2.0.0 rules 9 and 10; NULL when malformed. */
static const char *skip_identifiers(const char *s, bool leading_zeros)
{
    static const char digits[] = "0123456789";
    static const char allowed[] = "0123456789"
                                  "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ-";
    for (;; s++) {
        size_t n = strspn(s, allowed);
        if (n == 0 || (!leading_zeros && n > 1 && *s == '0' && strspn(s, digits) == n))
            return NULL;
        s += n;
        if (*s != '.')
            return s;
    }
}

static bool is_semver(const char *s)
{
    for (int i = 0; i < 3; i++) {
        s = skip_number(s);
        if (!s || (i < 2 && *s++ != '.'))
            return false;
    }
    if (*s == '-')
        s = skip_identifiers(s + 1, false);
    if (s && *s == '+')
        s = skip_identifiers(s + 1, true);
    return s && *s == '\0';
}

static int check_version(const struct oci_config *c, struct hull_error *e)
{
    if (!is_semver(c->ociVersion))
        return oci_invalid(e, oci_path("ociVersion"), "%s is not a semantic version",
                           json_quote(c->ociVersion).text);
    if (strncmp(c->ociVersion, "1.", 2) != 0)
        return oci_invalid(e, oci_path("ociVersion"), "%s is not supported, only 1.x is",
                           json_quote(c->ociVersion).text);
    return 0;
}

static int check_root(const struct oci_config *c, struct hull_error *e)
{
    if (!c->root)
        return error_at(e, "root", HULL_E_CONFIG, "root must be specified");
    if (!*c->root->path)
        return oci_invalid(e, oci_path("root.path"), "must not be empty");
    return 0;
}

static int check_uts(const struct oci_config *c, struct hull_error *e)
{
    if (oci_namespace_find(c, "uts"))
        return 0;
    if (c->hostname)
        return error_at(e, "hostname", HULL_E_CONFIG,
                        "unable to set hostname without a private UTS namespace");
    if (c->domainname)
        return error_at(e, "domainname", HULL_E_CONFIG,
                        "unable to set domainname without a private UTS namespace");
    return 0;
}

static int check_hooks(const struct oci_config *c, struct hull_error *e)
{
    if (!c->hooks)
        return 0;
    const struct { const char *name; const struct oci_hook_list *list; } kinds[] = {
        {"prestart", &c->hooks->prestart},
        {"createRuntime", &c->hooks->createRuntime},
        {"createContainer", &c->hooks->createContainer},
        {"startContainer", &c->hooks->startContainer},
        {"poststart", &c->hooks->poststart},
        {"poststop", &c->hooks->poststop},
    };
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        for (size_t i = 0; i < kinds[k].list->n; i++) {
            const struct oci_hook *h = &kinds[k].list->v[i];
            if (h->path[0] != '/')
                return oci_invalid(e, oci_path("hooks.%s[%zu].path", kinds[k].name, i),
                                   "must be an absolute path, got %s", json_quote(h->path).text);
            if (h->timeout.set && h->timeout.v <= 0)
                return oci_invalid(e, oci_path("hooks.%s[%zu].timeout", kinds[k].name, i),
                                   "must be greater than 0, got %lld", (long long)h->timeout.v);
        }
    }
    return 0;
}

static int check_annotations(const struct oci_config *c, struct hull_error *e)
{
    for (size_t i = 0; i < c->annotations.n; i++)
        if (!*c->annotations.v[i].key)
            return oci_invalid(e, oci_path("annotations"), "a key must not be empty");
    return 0;
}

int oci_validate(const struct oci_config *c, struct log *log, struct hull_error *e)
{
    int err;
    if (!c->process)
        return error_at(e, "process", HULL_E_CONFIG, "process property must not be empty");
    if ((err = check_version(c, e)) < 0 ||
        (err = oci_validate_process(c->process, "process", e)) < 0 ||
        (err = check_root(c, e)) < 0 ||
        (err = oci_validate_mounts(c, log, e)) < 0 ||
        (err = oci_validate_namespaces(c, e)) < 0 ||
        (err = check_uts(c, e)) < 0 ||
        (err = oci_validate_linux(c, log, e)) < 0 ||
        (err = check_hooks(c, e)) < 0 ||
        (err = check_annotations(c, e)) < 0)
        return err;
    return 0;
}
