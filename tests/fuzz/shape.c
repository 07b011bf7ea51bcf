/*
 * Any bytes as a shape. What must hold: it compiles or has faults, never a crash; and what compiles
 * without a fault projects answers into JSON.
 */
#include "base/must.h"
#include "respond/project.h"
#include "wire/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CALLS = 2 };

static const char body[] = "{\"id\":7,\"t\":\"text\",\"l\":[{\"id\":7,\"t\":\"x\",\"n\":1.5},{"
                           "\"id\":8}],\"o\":{\"id\":1}}";

static void project_with(
    const struct shape *shape, const struct shape_call *calls, struct arena *arena)
{
    struct buf text, out;
    struct scanned scans[CALLS];
    const struct scanned *answers[CALLS];
    buf_init(&text, sizeof(body));
    buf_init(&out, 1024 * 1024);
    must(buf_append(&text, body, sizeof(body) - 1));
    for (size_t i = 0; i < CALLS; i++) {
        must(scan(calls[i].want, buf_str(&text), arena, &scans[i]) == NULL);
        answers[i] = &scans[i];
    }
    if (project(shape, answers, arena, &out).is_whole) {
        struct err err;
        must(json_parse(arena, buf_str(&out), &err) != NULL);
    }
    buf_release(&text);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct arena arena;
    struct faults faults;
    arena_init(&arena, NULL);
    faults_init(&faults);
    struct shape_call calls[CALLS] = {
        { "a", want_new(&arena) },
        { "b", want_new(&arena) },
    };
    char folder[] = "/tmp/fuzz-shape-XXXXXX";
    must(mkdtemp(folder) != NULL);
    char *path = arena_printf(&arena, "%s/shape.json", folder);
    FILE *file = fopen(path, "w");
    must(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
    char *service = arena_printf(&arena, "%s/any.json", folder);
    FILE *promise = fopen(service, "w");
    must(promise && fputs("{}", promise) >= 0 && fclose(promise) == 0);
    const struct shape *shape = shape_compile(&arena, folder, "shape", calls, CALLS, &faults);
    unlink(path);
    unlink(service);
    rmdir(folder);
    if (shape && faults.count == 0) {
        project_with(shape, calls, &arena);
    }
    faults_fini(&faults);
    arena_release(&arena);
    return 0;
}
