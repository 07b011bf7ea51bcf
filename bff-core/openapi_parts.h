#ifndef OPENAPI_PARTS_H
#define OPENAPI_PARTS_H

#include "core.h"
#include "wire/json_writer.h"

/* A document in the making. Only for openapi.c and openapi_components.c. */

struct openapi {
    const struct core *core;
    struct arena arena;
    struct json_writer writer;
};

/* "feed.v1", of the client's own shape "mobile/feed.v1". In the document's arena. */
const char *openapi_schema_name(struct openapi *openapi, const char *shape);

/* The member "schema" that refers to a schema of the document. */
void openapi_schema(struct openapi *openapi, const char *name);

/* Elements of "parameters": the header fields that any request may have, by reference. */
void openapi_request_fields(struct openapi *openapi);

/* The member "headers": the fields that an answer with this status has, by reference. */
void openapi_headers(struct openapi *openapi, unsigned status);

/* The member "components": what the paths refer to. */
void openapi_components(struct openapi *openapi);

#endif
