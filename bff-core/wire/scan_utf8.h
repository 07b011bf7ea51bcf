#ifndef WIRE_SCAN_UTF8_H
#define WIRE_SCAN_UTF8_H

/*
 * The quick way over text that is not ASCII, for processors that compare 32 bytes at once. It only
 * ever says "this is UTF-8"; what is wrong otherwise, and where, is for scan_token.c to find. Only
 * for scan_token.c.
 */

/*
 * The first quote, backslash or control at or behind `p`, where a character begins in a string; or
 * NULL: not all before it is UTF-8. Reads less than 32 bytes beyond it.
 */
typedef const char *scan_utf8_end(const char *p);

/* NULL: this processor has none. Set before main(); tests set it too. */
extern scan_utf8_end *scan_utf8;

/* The one of this processor, or NULL. */
scan_utf8_end *scan_utf8_best(void);

#endif
