/*
 * scan: one validating pass over a body.
 *
 * Walks the body and the tree of what is wanted side by side. Where something inside a value is
 * wanted it goes down with the tree, by recursion that is as deep as the tree and no deeper;
 * everything else is walked over by scan_gap.c and scan_token.c. Promises:
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
#include "scan_gap.h"
#include "scan_guess.h"
#include "scan_notes.h"
#include "scan_token.h"
#include "text_hash.h"

#include <stdlib.h>

_Static_assert(BUF_PADDING >= 64, "text is read 32 bytes at a time");

enum { ROWS_FIRST = 16 };

struct scanner {
    const struct want *want;
    struct notes *notes;
    struct arena *arena;
    const char *body;
    struct scan_fault fault;
    struct guesses *guesses;
    struct gaps *gaps;
    size_t notes_bytes;
    unsigned depth;
};

static const char *refuse(struct scanner *s, const char *at, const char *why)
{
    return scan_refuse(&s->fault, at, why);
}

static const char *wanted_nested(
    struct scanner *s, const char *p, const struct want_node *node, struct scan_span *row);

/* Any value; `node` is what is wanted of it, or NULL, and `guess` is its name's, or NULL. */
__attribute__((always_inline)) static inline const char *value_end(struct scanner *s, const char *p,
    const struct want_node *node, struct scan_span *row, struct guess *guess)
{
    if (!scan_is_nested(*p)) {
        return scan_scalar_end(&s->fault, p);
    }
    if (node && (*p == '[' ? node->elements != 0 : node->table != NULL)) {
        return wanted_nested(s, p, node, row);
    }
    struct gap **first = guess ? &guess->inside : &s->gaps->first;
    return scan_nested_end(&s->fault, p, s->depth, s->gaps, first);
}

static inline void note(
    const struct scanner *s, struct scan_span *span, const char *first, const char *end)
{
    *span = (struct scan_span){ (uint32_t)(first - s->body), (uint32_t)(end - s->body) };
}

/* ---- lists ---- */

/* Room for more rows of one list; those that are there move. False: enough is enough. */
static bool rows_grow(struct scanner *s, unsigned list, const char *p)
{
    struct notes *rows = &s->notes[list];
    size_t row_bytes = s->want->strides[list] * sizeof(*rows->spans);
    uint32_t room = rows->room ? rows->room * 2 : list ? ROWS_FIRST : 1; /* the body is one row */
    s->notes_bytes += room * row_bytes;
    if (s->notes_bytes > SCAN_NOTES_MAX) {
        refuse(s, p, "too many list elements");
        return false;
    }
    char *spans = arena_alloc(s->arena, room * row_bytes);
    size_t kept_bytes = rows->count * row_bytes;
    if (kept_bytes) {
        memcpy(spans, rows->spans, kept_bytes);
    }
    memset(spans + kept_bytes, 0, room * row_bytes - kept_bytes);
    rows->spans = (struct scan_span *)(void *)spans;
    rows->room = room;
    return true;
}

/* A row with nothing noted in it yet, behind the others of its list; NULL: enough is enough. */
static inline struct scan_span *row_add(struct scanner *s, unsigned list, const char *p)
{
    struct notes *rows = &s->notes[list];
    if (rows->count == rows->room && !rows_grow(s, list, p)) {
        return NULL;
    }
    return rows->spans + rows->count++ * s->want->strides[list];
}

static const char *wanted_list(
    struct scanner *s, const char *p, const struct want_node *node, struct scan_span *row)
{
    const struct want_node *element = &s->want->nodes[node->elements];
    const struct notes *rows = &s->notes[element->list];
    uint32_t first = rows->count;
    p = scan_token_at(p + 1);
    bool is_empty = *p == ']';
    while (!is_empty) {
        const char *at = p;
        struct scan_span *own = row_add(s, element->list, p);
        if (!own) {
            return NULL;
        }
        p = value_end(s, p, element, own, NULL);
        if (!p) {
            return NULL;
        }
        note(s, &own[element->slot], at, p);
        p = scan_token_at(p);
        if (*p == ']') {
            break;
        }
        if (*p != ',') {
            return refuse(s, p, "a comma or a closing bracket is missing");
        }
        p = scan_token_at(p + 1);
    }
    row[node->rows] = (struct scan_span){ first, rows->count }; /* and behind the last */
    return p + 1;
}

/* ---- objects ---- */

