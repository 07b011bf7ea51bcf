/*
 * The one place where text becomes a number.
 *
 * It promises never to accept what a service would have to guess at: signs, spaces, overflow and
 * trailing text are all refused, and a refused text leaves `value` alone.
 */
#include "number.h"

#include <string.h>

bool number_parse_n(const char *text, size_t len, uint64_t max, uint64_t *value)
{
    uint64_t sum = 0;
    if (len == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        const uint64_t digit = (uint64_t)(text[i] - '0');
        if (sum > (max - digit) / 10 || digit > max)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

bool number_parse(const char *text, uint64_t max, uint64_t *value)
{
    return number_parse_n(text, strlen(text), max, value);
}
