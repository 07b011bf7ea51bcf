/*
 * The service posts: timelines.
 *
 * Answers schemas/services/posts.timeline.v1.json. A timeline has no storage: the nth post of a
 * person is computed from the two, so any page of any length is the same in every run. Invariants:
 *  1. Ids and times of a timeline fall strictly from one post to the next.
 *  2. Authors are people of the network, and write in their own language.
 *  3. Every fourth post is written in ASCII with escapes, the others in UTF-8: readers must
 *     take both.
 *
 * The first page of the usual length is kept (page.c); all others are written when asked for.
 */
#include "catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dice.h"
#include "media.h"
#include "number.h"

enum {
    DEFAULT_LIMIT = 20,
    MOST_POSTS = 200, /* of one page */
    SHORTEST_TIMELINE = 240,
    GAP_S = 900,    /* from post to post, at most twice as much */
    ID_SHIFT = 22,  /* below the milliseconds of an id lie this many bits of chance */
    CURSOR_LEN = 20 /* "tl1-" and 16 hexadecimal digits */
};

#define ID_EPOCH_S INT64_C(1420070400) /* 2015-01-01T00:00:00Z */

struct post {
    size_t nth;
    uint64_t id;
    int64_t created_s;
    const struct person *author;
    struct dice dice; /* for all that is not decided yet */
};

static const char *const clients[] = { "Tern for Android", "Tern for iPhone", "Tern Web",
    "Tern TV" };
static const char *const sources[] = { "follow", "topic", "social" };
static const unsigned widths[] = { 360, 720, 1440 };

static size_t timeline_length(const struct person *person)
{
    return SHORTEST_TIMELINE + person->id % 400;
}

/* One author in four comes from the reader's own corner, the others from anywhere. */
static const struct person *choose_author(
    const struct people *people, const struct person *reader, struct dice *dice)
{
    size_t index = dice_below(dice, people->count);
    if (dice_chance(dice, 25))
        index = index - index % locales_count + reader->index % locales_count;
    return &people->all[index % people->count];
}

static struct post post_dated(const struct person *reader, size_t nth)
{
    struct post post = { .nth = nth, .dice = dice_for(reader->id, nth) };
    post.created_s =
        PEOPLE_NOW_S - GAP_S * (int64_t)(nth + 1) - (int64_t)dice_below(&post.dice, GAP_S);
    const uint64_t ms = (uint64_t)(post.created_s - ID_EPOCH_S) * 1000;
    post.id = ms << ID_SHIFT | dice_below(&post.dice, UINT64_C(1) << ID_SHIFT);
    return post;
}

uint64_t posts_id(const struct person *person, size_t nth)
{
    return post_dated(person, nth).id;
}

static void write_author(struct doc *doc, const struct person *author)
{
    static const struct {
        const char *key, *file;
    } sizes[] = { { "small", "/48.webp" }, { "medium", "/128.webp" }, { "large", "/400.webp" } };

    doc_object(doc, "author");
    doc_u64(doc, "id", author->id);
    doc_text(doc, "handle", author->handle);
    doc_text(doc, "display_name", author->display_name);
    doc_object(doc, "avatar");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        doc_text_begin(doc, sizes[i].key);
        doc_add(doc, "https://img.example.net/a/");
        doc_add(doc, author->handle);
        doc_add(doc, sizes[i].file);
        doc_text_end(doc);
    }
    doc_object_end(doc);
    doc_bool(doc, "verified", author->is_verified);
    doc_object_end(doc);
}

static void add_short_link(struct doc *doc, const struct post *post)
{
    doc_add(doc, "https://tern.example/s/");
    doc_add_u64(doc, post->id % 1000003);
}

/* What a text names, so that it can be listed again beside it. */
struct entities {
    const char *hashtag;         /* or NULL */
    const struct person *friend; /* or NULL */
    bool has_link;
};

static struct entities choose_entities(const struct people *people, struct post *post)
{
    const struct locale *locale = post->author->locale;
    struct dice *dice = &post->dice;
    struct entities entities = { 0 };
    if (dice_chance(dice, 60))
        entities.hashtag = locale->hashtags[dice_below(dice, LOCALE_HASHTAGS)];
    if (dice_chance(dice, 30))
        entities.friend = &people->all[dice_below(dice, people->count)];
    entities.has_link = dice_chance(dice, 25);
    return entities;
}

static void write_text(struct doc *doc, struct post *post, const struct entities *entities)
{
    const struct locale *locale = post->author->locale;
    doc_text_begin(doc, "text");
    doc_add(doc, locale->openings[post->nth % LOCALE_OPENINGS]);
    doc_add(doc, " ");
    doc_add(doc, locale->closings[dice_below(&post->dice, LOCALE_CLOSINGS)]);
    if (entities->friend) {
        doc_add(doc, " @");
        doc_add(doc, entities->friend->handle);
    }
    if (entities->hashtag) {
        doc_add(doc, " #");
        doc_add(doc, entities->hashtag);
    }
    if (entities->has_link) {
        doc_add(doc, " ");
        add_short_link(doc, post);
    }
    doc_text_end(doc);
    doc_text(doc, "lang", locale->lang);
}

