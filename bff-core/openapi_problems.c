/*
 * openapi_problems: what may come instead of an answer, in an OpenAPI document.
 *
 * Owns the knowledge of which problems a plan can meet: all of problem.def, but for those that the
 * table of conditions denies it. So a problem that is new in problem.def is documented before
 * anybody thinks of it. The problems that share a status are one response, which plans that can
 * meet the same ones share: it is named after them.
 */
#include "openapi_parts.h"

#include "base/must.h"
#include "problem.h"

/* ---- who can meet what ---- */

static bool never(const struct bff_plan *plan)
{
    (void)plan;
    return false;
}

static bool has_query(const struct bff_plan *plan)
{
    return plan->query[0].name != NULL;
}

static bool has_scope(const struct bff_plan *plan)
{
    return plan->scope != NULL;
}

static bool has_path_value(const struct bff_plan *plan)
{
    return strchr(plan->route, '{') != NULL;
}

/* The other methods have none: a request with one is not well-formed. */
static bool may_have_body(const struct bff_plan *plan)
{
    return strncmp(plan->route, "GET ", 4) != 0 && strncmp(plan->route, "DELETE ", 7) != 0;
}

/* The problems that not every plan can meet; all others can come in the place of any answer. */
static const struct {
    enum problem problem;
    bool (*happens)(const struct bff_plan *plan);
} conditions[] = {
    { PROBLEM_BAD_QUERY, has_query }, { PROBLEM_SCOPE_MISSING, has_scope },
    { PROBLEM_NOT_FOUND, has_path_value }, /* one that is empty, or cannot be decoded */
    { PROBLEM_BODY_TOO_LARGE, may_have_body },
    { PROBLEM_UNSUPPORTED_MEDIA_TYPE, never }, /* no plan reads a body */
};

static bool happens(const struct bff_plan *plan, enum problem problem)
{
    for (size_t i = 0; i < countof(conditions); i++) {
        if (conditions[i].problem == problem) {
            return conditions[i].happens(plan);
        }
    }
    return true;
}

/* The smallest status above `after` that the plan's problems have; 0: there is none. */
static unsigned next_status(const struct bff_plan *plan, unsigned after)
{
    unsigned next = 0;
    for (unsigned i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++) {
        unsigned status = problem_row((enum problem)i)->status;
        if (status > after && (!next || status < next) && happens(plan, (enum problem)i)) {
            next = status;
        }
    }
    return next;
}

/* "token-missing.token-expired": the plan's problems with this status. */
static const char *response_name(
    struct openapi *openapi, const struct bff_plan *plan, unsigned status)
{
    const char *name = "";
    for (unsigned i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++) {
        const struct problem_row *row = problem_row((enum problem)i);
        if (row->status == status && happens(plan, (enum problem)i)) {
            name = arena_printf(&openapi->arena, "%s%s%s", name, *name ? "." : "", row->slug);
        }
    }
    return name;
}

/* ---- one response ---- */

/* Of the problems with this status: one sentence each. */
static void describe_problems(struct openapi *openapi, const struct bff_plan *plan, unsigned status)
{
    struct buf text;
    buf_init(&text, 4096);
    for (unsigned i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++) {
        const struct problem_row *row = problem_row((enum problem)i);
        if (row->status == status && happens(plan, (enum problem)i)) {
            buf_printf(&text, "%s%s: %s.", text.len ? " " : "", row->slug, row->title);
        }
    }
    json_writer_text(&openapi->writer, "description", buf_str(&text));
    buf_release(&text);
}

static void write_example(struct openapi *openapi, const struct problem_row *row)
{
    struct json_writer *writer = &openapi->writer;
    char *type = arena_printf(&openapi->arena, PROBLEM_TYPE "%s", row->slug);
    json_writer_object(writer, row->slug);
    json_writer_object(writer, "value");
    json_writer_text(writer, "type", str_of(type));
    json_writer_text(writer, "title", str_of(row->title));
    json_writer_number(writer, "status", row->status);
    json_writer_text(writer, "request_id", STR("5f0c2d3e9a7b4c1d8e6f0a1b2c3d4e5f"));
    json_writer_end(writer);
    json_writer_end(writer);
}

