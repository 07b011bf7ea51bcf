/*
 * decimal: numbers of any size and precision, as text.
 *
 * Owns nothing and allocates nothing. A number is taken apart into its sign, its digits without
 * zeros at either end, and the power of ten of its first digit; two numbers with the same sign
 * compare by that power first, then digit by digit. Exponents beyond 18 digits count as 10^18: far
 * from anything that a bound can say.
 */
#include "decimal.h"

#define EXPONENT_MAX INT64_C(1000000000000000000)

struct decimal {
    bool is_negative;
    struct str
        digits;    /* from the first to the last that is not zero; may hold the point; empty: 0 */
    int64_t power; /* of ten, of the first digit */
    int64_t last;  /* of ten, of the last digit */
};

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

static struct decimal take_apart(struct str number)
{
    struct decimal d = { .is_negative = number.len && number.at[0] == '-' };
    struct str mantissa = str_from(number, d.is_negative);
    size_t len = 0, whole, first, end;
    while (len < mantissa.len && (mantissa.at[len] | 0x20) != 'e') {
        len++;
    }
    int64_t exponent = len < mantissa.len ? read_exponent(str_from(mantissa, len + 1)) : 0;
    mantissa.len = len;
    const char *point = len ? memchr(mantissa.at, '.', len) : NULL;
    whole = point ? (size_t)(point - mantissa.at) : len;
    for (first = 0; first < len && (mantissa.at[first] == '0' || first == whole); first++) {
    }
    for (end = len; end > first && (mantissa.at[end - 1] == '0' || end - 1 == whole); end--) {
    }
    d.digits = (struct str){ mantissa.at + first, end - first };
    d.power = exponent + (int64_t)whole - (int64_t)first - (first < whole ? 1 : 0);
    d.last = exponent + (int64_t)whole - (int64_t)end + (end > whole + 1 ? 1 : 0);
    return d;
}

static int digit_at(struct str digits, size_t *at)
{
    if (*at < digits.len && digits.at[*at] == '.') {
        ++*at;
    }
    return *at < digits.len ? digits.at[(*at)++] : '0';
}

static int compare_sizes(const struct decimal *a, const struct decimal *b)
{
    size_t i = 0, j = 0;
    if (a->power != b->power) {
        return a->power < b->power ? -1 : 1;
    }
    while (i < a->digits.len || j < b->digits.len) {
        int x = digit_at(a->digits, &i), y = digit_at(b->digits, &j);
        if (x != y) {
            return x - y;
        }
    }
    return 0;
}

/* Digits and perhaps a sign before them, as nearly all numbers are. */
static bool is_plain(struct str number)
{
    for (size_t i = number.at[0] == '-'; i < number.len; i++) {
        if (number.at[i] < '0' || number.at[i] > '9') {
            return false;
        }
    }
    return true;
}

/* Two plain numbers: JSON allows no leading zeros, so the longer one of two digits is larger. */
static int compare_plain(struct str a, struct str b)
{
    bool is_negative = a.at[0] == '-';
    if (is_negative != (b.at[0] == '-')) {
        bool are_zero = a.at[a.len - 1] == '0' && b.at[b.len - 1] == '0' && a.len + b.len == 3;
        return are_zero ? 0 : is_negative ? -1 : 1;
    }
    int size = a.len != b.len ? (a.len < b.len ? -1 : 1) : memcmp(a.at, b.at, a.len);
    return is_negative ? -size : size;
}

int decimal_compare(struct str a, struct str b)
{
    if (is_plain(a) && is_plain(b)) {
        return compare_plain(a, b);
    }
    struct decimal x = take_apart(a), y = take_apart(b);
    int x_sign = x.digits.len == 0 ? 0 : x.is_negative ? -1 : 1;
    int y_sign = y.digits.len == 0 ? 0 : y.is_negative ? -1 : 1;
    if (x_sign != y_sign || x_sign == 0) {
        return x_sign - y_sign;
    }
    return x_sign * compare_sizes(&x, &y);
}

bool decimal_is_integer(struct str number)
{
    if (is_plain(number)) {
        return true;
    }
    struct decimal d = take_apart(number);
    return d.digits.len == 0 || d.last >= 0;
}