static void write_entities(
    struct doc *doc, const struct post *post, const struct entities *entities)
{
    doc_object(doc, "entities");
    doc_array(doc, "hashtags");
    if (entities->hashtag)
        doc_text(doc, NULL, entities->hashtag);
    doc_array_end(doc);
    doc_array(doc, "mentions");
    if (entities->friend) {
        doc_object(doc, NULL);
        doc_u64(doc, "id", entities->friend->id);
        doc_text(doc, "handle", entities->friend->handle);
        doc_object_end(doc);
    }
    doc_array_end(doc);
    doc_array(doc, "urls");
    if (entities->has_link) {
        doc_object(doc, NULL);
        doc_text_begin(doc, "url");
        add_short_link(doc, post);
        doc_text_end(doc);
        doc_text(doc, "display", "tern.example/s/…");
        doc_object_end(doc);
    }
    doc_array_end(doc);
    doc_object_end(doc);
}

static void write_variant(
    struct doc *doc, uint64_t file, unsigned width, unsigned height, const char *mime)
{
    doc_object(doc, NULL);
    doc_u64(doc, "width", width);
    doc_u64(doc, "height", height);
    doc_text_begin(doc, "url");
    doc_add(doc, "https://media.example.net/p/");
    doc_add_hex(doc, file);
    doc_add(doc, "/");
    doc_add_u64(doc, width);
    doc_add(doc, ".");
    doc_add(doc, strchr(mime, '/') + 1);
    doc_text_end(doc);
    doc_text(doc, "mime", mime);
    doc_object_end(doc);
}

static void write_medium(struct doc *doc, struct post *post)
{
    struct dice *dice = &post->dice;
    const struct locale *locale = post->author->locale;
    const uint64_t kind = dice_below(dice, 20);
    const bool is_video = kind < 3;
    const bool is_gif = kind == 3 || kind == 4;
    const bool is_upright = dice_chance(dice, 30);
    const uint64_t file = dice_roll(dice);
    const char *mime = is_video ? "video/mp4" : is_gif ? "image/gif" : "image/webp";

    doc_object(doc, NULL);
    doc_text(doc, "type", is_video ? "video" : is_gif ? "gif" : "photo");
    doc_text(
        doc, "alt", dice_chance(dice, 75) ? locale->alts[dice_below(dice, LOCALE_ALTS)] : NULL);
    if (is_video)
        doc_u64(doc, "duration_ms", 4000 + dice_below(dice, 90000));
    else
        doc_null(doc, "duration_ms");
    doc_array(doc, "variants");
    for (size_t i = 0; i < (is_gif ? 1 : sizeof widths / sizeof *widths); i++) {
        const unsigned height = is_upright ? widths[i] * 5 / 4 : widths[i] * 9 / 16;
        write_variant(doc, file, widths[i], height, mime);
    }
    doc_array_end(doc);
    doc_object_end(doc);
}

static void write_place(struct doc *doc, const struct locale *locale, bool is_known)
{
    if (!is_known) {
        doc_null(doc, "place");
        return;
    }
    doc_object(doc, "place");
    doc_text(doc, "name", locale->city);
    doc_text(doc, "country", locale->country);
    doc_decimal(doc, "lat", locale->lat_e4, 4);
    doc_decimal(doc, "lon", locale->lon_e4, 4);
    doc_object_end(doc);
}

static void write_metadata(struct doc *doc, struct post *post)
{
    struct dice *dice = &post->dice;
    doc_object(doc, "metadata");
    doc_object(doc, "client");
    doc_text(doc, "name", clients[dice_below(dice, 4)]);
    doc_text(doc, "version", "26.11.2");
    doc_object_end(doc);
    write_place(doc, post->author->locale, dice_chance(dice, 30));
    doc_object(doc, "edits");
    if (dice_chance(dice, 10)) {
        doc_u64(doc, "count", 1);
        doc_time(doc, "last_at", post->created_s + (int64_t)dice_below(dice, GAP_S));
    } else {
        doc_u64(doc, "count", 0);
        doc_null(doc, "last_at");
    }
    doc_object_end(doc);
    doc_object(doc, "ranking");
    doc_decimal(doc, "score", (int64_t)dice_below(dice, 1000) * 10, 4);
    doc_text(doc, "source", sources[dice_below(dice, 3)]);
    doc_text_begin(doc, "trace");
    doc_add_hex(doc, dice_roll(dice));
    doc_text_end(doc);
    doc_object_end(doc);
    doc_null(doc, "sensitivity");
    doc_object_end(doc);
}

static void write_reply_to(struct doc *doc, const struct people *people, struct post *post)
{
    if (!dice_chance(&post->dice, 12)) {
        doc_null(doc, "reply_to");
        return;
    }
    doc_object(doc, "reply_to");
    doc_u64(doc, "post_id", post->id - (UINT64_C(3600000) << ID_SHIFT));
    doc_text(doc, "handle", people->all[dice_below(&post->dice, people->count)].handle);
    doc_object_end(doc);
}

