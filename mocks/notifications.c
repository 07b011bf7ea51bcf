/*
 * The service notifications: what a user has not read yet.
 *
 * Answers schemas/services/notifications.counts.v1.json. The total is the sum of its parts, and
 * about one user in eight has read everything: then `oldest_unread_at` is null.
 */
#include "catalog.h"
#include "dice.h"

enum kind { LIKE, REPOST, REPLY, FOLLOW, MENTION, MESSAGE, SYSTEM, KINDS };

static const struct {
    const char *name;
    unsigned most;
} kinds[KINDS] = {
    [LIKE] = { "like", 40 },
    [REPOST] = { "repost", 12 },
    [REPLY] = { "reply", 9 },
    [FOLLOW] = { "follow", 6 },
    [MENTION] = { "mention", 5 },
    [MESSAGE] = { "message", 7 },
    [SYSTEM] = { "system", 2 },
};

static void notifications_write(
    struct doc *doc, const struct people *people, const struct person *person)
{
    struct dice dice = dice_for(person->id, 3);
    const bool has_read_all = person->index % 8 == 7;
    const int64_t seen_s = PEOPLE_NOW_S - 3600 - (int64_t)dice_below(&dice, 200000);
    uint64_t counts[KINDS];
    uint64_t unread = 0;
    (void)people;

    for (int kind = 0; kind < KINDS; kind++) {
        counts[kind] = has_read_all ? 0 : dice_below(&dice, kinds[kind].most) + 1;
        unread += counts[kind];
    }
    doc_object(doc, NULL);
    doc_u64(doc, "unread", unread);
    doc_u64(doc, "mentions", counts[MENTION]);
    doc_u64(doc, "messages", counts[MESSAGE]);
    doc_object(doc, "by_kind");
    for (int kind = 0; kind < KINDS; kind++)
        doc_u64(doc, kinds[kind].name, counts[kind]);
    doc_object_end(doc);
    doc_time(doc, "last_seen_at", seen_s);
    if (has_read_all)
        doc_null(doc, "oldest_unread_at");
    else
        doc_time(doc, "oldest_unread_at", seen_s + (int64_t)dice_below(&dice, 3600));
    doc_bool(doc, "is_muted", dice_chance(&dice, 10));
    doc_object_end(doc);
}

static void notifications_counts(const struct question *question, struct answer *answer)
{
    answer->page =
        pages_get(question->pages, question->people, question->person, notifications_write);
}

const struct route notifications_routes[] = {
    { "GET", "/v1/users/{id}/counts", notifications_counts },
    { 0 },
};