static void write_problem_content(
    struct openapi *openapi, const struct bff_plan *plan, unsigned status)
{
    struct json_writer *writer = &openapi->writer;
    json_writer_object(writer, "content");
    json_writer_object(writer, "application/problem+json");
    openapi_schema(openapi, "Problem");
    json_writer_object(writer, "examples");
    for (unsigned i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++) {
        const struct problem_row *row = problem_row((enum problem)i);
        if (row->status == status && happens(plan, (enum problem)i)) {
            write_example(openapi, row);
        }
    }
    json_writer_end(writer);
    json_writer_end(writer);
    json_writer_end(writer);
}

static void write_response(struct openapi *openapi, const struct bff_plan *plan, unsigned status)
{
    json_writer_object(&openapi->writer, response_name(openapi, plan, status));
    describe_problems(openapi, plan, status);
    openapi_headers(openapi, status);
    write_problem_content(openapi, plan, status);
    json_writer_end(&openapi->writer);
}

/* ---- the doors ---- */

void openapi_problems(struct openapi *openapi, const struct bff_plan *plan)
{
    for (unsigned status = next_status(plan, 200); status; status = next_status(plan, status)) {
        openapi_reference(openapi, arena_printf(&openapi->arena, "%u", status), "responses",
            response_name(openapi, plan, status));
    }
}

/* An earlier plan meets the same problems with this status. */
static bool is_written(struct openapi *openapi, size_t plan, unsigned status)
{
    const struct bff_plan *plans = openapi->core->client->plans;
    for (size_t i = 0; i < plan; i++) {
        if (strcmp(response_name(openapi, &plans[i], status),
                response_name(openapi, &plans[plan], status)) == 0) {
            return true;
        }
    }
    return false;
}

void openapi_problem_responses(struct openapi *openapi)
{
    const struct bff_client *client = openapi->core->client;
    json_writer_object(&openapi->writer, "responses");
    for (size_t i = 0; i < client->plans_count; i++) {
        const struct bff_plan *plan = &client->plans[i];
        for (unsigned status = next_status(plan, 200); status; status = next_status(plan, status)) {
            if (!is_written(openapi, i, status)) {
                write_response(openapi, plan, status);
            }
        }
    }
    json_writer_end(&openapi->writer);
}

/* ---- problems (RFC 9457) ---- */

static const struct {
    const char *name, *type, *about;
    bool is_required;
} members[] = {
    { "type", "string",
        "Which problem it is, as a URN. New ones may come: what is not known is as bad as its "
        "status.",
        true },
    { "title", "string", "The same in words, for people.", true },
    { "status", "integer", "The status of the answer.", true },
    { "detail", "string", "What was wrong with this request, for people.", false },
    { "instance", "string", "The path that was asked.", false },
    { "request_id", "string", "The X-Request-Id of this answer.", true },
};

void openapi_problem_schema(struct openapi *openapi)
{
    struct json_writer *writer = &openapi->writer;
    json_writer_object(writer, "Problem");
    json_writer_text(writer, "description", STR("Why there is no answer (RFC 9457)."));
    json_writer_text(writer, "type", STR("object"));
    json_writer_list(writer, "required");
    for (size_t i = 0; i < countof(members); i++) {
        if (members[i].is_required) {
            json_writer_text(writer, NULL, str_of(members[i].name));
        }
    }
    json_writer_end(writer);
    json_writer_object(writer, "properties");
    for (size_t i = 0; i < countof(members); i++) {
        json_writer_object(writer, members[i].name);
        json_writer_text(writer, "description", str_of(members[i].about));
        json_writer_text(writer, "type", str_of(members[i].type));
        json_writer_end(writer);
    }
    json_writer_end(writer);
    json_writer_end(writer);
}
