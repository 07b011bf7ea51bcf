/*
 * Any bytes as the answers of the services, under a shape that uses every word and under those of
 * the clients' feeds. The first byte picks the shape, the rest is its calls' bodies, split at NULs.
 * What must hold: where json-c reads the bodies without a loss, the answer is the one that the
 * reference projector makes of its trees, value by value and numbers to the digit; in any case it
 * validates; and within x-max-bytes it is the same answer with shorter lists.
 */
#include "base/must.h"
#include "respond/project.h"

#include "../oracle/grammar.h"
#include "../oracle/mutation.h"
#include "../oracle/reference.h"
#include "../oracle/tree.h"
#include "../oracle/validator.h"

#include <stdio.h>
#include <stdlib.h>

enum { CALLS_MAX = 6, BODY_MAX_BYTES = 1024 * 1024 };

/* Paths are those of the source tree: fuzz targets run at its root. */
static const struct subject {
    const char *directory, *name;
    const char *calls[CALLS_MAX];
    size_t count;
} subjects[] = {
    { "tests/fuzz/shapes", "words", { "a", "b" }, 2 },
    { "schemas", "mobile/feed.v1", { "profile", "posts", "recs", "unread", "ads", "stats" }, 6 },
    { "schemas", "web/feed.v1", { "profile", "posts", "recs", "unread", "ads", "stats" }, 6 },
    { "schemas", "tv/feed.v1", { "profile", "posts", "recs", "unread", "ads", "stats" }, 6 },
};

/* A subject, compiled at its first use. Its memories know all inputs so far, as a server's do. */
static struct bench {
    struct shape_call calls[CALLS_MAX];
    struct scan_memory *memories[CALLS_MAX];
    const struct shape *shape;
    const struct reference *reference;
    struct json_object *schema;
} benches[countof(subjects)];

static struct arena boot;

static const struct bench *bench_get(size_t place)
{
    const struct subject *subject = &subjects[place];
    struct bench *bench = &benches[place];
    struct faults faults;
    if (bench->shape) {
        return bench;
    }
    faults_init(&faults);
    for (size_t i = 0; i < subject->count; i++) {
        bench->calls[i] = (struct shape_call){ subject->calls[i], want_new(&boot) };
    }
    bench->shape = shape_compile(
        &boot, subject->directory, subject->name, bench->calls, subject->count, &faults);
    for (size_t i = 0; i < subject->count; i++) {
        bench->memories[i] = scan_memory_new(bench->calls[i].want);
    }
    faults_print(&faults);
    must(faults.count == 0);
    faults_fini(&faults);
    const char *path = arena_printf(&boot, "%s/%s.json", subject->directory, subject->name);
    bench->reference = reference_compile(&boot, path, subject->calls, subject->count);
    bench->schema = json_object_from_file(path);
    return bench;
}

/* ---- one input ---- */

struct input {
    struct arena arena;
    size_t count;
    struct buf bodies[CALLS_MAX];
    struct scanned scans[CALLS_MAX];
    const struct scanned *answers[CALLS_MAX];  /* as we read them */
    struct reference_answer theirs[CALLS_MAX]; /* as json-c does */
    bool is_comparable;
};

/* A body that we refuse is a call without an answer, for the reference too. */
static void input_body(struct input *input, const struct bench *bench, size_t i, struct str text)
{
    struct buf *body = &input->bodies[i];
    buf_init(body, text.len + 1);
    must(buf_append_str(body, text) && buf_reserve(body, 1));
    const char *why =
        scan_again(bench->memories[i], buf_str(body), &input->arena, &input->scans[i]);
    input->answers[i] = why ? NULL : &input->scans[i];
    input->theirs[i] = (struct reference_answer){ .is_there = false };
    if (!why) {
        struct reference_answer *theirs = &input->theirs[i];
        theirs->body = tree_read(buf_str(body), SCAN_DEPTH_MAX, &theirs->is_there);
        input->is_comparable &=
            theirs->is_there && grammar_check(buf_str(body), SCAN_DEPTH_MAX) == GRAMMAR_KEPT;
    }
}

static void input_release(struct input *input)
{
    for (size_t i = 0; i < input->count; i++) {
        json_object_put(input->theirs[i].body);
        buf_release(&input->bodies[i]);
    }
    arena_release(&input->arena);
}

/* ---- what must hold ---- */

/* What we write, as json-c reads it; NULL: there is no answer. */
static struct json_object *answer_of(
    struct input *input, const struct shape *shape, const struct bench *bench, size_t *bytes)
{
    struct buf out;
    bool is_read = false;
    struct json_object *tree = NULL;
    buf_init(&out, BODY_MAX_BYTES);
    struct projection projection = project(shape, input->answers, &input->arena, &out);
    must(projection.is_whole || out.len == 0);
    if (projection.is_whole) {
        tree = tree_read(buf_str(&out), SCAN_DEPTH_MAX, &is_read);
        must(is_read && grammar_check(buf_str(&out), SCAN_DEPTH_MAX) != GRAMMAR_REFUSED);
        must(validator_accepts(bench->schema, bench->schema, tree));
    }
    *bytes = out.len;
    buf_release(&out);
    return tree;
}

static void check(struct input *input, const struct bench *bench)
{
    struct shape unbounded = *bench->shape;
    size_t whole_bytes, bytes;
    unbounded.max_bytes = 0;
    struct json_object *whole = answer_of(input, &unbounded, bench, &whole_bytes);
    struct json_object *bounded = answer_of(input, bench->shape, bench, &bytes);
    must(!whole == !bounded);
    if (whole) {
        must(bytes <= whole_bytes);
        must(tree_same(bounded, whole, bytes < whole_bytes));
    }
    if (input->is_comparable) {
        struct json_object *theirs = reference_project(bench->reference, input->theirs);
        tree_must_be_same(whole, theirs);
        json_object_put(theirs);
    }
    json_object_put(whole);
    json_object_put(bounded);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t place = data[0] % countof(subjects);
    const struct bench *bench = bench_get(place);
    struct input input = { .count = subjects[place].count, .is_comparable = true };
    struct str rest = { (const char *)data + 1, size - 1 }, text;
    arena_init(&input.arena, NULL);
    for (size_t i = 0; i < input.count; i++) {
        str_cut(rest, '\0', &text, &rest);
        input_body(&input, bench, i, text);
    }
    check(&input, bench);
    input_release(&input);
    return 0;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

/* Three times in four the bodies stay JSON. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    if (size < 2 || seed % 4 == 0) {
        return LLVMFuzzerMutate(data, size, max);
    }
    return 1 + mutation_json(data + 1, size - 1, max - 1, seed / 4);
}
