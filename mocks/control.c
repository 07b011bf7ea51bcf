/*
 * Orders to misbehave, given over HTTP.
 *
 * Owns the documents of /_mock: GET tells, PUT changes what its document names, DELETE goes back to
 * what the options asked for. On the issuer's port the same works for every service by name, and
 * for `all`. It promises that a wrong order changes nothing.
 */
#include "control.h"

#include <json-c/json.h>
#include <string.h>

#include "catalog.h"
#include "parse.h"
#include "service.h"

static void write_state(struct doc *doc, struct service *service)
{
    const struct behaviour now = service_behaviour(service);
    doc_object(doc, NULL);
    doc_text(doc, "service", service->name);
    behaviour_write(&now, doc);
    doc_u64(doc, "requests", atomic_load(&service->requests));
    doc_u64(doc, "events", atomic_load(&service->events));
    doc_object_end(doc);
}

/* One service's state as an object, the states of several as an array. */
static void write_states(struct doc *doc, struct service *first, size_t count)
{
    if (count == 1) {
        write_state(doc, first);
        return;
    }
    doc_array(doc, NULL);
    for (size_t i = 0; i < count; i++)
        write_state(doc, &first[i]);
    doc_array_end(doc);
}

/* Gives the same order to `count` services from `first` on, and tells how they stand. */
static void obey(
    const struct question *question, struct answer *answer, struct service *first, size_t count)
{
    struct json_object *order = parse_json(question->body, question->body_len);
    const char *why = "An order is a JSON object.";
    struct behaviour next;
    bool is_good = json_object_is_type(order, json_type_object);

    for (size_t i = 0; is_good && i < count; i++) {
        next = service_behaviour(&first[i]);
        is_good = behaviour_order(&next, order, &why);
        if (is_good)
            service_behave(&first[i], next);
    }
    json_object_put(order);
    if (is_good)
        write_states(&answer->doc, first, count);
    else
        route_refuse(answer, 400, "bad_order", why);
}

static void reset(struct answer *answer, struct service *first, size_t count)
{
    for (size_t i = 0; i < count; i++)
        service_reset(&first[i]);
    write_states(&answer->doc, first, count);
}

static void own_get(const struct question *question, struct answer *answer)
{
    write_states(&answer->doc, question->owner, 1);
}

static void own_put(const struct question *question, struct answer *answer)
{
    obey(question, answer, question->owner, 1);
}

static void own_delete(const struct question *question, struct answer *answer)
{
    reset(answer, question->owner, 1);
}

/* Whom the path means; 0 when nobody, and then the answer says so. */
static size_t named(const struct question *question, struct answer *answer, struct service **first)
{
    struct service *owner = question->owner;
    const char *name = *question->name ? question->name : "all";
    const enum catalog_place place = catalog_find(name);

    *first = owner->family;
    if (strcmp(name, "all") == 0)
        return CATALOG_COUNT;
    if (place == CATALOG_COUNT) {
        route_refuse(answer, 404, "no_such_service", "No service has this name.");
        return 0;
    }
    *first += place;
    return 1;
}

static void family_get(const struct question *question, struct answer *answer)
{
    struct service *first;
    const size_t count = named(question, answer, &first);
    if (count > 0)
        write_states(&answer->doc, first, count);
}

static void family_put(const struct question *question, struct answer *answer)
{
    struct service *first;
    const size_t count = named(question, answer, &first);
    if (count > 0)
        obey(question, answer, first, count);
}

static void family_delete(const struct question *question, struct answer *answer)
{
    struct service *first;
    const size_t count = named(question, answer, &first);
    if (count > 0)
        reset(answer, first, count);
}

const struct route control_routes[] = {
    { "GET", "/_mock", own_get },
    { "PUT", "/_mock", own_put },
    { "DELETE", "/_mock", own_delete },
    { 0 },
};

const struct route control_family_routes[] = {
    { "GET", "/_mock", family_get },
    { "DELETE", "/_mock", family_delete },
    { "GET", "/_mock/{name}", family_get },
    { "PUT", "/_mock/{name}", family_put },
    { "DELETE", "/_mock/{name}", family_delete },
    { 0 },
};
