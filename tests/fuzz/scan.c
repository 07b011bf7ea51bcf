/*
 * Any bytes as a body. What must hold: what json-c refuses at its strictest is refused; what is
 * accepted is noted inside the body; every note is JSON by itself; and wanting more or less does
 * not change the verdict.
 */
#include "base/buf.h"
#include "base/must.h"
#include "wire/scan.h"

#include <json-c/json.h>

static bool oracle_accepts(const struct buf *body)
{
    struct json_tokener *tokener = json_tokener_new_ex(SCAN_DEPTH_MAX + 2);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    /* The zero byte behind the body says that a number at its end is whole. */
    struct json_object *root = json_tokener_parse_ex(tokener, body->data, (int)body->len + 1);
    bool is_accepted = json_tokener_get_error(tokener) == json_tokener_success;
    json_object_put(root);
    json_tokener_free(tokener);
    return is_accepted;
}

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
        size_t points = scan_points(value);
        must(scan_points_end(value, points) == value.text.len - 1);
        must(scan_points_end(value, points / 2) <= value.text.len - 1);
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
    must(check || oracle_accepts(&body));
    for (size_t i = 0; !why && i < countof(paths); i++) {
        scanned_each(&scanned, numbers[i], check_note, &(struct visit){ &body, &arena });
    }
    buf_release(&body);
    arena_release(&arena);
    return 0;
}