static const struct want_node *member_named(
    const struct scanner *s, const struct want_node *node, const char *at, size_t len)
{
    const struct want_node *nodes = s->want->nodes;
    uint64_t word = text_word(at, len);
    for (size_t i = node->table[text_hash(word, node->shift)]; i; i = nodes[i].chain) {
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

/* A name that was not guessed: what it means, and the guess that it is from now on, or NULL. */
static const char *member_read(struct scanner *s, const char *p, const struct want_node *node,
    const struct want_node **member, struct guess **next, struct guess **guess)
{
    const char *name = p;
    if (*p != '"') {
        return refuse(s, p, "a member without a name");
    }
    p = scan_string_end(&s->fault, p);
    if (!p) {
        return NULL;
    }
    size_t len = (size_t)(p - name) - 2;
    *member = member_find(s, node, name + 1, len, memchr(name + 1, '\\', len) != NULL);
    if (*p == ':') {
        *guess = guess_learn(s->guesses, next, (struct str){ name, len + 3 }, *member);
    }
    return scan_colon_end(&s->fault, p);
}

static const char *wanted_object(
    struct scanner *s, const char *p, const struct want_node *node, struct scan_span *row)
{
    struct guess **next = &s->guesses->firsts[node - s->want->nodes];
    p = scan_token_at(p + 1);
    if (*p == '}') {
        return p + 1;
    }
    struct guess *guess = guess_at(*next, p);
    p -= guess != NULL; /* the place of its comma */
    for (;;) {
        const struct want_node *member = NULL;
        if (guess) {
            member = guess->member;
            p += guess->text.len;
        } else {
            p = member_read(s, p, node, &member, next, &guess);
            if (!p) {
                return NULL;
            }
        }
        next = guess ? &guess->next : next;
        p = scan_token_at(p);
        const char *first = p;
        p = value_end(s, p, member, row, guess);
        if (!p) {
            return NULL;
        }
        if (member) {
            if (row[member->slot].end) {
                return refuse(s, first, "a wanted member stands twice in its object");
            }
            note(s, &row[member->slot], first, p);
        }
        if (*p == '}') {
            return p + 1;
        }
        guess = guess_next(*next, p);
        if (guess) {
            continue;
        }
        p = scan_token_at(p);
        if (*p != ',') {
            return *p == '}' ? p + 1 : refuse(s, p, "a comma or a closing bracket is missing");
        }
        p = scan_token_at(p + 1);
        guess = guess_at(*next, p);
        p -= guess != NULL;
    }
}

/* A list or an object in which something is wanted. */
__attribute__((noinline)) static const char *wanted_nested(
    struct scanner *s, const char *p, const struct want_node *node, struct scan_span *row)
{
    if (s->depth == SCAN_DEPTH_MAX) {
        return refuse(s, p, "lists and objects are nested too deep");
    }
    s->depth++;
    p = *p == '[' ? wanted_list(s, p, node, row) : wanted_object(s, p, node, row);
    s->depth--;
    return p;
}

/* ---- what bodies have looked like ---- */

struct scan_memory {
    const struct want *want;
    struct guesses guesses;
    struct gaps gaps;
    struct guess *firsts[]; /* of guesses */
};

static void memory_clear(struct scan_memory *memory)
{
    guesses_init(&memory->guesses, memory->firsts, memory->want->nodes_count);
    gaps_init(&memory->gaps);
}

struct scan_memory *scan_memory_new(const struct want *want)
{
    struct scan_memory *memory =
        malloc(sizeof(*memory) + want->nodes_count * sizeof(*memory->firsts));
    must(memory != NULL);
    memory->want = want;
    memory_clear(memory);
    return memory;
}

void scan_memory_free(struct scan_memory *memory)
{
    free(memory);
}

/* ---- the door ---- */

/* NULL, with all notes made, or what is wrong with the body. */
static const char *scan_all(struct scanner *s, struct str body)
{
    s->body = body.at;
    s->fault.end = body.at + body.len;
    if (body.len > UINT32_MAX - BUF_PADDING) {
        refuse(s, body.at, "the body has more than 4 GB");
        return s->fault.why;
    }
    s->notes = arena_zalloc(s->arena, s->want->lists_count, sizeof(*s->notes));
    struct scan_span *row = row_add(s, 0, body.at);
    const char *p = scan_token_at(body.at);
    if (str_starts(body, STR("\xef\xbb\xbf"))) {
        p = refuse(s, p, "the body begins with a byte order mark");
    }
    const char *first = p;
    if (p) {
        p = value_end(s, p, s->want->nodes, row, NULL);
    }
    if (p) {
        note(s, row, first, p);
        p = scan_token_at(p);
    }
    if (p && p != s->fault.end) {
        refuse(s, p, "something stands behind the value");
    }
    return s->fault.why;
}

static struct scanner scanner_of(struct scan_memory *memory, struct arena *arena)
{
    return (struct scanner){
        .want = memory->want, .arena = arena, .guesses = &memory->guesses, .gaps = &memory->gaps
    };
}

const char *scan_again(
    struct scan_memory *memory, struct str body, struct arena *arena, struct scanned *out)
{
    if (memory->guesses.count == GUESSES_MAX) {
        memory_clear(memory); /* it may be full of names that never come again */
    }
    struct scanner s = scanner_of(memory, arena);
    const char *why = scan_all(&s, body);
    *out = why ? (struct scanned){ .want = NULL }
               : (struct scanned){ memory->want, s.notes, body.at, s.notes->spans };
    return why;
}

const char *scan(const struct want *want, struct str body, struct arena *arena, struct scanned *out)
{
    struct scan_memory *memory = scan_memory_new(want);
    const char *why = scan_again(memory, body, arena, out);
    scan_memory_free(memory);
    return why;
}

const char *scan_check(struct str body, struct arena *arena, size_t *at)
{
    struct scan_memory *memory = scan_memory_new(want_new(arena));
    struct scanner s = scanner_of(memory, arena);
    const char *why = scan_all(&s, body);
    *at = why ? (size_t)(s.fault.where - s.body) : body.len;
    scan_memory_free(memory);
    return why;
}
