/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: D-Bus pads a value by its type, and an array's first element is padded even
 * if there is none, so the type must be known before the first byte is written. Hence two walks over
 * the text: one finds the type, one writes the value and checks it against that type.
 *
 * A peer closes the connection upon a malformed message; so strings must be UTF-8, and paths and
 * signatures well formed, before they are sent.
 */
#include "dbus/variant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "dbus/type.h"

#define DEPTH_MAX 16
#define STRING_MAX 4096

struct text {
    const char        *all, *p;
    int                depth;
    struct hull_error *e;
};

struct signature { char *v; size_t n; };

static int expected(const struct text *t, const char *what)
{
    return error_set(t->e, HULL_E_CONFIG, "%s expected at offset %zu", what,
                     (size_t)(t->p - t->all));
}

static void skip_blanks(struct text *t)
{
    t->p += strspn(t->p, " \t\n\r");
}

static bool take_char(struct text *t, char c)
{
    skip_blanks(t);
    if (*t->p != c)
        return false;
    t->p++;
    return true;
}

/* ------------------------------------------------------------------------------------------ types */

static int append(const struct text *t, struct signature *s, const char *type, size_t n)
{
    if (s->n + n >= VARIANT_SIGNATURE_SIZE)
        return error_set(t->e, HULL_E_CONFIG, "the type is too long");
    memcpy(s->v + s->n, type, n);
    s->n += n;
    s->v[s->n] = '\0';
    return 0;
}

/* "@as " or "uint16 ": the type that is named; length 0 when none is. */
static int named_type(struct text *t, const char **ret, size_t *ret_n)
{
    static const struct { const char *word, *type; } words[] = {
        {"boolean", "b"}, {"byte", "y"},   {"int16", "n"},  {"uint16", "q"},      {"int32", "i"},
        {"uint32", "u"},  {"int64", "x"},  {"uint64", "t"}, {"double", "d"},      {"string", "s"},
        {"objectpath", "o"}, {"signature", "g"},
    };
    *ret_n = 0;
    skip_blanks(t);
    if (*t->p == '@') {
        const size_t n = type_length(t->p + 1);
        if (n == 0)
            return expected(t, "a type");
        *ret = t->p + 1;
        *ret_n = n;
        t->p += 1 + n;
        return 0;
    }
    const size_t n = strspn(t->p, "abcdefghijklmnopqrstuvwxyz0123456789");
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (strlen(words[i].word) == n && memcmp(words[i].word, t->p, n) == 0) {
            *ret = words[i].type;
            *ret_n = 1;
            t->p += n;
            return 0;
        }
    return 0;
}

/* ---------------------------------------------------------------------------------------- strings */

/* What follows a backslash. */
static int escape(struct text *t, char *out, size_t *n)
{
    static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
    const char c = *t->p;
    const char *at = c ? strchr(from, c) : NULL;
    if (c == 'u' || c == 'U') {
        const size_t digits = c == 'u' ? 4 : 8;
        char hex[9] = "";
        if (strspn(t->p + 1, "0123456789abcdefABCDEF") < digits)
            return expected(t, "a hexadecimal number");
        memcpy(hex, t->p + 1, digits);
        const unsigned long v = strtoul(hex, NULL, 16);
        if (v == 0 || v > 0x10ffff)
            return expected(t, "a character");
        *n += type_put_utf8(out + *n, (uint32_t)v);
        t->p += 1 + digits;
        return 0;
    }
    if (!c)
        return expected(t, "a character");
    out[(*n)++] = at ? to[at - from] : c;
    t->p++;
    return 0;
}

static int read_string(struct text *t, char out[STRING_MAX])
{
    skip_blanks(t);
    const char quote = *t->p;
    size_t n = 0;
    if (quote != '\'' && quote != '"')
        return expected(t, "a string in quotes");
    for (t->p++; *t->p != quote;) {
        if (!*t->p)
            return expected(t, "the end of the string");
        if (n + 5 > STRING_MAX)
            return error_set(t->e, HULL_E_CONFIG, "a string is longer than %d bytes", STRING_MAX);
        if (*t->p != '\\') {
            out[n++] = *t->p++;
            continue;
        }
        t->p++;
        int r = escape(t, out, &n);
        if (r < 0)
            return r;
    }
    t->p++;
    out[n] = '\0';
    return type_is_utf8(out) ? 0 : error_set(t->e, HULL_E_CONFIG, "a string is not valid UTF-8");
}

