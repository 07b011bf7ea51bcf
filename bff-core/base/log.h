#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* What is quieter than `level` is written, the rest is not. May be called again at any time. */
void log_set_level(enum log_level level);

/*
 * The server's own events (start, stop, key sets, services that fall ill), for a person: one
 * sentence, one line on stderr, "2026-11-24T04:00:55.123456Z warn  sentence". Control bytes are
 * written as '?'. Any thread. Requests are not logged here but in the access log.
 */
__attribute__((format(printf, 1, 2))) void log_error(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_warn(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_info(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_debug(const char *format, ...);

#endif
