/*
 * openapi: the plans as a document for those who ask them.
 *
 * Owns the paths of an OpenAPI 3.1 document: what each plan takes and how it answers. Everything is
 * taken from what the server runs by: plans, shapes, settings, problem.def. Promises that the
 * document says nothing that the server does not keep, and that the same plans, shapes and settings
 * give the same bytes: there is no date in it, and the order is that of the plans.
 *
 * A plan that lets anyone in still proves a token that is sent: its "security" offers both.
 */
#include "openapi.h"

#include "base/must.h"
#include "fanout/plan.h"
#include "openapi_parts.h"
#include "version.h"

#include <stdlib.h>

enum { DOCUMENT_MAX_BYTES = 16 * 1024 * 1024 };

/* ---- what a plan takes ---- */

static const char *path_of(const struct bff_plan *plan)
{
    return strchr(plan->route, ' ') + 1;
}

/* The next "{name}" of a path; false behind the last. */
static bool next_value(struct str *path, struct str *name)
{
    struct str before;
    return str_cut(*path, '{', &before, path) && str_cut(*path, '}', name, path);
}

static void open_parameter(
    struct json_writer *writer, struct str name, const char *in, bool is_required)
{
    json_writer_object(writer, NULL);
    json_writer_text(writer, "name", name);
    json_writer_text(writer, "in", str_of(in));
    json_writer_bool(writer, "required", is_required);
}

static void write_path_value(struct json_writer *writer, struct str name)
{
    open_parameter(writer, name, "path", true);
    json_writer_object(writer, "schema");
    json_writer_text(writer, "type", STR("string"));
    json_writer_number(writer, "minLength", 1);
    json_writer_end(writer);
    json_writer_end(writer);
}

/* What a query parameter of a type takes beside its bounds. */
static const struct {
    const char *schema_type;
    const char *pattern;
    const char *about;
    long max; /* where the plan names none */
} types[] = {
    [BFF_TEXT] = { "string", "^[^\\u0000-\\u001f\\u007f]+$",
        "UTF-8 without control characters; the lengths count its bytes.", 256 },
    [BFF_INTEGER] = { "integer", NULL, NULL, 0 },
    [BFF_WORD] = { "string", "^[A-Za-z0-9._~-]+$", NULL, 64 },
};

static void write_query_schema(struct json_writer *writer, const struct bff_query *query)
{
    bool is_number = query->type == BFF_INTEGER;
    long min = is_number || query->min ? query->min : 1;
    long max = is_number || query->max ? query->max : types[query->type].max;
    json_writer_object(writer, "schema");
    json_writer_text(writer, "type", str_of(types[query->type].schema_type));
    json_writer_number(writer, is_number ? "minimum" : "minLength", min);
    json_writer_number(writer, is_number ? "maximum" : "maxLength", max);
    if (types[query->type].pattern) {
        json_writer_text(writer, "pattern", str_of(types[query->type].pattern));
    }
    if (query->otherwise && is_number) {
        json_writer_number(writer, "default", strtol(query->otherwise, NULL, 10));
    } else if (query->otherwise) {
        json_writer_text(writer, "default", str_of(query->otherwise));
    }
    json_writer_end(writer);
}

static void write_query(struct openapi *openapi, const struct bff_query *query)
{
    struct json_writer *writer = &openapi->writer;
    const char *about = query->about ? query->about : "", *type = types[query->type].about;
    open_parameter(writer, str_of(query->name), "query", query->is_required);
    if (query->about || type) {
        json_writer_text(writer, "description",
            str_of(arena_printf(
                &openapi->arena, "%s%s%s", about, *about && type ? " " : "", type ? type : "")));
    }
    write_query_schema(writer, query);
    json_writer_end(writer);
}

static void write_parameters(struct openapi *openapi, const struct bff_plan *plan)
{
    struct str path = str_of(path_of(plan)), name;
    json_writer_list(&openapi->writer, "parameters");
    while (next_value(&path, &name)) {
        write_path_value(&openapi->writer, name);
    }
    for (size_t i = 0; i < BFF_QUERY_MAX && plan->query[i].name; i++) {
        write_query(openapi, &plan->query[i]);
    }
    openapi_request_fields(openapi);
    json_writer_end(&openapi->writer);
}

/* ---- what comes back ---- */

/* Of any type: a schema would say something of it. */
static void write_any_content(struct json_writer *writer)
{
    json_writer_object(writer, "content");
    json_writer_object(writer, "*/*");
    json_writer_end(writer);
    json_writer_end(writer);
}

