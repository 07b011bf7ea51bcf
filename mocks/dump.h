/* The answers for the demo user, written to files. */
#ifndef MOCKS_DUMP_H
#define MOCKS_DUMP_H

#include <stdbool.h>
#include <stddef.h>

#include "people.h"

/* Writes profile.json, posts.json, recs.json, unread.json, ads.json and stats.json into `dir`,
 * which is made when it is missing. False with a finished sentence in `why`. */
bool dump_write(const struct people *people, const char *dir, char *why, size_t why_size);

#endif
