#include "fanout/entity_tag.h"

#include "base/must.h"

#include <criterion/criterion.h>

TestSuite(entity_tag, .timeout = 20);

Test(entity_tag, what_is_one_and_what_is_none)
{
    static const char *const good[] = { "\"\"", "\"v1\"", "W/\"v1\"", "W/\"\"", "\"a'b,c\\d\"",
        "\"\xc3\xa9\"", "\"*\"" };
    static const char *const bad[] = { "", "*", "v1", "\"", "W/", "W/\"", "w/\"v1\"",
        "\"a\", \"b\"", "\"a b\"", "\"a\tb\"", "\"a\x7f\"", "\"a\"b\"", "\"v1", "v1\"", "W/v1",
        " \"v1\"" };
    for (size_t i = 0; i < countof(good); i++) {
        cr_expect(entity_tag_is_one(str_of(good[i])), "%s", good[i]);
    }
    for (size_t i = 0; i < countof(bad); i++) {
        cr_expect_not(entity_tag_is_one(str_of(bad[i])), "%s", bad[i]);
    }
    cr_expect_not(entity_tag_is_one((struct str){ NULL, 0 }));
}

Test(entity_tag, only_strong_ones_tell_answers_apart)
{
    static const struct {
        const char *tag, *other;
        bool is_other;
    } rows[] = {
        { "\"a\"", "\"b\"", true },
        { "\"a\"", "\"a\"", false },
        { "W/\"a\"", "\"b\"", false },
        { "\"a\"", "W/\"b\"", false },
        { "\"a\"", "", false },
        { "\"a\"", "b", false },
    };
    for (size_t i = 0; i < countof(rows); i++) {
        cr_expect_eq(entity_tag_is_other(str_of(rows[i].tag), str_of(rows[i].other)),
            rows[i].is_other, "%s %s", rows[i].tag, rows[i].other);
    }
}
