/*
 * flow_expect: what came back, beside what must.
 *
 * Owns nothing. Reads with other eyes than the server writes with: json-c for bodies, the grammar
 * of RFC 9651 for BFF-Sections. Every message says what was found.
 */
#include "flow_parts.h"

#include "../unit/respond/structured.h"

#include <fnmatch.h>
#include <json-c/json.h>
#include <json-c/json_pointer.h>
#include <stdio.h>
#include <stdlib.h>

#define TYPE "urn:problem-type:bff:"

static const char *shown(const struct flow_answer *answer)
{
    static char text[2000];
    snprintf(text, sizeof(text), "%.*s%.300s", STR_FMT(buf_str(&answer->head)),
        answer->body.len ? answer->body.data : "");
    return text;
}

/* ---- fields ---- */

static void expect_field(const struct flow_answer *answer, const char *wanted)
{
    char name[64] = "";
    bool is_absent = *wanted == '!';
    const char *colon = strchr(wanted, ':');
    size_t len = is_absent ? strlen(wanted + 1) : (size_t)(colon - wanted);
    cr_assert_lt(len, sizeof(name));
    memcpy(name, wanted + is_absent, len);
    const char *value = flow_field(answer, name);
    if (is_absent) {
        cr_assert_null(value, "there is %s: %s", name, value);
        return;
    }
    cr_assert_not_null(value, "there is no %s in\n%s", name, shown(answer));
    const char *pattern = colon + 1 + strspn(colon + 1, " ");
    cr_assert_eq(fnmatch(pattern, value, 0), 0, "%s: %s", name, value);
}

/* ---- sections ---- */

static const char *state_of(const struct structured_item *items, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(items[i].value, name) == 0) {
            return structured_parameter(&items[i], "s");
        }
    }
    return "not there";
}

/* "posts=ok, ads=timeout|failed" */
static void expect_sections(const struct flow_answer *answer, const char *wanted)
{
    static struct structured_item items[STRUCTURED_ITEMS_MAX];
    char words[256], *rest = words, *pair;
    const char *field = flow_field(answer, "BFF-Sections");
    cr_assert_not_null(field, "there is no BFF-Sections in\n%s", shown(answer));
    size_t count = structured_list(field, items);
    cr_assert_neq(count, SIZE_MAX, "not well-formed: %s", field);
    snprintf(words, sizeof(words), "%s", wanted);
    while ((pair = strsep(&rest, ",")) != NULL) {
        char *states = pair + strspn(pair, " "), *state;
        const char *name = strsep(&states, "=");
        const char *found = state_of(items, count, name);
        bool is_one = false;
        while ((state = strsep(&states, "|")) != NULL) {
            is_one |= strcmp(state, found) == 0;
        }
        cr_assert(is_one, "%s is %s, not as in %s", name, found, wanted);
    }
}

/* ---- bodies ---- */

static struct json_object *parsed(const struct flow_answer *answer)
{
    struct json_object *body = json_tokener_parse(answer->body.data);
    cr_assert_not_null(body, "no JSON: %s", shown(answer));
    return body;
}

static void expect_value(struct json_object *body, const struct flow_value *wanted)
{
    struct json_object *value = NULL;
    bool is_there = json_pointer_get(body, wanted->at, &value) == 0;
    enum { PLAIN = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE };
    const char *found = is_there ? json_object_to_json_string_ext(value, PLAIN) : NULL;
    bool is_right = found && wanted->is ? fnmatch(wanted->is, found, 0) == 0 : found == wanted->is;
    cr_assert(is_right, "%s is %s", wanted->at, found ? found : "not there");
}

static const char *text_at(struct json_object *body, const char *name)
{
    struct json_object *value;
    bool is_text = json_object_object_get_ex(body, name, &value) &&
                   json_object_is_type(value, json_type_string);
    return is_text ? json_object_get_string(value) : "";
}

/* RFC 9457, with a member of ours that leads from the answer to the log. */
static void expect_problem(const struct flow_answer *answer, const struct flow_expected *expected)
{
    static const char *const members[] = { "type", "title", "status", "detail", "instance",
        "request_id" };
    struct json_object *body = parsed(answer), *status;
    const char *type = text_at(body, "type");
    expect_field(answer, "Content-Type: application/problem+json");
    const char *id = flow_field(answer, "X-Request-Id");
    cr_assert(strncmp(type, TYPE, strlen(TYPE)) == 0, "%s", shown(answer));
    cr_assert_str_eq(type + strlen(TYPE), expected->problem);
    cr_assert(*text_at(body, "title"), "%s", shown(answer));
    cr_assert(json_object_object_get_ex(body, "status", &status));
    cr_assert_eq((unsigned)json_object_get_int(status), answer->status);
    cr_assert(id && *id && strcmp(text_at(body, "request_id"), id) == 0, "%s", shown(answer));
    json_object_object_foreach(body, name, value)
    {
        bool is_known = false;
        for (size_t i = 0; i < countof(members); i++) {
            is_known |= strcmp(name, members[i]) == 0;
        }
        cr_assert(is_known && value, "a problem says %s", name);
    }
    json_object_put(body);
}

static void expect_without(const struct flow_answer *answer, const char *bytes)
{
    struct str head = buf_str(&answer->head), body = buf_str(&answer->body);
    bool is_there = memmem(head.at, head.len, bytes, strlen(bytes)) ||
                    memmem(body.at, body.len, bytes, strlen(bytes));
    cr_assert_not(is_there, "'%s' stands in\n%s", bytes, shown(answer));
}

void flow_expect(const struct flow_answer *answer, const struct flow_expected *expected)
{
    cr_assert_eq(answer->status, expected->status, "found %s", shown(answer));
    for (size_t i = 0; i < FLOW_FIELDS_MAX && expected->fields[i]; i++) {
        expect_field(answer, expected->fields[i]);
    }
    if (expected->problem) {
        expect_problem(answer, expected);
    }
    if (expected->sections) {
        expect_sections(answer, expected->sections);
    }
    if (expected->values[0].at) {
        struct json_object *body = parsed(answer);
        for (size_t i = 0; i < FLOW_FIELDS_MAX && expected->values[i].at; i++) {
            expect_value(body, &expected->values[i]);
        }
        json_object_put(body);
    }
    for (size_t i = 0; i < countof(expected->without) && expected->without[i]; i++) {
        expect_without(answer, expected->without[i]);
    }
    bool is_in_time = !expected->within_ms || answer->took_ms <= expected->within_ms;
    cr_assert(is_in_time, "it took %.0f ms", answer->took_ms);
}
