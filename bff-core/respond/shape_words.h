#ifndef RESPOND_SHAPE_WORDS_H
#define RESPOND_SHAPE_WORDS_H

#include "../base/err.h"
#include "../wire/json.h"

/* What a shape may say, and what a service's schema says of a path. Only for shape.c. */

/* Where a word may stand. */
enum shape_where { SHAPE_IN_VALUE = 1, SHAPE_IN_OBJECT = 2, SHAPE_IN_LIST = 4, SHAPE_IN_ROOT = 8 };

/*
 * Adds a fault for each member of a schema object that is no word of ours, or has no meaning at
 * this place (a set of enum shape_where): whatever it says, nobody would keep it.
 */
void shape_words_check(
    const struct json *schema, unsigned where, const char *file, struct faults *faults);

/*
 * Adds a fault for each word that stands in a schema and again behind its $ref: JSON Schema asks
 * for both, and only one would be kept. What is said to people may be said twice.
 */
void shape_words_check_twice(
    const struct json *schema, const struct json *target, const char *file, struct faults *faults);

/* What a service's schema knows of a path. */
struct shape_promise {
    const struct json *schema; /* of the value; NULL: the service's schema does not say */
    struct str unknown;  /* the first part of the path that cannot be there; { NULL, 0 }: none */
    const char *nearest; /* a name that could have been meant; NULL: none */
};

/* `path` is inside the answer: "items[*].author.id". */
struct shape_promise shape_words_promise(const struct json *service, struct str path);

/* Kinds (bit k: scan kind k) that a schema's "type" allows; 0: it does not say, or not well. */
unsigned shape_words_kinds(const struct json *type, bool *is_integer);

/* The schema that a "$ref" of `schema` leads to, inside `root`; NULL: there is none. */
const struct json *shape_words_target(const struct json *root, const struct json *schema);

#endif
