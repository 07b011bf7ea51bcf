/*
 * scan: one validating pass over a body.
 *
 * Walks the body and the tree of what is wanted side by side. Where something inside a value is
 * wanted it goes down with the tree, by recursion that is as deep as the tree and no deeper;
 * everything else is skipped by a loop that keeps one bit for each open list or object. Promises:
 *   (1) NULL comes back only for a body that RFC 8259 allows, whatever was wanted of it;
 *   (2) it reads at most BUF_PADDING bytes beyond the body and writes nothing into it;
 *   (3) time is linear in the body; memory is the rows, and bounded by SCAN_NOTES_MAX;
 *   (4) the rows of one list's elements are next to each other, in order.
 * A NUL behind the body stops every inner loop, so that no loop looks for the end; whoever stops at
 * an unexpected byte says so, and where the body ended is only looked up for the sentence. It does
 * not know types, bounds or shapes: a wanted path that leads elsewhere is a missing value.
 */
#include "scan.h"

#include "../base/buf.h"
#include "../base/must.h"
#include "scan_string.h"
#include "want.h"

_Static_assert(BUF_PADDING >= 32, "a string is read 16 bytes at a time");

enum { ROWS_FIRST = 16, DEPTH_WORDS = (SCAN_DEPTH_MAX + 63) / 64 };

/* The rows of one row list, one after the other. */
struct rows {
    struct scan_span *spans;
    uint32_t count, room; /* in rows */
};

/* What scanned.notes points to. */
struct notes {
    const char *body;
    struct rows rows[]; /* one for each row list */
};

struct scanner {
    const struct want *want;
    struct notes *notes;
    struct arena *arena;
    const char *body;
    const char *end;
    const char *why;   /* what is wrong with the body, */
    const char *where; /* and from which byte on */
    size_t notes_bytes;
    unsigned depth;
    unsigned escapes;                /* how many were seen */
    uint64_t is_object[DEPTH_WORDS]; /* one bit for each open list or object of skip_value */
};

/* Always NULL, so that a function can end with it. */
static const char *refuse(struct scanner *s, const char *at, const char *why)
{
    s->why = at >= s->end ? "the body ends too early" : why;
    s->where = at;
    return NULL;
}

static inline const char *skip_space(const char *p)
{
    /* Most bodies have none: one comparison tells. */
    while ((unsigned char)*p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
        p++;
    }
    return p;
}

static inline bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* ---- scalars: each takes the first byte's place and returns the place behind the value ---- */

/* Four hexadecimal digits at `p`, or -1. */
static int hex4(const char *p)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)p[i];
        unsigned char low = c | 0x20;
        if (is_digit((char)c)) {
            value = value * 16 + (c - '0');
        } else if (low >= 'a' && low <= 'f') {
            value = value * 16 + (low - 'a' + 10);
        } else {
            return -1;
        }
    }
    return value;
}

static const char *escape_end(struct scanner *s, const char *p)
{
    s->escapes++;
    if (p[1] != 'u') {
        return p[1] && strchr("\"\\/bfnrt", p[1]) ? p + 2 : refuse(s, p + 1, "an unknown escape");
    }
    int unit = hex4(p + 2);
    if (unit < 0) {
        return refuse(s, p + 2, "\\u without four hexadecimal digits");
    }
    if (unit < 0xd800 || unit > 0xdfff) {
        return p + 6;
    }
    /* RFC 8259 section 8.2 leaves half pairs undefined; as UTF-8 they cannot be sent on. */
    int other = p[6] == '\\' && p[7] == 'u' ? hex4(p + 8) : -1;
    if (unit > 0xdbff || other < 0xdc00 || other > 0xdfff) {
        return refuse(s, p, "half a surrogate pair");
    }
    return p + 12;
}

static const char *beyond_ascii_end(struct scanner *s, const char *p)
{
    while (*p & 0x80) {
        size_t len = utf8_len(p, 4);
        if (len == 0) {
            return refuse(s, p, "bytes that are not UTF-8");
        }
        p += len;
    }
    return p;
}

/* The rest of a string, from its first byte that is not plain. */
static const char *string_rest_end(struct scanner *s, const char *p)
{
    while (p && *p != '"') {
        if (*p == '\\') {
            p = escape_end(s, p);
        } else if (*p & 0x80) {
            p = beyond_ascii_end(s, p);
        } else {
            return refuse(s, p, "a control character in a string");
        }
        p = p ? string_plain_end(p) : NULL;
    }
    return p ? p + 1 : NULL;
}

