/*
 * number: decimal numbers, compared with pencil and paper.
 *
 * Owns nothing that outlives a call. A number is written out as digits without a point, together
 * with the power of ten of its last digit, and without zeros at either end; the point that all
 * digits stand behind is then the number of digits and that power. Exponents with more than fifteen
 * digits count as that many nines.
 */
#include "number.h"

#include "base/must.h"

#include <stdlib.h>
#include <string.h>

enum { EXPONENT_DIGITS_MAX = 15, DOUBLE_POWER_MAX = 308 };

struct number {
    bool is_negative;
    char *digits; /* "" is zero */
    size_t count;
    long long power; /* of ten, of the last digit */
};

static long long exponent_of(const char *text)
{
    bool is_negative = *text == '-';
    text += *text == '-' || *text == '+';
    text += strspn(text, "0");
    size_t count = strspn(text, "0123456789");
    long long value = count > EXPONENT_DIGITS_MAX ? 999999999999999 : strtoll(text, NULL, 10);
    return is_negative ? -value : value;
}

static struct number number_read(const char *text)
{
    struct number n = { .is_negative = *text == '-', .digits = calloc(strlen(text) + 1, 1) };
    bool is_behind_point = false;
    must(n.digits != NULL);
    for (text += n.is_negative; *text && *text != 'e' && *text != 'E'; text++) {
        if (*text == '.') {
            is_behind_point = true;
            continue;
        }
        n.power -= is_behind_point;
        if (*text != '0' || n.count > 0) {
            n.digits[n.count++] = *text;
        }
    }
    n.power += *text ? exponent_of(text + 1) : 0;
    while (n.count > 0 && n.digits[n.count - 1] == '0') {
        n.digits[--n.count] = '\0';
        n.power++;
    }
    return n;
}

static int sign_of(const struct number *n)
{
    return n->count == 0 ? 0 : n->is_negative ? -1 : 1;
}

static int sizes_compare(const struct number *a, const struct number *b)
{
    long long a_point = (long long)a->count + a->power, b_point = (long long)b->count + b->power;
    if (a_point != b_point) {
        return a_point < b_point ? -1 : 1;
    }
    return strcmp(a->digits, b->digits); /* the longer one of two that begin alike is larger */
}

int number_compare(const char *a, const char *b)
{
    struct number x = number_read(a), y = number_read(b);
    int order = sign_of(&x) - sign_of(&y);
    if (order == 0 && sign_of(&x) != 0) {
        order = sign_of(&x) * sizes_compare(&x, &y);
    }
    free(x.digits);
    free(y.digits);
    return order;
}

bool number_is_whole(const char *number)
{
    struct number n = number_read(number);
    bool is_whole =
        n.count == 0 || (n.power >= 0 && (long long)n.count + n.power <= DOUBLE_POWER_MAX);
    free(n.digits);
    return is_whole;
}
