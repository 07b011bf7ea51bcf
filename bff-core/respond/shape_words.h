#ifndef RESPOND_SHAPE_WORDS_H
#define RESPOND_SHAPE_WORDS_H

#include "shape_compiler.h"

/* What a shape may say, and what a service's schema says of a path. Only for shape.c and its parts.
 */

/* What a schema, or else what its $ref leads to, says under a name; NULL: nothing. */
const struct json *shape_word(struct view view, const char *name);

/*
 * Adds a fault for each word of a schema, and of what its $ref leads to, that is none of ours, that
 * means nothing for values of these kinds (bit k: scan kind k; 0: nobody knows) or beside another
 * word, or that says what JSON Schema does not take: whatever it says, nobody would keep it. And
 * one for each that stands on both sides of the $ref: JSON Schema asks for both, and only one would
 * be kept; what is said to people may be said twice.
 */
void shape_words_check(struct shape_compiler *c, struct view view, unsigned kinds);

/* The first element of a list that is there a second time; NULL: none. */
const struct json *shape_words_repeated(const struct json *list);

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
