#ifndef ORACLE_REFERENCE_H
#define ORACLE_REFERENCE_H

#include "base/arena.h"

#include <json-c/json.h>

/*
 * A second projector, over trees of json-c: what ours is held against in tests/fuzz and measured
 * against in tests/bench. It reads the same schemas (schemas/README.md says what their words mean)
 * and shares no line with bff-core/respond. It is made to be fast, as a server that stands on
 * json-c would be: paths are taken apart once, values are shared and not copied, joins are hashed.
 */
struct reference;

/*
 * The shape of a schema that our own compiler has accepted; `calls` are the plan's, in order. All
 * memory is the arena's, the trees that it keeps are freed with it.
 */
const struct reference *reference_compile(
    struct arena *arena, const char *path, const char *const *calls, size_t count);

/* What a call's service said; without `is_there` the call has no answer. */
struct reference_answer {
    bool is_there;
    struct json_object *body; /* NULL is JSON's null */
};

/*
 * The answer as a tree, which the caller puts back; NULL: there is none. x-max-bytes is not kept:
 * lists that may be trimmed are whole.
 */
struct json_object *reference_project(
    const struct reference *reference, const struct reference_answer *answers);

#endif
