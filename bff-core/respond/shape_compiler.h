#ifndef RESPOND_SHAPE_COMPILER_H
#define RESPOND_SHAPE_COMPILER_H

#include "shape.h"

#include "../wire/json.h"

/* A shape in the making. Only for shape.c and its parts. */

enum { SHAPE_DEPTH_MAX = 32, SHAPE_NODES_MAX = 2048 };
enum { SHAPE_SOURCES_MAX = 512, SHAPE_INDEXES_MAX = 32 };

struct shape_compiler {
    struct arena *arena;
    struct faults *faults;
    const char *file;
    const struct json *root;
    const struct shape_call *calls;
    size_t calls_count;
    const struct json *services[32]; /* of each call; NULL: the shape names none */
    struct shape *shape;
    const char *indexes[SHAPE_INDEXES_MAX]; /* "posts.items where id", one for each table */
    const struct json *element; /* the "items" in hand: a value there is the element itself */
    const struct json *inside[SHAPE_DEPTH_MAX]; /* what the $refs above the one in hand lead to */
    bool *is_used;                              /* of the root's $defs */
    unsigned depth;
    size_t nodes_count;
};

/* Where relative paths begin: inside an element of a list, or at the root (call SIZE_MAX). */
struct shape_scope {
    size_t call;
    struct str base; /* "items[*]" */
};

/* A schema and what its $ref leads to. */
struct view {
    const struct json *own;
    const struct json *target;
};

/* Adds a fault: the sentence, and where `at` stands in the shape (NULL: nowhere). */
void shape_fault(struct shape_compiler *c, const struct json *at, const char *sentence);

#define FAULT(c, at, ...) shape_fault((c), (at), arena_printf((c)->arena, __VA_ARGS__))

/* A value as JSON; "" when it is too long for a sentence. */
const char *shape_text(struct shape_compiler *c, const struct json *json);

/* A size that is `least` or more; `otherwise` when there is none, or after a fault. */
size_t shape_size(
    struct shape_compiler *c, struct view view, const char *name, size_t least, size_t otherwise);

/* Adds a fault when a lower bound (at `low`) is above an upper one (at `high`). */
void shape_check_order(
    struct shape_compiler *c, struct view view, const char *low, const char *high, bool is_crossed);

/* A copy with SHAPE_PADDING bytes behind it. */
struct str shape_padded(struct shape_compiler *c, struct str text);

/* A value as it will be written. */
struct scan_value shape_written(struct shape_compiler *c, const struct json *json);

/* What the schema of one string, number, boolean or null says beside its type. */
void shape_compile_value(
    struct shape_compiler *c, struct view view, struct shape_scope scope, struct shape_node *node);

/* The value of a scope's call when nobody knows which one: that fault was added already. */
#define SHAPE_LOST (SIZE_MAX - 1)

/*
 * "posts.items" into the call and the path inside its answer; false after a fault, and `out` is
 * then lost: what is relative to it adds no more of them.
 */
bool shape_locate(struct shape_compiler *c, const struct json *at, struct str text,
    struct shape_scope scope, struct shape_scope *out);

/* The place of a value; what is taken is added to the call's wants. `kinds` 0: any will do. */
struct shape_source shape_take(
    struct shape_compiler *c, const struct json *at, struct shape_scope where, unsigned kinds);

/* The same for a list and its elements. */
struct shape_list shape_take_list(
    struct shape_compiler *c, const struct json *at, struct shape_scope where);

/* " (its calls are profile, posts)", or "". */
const char *shape_calls(struct shape_compiler *c);

/*
 * The content of a file as JSON, or NULL after a fault: at `at` of the shape (NULL: nobody there
 * names it) when it cannot be read, in the file when it is no JSON.
 */
const struct json *shape_read_file(
    struct shape_compiler *c, const char *path, const struct json *at);

/* "x-calls": what each call's service promises. */
void shape_read_services(struct shape_compiler *c, const char *directory);

/* "x-calls" names a schema for each call that the shape takes from. After all is compiled. */
void shape_check_calls(struct shape_compiler *c);

/* "x-max-bytes" of the root. After the lists are known: one of them must be able to lose elements.
 */
void shape_max_bytes(struct shape_compiler *c);

/* The calls (bit i: calls[i]) without which a node, where it must be there, cannot be written. */
unsigned shape_needs(const struct shape_node *node);

/* Inside the elements of a list. */
struct shape_scope shape_elements(struct shape_compiler *c, struct shape_scope list);

#endif
