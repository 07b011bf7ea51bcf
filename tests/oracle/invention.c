/*
 * invention: shapes and bodies by dice.
 *
 * Owns nothing. A shape is written from the root down; each node rolls for its type, then for the
 * words that mean something there, from values that mostly agree with each other. Promises texts
 * that are JSON; that a shape is without a mistake is likely, not sure. All paths are from a few
 * names, which stand in a body at any place where a path may lead.
 */
#include "invention.h"

#include "base/must.h"

enum { NESTING_MAX = 4, BODY_NESTING_MAX = 5, NAMES = 8 };

struct inventor {
    struct buf *out;
    uint64_t dice;
    unsigned level;
    bool is_inside; /* relative paths */
};

static const char *const names[NAMES] = { "id", "t", "k", "v", "n", "l", "o", "s" };

/* From 0 to `sides` - 1. */
static unsigned roll(struct inventor *me, unsigned sides)
{
    me->dice ^= me->dice << 13, me->dice ^= me->dice >> 7, me->dice ^= me->dice << 17;
    return (unsigned)(me->dice >> 33) % sides;
}

static bool is_lucky(struct inventor *me, unsigned one_in)
{
    return roll(me, one_in) == 0;
}

static void say(struct inventor *me, const char *text)
{
    buf_append_str(me->out, str_of(text));
}

static void say_one(struct inventor *me, const char *const *texts, unsigned count)
{
    say(me, texts[roll(me, count)]);
}

#define SAY_ONE(me, ...)                                                                           \
    say_one((me), (const char *const[]){ __VA_ARGS__ },                                            \
        countof(((const char *const[]){ __VA_ARGS__ })))

/* Says what follows once in so many times. */
#define MAYBE_ONE(me, one_in, ...)                                                                 \
    do {                                                                                           \
        if (is_lucky((me), (one_in))) {                                                            \
            SAY_ONE((me), __VA_ARGS__);                                                            \
        }                                                                                          \
    } while (0)

/* ---- paths ---- */

static void say_inner_path(struct inventor *me)
{
    say_one(me, names, NAMES);
    while (is_lucky(me, 4)) {
        say(me, ".");
        say_one(me, names, NAMES);
    }
}

static void say_path(struct inventor *me, bool is_inside)
{
    say(me, "\"");
    if (!is_inside) {
        SAY_ONE(me, "a.", "b.");
    }
    if (!is_inside || !is_lucky(me, 8)) {
        say_inner_path(me);
    }
    say(me, "\"");
}

static void say_list_path(struct inventor *me, bool is_inside)
{
    SAY_ONE(me, is_inside ? "\"l\"" : "\"a.l\"", is_inside ? "\"s\"" : "\"b.l\"",
        is_inside ? "\"l\"" : "\"a.s\"", is_inside ? "\"o.l\"" : "\"b.o.l\"");
}

/* ---- values ---- */

static void say_origin(struct inventor *me, bool is_number)
{
    switch (roll(me, is_number ? 7 : 6)) {
    case 0:
        say(me, ",\"x-first-of\":[");
        say_path(me, me->is_inside);
        for (unsigned more = roll(me, 3); more; more--) {
            say(me, ",");
            say_path(me, me->is_inside);
        }
        say(me, "]");
        return;
    case 1:
        say(me, ",\"x-lookup\":{\"in\":");
        say_list_path(me, false);
        say(me, ",\"where\":");
        say_path(me, true);
        say(me, ",\"equals\":");
        say_path(me, me->is_inside);
        say(me, ",\"take\":");
        say_path(me, true);
        say(me, "}");
        return;
    case 2:
        say(me, ",\"x-nearest\":{\"in\":");
        say_list_path(me, me->is_inside);
        say(me, ",\"by\":");
        say_path(me, true);
        say(me, ",\"to\":");
        SAY_ONE(me, "0", "5", "300");
        say(me, ",\"take\":");
        say_path(me, true);
        say(me, "}");
        return;
    case 6:
        say(me, ",\"x-count\":");
        say_list_path(me, me->is_inside);
        return;
    default:
        say(me, ",\"x-from\":");
        say_path(me, me->is_inside);
    }
}

