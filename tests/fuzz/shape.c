/*
 * Any bytes as a shape. What must hold: it compiles or has faults, never a crash; and what compiles
 * without a fault makes of some bodies what the reference projector makes of their trees, and that
 * validates against the very schema.
 */
#include "base/must.h"
#include "respond/project.h"

#include "../oracle/grammar.h"
#include "../oracle/invention.h"
#include "../oracle/mutation.h"
#include "../oracle/reference.h"
#include "../oracle/tree.h"
#include "../oracle/validator.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CALLS = 2, INVENTED = 3, ANSWER_MAX_BYTES = 1024 * 1024, BODY_MAX_BYTES = 64 * 1024 };

static const char *const names[CALLS] = { "a", "b" };

/* Values of every kind, in and out of the bounds that a schema may set. */
static const char *const bodies[] = {
    "{\"id\":7,\"t\":\"text\",\"k\":\"z\",\"v\":1.50,\"l\":[{\"id\":7,\"t\":\"x\",\"n\":1.5,\"in\":"
    "[{\"w\":1}"
    ",{\"w\":400}]},{\"id\":8},{\"t\":\"\xc3\xa9\"}],\"o\":{\"p\":{\"q\":1},\"r\":null},\"s\":["
    "\"x\",\"yy\"]}",
    "{\"id\":-1,\"t\":\"a \\ud83d\\ude00 text \\n that is "
    "longer\",\"k\":1,\"v\":null,\"l\":[{\"id\":\"7\",\"n\":"
    "2e3},1,{\"id\":7,\"t\":null,\"in\":[]}],\"o\":{\"p\":[],\"r\":\"\"},\"s\":[]}",
    "{\"id\":true,\"t\":{},\"l\":{\"id\":1},\"o\":1,\"s\":[null,1,\"abc\"],\"v\":false}",
};

static char folder[32]; /* in memory, where there is such a place */
static char path[64], service_path[64];

static void files_remove(void)
{
    unlink(path);
    unlink(service_path);
    rmdir(folder);
}

