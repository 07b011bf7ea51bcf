/*
 * openapi_parts: how one place of an OpenAPI document refers to another.
 *
 * Owns the names: a component is called alike where it is written and where it is referred to.
 * Does not know which components there are.
 */
#include "openapi_parts.h"

#include <ctype.h>

const char *openapi_schema_name(struct openapi *openapi, const char *shape)
{
    char *own = arena_printf(&openapi->arena, "%s/", openapi->core->client->name);
    char *name = arena_cstr(&openapi->arena,
        str_from(str_of(shape), str_starts(str_of(shape), str_of(own)) ? strlen(own) : 0));
    for (char *at = name; *at; at++) {
        /* All that the name of a component may have. */
        *at = isalnum((unsigned char)*at) || *at == '-' || *at == '_' ? *at : '.';
    }
    return name;
}

void openapi_reference(
    struct openapi *openapi, const char *member, const char *room, const char *to)
{
    struct json_writer *writer = &openapi->writer;
    char *path = arena_printf(&openapi->arena, "#/components/%s/%s", room, to);
    json_writer_object(writer, member);
    json_writer_text(writer, "$ref", str_of(path));
    json_writer_end(writer);
}

void openapi_schema(struct openapi *openapi, const char *name)
{
    openapi_reference(openapi, "schema", "schemas", name);
}
