/*
 * clock: the two clocks, in microseconds, and one way to write a date.
 *
 * Owns nothing. Everything with a deadline counts in monotonic microseconds; wall time is only for
 * what leaves the process or came from outside. Each thread keeps how the last second is
 * written.
 */
#include "clock.h"

#include <string.h>
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

enum { SECOND_LEN = sizeof("2026-11-24T04:00:55.") - 1 };

static void write_second(uint64_t second, char *out)
{
    time_t seconds = (time_t)second;
    struct tm utc;
    gmtime_r(&seconds, &utc);
    char *to = put_number(out, (unsigned)utc.tm_year + 1900, 4, '-');
    to = put_number(to, (unsigned)utc.tm_mon + 1, 2, '-');
    to = put_number(to, (unsigned)utc.tm_mday, 2, 'T');
    to = put_number(to, (unsigned)utc.tm_hour, 2, ':');
    to = put_number(to, (unsigned)utc.tm_min, 2, ':');
    put_number(to, (unsigned)utc.tm_sec, 2, '.');
}

char *clock_text(uint64_t wall_us, char *out)
{
    static _Thread_local struct {
        uint64_t second;
        char text[SECOND_LEN]; /* empty at first */
    } last;
    uint64_t second = wall_us / 1000000u;
    if (second != last.second || !last.text[0]) {
        write_second(second, last.text);
        last.second = second;
    }
    memcpy(out, last.text, SECOND_LEN);
    *put_number(out + SECOND_LEN, (unsigned)(wall_us % 1000000u), 6, 'Z') = '\0';
    return out;
}