/* Whatever the service answers; what stands beside it, of other statuses, may come from us. */
static void write_passed_answer(struct openapi *openapi)
{
    struct json_writer *writer = &openapi->writer;
    json_writer_object(writer, "default");
    json_writer_text(
        writer, "description", STR("The service's own answer, of any status, passed through."));
    write_any_content(writer);
    json_writer_end(writer);
}

static void write_passed_body(struct openapi *openapi, const struct bff_plan *plan)
{
    struct json_writer *writer = &openapi->writer;
    size_t own_max = plan->calls[0].body_max_bytes;
    unsigned long long max = own_max ? own_max : openapi->core->settings->limits.body_bytes;
    json_writer_object(writer, "requestBody");
    json_writer_text(writer, "description",
        str_of(arena_printf(
            &openapi->arena, "Passed to the service as it is, at most %llu bytes.", max)));
    write_any_content(writer);
    json_writer_end(writer);
}

static void write_answer(struct openapi *openapi, const struct bff_plan *plan)
{
    struct json_writer *writer = &openapi->writer;
    if (plan_passes(plan)) {
        write_passed_answer(openapi);
        return;
    }
    json_writer_object(writer, "200");
    json_writer_text(writer, "description",
        STR("The answer. A section that is not required may be missing: BFF-Sections says why."));
    openapi_headers(openapi, 200);
    json_writer_object(writer, "content");
    json_writer_object(writer, "application/json");
    openapi_schema(openapi, openapi_schema_name(openapi, plan->shape));
    json_writer_end(writer);
    json_writer_end(writer);
    json_writer_end(writer);
}

static void write_responses(struct openapi *openapi, const struct bff_plan *plan)
{
    json_writer_object(&openapi->writer, "responses");
    write_answer(openapi, plan);
    openapi_problems(openapi, plan);
    json_writer_end(&openapi->writer);
}

/* ---- operations ---- */

static void write_security(struct openapi *openapi, const struct bff_plan *plan)
{
    struct json_writer *writer = &openapi->writer;
    json_writer_list(writer, "security");
    if (plan->allow == BFF_ALLOW_ANYONE) {
        json_writer_object(writer, NULL);
        json_writer_end(writer);
    }
    json_writer_object(writer, NULL);
    json_writer_list(writer, "bearer");
    if (plan->scope) {
        json_writer_text(writer, NULL, str_of(plan->scope));
    }
    json_writer_end(writer);
    json_writer_end(writer);
    json_writer_end(writer);
}

/* "profile, posts" */
static const char *sections(struct openapi *openapi, const struct plan *plan, bool is_required)
{
    const char *list = "";
    for (size_t i = 0; i < plan->calls_count; i++) {
        const struct plan_call *call = &plan->calls[i];
        if (!call->asks->is_detached && call->is_required == is_required) {
            list = arena_printf(&openapi->arena, "%s%s%s", list, *list ? ", " : "", call->asks->as);
        }
    }
    return list;
}

static void describe_plan(struct openapi *openapi, const struct plan *plan)
{
    unsigned own_ms = plan->declared->budget_ms;
    bool passes = plan_passes(plan->declared);
    const char *needed = passes ? "" : sections(openapi, plan, true);
    const char *others = passes ? "" : sections(openapi, plan, false);
    char *text = arena_printf(&openapi->arena, "Answered within %u ms.%s%s%s%s%s%s",
        own_ms ? own_ms : openapi->core->settings->limits.budget_ms,
        *needed ? " There is no answer without the sections: " : "", needed, *needed ? "." : "",
        *others ? " These may be missing: " : "", others, *others ? "." : "");
    json_writer_text(&openapi->writer, "description", str_of(text));
}

static const char *lower_case(struct openapi *openapi, struct str method)
{
    char *lower = arena_cstr(&openapi->arena, method);
    for (char *at = lower; *at; at++) {
        *at = (char)(*at | 0x20);
    }
    return lower;
}

static void write_operation(
    struct openapi *openapi, const struct plan *plan, const char *method, const char *id)
{
    struct json_writer *writer = &openapi->writer;
    const struct bff_plan *declared = plan->declared;
    const char *summary = declared->about ? declared->about : declared->name;
    json_writer_object(writer, method);
    json_writer_text(writer, "operationId", str_of(id));
    json_writer_text(writer, "summary", str_of(summary));
    describe_plan(openapi, plan);
    write_security(openapi, declared);
    write_parameters(openapi, declared);
    if (plan_passes(declared) && strcmp(method, "get") != 0 && strcmp(method, "delete") != 0) {
        write_passed_body(openapi, declared);
    }
    write_responses(openapi, declared);
    json_writer_end(writer);
}

