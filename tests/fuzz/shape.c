/*
 * Any bytes as a shape. What must hold: it compiles or has faults, never a crash; and what compiles
 * without a fault makes of some bodies what the reference projector makes of their trees, and that
 * validates against the very schema.
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
#include <unistd.h>

enum { CALLS = 2, ANSWER_MAX_BYTES = 1024 * 1024 };

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
static char path[64];

static void file_remove(void)
{
    unlink(path);
    rmdir(folder);
}

/* One file, which is written anew for each schema. */
static void file_write(const unsigned char *data, size_t size)
{
    if (!folder[0]) {
        const char *memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(folder, sizeof(folder), "%s/fuzz-shape-XXXXXX", memory);
        must(mkdtemp(folder) != NULL && atexit(file_remove) == 0);
        snprintf(path, sizeof(path), "%s/shape.json", folder);
    }
    FILE *file = fopen(path, "we");
    must(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
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

static struct json_object *theirs(const struct reference *reference, const struct buf *texts)
{
    struct reference_answer answers[CALLS];
    for (size_t i = 0; i < CALLS; i++) {
        answers[i].body = tree_read(buf_str(&texts[i]), SCAN_DEPTH_MAX, &answers[i].is_there);
        must(answers[i].is_there);
    }
    struct json_object *answer = reference_project(reference, answers);
    for (size_t i = 0; i < CALLS; i++) {
        json_object_put(answers[i].body);
    }
    return answer;
}

static void check(const struct shape *shape, const struct shape_call *calls, struct arena *arena)
{
    struct shape unbounded = *shape;
    struct json_object *schema = json_object_from_file(path);
    const struct reference *reference = reference_compile(arena, path, names, CALLS);
    unbounded.max_bytes = 0; /* which the reference does not know */
    for (size_t i = 0; i < countof(bodies); i++) {
        struct buf texts[CALLS];
        for (size_t k = 0; k < CALLS; k++) {
            buf_init(&texts[k], 4096);
            must(buf_append_str(&texts[k], str_of(bodies[(i + k) % countof(bodies)])));
        }
        struct json_object *one = ours(&unbounded, calls, texts, arena);
        struct json_object *other = theirs(reference, texts);
        tree_must_be_same(one, other);
        must(!one || validator_accepts(schema, schema, one));
        json_object_put(one);
        json_object_put(other);
        for (size_t k = 0; k < CALLS; k++) {
            buf_release(&texts[k]);
        }
    }
    json_object_put(schema);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct arena arena;
    struct faults faults;
    arena_init(&arena, NULL);
    faults_init(&faults);
    struct shape_call calls[CALLS];
    for (size_t i = 0; i < CALLS; i++) {
        calls[i] = (struct shape_call){ names[i], want_new(&arena) };
    }
    file_write(data, size);
    const struct shape *shape = shape_compile(&arena, folder, "shape", calls, CALLS, &faults);
    struct str text = { (const char *)data, size };
    if (shape && faults.count == 0 && grammar_check(text, SCAN_DEPTH_MAX) == GRAMMAR_KEPT) {
        check(shape, calls, &arena);
    }
    faults_fini(&faults);
    arena_release(&arena);
    return 0;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

/* Three times in four the schema stays JSON. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    return seed % 4 ? mutation_json(data, size, max, seed / 4) : LLVMFuzzerMutate(data, size, max);
}