/* ---------------------------------------------------------------------------------- first walk */

static int infer(struct text *t, struct signature *s);
static int write_value(struct text *t, const char *type, struct wire_out *o);

/* The elements up to the closing bracket; between: what stands between a pair of them, or '\0'. */
static int infer_list(struct text *t, char close, bool all, struct signature *s)
{
    char scratch[VARIANT_SIGNATURE_SIZE];
    struct signature rest = {scratch, 0};
    size_t n = 0;
    for (; !take_char(t, close); n++) {
        if (n > 0 && !take_char(t, ','))
            return expected(t, "a comma or closing bracket");
        if (n > 0 && take_char(t, close))
            break;
        rest.n = 0;
        int r = infer(t, all || n == 0 ? s : &rest);
        if (r < 0)
            return r;
    }
    return n > 0 ? 0 : expected(t, "an element, or the type of the empty list (@as [])");
}

static int infer_dictionary(struct text *t, struct signature *s)
{
    char scratch[VARIANT_SIGNATURE_SIZE];
    struct signature rest = {scratch, 0};
    int r = append(t, s, "a{", 2);
    for (size_t n = 0; r == 0; n++) {
        struct signature *to = n == 0 ? s : &rest;
        rest.n = 0;
        if (n > 0 && take_char(t, '}'))
            break;
        if (n > 0 && !take_char(t, ','))
            return expected(t, "a comma or closing bracket");
        const size_t key = s->n;
        r = infer(t, to);
        if (r == 0 && n == 0 && strchr("av({", s->v[key]))
            return expected(t, "a key of a basic type");
        if (r == 0 && !take_char(t, ':'))
            return expected(t, "a colon");
        if (r == 0)
            r = infer(t, to);
    }
    return r < 0 ? r : append(t, s, "}", 1);
}

static int infer_bracket(struct text *t, struct signature *s)
{
    int r;
    switch (*t->p++) {
    case '[':
        r = append(t, s, "a", 1);
        return r < 0 ? r : infer_list(t, ']', false, s);
    case '(':
        r = append(t, s, "(", 1);
        if (r == 0)
            r = infer_list(t, ')', true, s);
        return r < 0 ? r : append(t, s, ")", 1);
    case '{':
        return infer_dictionary(t, s);
    default: {
        char scratch[VARIANT_SIGNATURE_SIZE];
        struct signature inner = {scratch, 0};
        r = infer(t, &inner);
        if (r == 0 && !take_char(t, '>'))
            return expected(t, "\">\"");
        return r < 0 ? r : append(t, s, "v", 1);
    }
    }
}

static int infer_plain(struct text *t, struct signature *s)
{
    if (*t->p == '\'' || *t->p == '"') {
        char scratch[STRING_MAX];
        int r = read_string(t, scratch);
        return r < 0 ? r : append(t, s, "s", 1);
    }
    const size_t n = strcspn(t->p, " \t\n\r,:)]}>");
    if ((n == 4 && memcmp(t->p, "true", n) == 0) || (n == 5 && memcmp(t->p, "false", n) == 0)) {
        t->p += n;
        return append(t, s, "b", 1);
    }
    if (n == 0 || !strchr("+-.0123456789", *t->p))
        return expected(t, "a value");
    bool hex = strncmp(t->p, "0x", 2) == 0, real = false;
    for (size_t i = 0; i < n; i++)
        real |= t->p[i] == '.' || (!hex && (t->p[i] == 'e' || t->p[i] == 'E'));
    t->p += n;
    return append(t, s, real ? "d" : "i", 1);
}

static int infer(struct text *t, struct signature *s)
{
    const char *type;
    size_t n;
    int r = named_type(t, &type, &n);
    if (r < 0)
        return r;
    if (t->depth == DEPTH_MAX)
        return error_set(t->e, HULL_E_CONFIG, "nested too deeply");
    t->depth++;
    if (n > 0) {
        char whole[VARIANT_SIGNATURE_SIZE];
        struct signature named = {whole, 0};
        struct wire_out none = {.failed = true};   /* only the walk counts */
        r = append(t, &named, type, n);
        if (r == 0)
            r = write_value(t, whole, &none);
        if (r == 0)
            r = append(t, s, whole, n);
    } else {
        skip_blanks(t);
        r = *t->p && strchr("[({<", *t->p) ? infer_bracket(t, s) : infer_plain(t, s);
    }
    t->depth--;
    return r;
}

