/*
 * From method and path to an answer.
 *
 * Owns the matching of paths and the error document. It promises that a route with `{id}` is
 * entered only for a person who exists. It knows neither HTTP's bytes nor what any service answers,
 * so the same routes serve a socket (service.c) and the offline dump (dump.c).
 */
#include "route.h"

#include <string.h>

/* Compares one part of a path with one part of a template and notes what a placeholder caught. */
static bool part_matches(
    const char *want, size_t want_len, const char *part, size_t part_len, struct question *question)
{
    if (want[0] != '{')
        return want_len == part_len && memcmp(want, part, part_len) == 0;
    if (part_len == 0 || part_len >= sizeof question->name)
        return false;
    memcpy(question->name, part, part_len);
    question->name[part_len] = '\0';
    return true;
}

static bool path_matches(const char *want, const char *path, struct question *question)
{
    while (*want == '/' && *path == '/') {
        const size_t want_len = strcspn(++want, "/");
        const size_t part_len = strcspn(++path, "/");
        if (!part_matches(want, want_len, path, part_len, question))
            return false;
        want += want_len;
        path += part_len;
    }
    return *want == '\0' && *path == '\0';
}

static bool method_matches(const char *want, const char *method)
{
    return strcmp(want, method) == 0 || (strcmp(want, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

bool route_leads_to(
    const struct route *routes, const char *method, const char *path, route_answer_fn *answer)
{
    struct question unused;
    for (const struct route *route = routes; route->method; route++) {
        if (route->answer == answer && method_matches(route->method, method) &&
            path_matches(route->path, path, &unused))
            return true;
    }
    return false;
}

void route_refuse(struct answer *answer, unsigned status, const char *code, const char *message)
{
    struct doc *doc = &answer->doc;
    answer->status = status;
    answer->page = NULL;
    doc_clear(doc);
    doc_object(doc, NULL);
    doc_object(doc, "error");
    doc_text(doc, "code", code);
    doc_text(doc, "message", message);
    doc_object_end(doc);
    doc_object_end(doc);
}

void route_answer(const struct route *routes, const char *method, const char *path,
    struct question *question, struct answer *answer)
{
    const struct route *found = NULL;
    *answer = (struct answer){ .status = 200 };

    for (const struct route *route = routes; route->method; route++) {
        if (!path_matches(route->path, path, question))
            continue;
        found = route;
        if (method_matches(route->method, method))
            break;
        answer->allow = route->method;
    }
    if (!found) {
        route_refuse(answer, 404, "no_such_path", "This service has no such path.");
        return;
    }
    if (!method_matches(found->method, method)) {
        route_refuse(answer, 405, "wrong_method", "This path knows other methods.");
        return;
    }
    answer->allow = NULL;
    if (strstr(found->path, "{id}")) {
        question->person = people_find(question->people, question->name);
        if (!question->person) {
            route_refuse(answer, 404, "no_such_user", "Nobody here has this id.");
            return;
        }
    }
    found->answer(question, answer);
}

void route_release(struct answer *answer)
{
    doc_fini(&answer->doc);
}

const char *route_argument(const struct question *question, const char *name)
{
    return question->argument ? question->argument(question->source, name) : NULL;
}

const struct doc *route_document(const struct answer *answer)
{
    return answer->page ? answer->page : &answer->doc;
}