static void file_write(const char *name, const void *data, size_t size)
{
    FILE *file = fopen(name, "we");
    must(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

/* The folder, and what the services promise in it: nothing. */
static void folder_make(void)
{
    const char *memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(folder, sizeof(folder), "%s/fuzz-shape-XXXXXX", memory);
    must(mkdtemp(folder) != NULL && atexit(files_remove) == 0);
    snprintf(path, sizeof(path), "%s/shape.json", folder);
    snprintf(service_path, sizeof(service_path), "%s/any.json", folder);
    file_write(service_path, "{}", 2);
}

/* What we make of one body for each call, as json-c reads it; NULL: no answer. */
static struct json_object *ours(const struct shape *shape, const struct shape_call *calls,
    const struct buf *texts, struct arena *arena)
{
    struct buf out;
    struct scanned scans[CALLS];
    const struct scanned *answers[CALLS];
    struct json_object *tree = NULL;
    bool is_read = true;
    for (size_t i = 0; i < CALLS; i++) {
        must(scan(calls[i].want, buf_str(&texts[i]), arena, &scans[i]) == NULL);
        answers[i] = &scans[i];
    }
    buf_init(&out, ANSWER_MAX_BYTES);
    if (project(shape, answers, arena, &out).is_whole) {
        tree = tree_read(buf_str(&out), SCAN_DEPTH_MAX, &is_read);
    }
    must(is_read);
    buf_release(&out);
    return tree;
}

/* The same for the reference; *is_kept: json-c has read the bodies without a loss. */
static struct json_object *theirs(
    const struct reference *reference, const struct buf *texts, bool *is_kept)
{
    struct reference_answer answers[CALLS];
    *is_kept = true;
    for (size_t i = 0; i < CALLS; i++) {
        answers[i].body = tree_read(buf_str(&texts[i]), SCAN_DEPTH_MAX, &answers[i].is_there);
        must(answers[i].is_there);
        *is_kept &= grammar_check(buf_str(&texts[i]), SCAN_DEPTH_MAX) == GRAMMAR_KEPT;
    }
    struct json_object *answer = reference_project(reference, answers);
    for (size_t i = 0; i < CALLS; i++) {
        json_object_put(answers[i].body);
    }
    return answer;
}

/* One of ours, or for each schema others. */
static void body_write(struct buf *out, size_t place, uint64_t seed)
{
    buf_init(out, BODY_MAX_BYTES);
    if (place < countof(bodies)) {
        must(buf_append_str(out, str_of(bodies[place])));
    } else if (!invention_body(out, seed + place)) {
        buf_clear(out);
        must(buf_append_str(out, STR("{}")));
    }
}

static void check_answers(const struct shape *shape, const struct shape_call *calls,
    const struct reference *reference, struct json_object *schema, const struct buf *texts,
    struct arena *arena)
{
    struct shape unbounded = *shape;
    bool is_kept;
    unbounded.max_bytes = 0; /* which the reference does not know */
    struct json_object *whole = ours(&unbounded, calls, texts, arena);
    struct json_object *bounded = ours(shape, calls, texts, arena);
    struct json_object *other = theirs(reference, texts, &is_kept);
    if (is_kept) {
        tree_must_be_same(whole, other);
    }
    must(!whole == !bounded);
    must(!whole || validator_accepts(schema, schema, whole));
    must(!bounded || validator_accepts(schema, schema, bounded));
    must(!bounded || tree_same(bounded, whole, true));
    json_object_put(whole);
    json_object_put(bounded);
    json_object_put(other);
}

static void check(
    const struct shape *shape, const struct shape_call *calls, uint64_t seed, struct arena *arena)
{
    struct json_object *schema = json_object_from_file(path);
    const struct reference *reference = reference_compile(arena, path, names, CALLS);
    for (size_t i = 0; i < countof(bodies) + INVENTED; i++) {
        struct buf texts[CALLS];
        size_t first = i < countof(bodies) ? 0 : countof(bodies);
        size_t count = first ? INVENTED : countof(bodies);
        for (size_t k = 0; k < CALLS; k++) {
            body_write(&texts[k], first + (i - first + k) % count, seed);
        }
        check_answers(shape, calls, reference, schema, texts, arena);
        for (size_t k = 0; k < CALLS; k++) {
            buf_release(&texts[k]);
        }
    }
    json_object_put(schema);
}

/* The same for the same schema. */
static uint64_t seed_of(const unsigned char *data, size_t size)
{
    uint64_t seed = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++) {
        seed = (seed ^ data[i]) * UINT64_C(0x100000001b3);
    }
    return seed;
}

/* True when it was a shape without a mistake, and so was held against the reference. */
static bool try_schema(const unsigned char *data, size_t size)
{
    struct arena arena;
    struct faults faults;
    arena_init(&arena, NULL);
    faults_init(&faults);
    struct shape_call calls[CALLS];
    for (size_t i = 0; i < CALLS; i++) {
        calls[i] = (struct shape_call){ names[i], want_new(&arena) };
    }
    file_write(path, data, size);
    const struct shape *shape = shape_compile(&arena, folder, "shape", calls, CALLS, &faults);
    struct str text = { (const char *)data, size };
    bool is_checked =
        shape && faults.count == 0 && grammar_check(text, SCAN_DEPTH_MAX) == GRAMMAR_KEPT;
    if (is_checked) {
        check(shape, calls, seed_of(data, size), &arena);
    }
    faults_fini(&faults);
    arena_release(&arena);
    return is_checked;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A target that refuses whatever it is given would find nothing for ever. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char good[] =
        "{\"type\":\"object\",\"x-calls\":{\"a\":\"any.json\",\"b\":\"any.json\"},\"properties\":{"
        "\"v\":{\"type\":\"integer\",\"x-first-of\":[\"a.id\",\"b.id\"]}}}";
    (void)argc;
    (void)argv;
    folder_make();
    must(try_schema((const unsigned char *)good, sizeof(good) - 1));
    return 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    try_schema(data, size);
    return 0;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

/* One time in eight another schema altogether, mostly one that is still JSON. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    if (seed % 8 == 0) {
        struct buf text;
        buf_init(&text, max);
        if (invention_schema(&text, seed / 8)) {
            size = text.len;
            memcpy(data, text.data, size);
        }
        buf_release(&text);
        return size;
    }
    return seed % 8 < 7 ? mutation_json(data, size, max, seed / 8)
                        : LLVMFuzzerMutate(data, size, max);
}
