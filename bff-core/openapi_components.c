/*
 * openapi_components: what the paths of an OpenAPI document refer to.
 *
 * Owns the schemas and the security scheme. A shape becomes a schema that any
 * tool reads: words of ours (x-...) and the file's own name and place ($id, $schema, $comment) are
 * left out, since they say nothing to an app, and each of its $defs becomes a schema of its own,
 * since generators make types of those alone. Promises that a schema which is written here allows
 * exactly what the shape allows. Knows nothing of routes.
 */
#include "openapi_parts.h"

#include "base/must.h"
#include "respond/shape.h"

/* ---- schemas ---- */

/* A schema of a shape, and the component that the shape's definitions are named after. */
struct named_schema {
    const struct json *schema;
    const char *component;
};

static const char *definition_name(struct openapi *openapi, const char *component, struct str name)
{
    return openapi_schema_name(
        openapi, arena_printf(&openapi->arena, "%s.%.*s", component, STR_FMT(name)));
}

/* Words that are the server's own business. */
static bool is_ours(struct str word)
{
    static const char *const ours[] = { "$schema", "$id", "$comment", "$defs" };
    for (size_t i = 0; i < countof(ours); i++) {
        if (str_eq(word, str_of(ours[i]))) {
            return true;
        }
    }
    return str_starts(word, STR("x-"));
}

static void write_schema(struct openapi *openapi, const char *member, struct named_schema named);

/* "properties": names of members are no words, whatever they look like. */
static void write_properties(
    struct openapi *openapi, const struct json *properties, const char *component)
{
    json_writer_object(&openapi->writer, "properties");
    for (size_t i = 0; i < properties->count; i++) {
        const struct json *property = &properties->items[i];
        write_schema(openapi, property->name.at, (struct named_schema){ property, component });
    }
    json_writer_end(&openapi->writer);
}

static void write_word(struct openapi *openapi, const struct json *word, const char *component)
{
    struct json_writer *writer = &openapi->writer;
    if (str_eq(word->name, STR("properties"))) {
        write_properties(openapi, word, component);
    } else if (str_eq(word->name, STR("items"))) {
        write_schema(openapi, "items", (struct named_schema){ word, component });
    } else if (str_eq(word->name, STR("$ref"))) {
        struct str name = str_from(word->text, strlen("#/$defs/"));
        char *path = arena_printf(
            &openapi->arena, "#/components/schemas/%s", definition_name(openapi, component, name));
        json_writer_text(writer, "$ref", str_of(path));
    } else {
        json_writer_value(writer, word->name.at, word);
    }
}

static void write_schema(struct openapi *openapi, const char *member, struct named_schema named)
{
    json_writer_object(&openapi->writer, member);
    for (size_t i = 0; i < named.schema->count; i++) {
        if (!is_ours(named.schema->items[i].name)) {
            write_word(openapi, &named.schema->items[i], named.component);
        }
    }
    json_writer_end(&openapi->writer);
}

static void write_shape(struct openapi *openapi, size_t plan)
{
    const char *component = openapi_schema_name(openapi, openapi->core->client->plans[plan].shape);
    struct err err;
    const struct json *root = json_read(&openapi->arena, openapi->core->shapes[plan]->file, &err);
    must(root != NULL); /* it was proved a moment ago */
    write_schema(openapi, component, (struct named_schema){ root, component });
    const struct json *definitions = json_get(root, "$defs");
    for (size_t i = 0; definitions && i < definitions->count; i++) {
        const struct json *definition = &definitions->items[i];
        write_schema(openapi, definition_name(openapi, component, definition->name),
            (struct named_schema){ definition, component });
    }
}

/* An earlier plan has the same shape. */
static bool is_written(const struct bff_client *client, size_t plan)
{
    for (size_t i = 0; i < plan; i++) {
        const char *shape = client->plans[i].shape;
        if (shape && strcmp(shape, client->plans[plan].shape) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- the door ---- */

static void write_bearer(struct openapi *openapi)
{
    const struct settings *settings = openapi->core->settings;
    struct json_writer *writer = &openapi->writer;
    char *about = arena_printf(&openapi->arena,
        "A JWT that %s has issued for the audience \"%s\". The names behind \"bearer\" are the "
        "scopes that it needs.",
        settings->token.issuer, settings->token.audience);
    json_writer_object(writer, "securitySchemes");
    json_writer_object(writer, "bearer");
    json_writer_text(writer, "type", STR("http"));
    json_writer_text(writer, "scheme", STR("bearer"));
    json_writer_text(writer, "bearerFormat", STR("JWT"));
    json_writer_text(writer, "description", str_of(about));
    json_writer_end(writer);
    json_writer_end(writer);
}

void openapi_components(struct openapi *openapi)
{
    const struct bff_client *client = openapi->core->client;
    struct json_writer *writer = &openapi->writer;
    json_writer_object(writer, "components");
    json_writer_object(writer, "schemas");
    for (size_t plan = 0; plan < client->plans_count; plan++) {
        if (client->plans[plan].shape && !is_written(client, plan)) {
            write_shape(openapi, plan);
        }
    }
    openapi_problem_schema(openapi);
    json_writer_end(writer);
    openapi_problem_responses(openapi);
    openapi_fields(openapi);
    write_bearer(openapi);
    json_writer_end(writer);
}
