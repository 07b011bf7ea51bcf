/*
 * The cost of a projection: shape ENGINE SCHEMAS SHAPE DIR TIMES
 *
 * ENGINE "ours" scans the six bodies DIR/CALL.json and projects them under SCHEMAS/SHAPE.json;
 * "json-c" only parses them into trees and frees these: less than the same job, so that a ratio
 * flatters it. Does it TIMES times and prints nanoseconds for each, and the bytes that went in,
 * came out, and were needed beside them. The work stands in job(), for `valgrind --tool=callgrind
 * --toggle-collect=job`.
 */
#include "base/clock.h"
#include "base/must.h"
#include "respond/project.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

enum { CALLS = 6, BODY_MAX_BYTES = 64 * 1024 * 1024, PIECE_BYTES = 64 * 1024 };

static const char *const names[CALLS] = { "profile", "posts", "recs", "unread", "ads", "stats" };

struct bench {
    struct arena boot;
    struct arena_pool pool;
    struct shape_call calls[CALLS];
    struct shape *shape; /* NULL: json-c */
    struct buf bodies[CALLS];
    struct buf out;
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

static void project_all(struct bench *bench)
{
    struct arena arena;
    struct scanned scans[CALLS];
    const struct scanned *answers[CALLS];
    arena_init(&arena, &bench->pool);
    for (size_t i = 0; i < CALLS; i++) {
        struct str body = buf_str(&bench->bodies[i]);
        must(scan(bench->calls[i].want, body, &arena, &scans[i]) == NULL);
        answers[i] = &scans[i];
    }
    must(project(bench->shape, answers, &arena, &bench->out).is_whole);
    arena_release(&arena);
}

static void parse_all(struct bench *bench)
{
    for (size_t i = 0; i < CALLS; i++) {
        struct json_tokener *tokener = json_tokener_new();
        struct str body = buf_str(&bench->bodies[i]);
        struct json_object *tree = json_tokener_parse_ex(tokener, body.at, (int)body.len);
        must(json_tokener_get_error(tokener) == json_tokener_success);
        json_object_put(tree);
        json_tokener_free(tokener);
    }
}

__attribute__((noinline)) static void job(struct bench *bench)
{
    if (bench->shape) {
        project_all(bench);
    } else {
        parse_all(bench);
    }
}

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
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: shape ours|json-c SCHEMAS SHAPE DIR TIMES\n");
        return EXIT_FAILURE;
    }
    struct bench bench = { .shape = NULL };
    size_t bytes = 0;
    long times = strtol(argv[5], NULL, 10);
    arena_init(&bench.boot, NULL);
    buf_init(&bench.out, BODY_MAX_BYTES);
    if (strcmp(argv[1], "ours") == 0) {
        compile(&bench, argv[2], argv[3]);
    }
    for (size_t i = 0; i < CALLS; i++) {
        read_body(&bench.bodies[i], arena_printf(&bench.boot, "%s/%s.json", argv[4], names[i]));
        bytes += bench.bodies[i].len;
    }
    uint64_t start_us = clock_now_us();
    for (long i = 0; i < times; i++) {
        job(&bench);
    }
    double ns = (double)(clock_now_us() - start_us) * 1000 / (double)times;
    printf("ns=%.0f ns_per_byte=%.3f in=%zu out=%zu chunks=%zu\n", ns, ns / (double)bytes, bytes,
        bench.out.len, bench.pool.count);
    for (size_t i = 0; i < CALLS; i++) {
        buf_release(&bench.bodies[i]);
    }
    buf_release(&bench.out);
    arena_pool_fini(&bench.pool);
    arena_release(&bench.boot);
    return EXIT_SUCCESS;
}