static inline const char *string_end(struct scanner *s, const char *p)
{
    p = string_plain_end(p + 1);
    return *p == '"' ? p + 1 : string_rest_end(s, p);
}

/* One digit or more; NULL when there is none. */
static inline const char *digits_end(struct scanner *s, const char *p)
{
    if (!is_digit(*p)) {
        return refuse(s, p, "a number that is not well-formed");
    }
    do {
        p++;
    } while (is_digit(*p));
    return p;
}

static const char *number_end(struct scanner *s, const char *p)
{
    p += *p == '-';
    p = *p == '0' ? p + 1 : digits_end(s, p);
    if (p && *p == '.') {
        p = digits_end(s, p + 1);
    }
    if (p && (*p | 0x20) == 'e') {
        p++;
        p = digits_end(s, p + (*p == '+' || *p == '-'));
    }
    return p;
}

static const char *word_end(struct scanner *s, const char *p, struct str word)
{
    return memcmp(p, word.at, word.len) == 0 ? p + word.len
                                             : refuse(s, p, "a word that is not JSON");
}

static inline const char *scalar_end(struct scanner *s, const char *p)
{
    switch (*p) {
    case '"':
        return string_end(s, p);
    case 't':
        return word_end(s, p, STR("true"));
    case 'f':
        return word_end(s, p, STR("false"));
    case 'n':
        return word_end(s, p, STR("null"));
    default:
        return *p == '-' || is_digit(*p) ? number_end(s, p) : refuse(s, p, "a value is missing");
    }
}

/* ---- what nobody wants ---- */

/* From a member's name to its value. */
static inline const char *name_end(struct scanner *s, const char *p)
{
    if (*p != '"') {
        return refuse(s, p, "a member without a name");
    }
    p = string_end(s, p);
    if (!p) {
        return NULL;
    }
    p = skip_space(p);
    return *p == ':' ? skip_space(p + 1) : refuse(s, p, "a member without a colon");
}

static bool enter(struct scanner *s, const char *p)
{
    if (s->depth == SCAN_DEPTH_MAX) {
        refuse(s, p, "lists and objects are nested too deep");
        return false;
    }
    uint64_t bit = UINT64_C(1) << s->depth % 64;
    uint64_t *word = &s->is_object[s->depth / 64];
    *word = *p == '{' ? *word | bit : *word & ~bit;
    s->depth++;
    return true;
}

static inline bool is_in_object(const struct scanner *s)
{
    return s->is_object[(s->depth - 1) / 64] >> (s->depth - 1) % 64 & 1;
}

/*
 * Behind an element: to the next value in the same or an outer list or object, or to the end of all
 * of them.
 */
static inline const char *next_value(struct scanner *s, const char *p, unsigned floor)
{
    while (s->depth > floor) {
        bool is_object = is_in_object(s);
        p = skip_space(p);
        if (*p == ',') {
            p = skip_space(p + 1);
            return is_object ? name_end(s, p) : p;
        }
        if (*p != (is_object ? '}' : ']')) {
            return refuse(s, p, "a comma or a closing bracket is missing");
        }
        p++;
        s->depth--;
    }
    return p;
}

static const char *skip_value(struct scanner *s, const char *p)
{
    unsigned floor = s->depth;
    do {
        if (*p != '{' && *p != '[') {
            p = scalar_end(s, p);
        } else if (!enter(s, p)) {
            return NULL;
        } else {
            char closing = (char)(*p + 2); /* in ASCII, '{' and '[' stand two before '}' and ']' */
            p = skip_space(p + 1);
            if (*p != closing) {
                p = closing == '}' ? name_end(s, p) : p;
                if (!p) {
                    return NULL;
                }
                continue;
            }
            p++;
            s->depth--;
        }
        p = p ? next_value(s, p, floor) : NULL;
    } while (p && s->depth > floor);
    return p;
}

/* ---- what somebody wants ---- */

static const char *wanted_value(
    struct scanner *s, const char *p, const struct want_node *node, struct scan_span *row);

