/*
 * Everybody on the mock network.
 *
 * Owns the table of people. It promises that a subject is the same person in every run and for
 * every number of users, that ids lie beyond 2^53 and that no two people share an id or a handle:
 * names are dealt out so that all pairs of a locale are used up before a handle gets a number.
 *
 * It does not know what people write or like.
 */
#include "people.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dice.h"
#include "number.h"

enum {
    NAME_PAIRS = LOCALE_NAMES * LOCALE_NAMES,
    NAME_STRIDE = 7, /* shares no factor with NAME_PAIRS, so steps of it visit every pair */
};

/* Ids of people are made in this range, well inside 63 bits. */
#define FIRST_ID UINT64_C(1200000000000000000)
#define ID_STEP  UINT64_C(7919000000000)

/* The one with a space and an ampersand breaks every query that forgot to encode its values. */
const char *const people_segments[] = { "music", "food & drink", "gaming", "travel", "science",
    "sport", NULL };

static const char *const tiers[] = { "plus", "free", "free", "pro", "free" };

static void person_name(struct person *person, size_t round, size_t pair)
{
    const struct locale *locale = person->locale;
    const struct locale_name *first = &locale->first[pair % LOCALE_NAMES];
    const struct locale_name *last = &locale->last[pair / LOCALE_NAMES];
    const bool is_family_first = locale->is_family_first;

    snprintf(person->display_name, sizeof person->display_name, "%s %s",
        is_family_first ? last->native : first->native,
        is_family_first ? first->native : last->native);
    if (round < NAME_PAIRS)
        snprintf(person->handle, sizeof person->handle, "%s_%s", first->latin, last->latin);
    else
        snprintf(person->handle, sizeof person->handle, "%s_%s%zu", first->latin, last->latin,
            round / NAME_PAIRS + 1);
}

static void person_init(struct person *person, size_t index)
{
    const size_t round = index / locales_count;
    struct dice dice = dice_for(index, 1);
    size_t segments = 0;

    while (people_segments[segments])
        segments++;
    *person = (struct person){
        .index = index,
        .id = FIRST_ID + index * ID_STEP + dice_below(&dice, ID_STEP),
        .locale = &locales[index % locales_count],
        .segment = people_segments[(index + round) % segments],
        .tier = tiers[index % (sizeof tiers / sizeof *tiers)],
        .is_verified = dice_chance(&dice, 20),
    };
    snprintf(person->subject, sizeof person->subject, "%zu", PEOPLE_FIRST_SUBJECT + index);
    person_name(person, round, round * NAME_STRIDE % NAME_PAIRS);
}

void people_init(struct people *people, size_t count)
{
    people->count = count;
    people->all = calloc(count, sizeof *people->all);
    if (!people->all) {
        fputs("bff-mocks: out of memory\n", stderr);
        abort();
    }
    for (size_t i = 0; i < count; i++)
        person_init(&people->all[i], i);
}

void people_fini(struct people *people)
{
    free(people->all);
    *people = (struct people){ 0 };
}

const struct person *people_find(const struct people *people, const char *subject)
{
    uint64_t number;
    if (!number_parse(subject, UINT32_MAX, &number) || number < PEOPLE_FIRST_SUBJECT)
        return NULL;
    number -= PEOPLE_FIRST_SUBJECT;
    if (number >= people->count || strcmp(people->all[number].subject, subject) != 0)
        return NULL;
    return &people->all[number];
}
