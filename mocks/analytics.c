/*
 * The service analytics: how posts do, and who saw them.
 *
 * Answers schemas/services/analytics.stats.v1.json for any ids, in the order asked, and takes the
 * events of schemas/services/analytics.viewed.v1.json. It keeps no event, only their number, which
 * GET /_mock shows: that is what a test of detached calls wants to know.
 */
#include "catalog.h"

#include <json-c/json.h>
#include <string.h>

#include "dice.h"
#include "number.h"
#include "parse.h"

enum { MOST_IDS = 200 };

/* Reads the comma-separated list; 0 when it is empty, too long or holds anything but ids. */
static size_t read_ids(const char *list, uint64_t ids[MOST_IDS])
{
    size_t count = 0;
    for (;;) {
        const size_t len = strcspn(list, ",");
        if (count == MOST_IDS || !number_parse_n(list, len, INT64_MAX, &ids[count]))
            return 0;
        if (ids[count++] == 0)
            return 0;
        if (!list[len])
            return count;
        list += len + 1;
    }
}

static void write_stats(struct doc *doc, uint64_t id)
{
    struct dice dice = dice_for(id, 4);
    const uint64_t views = 400 + dice_below(&dice, 90000);
    doc_object(doc, NULL);
    doc_u64(doc, "post_id", id);
    doc_u64(doc, "likes", views * (2 + dice_below(&dice, 9)) / 100);
    doc_u64(doc, "views", views);
    doc_u64(doc, "shares", views * dice_below(&dice, 20) / 1000);
    doc_u64(doc, "saves", views * dice_below(&dice, 12) / 1000);
    doc_decimal(doc, "ctr", (int64_t)dice_below(&dice, 90) * 10, 4);
    doc_object_end(doc);
}

static void analytics_stats(const struct question *question, struct answer *answer)
{
    struct doc *doc = &answer->doc;
    const char *list = route_argument(question, "ids");
    uint64_t ids[MOST_IDS];
    const size_t count = list ? read_ids(list, ids) : 0;

    if (count == 0) {
        route_refuse(
            answer, 400, "bad_ids", "ids must be 1 to 200 post ids with commas between them.");
        return;
    }
    doc_object(doc, NULL);
    doc_array(doc, "items");
    for (size_t i = 0; i < count; i++)
        write_stats(doc, ids[i]);
    doc_array_end(doc);
    doc_time(doc, "as_of", PEOPLE_NOW_S);
    doc_object_end(doc);
}

static bool is_viewed_event(struct json_object *event)
{
    struct json_object *kind, *user;
    return json_object_object_get_ex(event, "kind", &kind) &&
           json_object_is_type(kind, json_type_string) &&
           strcmp(json_object_get_string(kind), "viewed") == 0 &&
           json_object_object_get_ex(event, "user", &user) &&
           json_object_is_type(user, json_type_string);
}

static void analytics_events(const struct question *question, struct answer *answer)
{
    struct json_object *event = parse_json(question->body, question->body_len);
    const bool is_valid = event && is_viewed_event(event);
    json_object_put(event);

    if (!is_valid) {
        route_refuse(
            answer, 400, "bad_event", "An event is an object with the kind \"viewed\" and a user.");
        return;
    }
    atomic_fetch_add(question->events, 1);
    answer->status = 202;
    doc_object(&answer->doc, NULL);
    doc_object_end(&answer->doc);
}

const struct route analytics_routes[] = {
    { "GET", "/v1/posts/stats", analytics_stats },
    { "POST", "/v1/events", analytics_events },
    { 0 },
};