static void say_text(struct inventor *me)
{
    say(me, "\"type\":");
    SAY_ONE(me, "\"string\"", "[\"string\",\"null\"]", "[\"null\",\"boolean\",\"string\"]");
    if (is_lucky(me, 8)) {
        SAY_ONE(me, ",\"const\":\"x\"", ",\"const\":\"\\u0001\xc3\xa9\\\"\"");
        return;
    }
    say_origin(me, false);
    switch (roll(me, 4)) {
    case 0:
        SAY_ONE(me, ",\"enum\":[\"x\",\"yy\",\"1\"]", ",\"enum\":[\"\xc3\xa9\",\"yy\"]");
        break;
    case 1:
        SAY_ONE(me, ",\"x-truncate\":3", ",\"x-truncate\":2,\"maxLength\":2",
            ",\"minLength\":2,\"x-truncate\":4", ",\"x-truncate\":1");
        break;
    case 2:
        say(me, ",\"x-map\":{\"x\":\"yy\",\"\":\"yy\",\"\xc3\xa9\":\"yy\",\"1\":\"zzz\"}");
        break;
    default:
        SAY_ONE(me, "", ",\"minLength\":1", ",\"minLength\":2");
        SAY_ONE(me, "", ",\"maxLength\":3", ",\"maxLength\":9");
    }
    MAYBE_ONE(me, 4, ",\"default\":\"yy\"");
}

static void say_number(struct inventor *me)
{
    static const char *const bounds[] = { "", ",\"minimum\":1", ",\"minimum\":-1.5",
        ",\"minimum\":-9223372036854775808" };
    say(me, "\"type\":");
    SAY_ONE(me, "\"integer\"", "\"number\"", "[\"integer\",\"null\"]", "[\"string\",\"integer\"]",
        "[\"number\",\"boolean\",\"string\",\"null\"]");
    if (is_lucky(me, 12)) {
        SAY_ONE(me, ",\"const\":7", ",\"const\":7.0");
        return;
    }
    say_origin(me, true);
    say_one(me, bounds, countof(bounds));
    MAYBE_ONE(me, 2, ",\"maximum\":7", ",\"maximum\":1e3", ",\"maximum\":9007199254740993");
    MAYBE_ONE(me, 6, ",\"enum\":[1,7]", ",\"enum\":[7.0,2]");
    MAYBE_ONE(me, 4, ",\"default\":7");
}

/* ---- structures ---- */

static void say_node(struct inventor *me);

static void say_members(struct inventor *me)
{
    unsigned count = 1 + roll(me, 5), required = roll(me, 3);
    say(me, ",\"properties\":{");
    for (unsigned i = 0; i < count; i++) {
        buf_printf(me->out, "%s\"p%u\":", i ? "," : "", i);
        say_node(me);
    }
    say(me, "},\"required\":[");
    for (unsigned i = 0; i < required && i < count; i++) {
        buf_printf(me->out, "%s\"p%u\"", i ? "," : "", i);
    }
    say(me, "]");
    MAYBE_ONE(me, 4, ",\"additionalProperties\":false");
}

static void say_object(struct inventor *me)
{
    bool was_inside = me->is_inside;
    say(me, "\"type\":\"object\"");
    switch (roll(me, 3)) {
    case 0:
        say(me, ",\"x-from\":");
        say_path(me, me->is_inside);
        me->is_inside = true;
        break;
    case 1:
        say(me, ",\"x-first\":");
        say_list_path(me, me->is_inside);
        me->is_inside = true;
        break;
    default:
        break;
    }
    say_members(me);
    me->is_inside = was_inside;
}

static void say_list(struct inventor *me)
{
    bool was_inside = me->is_inside;
    say(me, "\"type\":\"array\",\"x-from\":");
    say_list_path(me, me->is_inside);
    SAY_ONE(me, ",\"x-trim\":true", ",\"x-trim\":true", ",\"minItems\":1", ",\"default\":[]", "");
    MAYBE_ONE(me, 3, ",\"maxItems\":1", ",\"maxItems\":2");
    MAYBE_ONE(me, 4, ",\"x-take\":1", ",\"x-take\":3");
    me->is_inside = true;
    say(me, ",\"items\":");
    say_node(me);
    me->is_inside = was_inside;
}

