/*
 * shape_fault: how a mistake in a shape is told.
 *
 * Owns nothing. Promises that whoever reads the sentence finds the place in two ways: by file and
 * line, and by the JSON pointer that validators speak of ("#/properties/id/maxLength"). Knows
 * nothing of what is a mistake.
 */
#include "shape_compiler.h"

enum { TEXT_MAX_BYTES = 4096 };

void shape_fault(struct shape_compiler *c, const struct json *at, const char *sentence)
{
    struct buf pointer;
    buf_init(&pointer, TEXT_MAX_BYTES);
    bool is_inside = at && json_pointer(&pointer, c->root, at);
    faults_add(c->faults, c->file, at ? at->line : 0, "%s%.*s%s%s", is_inside ? "#" : "",
        STR_FMT(buf_str(&pointer)), is_inside ? ": " : "", sentence);
    buf_release(&pointer);
}

const char *shape_text(struct shape_compiler *c, const struct json *json)
{
    struct buf text;
    buf_init(&text, TEXT_MAX_BYTES);
    json_write(&text, json);
    const char *copy = arena_cstr(c->arena, buf_str(&text));
    buf_release(&text);
    return copy;
}
