/* Numbers as text: their order, and whether they are whole. */
#include "base/must.h"
#include "respond/decimal.h"

#include "../../oracle/number.h"

#include <criterion/criterion.h>

TestSuite(decimal, .timeout = 20);

/* Each number is smaller than the next row's, and equal to those in its own row. */
static const char *const ascending[][4] = {
    { "-1e999999999999999999999999" },
    { "-1e400", "-10e399" },
    { "-123456789012345678901234567890" },
    { "-1.5", "-15e-1", "-0.15E1" },
    { "-0.001", "-1e-3" },
    { "0", "-0", "0.000", "0e5" },
    { "1e-400" },
    { "0.09999999999999999999999999" },
    { "0.1", "0.10", "1e-1", "10e-2" },
    { "0.1000000000000000000000001" },
    { "1", "1.0", "1e0", "100e-2" },
    { "9.99" },
    { "10", "1e1", "1.0e+1", "0.1e2" },
    { "9007199254740992" },
    { "9007199254740993" },
    { "9223372036854775807" },
    { "9223372036854775808" },
    { "1e400" },
    { "1e999999999999999999999999" },
};

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

Test(decimal, numbers_are_ordered_whatever_their_size)
{
    for (size_t i = 0; i < countof(ascending); i++) {
        for (size_t j = 0; j < countof(ascending); j++) {
            for (size_t k = 0; k < 16; k++) {
                const char *a = ascending[i][k / 4], *b = ascending[j][k % 4];
                if (a && b) {
                    int expected = (i > j) - (i < j);
                    struct decimal x = decimal_read(str_of(a)), y = decimal_read(str_of(b));
                    cr_expect_eq(sign(decimal_compare(&x, &y)), expected, "%s, %s", a, b);
                    cr_expect_eq(sign(number_compare(a, b)), expected, "%s, %s", a, b);
                }
            }
        }
    }
}

Test(decimal, whole_numbers_are_known_however_they_are_written)
{
    static const char *const whole[] = { "0", "-0", "1", "-12", "1.0", "1.50e1", "1e2", "10e-1",
        "0.0", "9223372036854775808", "99e306", "0e999", "-1.25e2" };
    /* What a double cannot hold is none: a reader would see infinity. */
    static const char *const others[] = { "0.5", "1.01", "-1.5", "1e-1", "15e-1", "1.55e1", "1e400",
        "-1e308", "10e307", "0.1e309", "1e99999999999999999999", "1e-400", "12345678.5",
        "1234567812345678.5" };
    for (size_t i = 0; i < countof(whole); i++) {
        cr_expect(decimal_read(str_of(whole[i])).is_integer, "%s", whole[i]);
        cr_expect(number_is_whole(whole[i]), "%s", whole[i]);
    }
    for (size_t i = 0; i < countof(others); i++) {
        cr_expect_not(decimal_read(str_of(others[i])).is_integer, "%s", others[i]);
        cr_expect_not(number_is_whole(others[i]), "%s", others[i]);
    }
}
