/*
 * grammar: RFC 8259 and RFC 3629 as a table of "in this state, these bytes lead to that state".
 *
 * Owns the table and nothing that outlives a call. Reads one byte at a time and remembers nothing
 * but the state, the open lists and objects, and the escape in hand, so that it can be checked by
 * eye; the scanner that is held against it works in blocks. json-c is known to lose: integers of
 * more than 64 bits, the sign of -0, what stands behind a NUL in a member's name, and pairs that
 * mean a character whose low 16 bits look like half a pair.
 */
#include "grammar.h"

#include "base/must.h"

#include <errno.h>
#include <stdlib.h>

enum state {
    REFUSE,
    VALUE,
    FIRST_ELEMENT,
    FIRST_NAME,
    NAME,
    COLON,
    BEHIND, /* a value */
    /* strings */
    STRING,
    ESCAPE,
    HEX_1,
    HEX_2,
    HEX_3,
    HEX_4,
    LOW_ESCAPE, /* behind the high half of a pair */
    LOW_U,
    /* characters of more than one byte: so many more follow, */
    MORE_1,
    MORE_2,
    MORE_3,
    /* the first of which is bounded (RFC 3629 section 4) */
    MORE_E0,
    MORE_ED,
    MORE_F0,
    MORE_F4,
    /* numbers */
    MINUS,
    ZERO,
    DIGITS,
    POINT,
    FRACTION,
    EXPONENT,
    EXPONENT_SIGN,
    EXPONENT_DIGITS,
    /* words */
    T,
    TR,
    TRU,
    F,
    FA,
    FAL,
    FALS,
    N,
    NU,
    NUL,
    STATES,
    /* not states: what the byte does */
    OPEN_LIST,
    OPEN_OBJECT,
    CLOSE_LIST,
    CLOSE_OBJECT,
    QUOTE_OPENS,
    QUOTE_CLOSES,
    COMMA,
    HEX_DONE,
};

#define SPACE " \t\n\r"
#define HEX   "0123456789abcdefABCDEF"
#define DIGIT "0123456789"

/* In this state each of these bytes leads to that state. */
static const struct rule {
    unsigned from;
    const char *bytes;
    unsigned to;
} rules[] = {
    { VALUE, SPACE, VALUE },
    { VALUE, "[", OPEN_LIST },
    { VALUE, "{", OPEN_OBJECT },
    { VALUE, "\"", QUOTE_OPENS },
    { VALUE, "-", MINUS },
    { VALUE, "0", ZERO },
    { VALUE, "123456789", DIGITS },
    { VALUE, "t", T },
    { VALUE, "f", F },
    { VALUE, "n", N },
    { FIRST_ELEMENT, SPACE, FIRST_ELEMENT },
    { FIRST_ELEMENT, "]", CLOSE_LIST }, /* what else begins a value, see table_make() */
    { FIRST_NAME, SPACE, FIRST_NAME },
    { FIRST_NAME, "\"", QUOTE_OPENS },
    { FIRST_NAME, "}", CLOSE_OBJECT },
    { NAME, SPACE, NAME },
    { NAME, "\"", QUOTE_OPENS },
    { COLON, SPACE, COLON },
    { COLON, ":", VALUE },
    { BEHIND, SPACE, BEHIND },
    { BEHIND, ",", COMMA },
    { BEHIND, "]", CLOSE_LIST },
    { BEHIND, "}", CLOSE_OBJECT },

    { STRING, "\"", QUOTE_CLOSES },
    { STRING, "\\", ESCAPE },
    { ESCAPE, "\"\\/bfnrt", STRING },
    { ESCAPE, "u", HEX_1 },
    { HEX_1, HEX, HEX_2 },
    { HEX_2, HEX, HEX_3 },
    { HEX_3, HEX, HEX_4 },
    { HEX_4, HEX, HEX_DONE },
    { LOW_ESCAPE, "\\", LOW_U },
    { LOW_U, "u", HEX_1 },

    { MINUS, "0", ZERO },
    { MINUS, "123456789", DIGITS },
    { DIGITS, DIGIT, DIGITS },
    { DIGITS, ".", POINT },
    { DIGITS, "eE", EXPONENT },
    { ZERO, ".", POINT },
    { ZERO, "eE", EXPONENT },
    { POINT, DIGIT, FRACTION },
    { FRACTION, DIGIT, FRACTION },
    { FRACTION, "eE", EXPONENT },
    { EXPONENT, "+-", EXPONENT_SIGN },
    { EXPONENT, DIGIT, EXPONENT_DIGITS },
    { EXPONENT_SIGN, DIGIT, EXPONENT_DIGITS },
    { EXPONENT_DIGITS, DIGIT, EXPONENT_DIGITS },

    { T, "r", TR },
    { TR, "u", TRU },
    { TRU, "e", BEHIND },
    { F, "a", FA },
    { FA, "l", FAL },
    { FAL, "s", FALS },
    { FALS, "e", BEHIND },
    { N, "u", NU },
    { NU, "l", NUL },
    { NUL, "l", BEHIND },
};

/* The same for the bytes from `low` to `high`. */
static const struct range {
    unsigned from, low, high, to;
} ranges[] = {
    { STRING, 0x20, '"' - 1, STRING },
    { STRING, '"' + 1, '\\' - 1, STRING },
    { STRING, '\\' + 1, 0x7f, STRING },
    { STRING, 0xc2, 0xdf, MORE_1 },
    { STRING, 0xe0, 0xe0, MORE_E0 },
    { STRING, 0xe1, 0xec, MORE_2 },
    { STRING, 0xed, 0xed, MORE_ED },
    { STRING, 0xee, 0xef, MORE_2 },
    { STRING, 0xf0, 0xf0, MORE_F0 },
    { STRING, 0xf1, 0xf3, MORE_3 },
    { STRING, 0xf4, 0xf4, MORE_F4 },
    { MORE_E0, 0xa0, 0xbf, MORE_1 },
    { MORE_ED, 0x80, 0x9f, MORE_1 },
    { MORE_F0, 0x90, 0xbf, MORE_2 },
    { MORE_F4, 0x80, 0x8f, MORE_2 },
    { MORE_3, 0x80, 0xbf, MORE_2 },
    { MORE_2, 0x80, 0xbf, MORE_1 },
    { MORE_1, 0x80, 0xbf, STRING },
};

static unsigned char table[STATES][256]; /* the rules, spread out at the first call */

static void table_make(void)
{
    static bool is_made;
    for (size_t i = 0; i < countof(rules) && !is_made; i++) {
        for (const char *byte = rules[i].bytes; *byte; byte++) {
            table[rules[i].from][(unsigned char)*byte] = (unsigned char)rules[i].to;
        }
    }
    for (size_t i = 0; i < countof(ranges) && !is_made; i++) {
        for (unsigned byte = ranges[i].low; byte <= ranges[i].high; byte++) {
            table[ranges[i].from][byte] = (unsigned char)ranges[i].to;
        }
    }
    for (size_t byte = 0; byte < 256 && !is_made; byte++) {
        if (table[FIRST_ELEMENT][byte] == REFUSE) {
            table[FIRST_ELEMENT][byte] = table[VALUE][byte];
        }
    }
    is_made = true;
}

struct reading {
    unsigned state;
    unsigned depth, depth_max;
    bool is_object[GRAMMAR_DEPTH_MAX];
    bool is_name;       /* the string in hand is a member's name */
    unsigned unit;      /* of a \u escape */
    unsigned high;      /* the half pair before it; 0: none */
    const char *number; /* where the number in hand begins */
    bool is_lossy;
};

static unsigned open_one(struct reading *r, bool is_object)
{
    if (r->depth == r->depth_max) {
        return REFUSE;
    }
    r->is_object[r->depth++] = is_object;
    return is_object ? FIRST_NAME : FIRST_ELEMENT;
}

