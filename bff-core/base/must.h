#ifndef BASE_MUST_H
#define BASE_MUST_H

/*
 * must(cond): our own bugs, always on. Prints file, line, condition and what the thread was
 * working on, then aborts. Never for input, settings or anything a stranger can cause.
 */
#define must(cond) ((cond) ? (void)0 : must_fail(#cond, __FILE__, __LINE__))

/* What this thread works on, for the message (a request id); NULL when nothing. Borrowed. */
void must_context(const char *what);

_Noreturn void must_fail(const char *cond, const char *file, int line);

#define countof(array) (sizeof(array) / sizeof((array)[0]))

/* The struct of which `member` is a part, given a pointer to that member. */
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif
