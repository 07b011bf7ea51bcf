/*
 * log: what the server has to say about itself.
 *
 * Owns the level. Promises that a line is written with one write(2), so that lines of several
 * threads do not mix, and that no byte of a stranger can forge a line. Too long a sentence is cut.
 */
#include "log.h"

#include "clock.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };

static _Atomic int current = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&current, (int)level, memory_order_relaxed);
}

static void write_line(enum log_level level, const char *format, va_list args)
{
    static const char *const names[] = { "error", "warn ", "info ", "debug" };
    if ((int)level > atomic_load_explicit(&current, memory_order_relaxed)) {
        return;
    }
    char line[LINE_MAX_BYTES], when[CLOCK_TEXT_BYTES];
    int head =
        snprintf(line, sizeof(line), "%s %s ", clock_text(clock_wall_us(), when), names[level]);
    int body = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, format, args);
    size_t len = (size_t)head + (size_t)(body > 0 ? body : 0);
    len = len < sizeof(line) - 1 ? len : sizeof(line) - 2;
    for (size_t i = 0; i < len; i++) {
        line[i] = (unsigned char)line[i] < ' ' || line[i] == 0x7f ? '?' : line[i];
    }
    line[len++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, len);
    (void)written; /* nobody is left to tell */
}

#define LOG_FUNCTION(name, level)                                                                  \
    void name(const char *format, ...)                                                             \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, format);                                                                    \
        write_line(level, format, args);                                                           \
        va_end(args);                                                                              \
    }

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
