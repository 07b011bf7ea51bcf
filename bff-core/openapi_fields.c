/*
 * openapi_fields: the header fields of requests and answers, in an OpenAPI document.
 *
 * Owns the tables of them: what encode sends with which status, and what receive looks at. Those
 * that the settings do not send are not in the document. Knows no plan.
 */
#include "openapi_parts.h"

#include "base/must.h"

#include <stdlib.h>

/* ---- of answers ---- */

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

/* ---- of requests ---- */

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

/* ---- the door of both ---- */

void openapi_fields(struct openapi *openapi)
{
    struct json_writer *writer = &openapi->writer;
    write_request_fields(writer);
    json_writer_object(writer, "headers");
    for (size_t i = 0; i < countof(fields); i++) {
        if (is_sent(openapi, &fields[i])) {
            write_field(writer, &fields[i]);
        }
    }
    json_writer_end(writer);
}
