#ifndef OPENAPI_PARTS_H
#define OPENAPI_PARTS_H

#include "core.h"
#include "wire/json_writer.h"

/* A document in the making. Only for the files of openapi. */

struct openapi {
    const struct core *core;
    struct arena arena;
    struct json_writer writer;
};

/* ---- openapi_parts.c: names and references ---- */

/* "feed.v1", of the client's own shape "mobile/feed.v1". In the document's arena. */
const char *openapi_schema_name(struct openapi *openapi, const char *shape);

/* A member (NULL: an element) that refers to one of the components in a room of theirs. */
void openapi_reference(
    struct openapi *openapi, const char *member, const char *room, const char *to);

/* The member "schema" that refers to a schema of the document. */
void openapi_schema(struct openapi *openapi, const char *name);

/* ---- openapi_fields.c ---- */

/* The member "headers": the fields that an answer with this status has, by reference. */
void openapi_headers(struct openapi *openapi, unsigned status);

/* Elements of "parameters": the header fields that any request may have, by reference. */
void openapi_request_fields(struct openapi *openapi);

/* The members "parameters" and "headers" of the components: what those two refer to. */
void openapi_fields(struct openapi *openapi);

/* ---- openapi_problems.c ---- */

/* The members of "responses" that stand for a plan's problems, by reference. */
void openapi_problems(struct openapi *openapi, const struct bff_plan *plan);

/* The member "responses" of the components: what openapi_problems refers to. */
void openapi_problem_responses(struct openapi *openapi);

/* The member "Problem" of the schemas. */
void openapi_problem_schema(struct openapi *openapi);

/* ---- openapi_components.c ---- */

/* The member "components": what the paths refer to. */
void openapi_components(struct openapi *openapi);

#endif
