/*
 * The service recommendations: what a user may like next.
 *
 * Answers schemas/services/recommendations.list.v1.json: three rows of six, each with artwork in
 * the shapes that a television, a desktop and a phone want. Scores are written in every way that
 * JSON allows, as real models do, because a reader that passes them through a double changes them.
 */
#include "catalog.h"

#include <stdio.h>

#include "dice.h"

enum { ROW_ITEMS = 6 };

static const char *const rows[] = { "for-you", "trending", "new-this-week" };
static const char *const reasons[] = { "Because you follow people nearby",
    "Many people are watching this today", "Added this week" };

static const struct {
    const char *kind, *title, *subtitle;
    unsigned minutes;
} works[] = {
    { "show", "The Lighthouse Shift", "Season 2 · Drama", 48 },
    { "playlist", "Kitchen Radio, Side B", "41 songs for slow cooking", 0 },
    { "video", "Comment réparer un vélo en 9 minutes", "Avec l'atelier de la rue Kervégan", 9 },
    { "account", "Harbour Choir", "Sings outside, whatever the weather", 0 },
    { "topic", "Astronomía de barrio", NULL, 0 },
    { "show", "夜行列車の食卓", "全8話・ドキュメンタリー", 27 },
    { "video", "A Tram Ride Through Leipzig, Uncut", "No music, no talking", 63 },
    { "playlist", "Roda de Samba ao Vivo", "Gravado em Belo Horizonte", 0 },
    { "show", "Small Venues, Loud Nights", "Season 1 · Music", 35 },
    { "account", "متحف الإسكندرية", "صورة كل صباح", 0 },
    { "topic", "Sourdough", NULL, 0 },
    { "video", "32번째 달걀: 로봇 손의 역사", "과학 다큐", 18 },
    { "show", "Der letzte Röhrenverstärker", "Miniserie · 4 Folgen", 44 },
    { "playlist", "Deep Focus: Oystercatchers & Rain", "Field recordings", 0 },
    { "video", "छत पर क्रिकेट", "लघु फ़िल्म", 12 },
    { "account", "Nocny Pociąg", "Rozkłady jazdy i opowieści", 0 },
    { "topic", "Retro \"couch co-op\" games", NULL, 0 },
    { "show", "הסיר של סבתא", "עונה 3 · אוכל", 22 },
    { "video", "Карпати: світанок за годину", "4K", 58 },
    { "playlist", "Ondas Cortas", "Sonidos de las tres de la mañana", 0 },
};

static const struct {
    unsigned width, height;
    const char *file;
} artworks[] = {
    { 400, 600, "poster.webp" },
    { 640, 360, "thumb.webp" },
    { 1920, 1080, "hero.webp" },
};

/* `score` is in units of 1/10,000, from 1,000 to 9,999. */
static void write_score(struct doc *doc, unsigned score)
{
    char text[32];
    switch (score % 4) {
    case 0:
        doc_decimal(doc, "score", score, 4);
        return;
    case 1:
        snprintf(text, sizeof text, "%u.%03ue-1", score / 1000, score % 1000);
        break;
    case 2:
        snprintf(text, sizeof text, "%uE-4", score);
        break;
    default:
        snprintf(text, sizeof text, "0.%04u000", score);
        break;
    }
    doc_raw(doc, "score", text);
}

static void write_artwork(struct doc *doc, uint64_t file)
{
    doc_array(doc, "artwork");
    for (size_t i = 0; i < sizeof artworks / sizeof *artworks; i++) {
        doc_object(doc, NULL);
        doc_u64(doc, "width", artworks[i].width);
        doc_u64(doc, "height", artworks[i].height);
        doc_text_begin(doc, "url");
        doc_add(doc, "https://art.example.net/");
        doc_add_hex(doc, file);
        doc_add(doc, "/");
        doc_add(doc, artworks[i].file);
        doc_text_end(doc);
        doc_object_end(doc);
    }
    doc_array_end(doc);
}

static void write_item(
    struct doc *doc, const struct person *person, size_t row, size_t work, unsigned score)
{
    struct dice dice = dice_for(person->id ^ work, 6);
    doc_object(doc, NULL);
    doc_u64(doc, "id", UINT64_C(4000000000000000000) + dice_below(&dice, UINT64_C(1) << 60));
    doc_text(doc, "kind", works[work].kind);
    doc_text(doc, "row", rows[row]);
    doc_text(doc, "title", works[work].title);
    doc_text(doc, "subtitle", works[work].subtitle);
    doc_text(doc, "reason", reasons[row]);
    write_score(doc, score);
    if (works[work].minutes)
        doc_u64(doc, "duration_s", works[work].minutes * 60);
    else
        doc_null(doc, "duration_s");
    write_artwork(doc, dice_roll(&dice));
    doc_object_end(doc);
}

static void write_model(struct doc *doc)
{
    static const char *const features[] = { "watch-history", "social-graph", "time-of-day" };
    doc_object(doc, "model");
    doc_text(doc, "name", "two-tower-feed");
    doc_text(doc, "version", "2026.47.1");
    doc_time(doc, "generated_at", PEOPLE_NOW_S - 5400);
    doc_decimal(doc, "temperature", 70, 2);
    doc_array(doc, "features");
    for (size_t i = 0; i < sizeof features / sizeof *features; i++)
        doc_text(doc, NULL, features[i]);
    doc_array_end(doc);
    doc_object_end(doc);
}

static void recommendations_write(
    struct doc *doc, const struct people *people, const struct person *person)
{
    const size_t works_count = sizeof works / sizeof *works;
    struct dice dice = dice_for(person->id, 5);
    size_t work = dice_below(&dice, works_count);
    (void)people;

    doc_object(doc, NULL);
    doc_array(doc, "items");
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        unsigned score = 9999;
        for (size_t i = 0; i < ROW_ITEMS; i++) {
            score -= 1 + (unsigned)dice_below(&dice, 1400);
            write_item(doc, person, row, work, score);
            work = (work + 1) % works_count;
        }
    }
    doc_array_end(doc);
    write_model(doc);
    doc_object_end(doc);
}

static void recommendations_list(const struct question *question, struct answer *answer)
{
    answer->page =
        pages_get(question->pages, question->people, question->person, recommendations_write);
}

const struct route recommendations_routes[] = {
    { "GET", "/v1/users/{id}/recommendations", recommendations_list },
    { 0 },
};
