/*
 * The service ads: what advertisers want one segment to see.
 *
 * Answers schemas/services/ads.slots.v1.json: three advertisements for the segment and three for
 * everybody. A segment it does not know gets six for everybody, as a real server fills its slots.
 * What an advertiser pays stands in `internal`, which no client may see.
 */
#include "catalog.h"

#include <string.h>

#include "dice.h"

enum { SLOTS = 6, OWN_SLOTS = 3, LONGEST_SEGMENT = 30 };

/* Anything else in a segment is a caller's mistake, such as a value that was encoded twice. */
static const char segment_letters[] = "abcdefghijklmnopqrstuvwxyz &-";

static const char *const placements[SLOTS] = { "feed-top", "tv-hero", "feed-inline", "sidebar",
    "feed-inline", "sidebar" };

/* `segment` NULL is for everybody: there are SLOTS of those, and OWN_SLOTS for each segment. */
static const struct {
    const char *segment, *advertiser, *title;
} offers[] = {
    { "music", "Brass & Reed Co.", "Try a saxophone for 30 days 🎷" },
    { "music", "Vinyl Club Łódź", "Three records a month, none of them boring" },
    { "music", "Salle Pleyel d'à côté", "Concerts à midi, gratuits pour les étudiants" },
    { "food & drink", "Knead", "The flour your sourdough asked for" },
    { "food & drink", "Finca La Ñora", "Pimentón de la vera, directo de la huerta 🌶️" },
    { "food & drink", "Kaffeerösterei Weiß", "Fünf Bohnen zum Kennenlernen" },
    { "gaming", "Couch Co-op", "Pads that survive your little brother 🎮" },
    { "gaming", "Pixelschmiede", "Dein Spiel, in einem Wochenende gebaut" },
    { "gaming", "東京アーケード", "懐かしの名作、送料無料" },
    { "travel", "Night Trains United", "Sleep in Paris, wake in Wien 🚆" },
    { "travel", "Trilhas & Cia", "Cachoeiras que não estão no mapa" },
    { "travel", "Harbour Hostels", "A bunk, a view and \"real\" coffee from 19 €" },
    { "science", "Backyard Optics", "A telescope that fits in a bicycle bag 🔭" },
    { "science", "Наука поруч", "Лекції щочетверга, вхід вільний" },
    { "science", "Labkit", "Grow crystals, not clutter" },
    { "sport", "Zwanzig Kilometer", "Laufschuhe zum Ausleihen" },
    { "sport", "छत क्रिकेट", "बल्ला, गेंद और पड़ोसी 🏏" },
    { "sport", "Arquibancada", "A camisa do seu time, feita no bairro" },
    { NULL, "Commons Bank", "An account without small print" },
    { NULL, "مكتبة الكورنيش", "كتب قديمة، أسعار قديمة 📚" },
    { NULL, "Umbrella Library", "Borrow one. Bring it back. Or don't ☔️" },
    { NULL, "부산 로봇 박람회", "이번 주말, 가족 무료" },
    { NULL, "Green Grid", "Electricity that tells you where it comes from" },
    { NULL, "Atelier Vélo", "Réparation en 24 h, café offert" },
};

static void write_url(struct doc *doc, const char *key, const char *host, uint64_t id)
{
    doc_text_begin(doc, key);
    doc_add(doc, host);
    doc_add_hex(doc, id);
    doc_text_end(doc);
}

static void write_slot(struct doc *doc, size_t slot, size_t offer)
{
    struct dice dice = dice_for(offer, 8 + slot);
    const uint64_t creative = dice_roll(&dice);
    const bool is_wide = strcmp(placements[slot], "tv-hero") == 0;

    doc_object(doc, NULL);
    write_url(doc, "id", "slot-", creative);
    doc_text(doc, "placement", placements[slot]);
    doc_text(doc, "advertiser", offers[offer].advertiser);
    doc_text(doc, "title", offers[offer].title);
    doc_object(doc, "image");
    write_url(doc, "url", "https://ads.example.net/creative/", creative);
    doc_u64(doc, "width", is_wide ? 1920 : 1200);
    doc_u64(doc, "height", is_wide ? 1080 : 628);
    doc_object_end(doc);
    write_url(doc, "click_url", "https://click.example.net/c?p=feed&ad=", creative);
    doc_text(doc, "label", "Sponsored");
    doc_object(doc, "internal");
    doc_u64(doc, "bid_micros", 180000 + dice_below(&dice, 4000000));
    doc_u64(doc, "floor_micros", 150000);
    doc_text_begin(doc, "campaign");
    doc_add(doc, "INTERNAL-cmp-");
    doc_add_u64(doc, dice_below(&dice, 90000) + 10000);
    doc_text_end(doc);
    doc_decimal(doc, "win_rate", (int64_t)dice_below(&dice, 100) * 100, 4);
    doc_object_end(doc);
    doc_object_end(doc);
}

static bool is_segment(const char *text)
{
    const size_t len = strlen(text);
    return len > 0 && len <= LONGEST_SEGMENT && strspn(text, segment_letters) == len;
}

static bool is_for(size_t offer, const char *segment)
{
    return offers[offer].segment && strcmp(offers[offer].segment, segment) == 0;
}

static void ads_slots(const struct question *question, struct answer *answer)
{
    const size_t offers_count = sizeof offers / sizeof *offers;
    const char *segment = route_argument(question, "segment");
    struct doc *doc = &answer->doc;
    size_t slot = 0;

    if (!segment || !is_segment(segment)) {
        route_refuse(answer, 400, "bad_segment",
            "segment must be 1 to 30 of the letters a-z, space, & and -.");
        return;
    }
    doc_object(doc, NULL);
    doc_text(doc, "segment", segment);
    doc_array(doc, "slots");
    for (size_t i = 0; i < offers_count && slot < OWN_SLOTS; i++)
        if (is_for(i, segment))
            write_slot(doc, slot++, i);
    for (size_t i = 0; i < offers_count && slot < SLOTS; i++)
        if (!offers[i].segment)
            write_slot(doc, slot++, i);
    doc_array_end(doc);
    doc_object_end(doc);
}

const struct route ads_routes[] = {
    { "GET", "/v1/slots", ads_slots },
    { 0 },
};
