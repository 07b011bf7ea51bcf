#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Microseconds of CLOCK_MONOTONIC: for durations and deadlines. */
uint64_t clock_now_us(void);

/* Microseconds since 1970 (CLOCK_REALTIME): for tokens, logs and dates. */
uint64_t clock_wall_us(void);

enum { CLOCK_TEXT_BYTES = sizeof("2026-11-24T04:00:55.123456Z") };

/* "2026-11-24T04:00:55.123456Z" (RFC 3339) into `out`, which holds CLOCK_TEXT_BYTES; returns `out`.
 */
char *clock_text(uint64_t wall_us, char *out);

#endif
