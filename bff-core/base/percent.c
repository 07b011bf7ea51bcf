/*
 * percent: bytes in and out of URLs.
 *
 * Owns nothing. Encodes all but the unreserved characters, so that a value can never end its place
 * in a path or a query; decodes strictly.
 */
#include "percent.h"

#include "block.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool has_work(struct str s, enum percent_plus plus)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '%' || (s.at[i] == '+' && plus == PERCENT_PLUS_IS_SPACE)) {
            return true;
        }
    }
    return false;
}

bool percent_decode(struct arena *arena, struct str s, enum percent_plus plus, struct str *out)
{
    *out = s;
    if (!has_work(s, plus)) {
        return true;
    }
    char *to = arena_alloc(arena, s.len);
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        if (c == '+' && plus == PERCENT_PLUS_IS_SPACE) {
            c = ' ';
        } else if (c == '%') {
            int high = s.len - i > 2 ? hex_digit(s.at[i + 1]) : -1;
            int low = s.len - i > 2 ? hex_digit(s.at[i + 2]) : -1;
            if (high < 0 || low < 0 || high + low == 0) {
                return false;
            }
            c = (char)(high << 4 | low);
            i += 2;
        }
        to[len++] = c;
    }
    *out = (struct str){ to, len };
    return true;
}

/* RFC 3986 section 2.3. */
static const bool is_unreserved[256] = {
    ['a' ... 'z'] = true,
    ['A' ... 'Z'] = true,
    ['0' ... '9'] = true,
    ['-'] = true,
    ['.'] = true,
    ['_'] = true,
    ['~'] = true,
};

/* What is_unreserved says no to, and the rare marks beside it. */
static inline struct block may_be_reserved(struct block b)
{
    struct block letter = { (b.bytes | 0x20) - 'a' }, digit = { b.bytes - '0' };
    return (struct block){ (letter.bytes > 'z' - 'a') & (digit.bytes > 9) & (b.bytes != '-') &
                           (b.bytes != '_') };
}

bool percent_encode(struct buf *buf, struct str s)
{
    static const char digits[] = "0123456789ABCDEF";
    if (!block_find(s, may_be_reserved)) {
        return buf_append_str(buf, s);
    }
    char *to = buf_reserve(buf, s.len * 3);
    if (!to) {
        return false;
    }
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (is_unreserved[c]) {
            to[len++] = (char)c;
        } else {
            to[len++] = '%';
            to[len++] = digits[c >> 4];
            to[len++] = digits[c & 15];
        }
    }
    buf_grew(buf, len);
    return true;
}
