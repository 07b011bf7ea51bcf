#ifndef ORACLE_NUMBER_H
#define ORACLE_NUMBER_H

#include <stdbool.h>

/*
 * JSON numbers by their value, whatever their size: slow, simple, and written without looking at
 * bff-core/respond/decimal.c. Both take well-formed texts that end with a NUL.
 */

/* Below, at or above zero, as a is less than, equal to or greater than b. */
int number_compare(const char *a, const char *b);

/* No fraction is left, and a double can hold it: what validators call an integer. */
bool number_is_whole(const char *number);

#endif
