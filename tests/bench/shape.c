/*
 * The cost of a projection: shape ENGINE SCHEMAS SHAPE DIR TIMES [ANSWER]
 *
 * Six bodies, DIR/CALL.json, become one answer under SCHEMAS/SHAPE.json. ENGINE "ours" scans and
 * projects; "json-c" parses them into trees, makes the same answer as a tree and prints it
 * (tests/oracle/reference.c); "skip" only scans and wants nothing. Does it TIMES times, prints the
 * nanoseconds of one, the bytes that went in and came out, and the most memory that was in use
 * beside them; ANSWER is a file for the answer. The work stands in job(), for
 * `valgrind --tool=callgrind --toggle-collect=job`. Memory is taken and given back in each, as for
 * a request.
 */
#include "base/clock.h"
#include "base/must.h"
#include "../oracle/reference.h"
#include "respond/project.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

enum { CALLS = 6, BODY_MAX_BYTES = 64 * 1024 * 1024, PIECE_BYTES = 64 * 1024 };

static const char *const names[CALLS] = { "profile", "posts", "recs", "unread", "ads", "stats" };

struct bench {
    struct arena boot;
    struct arena_pool pool;
    struct shape_call calls[CALLS];
    struct shape *shape;
    const struct reference *reference;
    struct buf bodies[CALLS];
    struct buf out;
    size_t in_use; /* bytes, before the last work gave them back */
};

static void read_body(struct buf *body, const char *path)
{
    FILE *file = fopen(path, "re");
    must(file != NULL);
    buf_init(body, BODY_MAX_BYTES);
    size_t got;
    do {
        char *to = buf_reserve(body, PIECE_BYTES);
        must(to != NULL);
        got = fread(to, 1, PIECE_BYTES, file);
        buf_grew(body, got);
    } while (got > 0);
    fclose(file);
}

static size_t bytes_in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* ---- the engines ---- */

static void scan_all(struct bench *bench, struct arena *arena, struct scanned scans[CALLS])
{
    for (size_t i = 0; i < CALLS; i++) {
        struct str body = buf_str(&bench->bodies[i]);
        must(scan(bench->calls[i].want, body, arena, &scans[i]) == NULL);
    }
}

static void work_ours(struct bench *bench)
{
    struct arena arena;
    struct scanned scans[CALLS];
    const struct scanned *answers[CALLS];
    arena_init(&arena, &bench->pool);
    scan_all(bench, &arena, scans);
    for (size_t i = 0; i < CALLS; i++) {
        answers[i] = &scans[i];
    }
    must(project(bench->shape, answers, &arena, &bench->out).is_whole);
    arena_release(&arena);
}

static void work_skip(struct bench *bench)
{
    struct arena arena;
    struct scanned scans[CALLS];
    arena_init(&arena, &bench->pool);
    scan_all(bench, &arena, scans);
    arena_release(&arena);
}

static void work_json_c(struct bench *bench)
{
    struct reference_answer answers[CALLS];
    for (size_t i = 0; i < CALLS; i++) {
        struct json_tokener *tokener = json_tokener_new();
        struct str body = buf_str(&bench->bodies[i]);
        json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
        answers[i].body = json_tokener_parse_ex(tokener, body.at, (int)body.len);
        answers[i].is_there = json_tokener_get_error(tokener) == json_tokener_success;
        must(answers[i].is_there);
        json_tokener_free(tokener);
    }
    struct json_object *answer = reference_project(bench->reference, answers);
    size_t len;
    const char *text = json_object_to_json_string_length(
        answer, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    must(buf_append(&bench->out, text, len));
    json_object_put(answer);
    for (size_t i = 0; i < CALLS; i++) {
        json_object_put(answers[i].body);
    }
}

static const struct engine {
    const char *name;
    void (*work)(struct bench *bench);
} engines[] = {
    { "ours", work_ours },
    { "json-c", work_json_c },
    { "skip", work_skip },
};

__attribute__((noinline)) static void job(struct bench *bench, const struct engine *engine)
{
    buf_release(&bench->out);
    engine->work(bench);
}

/* ---- the rest ---- */

static const struct engine *engine_named(const char *name)
{
    for (size_t i = 0; i < countof(engines); i++) {
        if (strcmp(engines[i].name, name) == 0) {
            return &engines[i];
        }
    }
    fprintf(stderr, "There is no engine \"%s\".\n", name);
    exit(EXIT_FAILURE);
}

/* Both projectors, whoever works: what was made at boot is no part of the job. */
static void compile(struct bench *bench, const char *schemas, const char *name)
{
    struct faults faults;
    faults_init(&faults);
    for (size_t i = 0; i < CALLS; i++) {
        bench->calls[i] = (struct shape_call){ names[i], want_new(&bench->boot) };
    }
    bench->shape = shape_compile(&bench->boot, schemas, name, bench->calls, CALLS, &faults);
    faults_print(&faults);
    must(faults.count == 0);
    faults_fini(&faults);
    bench->reference = reference_compile(
        &bench->boot, arena_printf(&bench->boot, "%s/%s.json", schemas, name), names, CALLS);
}

static void want_nothing(struct bench *bench)
{
    for (size_t i = 0; i < CALLS; i++) {
        bench->calls[i].want = want_new(&bench->boot);
    }
}

static void run(struct bench *bench, const struct engine *engine, long times)
{
    size_t in = 0;
    for (size_t i = 0; i < CALLS; i++) {
        in += bench->bodies[i].len;
    }
    size_t before = bytes_in_use();
    uint64_t start_us = clock_now_us();
    for (long i = 0; i < times; i++) {
        job(bench, engine);
    }
    double ns = (double)(clock_now_us() - start_us) * 1000 / (double)times;
    /* The pool holds all chunks that were ever in use at the same time. */
    size_t extra = bytes_in_use() - before - bench->out.len;
    printf("ns=%.0f in=%zu out=%zu extra=%zu\n", ns, in, bench->out.len, extra);
}

int main(int argc, char **argv)
{
    if (argc != 6 && argc != 7) {
        fprintf(stderr, "usage: shape ours|json-c|skip SCHEMAS SHAPE DIR TIMES [ANSWER]\n");
        return EXIT_FAILURE;
    }
    struct bench bench = { .shape = NULL };
    const struct engine *engine = engine_named(argv[1]);
    arena_init(&bench.boot, NULL);
    buf_init(&bench.out, BODY_MAX_BYTES);
    compile(&bench, argv[2], argv[3]);
    if (engine->work == work_skip) {
        want_nothing(&bench);
    }
    for (size_t i = 0; i < CALLS; i++) {
        read_body(&bench.bodies[i], arena_printf(&bench.boot, "%s/%s.json", argv[4], names[i]));
    }
    run(&bench, engine, strtol(argv[5], NULL, 10));
    if (argc == 7) {
        FILE *file = fopen(argv[6], "we");
        must(file && fwrite(bench.out.data, 1, bench.out.len, file) == bench.out.len);
        must(fclose(file) == 0);
    }
    for (size_t i = 0; i < CALLS; i++) {
        buf_release(&bench.bodies[i]);
    }
    buf_release(&bench.out);
    arena_pool_fini(&bench.pool);
    arena_release(&bench.boot);
    return EXIT_SUCCESS;
}