/* One of each verb where the route takes them all. HEAD follows from GET. */
static void write_operations(struct openapi *openapi, const struct plan *plan)
{
    static const char *const verbs[] = { "get", "post", "put", "patch", "delete" };
    const char *name = plan->declared->name;
    struct str method, path;
    str_cut(str_of(plan->declared->route), ' ', &method, &path);
    if (!str_eq(method, STR("*"))) {
        write_operation(openapi, plan, lower_case(openapi, method), name);
        return;
    }
    for (size_t i = 0; i < countof(verbs); i++) {
        char *id = arena_printf(&openapi->arena, "%s-%s", name, verbs[i]);
        write_operation(openapi, plan, verbs[i], id);
    }
}

/* Plans of one path with several methods stand together, where the first of them is. */
static void write_paths(struct openapi *openapi)
{
    const struct bff_client *client = openapi->core->client;
    json_writer_object(&openapi->writer, "paths");
    for (size_t i = 0; i < client->plans_count; i++) {
        const char *path = path_of(&client->plans[i]);
        size_t first = 0;
        while (strcmp(path_of(&client->plans[first]), path) != 0) {
            first++;
        }
        if (first < i) {
            continue;
        }
        json_writer_object(&openapi->writer, path);
        for (size_t j = i; j < client->plans_count; j++) {
            if (strcmp(path_of(&client->plans[j]), path) == 0) {
                write_operations(openapi, &openapi->core->plans[j]);
            }
        }
        json_writer_end(&openapi->writer);
    }
    json_writer_end(&openapi->writer);
}

/* ---- the document ---- */

static void write_info(struct openapi *openapi)
{
    const struct bff_client *client = openapi->core->client;
    struct json_writer *writer = &openapi->writer;
    json_writer_object(writer, "info");
    json_writer_text(
        writer, "title", str_of(arena_printf(&openapi->arena, "bff-%s", client->name)));
    if (client->about) {
        json_writer_text(writer, "description", str_of(client->about));
    }
    json_writer_text(writer, "version", STR(VERSION));
    json_writer_end(writer);
}

/* Where clients reach the server, as far as the settings know. */
static const char *server_url(struct openapi *openapi)
{
    const struct settings *settings = openapi->core->settings;
    const char *address = settings->listen.address;
    static const char *const of_this_machine[] = { "0.0.0.0", "::", "127.0.0.1", "::1" };
    if (settings->listen.public_url) {
        struct str url = str_of(settings->listen.public_url);
        url.len -= url.at[url.len - 1] == '/';
        return arena_cstr(&openapi->arena, url);
    }
    for (size_t i = 0; i < countof(of_this_machine); i++) {
        address = strcmp(address, of_this_machine[i]) == 0 ? "localhost" : address;
    }
    bool is_bracketed = strchr(address, ':') != NULL;
    return arena_printf(&openapi->arena, "%s://%s%s%s:%u",
        settings->listen.certificate ? "https" : "http", is_bracketed ? "[" : "", address,
        is_bracketed ? "]" : "", settings->listen.port);
}

static void write_servers(struct openapi *openapi)
{
    struct json_writer *writer = &openapi->writer;
    json_writer_list(writer, "servers");
    json_writer_object(writer, NULL);
    json_writer_text(writer, "url", str_of(server_url(openapi)));
    json_writer_end(writer);
    json_writer_end(writer);
}

int openapi_print(const struct core *core, FILE *out)
{
    struct openapi openapi = { .core = core };
    struct buf text;
    buf_init(&text, DOCUMENT_MAX_BYTES);
    arena_init(&openapi.arena, NULL);
    json_writer_init(&openapi.writer, &text);
    json_writer_object(&openapi.writer, NULL);
    json_writer_text(&openapi.writer, "openapi", STR("3.1.0"));
    write_info(&openapi);
    write_servers(&openapi);
    write_paths(&openapi);
    openapi_components(&openapi);
    json_writer_end(&openapi.writer);
    bool is_written =
        !text.is_overfull && fwrite(text.data, 1, text.len, out) == text.len && fflush(out) == 0;
    arena_release(&openapi.arena);
    buf_release(&text);
    return is_written ? EXIT_SUCCESS : EXIT_FAILURE;
}