/* A row with nothing noted in it yet, behind the others of its list; NULL: enough is enough. */
static struct scan_span *row_add(struct scanner *s, unsigned list, const char *p)
{
    struct rows *rows = &s->notes->rows[list];
    size_t stride = s->want->strides[list];
    if (rows->count == rows->room) {
        uint32_t room = rows->room ? rows->room * 2 : ROWS_FIRST;
        size_t bytes = room * stride * sizeof(*rows->spans);
        s->notes_bytes += bytes;
        if (s->notes_bytes > SCAN_NOTES_MAX) {
            refuse(s, p, "too many list elements");
            return NULL;
        }
        struct scan_span *spans = arena_alloc(s->arena, bytes);
        if (rows->count) {
            memcpy(spans, rows->spans, rows->count * stride * sizeof(*spans));
        }
        rows->spans = spans;
        rows->room = room;
    }
    struct scan_span *row = rows->spans + rows->count++ * stride;
    memset(row, 0, stride * sizeof(*row));
    return row;
}

static const char *wanted_list(
    struct scanner *s, const char *p, const struct want_node *node, struct scan_span *row)
{
    const struct want_node *element = &s->want->nodes[node->elements];
    uint32_t first = s->notes->rows[element->list].count;
    p = skip_space(p + 1);
    bool is_empty = *p == ']';
    while (p && !is_empty) {
        struct scan_span *own = row_add(s, element->list, p);
        p = own ? wanted_value(s, p, element, own) : NULL;
        if (!p) {
            return NULL;
        }
        p = skip_space(p);
        if (*p == ']') {
            break;
        }
        p = *p == ',' ? skip_space(p + 1) : refuse(s, p, "a comma or a closing bracket is missing");
    }
    if (!p) {
        return NULL;
    }
    /* The elements' rows, as first and behind the last. */
    row[node->rows] = (struct scan_span){ first, s->notes->rows[element->list].count };
    return p + 1;
}

static const struct want_node *member_named(
    const struct scanner *s, const struct want_node *node, const char *at, size_t len)
{
    const struct want_node *nodes = s->want->nodes;
    uint64_t word = want_word(at, len);
    for (size_t i = node->table[want_hash(word, node->shift)]; i; i = nodes[i].chain) {
        bool is_it = nodes[i].word == word && nodes[i].name.len == len;
        if (is_it && (len <= 8 || memcmp(nodes[i].name.at, at, len) == 0)) {
            return &nodes[i];
        }
    }
    return NULL;
}

/* The wanted member that a name means, given the name without quotes and whether it has escapes. */
static const struct want_node *member_find(const struct scanner *s, const struct want_node *node,
    const char *at, size_t len, bool has_escapes)
{
    if (!has_escapes) {
        return member_named(s, node, at, len);
    }
    struct scan_value name = { SCAN_STRING, { at - 1, len + 2 } };
    struct str plain = scan_plain(name, s->arena);
    char padded[256 + 8] = "";
    if (plain.len > 255) {
        return NULL; /* longer than any name in a path */
    }
    memcpy(padded, plain.at, plain.len);
    return member_named(s, node, padded, plain.len);
}

/* One member: its name, and its value as far as it is wanted. */
static inline const char *wanted_member(
    struct scanner *s, const char *p, const struct want_node *node, struct scan_span *row)
{
    const char *name = p + 1;
    unsigned escapes = s->escapes;
    p = name_end(s, p);
    if (!p) {
        return NULL;
    }
    const char *quote = p - 1;
    while (*quote != '"') {
        quote--; /* back over the colon and spaces */
    }
    const struct want_node *member =
        member_find(s, node, name, (size_t)(quote - name), s->escapes != escapes);
    if (!member) {
        return skip_value(s, p);
    }
    if (row[member->slot].end) {
        return refuse(s, name, "a wanted member stands twice in its object");
    }
    return wanted_value(s, p, member, row);
}

static const char *wanted_object(
    struct scanner *s, const char *p, const struct want_node *node, struct scan_span *row)
{
    p = skip_space(p + 1);
    bool is_empty = *p == '}';
    while (p && !is_empty) {
        p = wanted_member(s, p, node, row);
        if (!p) {
            return NULL;
        }
        p = skip_space(p);
        if (*p == '}') {
            break;
        }
        p = *p == ',' ? skip_space(p + 1) : refuse(s, p, "a comma or a closing bracket is missing");
    }
    return p ? p + 1 : NULL;
}