static void say_node(struct inventor *me)
{
    say(me, "{");
    bool is_deep = me->level++ >= NESTING_MAX;
    switch (roll(me, is_deep ? 4 : 8)) {
    case 0:
    case 1:
        say_number(me);
        break;
    case 2:
        say_text(me);
        break;
    case 3:
        say(me, "\"$ref\":\"#/$defs/any\"");
        say_origin(me, false);
        break;
    case 4:
    case 5:
        say_object(me);
        break;
    default:
        say_list(me);
    }
    me->level--;
    say(me, "}");
}

/* ---- bodies ---- */

static void say_body(struct inventor *me, bool is_list);

static void say_any(struct inventor *me)
{
    bool is_leaf = me->level >= BODY_NESTING_MAX || !is_lucky(me, 4);
    if (is_leaf) {
        SAY_ONE(me, "null", "true", "0", "1", "7", "-1", "1.5", "7.0", "70e-1", "1e2", "300",
            "9007199254740993", "9007199254740993.0", "1E22", "-9223372036854775808", "\"\"",
            "\"x\"", "\"yy\"", "\"1\"", "\"\\u00e9\"", "\"\xc3\xa9\"",
            "\"abc\\ud83d\\ude00\xf0\x9f\x98\x80\\n\\\"text\"");
    } else {
        say_body(me, is_lucky(me, 2));
    }
}

/* A name in either of the ways that it may be written. */
static void say_name(struct inventor *me, const char *name)
{
    if (is_lucky(me, 8)) {
        buf_printf(me->out, "\"\\u%04x%s\":", (unsigned char)name[0], name + 1);
    } else {
        buf_printf(me->out, "\"%s\":", name);
    }
}

static void say_body(struct inventor *me, bool is_list)
{
    unsigned count = roll(me, 5), written = 0;
    me->level++;
    say(me, is_list ? "[" : "{");
    for (unsigned i = 0; i < (is_list ? count : NAMES); i++) {
        bool is_list_name = names[i][0] == 'l' || names[i][0] == 's';
        if (!is_list && is_lucky(me, 4)) {
            continue;
        }
        say(me, written++ ? "," : "");
        if (!is_list) {
            say_name(me, names[i]);
        }
        if (me->level < BODY_NESTING_MAX && is_lucky(me, 2) &&
            (is_list || is_list_name || names[i][0] == 'o')) {
            say_body(me, !is_list && is_list_name);
        } else {
            say_any(me);
        }
    }
    say(me, is_list ? "]" : "}");
    me->level--;
}

/* ---- the door ---- */

/* Dice that all differ from those of the next seed. */
static struct inventor inventor_of(struct buf *out, uint64_t seed)
{
    struct inventor me = { .out = out, .dice = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1 };
    for (unsigned i = 0; i < 8; i++) {
        roll(&me, 2);
    }
    return me;
}

bool invention_schema(struct buf *out, uint64_t seed)
{
    struct inventor me = inventor_of(out, seed);
    say(&me, "{\"type\":\"object\",\"x-calls\":{\"a\":\"any.json\",\"b\":\"any.json\"}");
    say_members(&me);
    if (memmem(out->data, out->len, "$ref", 4)) {
        say(&me, ",\"$defs\":{\"any\":{\"type\":[\"number\",\"string\",\"boolean\",\"null\"]}}");
    }
    if (memmem(out->data, out->len, "x-trim", 6)) {
        SAY_ONE(&me, ",\"x-max-bytes\":20", ",\"x-max-bytes\":80", ",\"x-max-bytes\":300");
    }
    say(&me, "}");
    return !out->is_overfull;
}

bool invention_body(struct buf *out, uint64_t seed)
{
    struct inventor me = inventor_of(out, seed);
    say_body(&me, false);
    return !out->is_overfull;
}
