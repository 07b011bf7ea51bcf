#ifndef WIRE_JSON_WRITER_H
#define WIRE_JSON_WRITER_H

#include "json.h"

/*
 * JSON for people, piece by piece: what fits on a line stands on one, else each member and element
 * has its own, two spaces deeper. What is written is well-formed as long as every object and list
 * is ended, and one value stands at the top; more levels than JSON_DEPTH_MAX, or an end too many,
 * is a bug.
 *
 *     json_writer_object(&writer, NULL);
 *     json_writer_text(&writer, "name", STR("feed"));
 *     json_writer_end(&writer);
 *
 * `name` is the member's, decoded; NULL for an element of a list and for the value at the top.
 */
struct json_writer {
    struct buf *out; /* whether all of it fitted is told by out->is_overfull */
    size_t depth;
    bool has_items; /* something stands already in the object or list in hand */
    struct {
        char end;     /* the bracket that closes it */
        size_t start; /* where its first bracket stands in `out` */
        bool is_tall; /* something in it takes more than one line */
    } levels[JSON_DEPTH_MAX];
};

/* Appends to `out`. */
void json_writer_init(struct json_writer *writer, struct buf *out);

void json_writer_object(struct json_writer *writer, const char *name);
void json_writer_list(struct json_writer *writer, const char *name);
/* Of the object or list in hand; behind the last one a newline. */
void json_writer_end(struct json_writer *writer);

void json_writer_text(struct json_writer *writer, const char *name, struct str text);
void json_writer_number(struct json_writer *writer, const char *name, long long number);
void json_writer_bool(struct json_writer *writer, const char *name, bool is_true);
/* A whole value with all that is in it. */
void json_writer_value(struct json_writer *writer, const char *name, const struct json *json);

#endif