static const char *wanted_value(
    struct scanner *s, const char *p, const struct want_node *node, struct scan_span *row)
{
    const char *first = p;
    bool is_list = *p == '[' && node->elements;
    if (is_list || (*p == '{' && node->table)) {
        if (!enter(s, p)) {
            return NULL;
        }
        p = is_list ? wanted_list(s, p, node, row) : wanted_object(s, p, node, row);
        s->depth--;
    } else {
        p = skip_value(s, p);
    }
    if (p) {
        row[node->slot] =
            (struct scan_span){ (uint32_t)(first - s->body), (uint32_t)(p - s->body) };
    }
    return p;
}

/* NULL, with all notes made, or what is wrong with the body. */
static const char *scan_all(struct scanner *s, struct str body)
{
    s->body = body.at;
    s->end = body.at + body.len;
    if (body.len > UINT32_MAX - BUF_PADDING) {
        refuse(s, body.at, "the body has more than 4 GB");
        return s->why;
    }
    size_t rows_bytes = s->want->lists_count * sizeof(struct rows);
    s->notes = arena_zalloc(s->arena, 1, sizeof(*s->notes) + rows_bytes);
    s->notes->body = body.at;
    struct scan_span *row = row_add(s, 0, body.at);
    const char *p = skip_space(body.at);
    if (str_starts(body, STR("\xef\xbb\xbf"))) {
        p = refuse(s, p, "the body begins with a byte order mark");
    }
    p = p ? wanted_value(s, p, &s->want->nodes[0], row) : NULL;
    p = p ? skip_space(p) : NULL;
    if (p && p != s->end) {
        refuse(s, p, "something stands behind the value");
    }
    return s->why;
}

const char *scan(const struct want *want, struct str body, struct arena *arena, struct scanned *out)
{
    struct scanner s = { .want = want, .arena = arena };
    const char *why = scan_all(&s, body);
    *out = why ? (struct scanned){ NULL, NULL } : (struct scanned){ want, s.notes };
    return why;
}

const char *scan_check(struct str body, struct arena *arena, size_t *at)
{
    struct scanner s = { .want = want_new(arena), .arena = arena };
    const char *why = scan_all(&s, body);
    *at = why ? (size_t)(s.where - s.body) : body.len;
    return why;
}

/* ---- reading the notes ---- */

static const struct scan_span no_rows[1];

const struct scan_span *scanned_body(const struct scanned *scanned)
{
    const struct notes *notes = scanned->notes;
    return notes ? notes->rows[0].spans : NULL;
}

struct scan_rows scanned_rows(
    const struct scanned *scanned, const struct scan_span *row, unsigned slot, unsigned list)
{
    const struct notes *notes = scanned->notes;
    size_t stride = scanned->want->strides[list];
    size_t count = row[slot].end - row[slot].at;
    const struct scan_span *first =
        count ? notes->rows[list].spans + row[slot].at * stride : no_rows;
    return (struct scan_rows){ first, count, stride };
}

struct scan_value scanned_span(const struct scanned *scanned, struct scan_span span)
{
    if (!span.end) {
        return (struct scan_value){ SCAN_MISSING, { NULL, 0 } };
    }
    const char *at = ((const struct notes *)scanned->notes)->body + span.at;
    return (struct scan_value){ scan_kind_of(*at), { at, span.end - span.at } };
}

struct scan_value scanned_value(const struct scanned *scanned, size_t path)
{
    if (!scanned->notes) {
        return (struct scan_value){ SCAN_MISSING, { NULL, 0 } };
    }
    struct want_place place = want_place(scanned->want, path);
    must(place.list == 0);
    return scanned_span(scanned, scanned_body(scanned)[place.slot]);
}

void scanned_each(const struct scanned *scanned, size_t path,
    bool (*visit)(void *context, struct scan_value value), void *context)
{
    const struct notes *notes = scanned->notes;
    if (!notes) {
        return;
    }
    /*
     * Lists come in the order of the body, and so do their rows: all rows of the list are the
     * path's.
     */
    struct want_place place = want_place(scanned->want, path);
    const struct rows *rows = &notes->rows[place.list];
    size_t stride = scanned->want->strides[place.list];
    for (size_t i = 0; i < rows->count; i++) {
        struct scan_value value = scanned_span(scanned, rows->spans[i * stride + place.slot]);
        if (value.kind != SCAN_MISSING && !visit(context, value)) {
            return;
        }
    }
}
