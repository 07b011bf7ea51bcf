/*
 * str: slices of bytes that somebody else owns.
 *
 * Owns nothing and allocates nothing. Knows ASCII only; what the bytes mean (UTF-8, JSON, URL) is
 * known where they are read.
 */
#include "str.h"

#include "block.h"

static unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

bool str_eq_letters(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (a[i] != b[i] && lower((unsigned char)a[i]) != lower((unsigned char)b[i])) {
            return false;
        }
    }
    return true;
}

static inline struct block is_control(struct block b)
{
    return (struct block){ ((b.bytes < ' ') & (b.bytes != '\t')) | (b.bytes == 0x7f) };
}

bool str_has_control(struct str s)
{
    return block_find(s, is_control);
}

bool str_cut(struct str s, char by, struct str *head, struct str *tail)
{
    const char *found = s.len ? memchr(s.at, by, s.len) : NULL;
    size_t before = found ? (size_t)(found - s.at) : s.len;
    *head = (struct str){ s.at, before };
    *tail = str_from(s, found ? before + 1 : s.len);
    return found != NULL;
}

struct str str_trim(struct str s)
{
    while (s.len && (s.at[0] == ' ' || s.at[0] == '\t')) {
        s = str_from(s, 1);
    }
    while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

char *str_put_u64(char *to, uint64_t value)
{
    size_t len = 1;
    for (uint64_t bound = 10; len < STR_U64_BYTES && value >= bound; bound *= 10) {
        len++;
    }
    for (char *at = to + len; at > to; value /= 10) {
        *--at = (char)('0' + value % 10);
    }
    return to + len;
}

bool str_u64(struct str s, uint64_t *out)
{
    uint64_t value = 0;
    if (s.len == 0) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.at[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    *out = value;
    return true;
}

enum { NEAREST_MAX = 64 };

/* Levenshtein's distance with one row; both sides at most NEAREST_MAX bytes. */
static size_t distance(struct str a, struct str b)
{
    size_t row[NEAREST_MAX + 1];
    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = diagonal + (a.at[i - 1] != b.at[j - 1]);
            size_t add = row[j - 1] + 1;
            size_t drop = row[j] + 1;
            diagonal = row[j];
            row[j] = change < add ? change : add;
            row[j] = row[j] < drop ? row[j] : drop;
        }
    }
    return row[b.len];
}

const char *str_nearest(struct str s, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t best_distance = s.len / 3 + 2; /* about one slip in three letters, and one more */
    if (s.len > NEAREST_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        struct str candidate = str_of(candidates[i]);
        size_t d = candidate.len <= NEAREST_MAX ? distance(s, candidate) : SIZE_MAX;
        if (d < best_distance) {
            best_distance = d;
            best = candidates[i];
        }
    }
    return best;
}
