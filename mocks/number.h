/* Numbers in text, read strictly. */
#ifndef MOCKS_NUMBER_H
#define MOCKS_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True when all of `text` is decimal digits and the value is at most `max`. Takes no sign, no space
 * and no empty text. */
bool number_parse(const char *text, uint64_t max, uint64_t *value);

/* The same for the first `len` bytes. */
bool number_parse_n(const char *text, size_t len, uint64_t max, uint64_t *value);

#endif
