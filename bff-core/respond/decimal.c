/*
 * decimal: numbers of any size and precision, as text.
 *
 * Owns nothing and allocates nothing. A number is taken apart into its sign, its digits, and the
 * power of ten of its first digit that is not zero; two numbers with the same sign compare by that
 * power first, then digit by digit. Nearly all numbers are digits and nothing else: these are known
 * eight at a time. Exponents beyond 18 digits count as 10^18: far from anything that a bound can
 * say.
 */
#include "decimal.h"

#define EXPONENT_MAX INT64_C(1000000000000000000)

/* ---- numbers with a point or an exponent ---- */

static int64_t read_exponent(struct str text)
{
    bool is_negative = text.len && text.at[0] == '-';
    int64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] >= '0' && text.at[i] <= '9' && value < EXPONENT_MAX / 10) {
            value = value * 10 + (text.at[i] - '0');
        }
    }
    return is_negative ? -value : value;
}

static struct decimal read_any(struct str mantissa, int sign)
{
    size_t len = 0, whole, first, end;
    while (len < mantissa.len && (mantissa.at[len] | 0x20) != 'e') {
        len++;
    }
    int64_t exponent = len < mantissa.len ? read_exponent(str_from(mantissa, len + 1)) : 0;
    const char *point = memchr(mantissa.at, '.', len);
    whole = point ? (size_t)(point - mantissa.at) : len;
    for (first = 0; first < len && (mantissa.at[first] == '0' || first == whole); first++) {
    }
    for (end = len; end > first && (mantissa.at[end - 1] == '0' || end - 1 == whole); end--) {
    }
    if (first == end) {
        return (struct decimal){ .sign = 0, .is_integer = true };
    }
    int64_t last = exponent + (int64_t)whole - (int64_t)end + (end > whole + 1 ? 1 : 0);
    int64_t power = exponent + (int64_t)whole - (int64_t)first - (first < whole ? 1 : 0);
    return (struct decimal){ sign, last >= 0 && power < DECIMAL_INTEGER_DIGITS_MAX, false, power,
        { mantissa.at + first, end - first } };
}

/* ---- the door ---- */

struct decimal decimal_read(struct str number)
{
    bool is_negative = number.at[0] == '-';
    struct str digits = { number.at + is_negative, number.len - is_negative };
    int sign = is_negative ? -1 : 1;
    if (!decimal_is_plain(digits.at, digits.len)) {
        return read_any(digits, sign);
    }
    if (digits.at[0] == '0') { /* nothing stands behind it */
        return (struct decimal){ .sign = 0, .is_integer = true };
    }
    int64_t power = (int64_t)digits.len - 1;
    return (struct decimal){ sign, power < DECIMAL_INTEGER_DIGITS_MAX, true, power, digits };
}

static int digit_at(struct str digits, size_t *at)
{
    if (*at < digits.len && digits.at[*at] == '.') {
        ++*at;
    }
    return *at < digits.len ? digits.at[(*at)++] : '0';
}

int decimal_compare_digits(const struct decimal *a, const struct decimal *b)
{
    size_t i = 0, j = 0;
    if (a->is_plain && b->is_plain) {
        return a->sign * memcmp(a->digits.at, b->digits.at, a->digits.len);
    }
    while (i < a->digits.len || j < b->digits.len) {
        int x = digit_at(a->digits, &i), y = digit_at(b->digits, &j);
        if (x != y) {
            return a->sign * (x - y);
        }
    }
    return 0;
}
