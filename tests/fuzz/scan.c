/*
 * Any bytes as a body. What must hold: the scanner and a grammar from a table say the same; what is
 * accepted is noted inside the body; every note is JSON by itself; and wanting more changes the
 * verdict only where a wanted member stands twice.
 */
#include "base/buf.h"
#include "base/must.h"
#include "wire/scan.h"

#include "../oracle/grammar.h"

struct visit {
    const struct buf *body;
    struct arena *arena;
};

static bool check_note(void *context, struct scan_value value)
{
    const struct visit *visit = context;
    const struct buf *body = visit->body;
    must(value.text.at >= body->data && value.text.at + value.text.len <= body->data + body->len);
    struct buf part;
    buf_init(&part, value.text.len);
    must(buf_append_str(&part, value.text));
    size_t at;
    must(scan_check(buf_str(&part), visit->arena, &at) == NULL);
    buf_release(&part);
    struct str plain = scan_plain(value, visit->arena);
    must(plain.len <= value.text.len);
    if (value.kind == SCAN_STRING) {
        size_t points = scan_points(value), half = points / 2;
        must(scan_points_end(value, 1, &points) == value.text.len - 1);
        size_t at = scan_points_end(value, 1, &half);
        must(half == points / 2 && scan_points_end(value, at, &points) == value.text.len - 1);
        must(points + half == scan_points(value));
    }
    return true;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    static const char *const paths[] = { "", "a", "a.b", "a[*].b", "[*]", "[*].a[*].c", "id" };
    size_t numbers[countof(paths)], at;
    struct arena arena;
    struct buf body;
    struct scanned scanned;
    arena_init(&arena, NULL);
    buf_init(&body, size + 1);
    must(buf_append(&body, data, size) && buf_reserve(&body, 1));
    struct want *want = want_new(&arena);
    for (size_t i = 0; i < countof(paths); i++) {
        numbers[i] = want_path(want, str_of(paths[i]));
    }
    const char *why = scan(want, buf_str(&body), &arena, &scanned);
    const char *check = scan_check(buf_str(&body), &arena, &at);
    must(at <= size);
    must(!check || why);
    must(check || !why || strcmp(why, "a wanted member stands twice in its object") == 0);
    enum grammar grammar = grammar_check(buf_str(&body), SCAN_DEPTH_MAX);
    must((check == NULL) == (grammar != GRAMMAR_REFUSED));
    for (size_t i = 0; !why && i < countof(paths); i++) {
        scanned_each(&scanned, numbers[i], check_note, &(struct visit){ &body, &arena });
    }
    buf_release(&body);
    arena_release(&arena);
    return 0;
}
