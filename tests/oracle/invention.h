#ifndef ORACLE_INVENTION_H
#define ORACLE_INVENTION_H

#include "base/buf.h"

/*
 * Shapes and bodies that nobody has thought of, for fuzz targets: changes at random hardly ever
 * leave a shape without a mistake. The same seed invents the same text.
 */

/* A shape of the calls "a" and "b", mostly without a mistake. False: it does not fit into the buf.
 */
bool invention_schema(struct buf *out, uint64_t seed);

/* A body with the names that these shapes ask for, each of them there or not, with any value. */
bool invention_body(struct buf *out, uint64_t seed);

#endif
