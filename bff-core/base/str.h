#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A borrowed slice of bytes; not terminated. { NULL, 0 } is "missing", { "", 0 } is "empty". */
struct str {
    const char *at;
    size_t len;
};

#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })
/* For printf's "%.*s"; a missing slice prints nothing. */
#define STR_FMT(s) (int)(s).len, ((s).at ? (s).at : "")

static inline struct str str_of(const char *text)
{
    return (struct str){ text, text ? strlen(text) : 0 };
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && memcmp(s.at, prefix.at, prefix.len) == 0;
}

/* From `from` to the end; `from` beyond the end gives an empty slice. */
static inline struct str str_from(struct str s, size_t from)
{
    size_t skip = from < s.len ? from : s.len;
    return (struct str){ s.at + skip, s.len - skip };
}

bool str_eq_letters(const char *a, const char *b, size_t len); /* of str_eq_nocase alone */

/* ASCII letters compare without case (header names, schemes, coding names). */
static inline bool str_eq_nocase(struct str a, struct str b)
{
    return a.len == b.len && str_eq_letters(a.at, b.at, a.len);
}

/* Whether a control byte other than the tab is in it: those end lines, or forge them. */
bool str_has_control(struct str s);

/* Splits at the first `by`: what stands before goes to *head, true when `by` was there; else all of
 * it, false. */
bool str_cut(struct str s, char by, struct str *head, struct str *tail);

/* Without spaces and tabs at both ends (RFC 9110 section 5.6.3, OWS). */
struct str str_trim(struct str s);

/* A whole decimal number without sign; false when empty, anything else is in it, or beyond 64 bits.
 */
bool str_u64(struct str s, uint64_t *out);

/* Writers of texts whose room is known: each returns the place behind what it wrote. */
enum { STR_U64_BYTES = 20 };

static inline char *str_put(char *to, struct str s)
{
    return s.len ? (char *)memcpy(to, s.at, s.len) + s.len : to;
}

/* At most STR_U64_BYTES. */
char *str_put_u64(char *to, uint64_t value);

/* The candidate a typing mistake away from `s`, or NULL: for "did you mean". */
const char *str_nearest(struct str s, const char *const *candidates, size_t count);

#endif