static unsigned close_one(struct reading *r, bool is_object)
{
    bool is_open = r->depth > 0 && r->is_object[r->depth - 1] == is_object;
    r->depth -= is_open;
    return is_open ? BEHIND : REFUSE;
}

static unsigned hex_done(struct reading *r)
{
    bool is_low = r->unit >= 0xdc00 && r->unit <= 0xdfff;
    bool is_high = r->unit >= 0xd800 && r->unit <= 0xdbff;
    if (is_low != (r->high != 0)) {
        return REFUSE;
    }
    r->is_lossy |= r->unit == 0 && r->is_name;
    unsigned point_low = ((r->high & 0x3f) << 10) + (r->unit & 0x3ff);
    r->is_lossy |= is_low && point_low >= 0xd800 && point_low <= 0xdfff;
    r->high = is_high ? r->unit : 0;
    return is_high ? LOW_ESCAPE : STRING;
}

static unsigned step(struct reading *r, unsigned to)
{
    switch (to) {
    case OPEN_LIST:
    case OPEN_OBJECT:
        return open_one(r, to == OPEN_OBJECT);
    case CLOSE_LIST:
    case CLOSE_OBJECT:
        return close_one(r, to == CLOSE_OBJECT);
    case QUOTE_OPENS:
        r->is_name = r->state == NAME || r->state == FIRST_NAME;
        return STRING;
    case QUOTE_CLOSES:
        return r->is_name ? COLON : BEHIND;
    case COMMA:
        return r->depth == 0 ? REFUSE : r->is_object[r->depth - 1] ? NAME : VALUE;
    case HEX_DONE:
        return hex_done(r);
    default:
        return to;
    }
}

static bool is_whole_number(unsigned state)
{
    return state == ZERO || state == DIGITS || state == FRACTION || state == EXPONENT_DIGITS;
}

/* Behind a number: json-c keeps the text of those with a point or an exponent. */
static void number_done(struct reading *r)
{
    if (r->state == ZERO || r->state == DIGITS) {
        errno = 0;
        long long value = strtoll(r->number, NULL, 10);
        r->is_lossy |= errno == ERANGE || (value == 0 && *r->number == '-');
    }
    r->state = BEHIND;
}

static void read_byte(struct reading *r, const char *at)
{
    unsigned char byte = (unsigned char)*at;
    bool is_hex = r->state >= HEX_1 && r->state <= HEX_4;
    if (is_whole_number(r->state) && table[r->state][byte] == REFUSE) {
        number_done(r);
    }
    unsigned to = table[r->state][byte];
    if (is_hex) {
        unsigned digit = byte <= '9' ? byte - 0u - '0' : (byte | 0x20u) - 'a' + 10;
        r->unit = (r->state == HEX_1 ? 0 : r->unit * 16) + digit;
    }
    if (to == MINUS || (r->state != MINUS && (to == ZERO || to == DIGITS) && r->state != DIGITS)) {
        r->number = at;
    }
    r->state = step(r, to);
}

enum grammar grammar_check(struct str text, unsigned depth_max)
{
    struct reading r = { .state = VALUE, .depth_max = depth_max };
    must(depth_max <= GRAMMAR_DEPTH_MAX);
    table_make();
    /* A copy with a NUL, at which strtoll stops. */
    char *copy = calloc(text.len + 1, 1);
    must(copy != NULL);
    memcpy(copy, text.at ? text.at : "", text.len);
    for (size_t i = 0; i < text.len && r.state != REFUSE; i++) {
        read_byte(&r, copy + i);
    }
    if (is_whole_number(r.state)) {
        number_done(&r);
    }
    free(copy);
    bool is_json = r.state == BEHIND && r.depth == 0;
    return !is_json ? GRAMMAR_REFUSED : r.is_lossy ? GRAMMAR_LOSSY : GRAMMAR_KEPT;
}