/* --------------------------------------------------------------------------------- second walk */

static int write_number(struct text *t, char type, struct wire_out *o)
{
    char word[64], *end;
    const size_t n = strcspn(t->p, " \t\n\r,:)]}>");
    if (n == 0 || n >= sizeof(word))
        return expected(t, "a number");
    memcpy(word, t->p, n);
    word[n] = '\0';
    errno = 0;
    if (type == 'd') {
        const double v = strtod(word, &end);
        uint64_t bits;
        if (*end || errno)
            return expected(t, "a number");
        memcpy(&bits, &v, sizeof(bits));
        wire_u64(o, bits);
        t->p += n;
        return 0;
    }
    static const struct { char type; int64_t min; uint64_t max; } range[] = {
        {'y', 0, UINT8_MAX},          {'n', INT16_MIN, INT16_MAX}, {'q', 0, UINT16_MAX},
        {'i', INT32_MIN, INT32_MAX},  {'u', 0, UINT32_MAX},        {'x', INT64_MIN, INT64_MAX},
        {'t', 0, UINT64_MAX},
    };
    const bool negative = word[0] == '-';
    const uint64_t v = strtoull(word + (negative || word[0] == '+'), &end, 0);
    size_t i = 0;
    while (range[i].type != type)
        i++;
    const uint64_t lowest = 0 - (uint64_t)range[i].min;
    if (*end || end == word || end[-1] < '0')
        return expected(t, "a number");
    if (errno || (negative ? v > lowest : v > range[i].max))
        return error_set(t->e, HULL_E_CONFIG, "%s is out of range for type '%c' (a larger type can "
                         "be named: uint64 5)", word, type);
    t->p += n;
    const uint64_t bits = negative ? 0 - v : v;
    switch (wire_align(type)) {
    case 1:
        wire_u8(o, (uint8_t)bits);
        break;
    case 2:
        wire_u16(o, (uint16_t)bits);
        break;
    case 4:
        wire_u32(o, (uint32_t)bits);
        break;
    default:
        wire_u64(o, bits);
    }
    return 0;
}

static int write_text(struct text *t, char type, struct wire_out *o)
{
    char s[STRING_MAX];
    int r = read_string(t, s);
    if (r < 0)
        return r;
    if (type == 'o' && !type_is_object_path(s))
        return error_set(t->e, HULL_E_CONFIG, "\"%s\" is no object path", s);
    if (type == 'g' && !type_is_signature(s))
        return error_set(t->e, HULL_E_CONFIG, "\"%s\" is no signature", s);
    if (type == 'g')
        wire_signature(o, s);
    else
        wire_string(o, s);
    return 0;
}

static int write_bool(struct text *t, struct wire_out *o)
{
    const bool yes = strncmp(t->p, "true", 4) == 0;
    if (!yes && strncmp(t->p, "false", 5) != 0)
        return expected(t, "true or false");
    t->p += yes ? 4 : 5;
    wire_u32(o, yes);
    return 0;
}

/* The members of a struct or dictionary entry; types: what is between its brackets. */
static int write_members(struct text *t, const char *types, char between, char close,
                         struct wire_out *o)
{
    bool first = true;
    wire_pad(o, 8);
    for (size_t n; *types && *types != close; types += n, first = false) {
        n = type_length(types);
        if (!first && !take_char(t, between))
            return expected(t, between == ':' ? "a colon" : "a comma");
        int r = write_value(t, types, o);
        if (r < 0)
            return r;
    }
    return 0;
}

static int write_array(struct text *t, const char *element, struct wire_out *o)
{
    const bool entries = *element == '{';
    const char close = entries ? '}' : ']';
    if (!take_char(t, entries ? '{' : '['))
        return expected(t, entries ? "\"{\"" : "\"[\"");
    struct wire_array list = wire_array_begin(o, wire_align(*element));
    for (size_t n = 0; !take_char(t, close); n++) {
        if (n > 0 && !take_char(t, ','))
            return expected(t, "a comma or closing bracket");
        if (n > 0 && take_char(t, close))
            break;
        int r = entries ? write_members(t, element + 1, ':', '}', o) : write_value(t, element, o);
        if (r < 0)
            return r;
    }
    wire_array_end(o, list);
    return 0;
}

