/*
 * clock: the two clocks, in microseconds, and one way to write a date.
 *
 * Owns nothing. Everything with a deadline counts in monotonic microseconds; wall time is only for
 * what leaves the process or came from outside.
 */
#include "clock.h"

#include <stdio.h>
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

char *clock_text(uint64_t wall_us, char *out)
{
    time_t seconds = (time_t)(wall_us / 1000000u);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t len = strftime(out, CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + len, CLOCK_TEXT_BYTES - len, ".%06uZ", (unsigned)(wall_us % 1000000u));
    return out;
}
