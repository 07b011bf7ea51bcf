/*
 * openapi_components: what the paths of an OpenAPI document refer to.
 *
 * Owns the schemas, the header fields and the security scheme. A shape becomes a schema that any
 * tool reads: words of ours (x-...) and the file's own name and place ($id, $schema, $comment) are
 * left out, since they say nothing to an app, and each of its $defs becomes a schema of its own,
 * since generators make types of those alone. Promises that a schema which is written here allows
 * exactly what the shape allows. Knows nothing of routes.
 */
#include "openapi_parts.h"

#include "base/must.h"
#include "respond/shape.h"

#include <ctype.h>
#include <stdlib.h>

/* ---- header fields ---- */

/* What encode sends; statuses[0] 0: with every answer. */
static const struct field {
    const char *name;
    const char *about;
    const char *constant; /* the value, where there is one only */
    const char *example;
    bool is_number;
    bool is_optional;
    bool is_for_development; /* only where the settings say so */
    unsigned statuses[8];
} fields[] = {
    { .name = "X-Request-Id",
        .about = "Names this request in the server's logs: the client's own X-Request-Id where it "
                 "is a harmless one.",
        .example = "5f0c2d3e9a7b4c1d8e6f0a1b2c3d4e5f" },
    { .name = "Cache-Control",
        .about = "Answers belong to one user; nobody stores them.",
        .constant = "no-store" },
    { .name = "Vary",
        .about = "The content coding is the client's choice.",
        .constant = "Accept-Encoding" },
    { .name = "X-Content-Type-Options",
        .about = "The content is what Content-Type says.",
        .constant = "nosniff" },
    { .name = "Content-Encoding",
        .about = "There where the client takes gzip and it makes the answer smaller.",
        .constant = "gzip",
        .is_optional = true },
    { .name = "BFF-Sections",
        .about =
            "How each section of the answer came to be, as an RFC 9651 list: \"s\" is ok, "
            "cached, stale, otherwise, skipped, timeout, failed or cancelled, \"d\" the "
            "milliseconds that it took, \"tries\" how often the service was asked, \"age\" the "
            "seconds since the answer was fresh. There with every 200, and with problems that "
            "were met while services were asked.",
        .example = "profile;s=ok;d=12, ads;s=timeout;d=120",
        .is_optional = true,
        .statuses = { 200, 500, 502, 503, 504 } },
    { .name = "RateLimit-Policy",
        .about = "How much the user, or the address, may ask: \"q\" requests in \"w\" seconds.",
        .example = "\"user\";q=60;w=3",
        .is_optional = true,
        .statuses = { 200, 401, 403, 429, 500, 502, 503, 504 } },
    { .name = "RateLimit",
        .about = "What is left of it: \"r\" requests, and \"t\" seconds until it is whole again.",
        .example = "\"user\";r=59;t=1",
        .is_optional = true,
        .statuses = { 200, 401, 403, 429, 500, 502, 503, 504 } },
    { .name = "Retry-After",
        .about = "Ask again after so many seconds.",
        .example = "1",
        .is_number = true,
        .statuses = { 429, 503 } },
    { .name = "WWW-Authenticate",
        .about = "What is wrong with the token (RFC 6750).",
        .example = "Bearer realm=\"bff\", error=\"invalid_token\"",
        .statuses = { 401, 403 } },
    { .name = "Allow",
        .about = "The methods that this path takes.",
        .example = "GET, HEAD",
        .statuses = { 405 } },
    { .name = "Server-Timing",
        .about = "How long each service took, in milliseconds.",
        .example = "profile;start=0.21;dur=3.10;desc=\"ok\", total;dur=5.20",
        .is_for_development = true },
};

static bool is_sent(const struct openapi *openapi, const struct field *field)
{
    return !field->is_for_development || openapi->core->settings->server_timing;
}

static bool is_sent_with(const struct field *field, unsigned status)
{
    if (field->statuses[0] == 0) {
        return true;
    }
    for (size_t i = 0; i < countof(field->statuses); i++) {
        if (field->statuses[i] == status) {
            return true;
        }
    }
    return false;
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

void openapi_headers(struct openapi *openapi, unsigned status)
{
    json_writer_object(&openapi->writer, "headers");
    for (size_t i = 0; i < countof(fields); i++) {
        if (is_sent(openapi, &fields[i]) && is_sent_with(&fields[i], status)) {
            openapi_reference(openapi, fields[i].name, "headers", fields[i].name);
        }
    }
    json_writer_end(&openapi->writer);
}

static void write_field(struct json_writer *writer, const struct field *field)
{
    json_writer_object(writer, field->name);
    json_writer_text(writer, "description", str_of(field->about));
    if (!field->is_optional) {
        json_writer_bool(writer, "required", true);
    }
    json_writer_object(writer, "schema");
    json_writer_text(writer, "type", field->is_number ? STR("integer") : STR("string"));
    if (field->constant) {
        json_writer_text(writer, "const", str_of(field->constant));
    }
    json_writer_end(writer);
    if (field->is_number) {
        json_writer_number(writer, "example", strtol(field->example, NULL, 10));
    } else if (field->example) {
        json_writer_text(writer, "example", str_of(field->example));
    }
    json_writer_end(writer);
}

/* ---- what every request may have ---- */

static const struct {
    const char *name, *about, *type;
    bool is_positive;
} request_fields[] = {
    { "BFF-Budget",
        "How many milliseconds the answer may take; the plan's own time is the most there is.",
        "integer", true },
    { "X-Request-Id",
        "A name for this request in the server's logs: at most 128 letters, digits and marks.",
        "string", false },
};

void openapi_request_fields(struct openapi *openapi)
{
    for (size_t i = 0; i < countof(request_fields); i++) {
        openapi_reference(openapi, NULL, "parameters", request_fields[i].name);
    }
}

static void write_request_fields(struct json_writer *writer)
{
    json_writer_object(writer, "parameters");
    for (size_t i = 0; i < countof(request_fields); i++) {
        json_writer_object(writer, request_fields[i].name);
        json_writer_text(writer, "name", str_of(request_fields[i].name));
        json_writer_text(writer, "in", STR("header"));
        json_writer_text(writer, "description", str_of(request_fields[i].about));
        json_writer_object(writer, "schema");
        json_writer_text(writer, "type", str_of(request_fields[i].type));
        if (request_fields[i].is_positive) {
            json_writer_number(writer, "minimum", 1);
        }
        json_writer_end(writer);
        json_writer_end(writer);
    }
    json_writer_end(writer);
}

/* ---- schemas ---- */

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

void openapi_schema(struct openapi *openapi, const char *name)
{
    openapi_reference(openapi, "schema", "schemas", name);
}

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
    write_request_fields(writer);
    json_writer_object(writer, "headers");
    for (size_t i = 0; i < countof(fields); i++) {
        if (is_sent(openapi, &fields[i])) {
            write_field(writer, &fields[i]);
        }
    }
    json_writer_end(writer);
    write_bearer(openapi);
    json_writer_end(writer);
}
