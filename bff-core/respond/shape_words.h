#ifndef RESPOND_SHAPE_WORDS_H
#define RESPOND_SHAPE_WORDS_H

#include "../base/err.h"
#include "../wire/json.h"

/* What a shape may say, and what a service's schema says of a path. Only for shape.c. */

/* Adds a fault for each member of a schema object that is not known, or known and not enforced
 * here. */
void shape_words_check(const struct json *schema, const char *file, struct faults *faults);

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
