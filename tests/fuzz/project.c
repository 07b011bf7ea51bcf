/*
 * Any bytes as the answers of the services, split at NULs, under a shape that uses every word. What
 * must hold: what is written is JSON, and every promise of the schema is kept, as a second and
 * slower reading of it says here.
 */
#include "base/must.h"
#include "respond/project.h"
#include "wire/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CALLS = 2 };

static const char schema[] =
    "{\"type\":\"object\",\"x-calls\":{\"a\":\"any.json\",\"b\":\"any.json\"},"
    "\"x-max-bytes\":600,\"required\":[\"id\"],\"properties\":{"
    "\"id\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9223372036854775807,\"x-from\":\"a."
    "id\"},"
    "\"cut\":{\"type\":\"string\",\"x-from\":\"a.t\",\"x-truncate\":4,\"minLength\":1,"
    "\"maxLength\":5},"
    "\"size\":{\"type\":\"integer\",\"x-count\":\"b.l\",\"maximum\":3},"
    "\"kind\":{\"type\":\"string\",\"enum\":[\"x\",\"y\"],\"x-from\":\"a.k\",\"x-map\":{\"1\":"
    "\"x\",\"z\":\"y\"},"
    "\"default\":\"x\"},"
    "\"best\":{\"type\":\"string\",\"maxLength\":3,\"x-nearest\":{\"in\":\"b.l\",\"by\":\"id\","
    "\"to\":5,\"take\":\"t\"}},"
    "\"list\":{\"type\":\"array\",\"x-from\":\"a.l\",\"x-trim\":true,\"maxItems\":5,\"items\":{"
    "\"type\":\"object\","
    "\"required\":[\"id\"],\"properties\":{"
    "\"id\":{\"type\":[\"integer\",\"string\"],\"x-first-of\":[\"id\",\"t\"]},"
    "\"t\":{\"type\":[\"string\",\"null\"],\"x-from\":\"t\"},"
    "\"n\":{\"type\":\"number\",\"minimum\":-1.5,\"x-lookup\":{\"in\":\"b.l\",\"where\":\"id\","
    "\"equals\":\"id\","
    "\"take\":\"n\"}}}}}}}";

static struct arena boot;
static struct shape *shape;
static struct shape_call calls[CALLS];

static void compile(void)
{
    char folder[] = "/tmp/fuzz-project-XXXXXX";
    struct faults faults;
    must(mkdtemp(folder) != NULL);
    arena_init(&boot, NULL);
    faults_init(&faults);
    calls[0] = (struct shape_call){ "a", want_new(&boot) };
    calls[1] = (struct shape_call){ "b", want_new(&boot) };
    char *path = arena_printf(&boot, "%s/shape.json", folder);
    FILE *file = fopen(path, "w");
    must(file && fputs(schema, file) >= 0 && fclose(file) == 0);
    char *service = arena_printf(&boot, "%s/any.json", folder);
    FILE *promise = fopen(service, "w");
    must(promise && fputs("{}", promise) >= 0 && fclose(promise) == 0);
    shape = shape_compile(&boot, folder, "shape", calls, CALLS, &faults);
    must(faults.count == 0);
    unlink(path);
    unlink(service);
    rmdir(folder);
    faults_fini(&faults);
}

static size_t points_of(struct str text)
{
    size_t points = 0;
    for (size_t i = 0; i < text.len; i++) {
        points += (text.at[i] & 0xc0) != 0x80;
    }
    return points;
}

/* A missing member keeps every promise but "required". */
static void check_text(const struct json *text, size_t min, size_t max)
{
    must(!text || json_kind(text) == JSON_STRING);
    must(!text || (points_of(text->text) >= min && points_of(text->text) <= max));
}

static void check_element(const struct json *element)
{
    const struct json *id = json_get(element, "id"), *t = json_get(element, "t");
    const struct json *n = json_get(element, "n");
    must(json_kind(element) == JSON_OBJECT);
    must(json_kind(id) == JSON_NUMBER || json_kind(id) == JSON_STRING);
    must(!t || json_kind(t) == JSON_NULL || json_kind(t) == JSON_STRING);
    must(!n || json_kind(n) == JSON_NUMBER);
    must(!n || strtod(arena_cstr(&boot, n->text), NULL) >= -1.5);
}

static void check_answer(const struct json *answer)
{
    const struct json *list = json_get(answer, "list"), *size = json_get(answer, "size");
    int64_t number;
    must(json_kind(answer) == JSON_OBJECT && json_kind(json_get(answer, "id")) == JSON_NUMBER);
    must(json_get(answer, "id")->text.at[0] != '-');
    check_text(json_get(answer, "cut"), 1, 5);
    check_text(json_get(answer, "best"), 0, 3);
    must(!size || (json_i64(size, &number) && number >= 0 && number <= 3));
    struct str kind = json_str(json_get(answer, "kind"));
    must(str_eq(kind, STR("x")) || str_eq(kind, STR("y")));
    must(!list || (json_kind(list) == JSON_LIST && list->count <= 5));
    for (size_t i = 0; list && i < list->count; i++) {
        check_element(&list->items[i]);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct arena arena;
    struct buf bodies[CALLS], out;
    struct scanned scans[CALLS];
    const struct scanned *answers[CALLS];
    if (!shape) {
        compile();
    }
    arena_init(&arena, NULL);
    buf_init(&out, 1024 * 1024);
    struct str rest = { (const char *)data, size };
    for (size_t i = 0; i < CALLS; i++) {
        struct str text;
        str_cut(rest, '\0', &text, &rest);
        buf_init(&bodies[i], text.len + 1);
        must(buf_append_str(&bodies[i], text) && buf_reserve(&bodies[i], 1));
        answers[i] = scan(calls[i].want, buf_str(&bodies[i]), &arena, &scans[i]) ? NULL : &scans[i];
    }
    struct projection projection = project(shape, answers, &arena, &out);
    if (projection.is_whole) {
        struct err err;
        const struct json *answer = json_parse(&arena, buf_str(&out), &err);
        must(answer != NULL);
        check_answer(answer);
    } else {
        must(out.len == 0);
    }
    for (size_t i = 0; i < CALLS; i++) {
        buf_release(&bodies[i]);
    }
    buf_release(&out);
    arena_release(&arena);
    return 0;
}