static int write_inner_variant(struct text *t, struct wire_out *o)
{
    char inner[VARIANT_SIGNATURE_SIZE] = "";
    struct signature s = {inner, 0};
    if (!take_char(t, '<'))
        return expected(t, "\"<\"");
    const char *at = t->p;
    int r = infer(t, &s);
    if (r < 0)
        return r;
    t->p = at;
    wire_signature(o, inner);
    r = write_value(t, inner, o);
    return r < 0 || take_char(t, '>') ? r : expected(t, "\">\"");
}

/* Writes the value at t->p as the first complete type of `type`. */
static int write_value(struct text *t, const char *type, struct wire_out *o)
{
    const char *named;
    size_t n;
    int r = named_type(t, &named, &n);
    if (r < 0)
        return r;
    if (n > 0 && (n != type_length(type) || memcmp(named, type, n) != 0))
        return expected(t, "a value of the same type as before");
    if (t->depth == DEPTH_MAX)
        return error_set(t->e, HULL_E_CONFIG, "nested too deeply");
    t->depth++;
    skip_blanks(t);
    switch (*type) {
    case 's': case 'o': case 'g':
        r = write_text(t, *type, o);
        break;
    case 'b':
        r = write_bool(t, o);
        break;
    case 'v':
        r = write_inner_variant(t, o);
        break;
    case 'a':
        r = write_array(t, type + 1, o);
        break;
    case '(':
        if (!take_char(t, '('))
            r = expected(t, "\"(\"");
        else
            r = write_members(t, type + 1, ',', ')', o);
        if (r == 0) {
            (void)take_char(t, ',');
            r = take_char(t, ')') ? 0 : expected(t, "\")\"");
        }
        break;
    default:
        r = write_number(t, *type, o);
    }
    t->depth--;
    return r;
}

/* ----------------------------------------------------------------------------------------- public */

int variant_signature(const char *text, char ret[VARIANT_SIGNATURE_SIZE], struct hull_error *e)
{
    struct text t = {.all = text, .p = text, .e = e};
    char found[VARIANT_SIGNATURE_SIZE] = "";
    struct signature s = {found, 0};
    int r = infer(&t, &s);
    if (r < 0)
        return r;
    skip_blanks(&t);
    if (*t.p)
        return expected(&t, "the end");
    memcpy(ret, found, sizeof(found));
    return 0;
}

int variant_write(const char *text, const char *signature, struct wire_out *o,
                  struct hull_error *e)
{
    struct text t = {.all = text, .p = text, .e = e};
    int r = write_value(&t, signature, o);
    if (r < 0)
        return r;
    skip_blanks(&t);
    if (*t.p)
        return expected(&t, "the end");
    return o->failed ? error_oom(e) : 0;
}

int variant_scaled(struct arena *a, const char *text, const char *signature, uint64_t scale,
                   uint64_t *ret, struct hull_error *e)
{
    struct wire_out o = {.arena = a};
    if (!*signature || signature[1] || !strchr("ynqiuxtd", *signature))
        return error_set(e, HULL_E_CONFIG, "not a number");
    int r = variant_write(text, signature, &o, e);
    if (r < 0)
        return r;
    double d = 0;
    uint64_t v = 0;
    const size_t size = wire_align(*signature);
    struct wire_in in = {.v = o.v, .len = o.len};
    if (size == 8)
        v = wire_read_u64(&in);
    else if (size == 4)
        v = wire_read_u32(&in);
    else
        memcpy(&v, o.v, size);
    if (*signature == 'd')
        memcpy(&d, &v, sizeof(d));
    const bool negative = strchr("nix", *signature) && v >> (8 * size - 1) != 0;
    if (negative || (*signature == 'd' ? !(d >= 0 && d * (double)scale < 1.8e19)
                                       : v > UINT64_MAX / scale))
        return error_set(e, HULL_E_CONFIG, "%s is out of range", text);
    *ret = *signature == 'd' ? (uint64_t)(d * (double)scale) : v * scale;
    return 0;
}
