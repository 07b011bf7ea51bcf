/*
 * What goes wrong, and how.
 *
 * Owns the words for misbehaviour, in options and in control documents alike, and the spoiling of
 * bodies. It promises that an order is taken whole or not at all. Whoever makes up an error here
 * leaves the marker SECRET-<service> in it, so that a test can prove that no byte of it leaks.
 *
 * It does not wait and does not send: service.c does both.
 */
#include "behaviour.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "parse.h"

const struct behaviour behaviour_good = { .delay_ms = 0, .status = 200, .body = BODY_OK };

static const char *const body_names[BODY_COUNT] = {
    [BODY_OK] = "ok",
    [BODY_BROKEN] = "broken",
    [BODY_HALF] = "half",
    [BODY_EMPTY] = "empty",
    [BODY_HTML] = "html",
    [BODY_WRONG_TYPE] = "wrong-type",
};

static bool set_delay_ms(struct behaviour *behaviour, uint64_t delay_ms)
{
    if (delay_ms > BEHAVIOUR_MAX_DELAY_MS)
        return false;
    behaviour->delay_ms = (unsigned)delay_ms;
    return true;
}

static bool set_status(struct behaviour *behaviour, uint64_t status)
{
    if (status != 200 && (status < 400 || status > 599))
        return false;
    behaviour->status = (unsigned)status;
    return true;
}

bool behaviour_read_delay(struct behaviour *behaviour, const char *text)
{
    const size_t digits = strspn(text, "0123456789");
    const char *unit = text + digits;
    uint64_t value;
    if (!number_parse_n(text, digits, BEHAVIOUR_MAX_DELAY_MS, &value))
        return false;
    if (strcmp(unit, "s") == 0)
        value *= 1000;
    else if (*unit && strcmp(unit, "ms") != 0)
        return false;
    return set_delay_ms(behaviour, value);
}

bool behaviour_read_status(struct behaviour *behaviour, const char *text)
{
    uint64_t status;
    return number_parse(text, 599, &status) && set_status(behaviour, status);
}

bool behaviour_read_body(struct behaviour *behaviour, const char *text)
{
    for (unsigned body = 0; text && body < BODY_COUNT; body++)
        if (strcmp(body_names[body], text) == 0) {
            behaviour->body = body;
            return true;
        }
    return false;
}

/* A negative number becomes one that no bound allows. */
static uint64_t whole_number(struct json_object *value)
{
    return json_object_is_type(value, json_type_int) ? (uint64_t)json_object_get_int64(value)
                                                     : UINT64_MAX;
}

bool behaviour_order(struct behaviour *behaviour, struct json_object *order, const char **why)
{
    struct behaviour next = *behaviour;
    *why = NULL;
    json_object_object_foreach(order, name, value)
    {
        if (strcmp(name, "delay_ms") == 0) {
            if (!set_delay_ms(&next, whole_number(value)))
                *why = "delay_ms must be a number from 0 to 600000.";
        } else if (strcmp(name, "status") == 0) {
            if (!set_status(&next, whole_number(value)))
                *why = "status must be 200 or a number from 400 to 599.";
        } else if (strcmp(name, "body") == 0) {
            if (!behaviour_read_body(&next, json_object_get_string(value)))
                *why = "body must be ok, broken, half, empty, html or wrong-type.";
        } else {
            *why = "An order has the members delay_ms, status and body, and no others.";
        }
        if (*why)
            return false;
    }
    *behaviour = next;
    return true;
}

void behaviour_write(const struct behaviour *behaviour, struct doc *doc)
{
    doc_u64(doc, "delay_ms", behaviour->delay_ms);
    doc_u64(doc, "status", behaviour->status);
    doc_text(doc, "body", body_names[behaviour->body]);
}

static void add_secret(struct doc *doc, const char *service)
{
    doc_add(doc, "stack trace SECRET-");
    doc_add(doc, service);
    doc_add(doc, " at db-7.internal.example:5432");
}

void behaviour_write_error(const struct behaviour *behaviour, struct doc *doc, const char *service)
{
    doc_object(doc, NULL);
    doc_object(doc, "error");
    doc_text_begin(doc, "code");
    doc_add(doc, "mock_");
    doc_add_u64(doc, behaviour->status);
    doc_text_end(doc);
    doc_text(doc, "message", "This service was told to fail.");
    doc_object_end(doc);
    doc_text_begin(doc, "internal");
    add_secret(doc, service);
    doc_text_end(doc);
    doc_object_end(doc);
}

/* Replaces the colon after a key past the middle: what stands before it is good JSON, as it is when
 * a real service breaks while it writes. */
static void break_json(struct doc *doc)
{
    for (size_t i = doc->len / 2; i + 1 < doc->len; i++)
        if (doc->bytes[i] == '"' && doc->bytes[i + 1] == ':') {
            doc->bytes[i + 1] = '=';
            return;
        }
    if (doc->len > 0)
        doc->bytes[doc->len - 1] = '\x01';
}

static void write_html(struct doc *doc, const char *service)
{
    doc_raw(doc, NULL, "<!doctype html>\n<html><head><title>Bad gateway</title></head><body><h1>");
    add_secret(doc, service);
    doc->needs_comma = false;
    doc_raw(doc, NULL, "</h1></body></html>\n");
}

static void write_other_type(struct doc *doc, const char *name, enum json_type type)
{
    switch (type) {
    case json_type_array:
        doc_text(doc, name, "this was a list");
        break;
    case json_type_object:
        doc_u64(doc, name, 42);
        break;
    case json_type_string:
        doc_object(doc, name);
        doc_text(doc, "was", "text");
        doc_object_end(doc);
        break;
    default:
        doc_array(doc, name);
        doc_text(doc, NULL, "this was a number, a boolean or null");
        doc_array_end(doc);
    }
}

static void write_wrong_types(struct doc *doc, const struct doc *right)
{
    struct json_object *root = parse_json(right->bytes, right->len);
    doc_object(doc, NULL);
    if (json_object_is_type(root, json_type_object)) {
        json_object_object_foreach(root, name, value)
        {
            write_other_type(doc, name, json_object_get_type(value));
        }
    }
    doc_object_end(doc);
    json_object_put(root);
}

void behaviour_spoil(
    enum behaviour_body body, const struct doc *doc, const char *service, struct doc *spoilt)
{
    doc_init(spoilt);
    switch (body) {
    case BODY_EMPTY:
        break;
    case BODY_HTML:
        write_html(spoilt, service);
        break;
    case BODY_WRONG_TYPE:
        write_wrong_types(spoilt, doc);
        break;
    default:
        doc_append(spoilt, doc->bytes, doc->len);
        if (body == BODY_BROKEN)
            break_json(spoilt);
    }
}
