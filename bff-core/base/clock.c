/*
 * clock: the two clocks, in microseconds, and one way to write a date.
 *
 * Owns nothing. Everything with a deadline counts in monotonic microseconds; wall time is only for
 * what leaves the process or came from outside.
 */
#include "clock.h"

#include <time.h>

static uint64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t clock_now_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

uint64_t clock_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

/* `width` digits, with zeros in front, and what stands behind them. */
static char *put_number(char *to, unsigned value, unsigned width, char behind)
{
    for (unsigned i = width; i > 0; i--) {
        to[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    to[width] = behind;
    return to + width + 1;
}

char *clock_text(uint64_t wall_us, char *out)
{
    time_t seconds = (time_t)(wall_us / 1000000u);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    char *to = put_number(out, (unsigned)utc.tm_year + 1900, 4, '-');
    to = put_number(to, (unsigned)utc.tm_mon + 1, 2, '-');
    to = put_number(to, (unsigned)utc.tm_mday, 2, 'T');
    to = put_number(to, (unsigned)utc.tm_hour, 2, ':');
    to = put_number(to, (unsigned)utc.tm_min, 2, ':');
    to = put_number(to, (unsigned)utc.tm_sec, 2, '.');
    to = put_number(to, (unsigned)(wall_us % 1000000u), 6, 'Z');
    *to = '\0';
    return out;
}
