/*
 * Any bytes as a body. What must hold: the scanner and a grammar from a table say the same, and so
 * do the quick and the slow way over text; wanting more changes the verdict only where a wanted
 * member stands twice; every note is JSON by itself, inside the body; and where json-c keeps the
 * body, its tree has the same values at the same paths.
 */
#include "base/buf.h"
#include "base/must.h"
#include "wire/scan.h"
#include "wire/scan_utf8.h"

#include "../oracle/grammar.h"
#include "../oracle/mutation.h"
#include "../oracle/tree.h"

static const char *const paths[] = { "", "a", "a.b", "a[*].b", "[*]", "[*].a[*].c", "id" };

struct visit {
    const struct buf *body;
    struct arena *arena;
    struct buf seen; /* a line for each value: its kind, and what it says */
};

static void check_text(struct scan_value string)
{
    size_t points = scan_points(string), half = points / 2, rest = points - half;
    must(scan_points_end(string, 1, &points) == string.text.len - 1);
    size_t at = scan_points_end(string, 1, &half);
    must(half == points / 2 && scan_points_end(string, at, &rest) == string.text.len - 1);
}

static bool check_note(void *context, struct scan_value value)
{
    struct visit *visit = context;
    const struct buf *body = visit->body;
    size_t at;
    struct buf part;
    must(value.text.at >= body->data && value.text.at + value.text.len <= body->data + body->len);
    buf_init(&part, value.text.len);
    must(buf_append_str(&part, value.text));
    must(scan_check(buf_str(&part), visit->arena, &at) == NULL);
    buf_release(&part);
    struct str plain = scan_plain(value, visit->arena);
    must(plain.len <= value.text.len);
    if (value.kind == SCAN_STRING) {
        check_text(value);
    }
    buf_append_char(&visit->seen, (char)('0' + value.kind));
    buf_append_str(&visit->seen, plain);
    buf_append_char(&visit->seen, '\n');
    return true;
}

/* ---- the same, from json-c's tree ---- */

static enum scan_kind kind_of(struct json_object *tree)
{
    static const enum scan_kind kinds[] = {
        [json_type_null] = SCAN_NULL,
        [json_type_double] = SCAN_NUMBER,
        [json_type_int] = SCAN_NUMBER,
        [json_type_object] = SCAN_OBJECT,
        [json_type_array] = SCAN_LIST,
        [json_type_string] = SCAN_STRING,
    };
    enum json_type type = json_object_get_type(tree);
    if (type == json_type_boolean) {
        return json_object_get_boolean(tree) ? SCAN_TRUE : SCAN_FALSE;
    }
    return kinds[type];
}

static void tell(struct buf *seen, struct json_object *tree)
{
    enum scan_kind kind = kind_of(tree);
    buf_append_char(seen, (char)('0' + kind));
    if (kind != SCAN_NULL && kind != SCAN_OBJECT && kind != SCAN_LIST) {
        size_t len = kind == SCAN_STRING ? (size_t)json_object_get_string_len(tree)
                                         : strlen(json_object_get_string(tree));
        buf_append(seen, json_object_get_string(tree), len);
    }
    buf_append_char(seen, '\n');
}

static void tell_path(struct buf *seen, struct json_object *tree, struct str path)
{
    if (path.len == 0) {
        tell(seen, tree);
        return;
    }
    if (str_starts(path, STR("[*]"))) {
        size_t count =
            json_object_is_type(tree, json_type_array) ? json_object_array_length(tree) : 0;
        path = str_from(path, path.len > 3 && path.at[3] == '.' ? 4 : 3);
        for (size_t i = 0; i < count; i++) {
            tell_path(seen, json_object_array_get_idx(tree, i), path);
        }
        return;
    }
    char name[8];
    size_t len = 0;
    for (; len < path.len && !strchr(".[", path.at[len]); len++) {
        name[len] = path.at[len];
    }
    name[len] = '\0';
    path = str_from(path, len < path.len && path.at[len] == '.' ? len + 1 : len);
    if (json_object_is_type(tree, json_type_object) &&
        json_object_object_get_ex(tree, name, &tree)) {
        tell_path(seen, tree, path);
    }
}

static bool take_text(void *context, struct scan_value value)
{
    struct buf *seen = context;
    buf_append_str(seen, value.text);
    buf_append_char(seen, ',');
    return true;
}

/* ---- the target ---- */

static void check_values(const struct scanned *scanned, struct visit *visit, size_t number,
    struct str path, struct json_object *tree)
{
    struct buf theirs;
    buf_init(&theirs, SIZE_MAX / 2);
    buf_clear(&visit->seen);
    scanned_each(scanned, number, check_note, visit);
    tell_path(&theirs, tree, path);
    must(str_eq(buf_str(&visit->seen), buf_str(&theirs)));
    buf_release(&theirs);
}

/* A memory of what the body's first half, and the body itself, look like changes nothing. */
static void check_memory(const struct want *want, struct str body, const size_t *numbers,
    struct arena *arena, const struct scanned *fresh, const char *why)
{
    struct scan_memory *memory = scan_memory_new(want);
    struct buf half, seen, again;
    struct scanned scanned;
    buf_init(&half, body.len + 1);
    must(buf_append(&half, body.at, body.len / 2) && buf_reserve(&half, 1));
    scan_again(memory, buf_str(&half), arena, &scanned);
    for (int round = 0; round < 2; round++) {
        must(scan_again(memory, body, arena, &scanned) == why);
        for (size_t i = 0; !why && i < countof(paths); i++) {
            buf_init(&seen, SIZE_MAX / 2);
            buf_init(&again, SIZE_MAX / 2);
            scanned_each(fresh, numbers[i], take_text, &seen);
            scanned_each(&scanned, numbers[i], take_text, &again);
            must(str_eq(buf_str(&seen), buf_str(&again)));
            buf_release(&seen);
            buf_release(&again);
        }
    }
    buf_release(&half);
    scan_memory_free(memory);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
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
    check_memory(want, buf_str(&body), numbers, &arena, &scanned, why);
    const char *check = scan_check(buf_str(&body), &arena, &at);
    scan_utf8_end *quick = scan_utf8;
    size_t slow_at;
    scan_utf8 = NULL;
    must(scan_check(buf_str(&body), &arena, &slow_at) == check && slow_at == at);
    scan_utf8 = quick;
    enum grammar grammar = grammar_check(buf_str(&body), SCAN_DEPTH_MAX);
    must(at <= size);
    must((check == NULL) == (grammar != GRAMMAR_REFUSED));
    must(!check || why);
    must(check || !why || strcmp(why, "a wanted member stands twice in its object") == 0);
    if (!why && grammar == GRAMMAR_KEPT) {
        struct visit visit = { .body = &body, .arena = &arena };
        bool is_read;
        struct json_object *tree = tree_read(buf_str(&body), SCAN_DEPTH_MAX, &is_read);
        must(is_read);
        buf_init(&visit.seen, SIZE_MAX / 2);
        for (size_t i = 0; i < countof(paths); i++) {
            check_values(&scanned, &visit, numbers[i], str_of(paths[i]), tree);
        }
        buf_release(&visit.seen);
        json_object_put(tree);
    }
    buf_release(&body);
    arena_release(&arena);
    return 0;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

/* Half of the time the body stays JSON. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    return seed % 2 ? mutation_json(data, size, max, seed / 2) : LLVMFuzzerMutate(data, size, max);
}