static void write_media(struct doc *doc, struct post *post)
{
    const uint64_t roll = dice_below(&post->dice, 100);
    const unsigned count = roll < 35 ? 0 : roll < 85 ? 1 : 2;
    doc_array(doc, "media");
    for (unsigned i = 0; i < count; i++)
        write_medium(doc, post);
    doc_array_end(doc);
}

static void write_counters(struct doc *doc, struct dice *dice)
{
    const uint64_t likes = dice_below(dice, 4200);
    doc_object(doc, "counters");
    doc_u64(doc, "likes", likes);
    doc_u64(doc, "reposts", likes / (3 + dice_below(dice, 9)));
    doc_u64(doc, "replies", likes / (5 + dice_below(dice, 20)));
    doc_object_end(doc);
}

static void write_post(
    struct doc *doc, const struct people *people, const struct person *reader, size_t nth)
{
    struct post post = post_dated(reader, nth);
    post.author = choose_author(people, reader, &post.dice);
    const struct entities entities = choose_entities(people, &post);

    doc->is_ascii = nth % 4 == 3;
    doc_object(doc, NULL);
    doc_u64(doc, "id", post.id);
    doc_time(doc, "created_at", post.created_s);
    write_author(doc, post.author);
    write_text(doc, &post, &entities);
    write_media(doc, &post);
    write_entities(doc, &post, &entities);
    write_counters(doc, &post.dice);
    doc_text(doc, "visibility", dice_chance(&post.dice, 85) ? "public" : "followers");
    write_reply_to(doc, people, &post);
    write_metadata(doc, &post);
    doc_object_end(doc);
    doc->is_ascii = false;
}

/* A cursor holds a position and a mark of its owner, so that another user's cursor is refused. */
static uint64_t cursor_mark(const struct person *person, size_t from)
{
    struct dice dice = dice_for(person->id, from + 1000000);
    return dice_roll(&dice) << 16 | from;
}

static void write_cursor(struct doc *doc, const char *key, const struct person *person, size_t from)
{
    doc_text_begin(doc, key);
    doc_add(doc, "tl1-");
    doc_add_hex(doc, cursor_mark(person, from));
    doc_text_end(doc);
}

static bool read_cursor(const char *cursor, const struct person *person, size_t *from)
{
    char mark[17];
    if (strlen(cursor) != CURSOR_LEN || memcmp(cursor, "tl1-", 4) != 0)
        return false;
    const size_t position = strtoul(cursor + CURSOR_LEN - 4, NULL, 16);
    snprintf(mark, sizeof mark, "%016llx", (unsigned long long)cursor_mark(person, position));
    *from = position;
    return strcmp(cursor + 4, mark) == 0 && position < timeline_length(person);
}

static void write_timeline(struct doc *doc, const struct people *people,
    const struct person *person, size_t from, size_t limit)
{
    const size_t total = timeline_length(person);
    const size_t end = from + limit < total ? from + limit : total;

    doc_object(doc, NULL);
    doc_array(doc, "items");
    for (size_t nth = from; nth < end; nth++)
        write_post(doc, people, person, nth);
    doc_array_end(doc);
    doc_object(doc, "cursors");
    if (end < total)
        write_cursor(doc, "next", person, end);
    else
        doc_null(doc, "next");
    if (from > 0)
        write_cursor(doc, "prev", person, from > limit ? from - limit : 0);
    else
        doc_null(doc, "prev");
    doc_object_end(doc);
    doc_u64(doc, "total", total);
    doc_object_end(doc);
}

static void write_first_page(
    struct doc *doc, const struct people *people, const struct person *person)
{
    write_timeline(doc, people, person, 0, DEFAULT_LIMIT);
}

static void posts_timeline(const struct question *question, struct answer *answer)
{
    const char *limit_text = route_argument(question, "limit");
    const char *cursor = route_argument(question, "cursor");
    uint64_t limit = DEFAULT_LIMIT;
    size_t from = 0;

    if (limit_text && (!number_parse(limit_text, MOST_POSTS, &limit) || limit == 0)) {
        route_refuse(answer, 400, "bad_limit", "limit must be a number from 1 to 200.");
        return;
    }
    if (cursor && *cursor && !read_cursor(cursor, question->person, &from)) {
        route_refuse(answer, 400, "bad_cursor", "This cursor was not given out for this user.");
        return;
    }
    if (from == 0 && limit == DEFAULT_LIMIT)
        answer->page =
            pages_get(question->pages, question->people, question->person, write_first_page);
    else
        write_timeline(&answer->doc, question->people, question->person, from, limit);
}

const struct route posts_routes[] = {
    { "GET", "/v1/users/{id}/timeline", posts_timeline },
    { "GET", "/v1/media/{name}", media_picture },
    { "POST", "/v1/users/{id}/uploads", media_upload },
    { 0 },
};
