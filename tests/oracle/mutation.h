#ifndef ORACLE_MUTATION_H
#define ORACLE_MUTATION_H

#include <stddef.h>
#include <stdint.h>

/*
 * Changes JSON into other JSON, for fuzz targets whose input would hardly ever be well-formed if
 * bytes were changed at random: a value or a member is replaced by another of the same text or by
 * one of a list of delicate ones, doubled, or left out. `data` has `size` bytes and room for `max`;
 * returns the new size. Texts that hold no value stay as they are. NULs are no part of a value.
 */
size_t mutation_json(uint8_t *data, size_t size, size_t max, unsigned seed);

#endif
