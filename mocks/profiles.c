/*
 * The service profiles: who a user is.
 *
 * Answers schemas/services/profiles.user.v1.json. Every profile ends with an object `internal` that
 * no client may see, so that a test can look for it in what clients get.
 */
#include "catalog.h"
#include "dice.h"

static const char *const themes[] = { "dark", "light", "system" };
static const char *const emails[] = { "weekly", "never", "daily" };
static const char *const pronouns[] = { "she/her", "he/him", "they/them", NULL };

static void write_image(struct doc *doc, const char *key, const char *kind,
    const struct person *person, const char *file)
{
    doc_text_begin(doc, key);
    doc_add(doc, "https://img.example.net/");
    doc_add(doc, kind);
    doc_add(doc, person->handle);
    doc_add(doc, file);
    doc_text_end(doc);
}

static void write_pictures(struct doc *doc, const struct person *person, bool has_banner)
{
    doc_object(doc, "avatar");
    write_image(doc, "small", "a/", person, "/48.webp");
    write_image(doc, "medium", "a/", person, "/128.webp");
    write_image(doc, "large", "a/", person, "/400.webp");
    doc_object_end(doc);
    if (!has_banner) {
        doc_null(doc, "banner");
        return;
    }
    doc_object(doc, "banner");
    write_image(doc, "url", "b/", person, "/1500.webp");
    doc_u64(doc, "width", 1500);
    doc_u64(doc, "height", 500);
    doc_object_end(doc);
}

static void write_links(struct doc *doc, const struct person *person)
{
    doc_array(doc, "links");
    doc_object(doc, NULL);
    doc_text(doc, "label", "Homepage");
    doc_text_begin(doc, "url");
    doc_add(doc, "https://");
    for (const char *c = person->handle; *c; c++)
        doc_add(doc, *c == '_' ? "-" : (const char[]){ *c, '\0' });
    doc_add(doc, ".example.org/?utm_source=profile&lang=");
    doc_add(doc, person->locale->lang);
    doc_text_end(doc);
    doc_object_end(doc);
    doc_array_end(doc);
}

static void write_preferences(struct doc *doc, const struct person *person, struct dice *dice)
{
    doc_object(doc, "preferences");
    doc_text(doc, "theme", themes[dice_below(dice, 3)]);
    doc_bool(doc, "autoplay", dice_chance(dice, 50));
    doc_decimal(doc, "text_scale", 90 + 10 * (int64_t)dice_below(dice, 4), 2);
    doc_array(doc, "content_languages");
    doc_text(doc, NULL, person->locale->lang);
    if (person->locale != &locales[0])
        doc_text(doc, NULL, locales[0].lang);
    doc_array_end(doc);
    doc_array(doc, "muted_words");
    if (dice_chance(dice, 50))
        doc_text(doc, NULL, "spoiler");
    doc_array_end(doc);
    doc_object(doc, "notifications");
    doc_bool(doc, "push", dice_chance(dice, 70));
    doc_text(doc, "email", emails[dice_below(dice, 3)]);
    if (dice_chance(dice, 60)) {
        doc_object(doc, "quiet_hours");
        doc_text(doc, "from", "22:30");
        doc_text(doc, "to", "07:00");
        doc_object_end(doc);
    } else {
        doc_null(doc, "quiet_hours");
    }
    doc_object_end(doc);
    doc_object_end(doc);
}

static void write_internal(struct doc *doc, const struct person *person, struct dice *dice)
{
    const uint64_t risk = dice_below(dice, 3000);
    doc_object(doc, "internal");
    doc_decimal(doc, "risk_score", (int64_t)risk, 4);
    doc_text(doc, "risk_band", risk < 1000 ? "low" : "elevated");
    doc_bool(doc, "shadow_banned", false);
    doc_array(doc, "trust_flags");
    doc_text(doc, NULL, "INTERNAL-phone-verified");
    doc_text(doc, NULL, "INTERNAL-device-known");
    doc_array_end(doc);
    doc_text_begin(doc, "last_login_ip");
    doc_add(doc, "203.0.113.");
    doc_add_u64(doc, dice_below(dice, 254) + 1);
    doc_text_end(doc);
    doc_text_begin(doc, "email_sha256");
    for (int i = 0; i < 4; i++)
        doc_add_hex(doc, dice_roll(dice));
    doc_text_end(doc);
    doc_u64(doc, "shard", person->id % 64);
    doc_object_end(doc);
}

static void profiles_write(
    struct doc *doc, const struct people *people, const struct person *person)
{
    struct dice dice = dice_for(person->id, 2);
    (void)people;

    doc_object(doc, NULL);
    doc_u64(doc, "id", person->id);
    doc_text(doc, "subject", person->subject);
    doc_text(doc, "handle", person->handle);
    doc_text(doc, "display_name", person->display_name);
    doc_text(doc, "segment", person->segment);
    doc_text(doc, "bio", person->locale->bios[dice_below(&dice, LOCALE_BIOS)]);
    doc_text(doc, "pronouns", pronouns[dice_below(&dice, 4)]);
    write_pictures(doc, person, dice_chance(&dice, 75));
    doc_text(doc, "locale", person->locale->tag);
    doc_text(doc, "time_zone", person->locale->time_zone);
    doc_text(doc, "tier", person->tier);
    doc_bool(doc, "verified", person->is_verified);
    doc_time(doc, "created_at", PEOPLE_NOW_S - 86400 - (int64_t)dice_below(&dice, 250000000));
    doc_object(doc, "counts");
    doc_u64(doc, "followers", dice_below(&dice, 48000));
    doc_u64(doc, "following", dice_below(&dice, 900) + 12);
    doc_u64(doc, "posts", dice_below(&dice, 7200));
    doc_object_end(doc);
    write_links(doc, person);
    write_preferences(doc, person, &dice);
    write_internal(doc, person, &dice);
    doc_object_end(doc);
}

static void profiles_user(const struct question *question, struct answer *answer)
{
    answer->page = pages_get(question->pages, question->people, question->person, profiles_write);
}

const struct route profiles_routes[] = {
    { "GET", "/v1/users/{id}", profiles_user },
    { 0 },
};
