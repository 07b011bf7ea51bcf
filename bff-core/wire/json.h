#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include "../base/arena.h"
#include "../base/buf.h"
#include "../base/err.h"

/*
 * JSON as a tree, for what is small and read whole: schemas, key sets, claims, settings of tools.
 * The bodies of services are not read with this but with scan.h.
 */

enum json_kind {
    JSON_MISSING, /* what json_kind() says of NULL */
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_LIST,
    JSON_OBJECT,
};

struct json {
    enum json_kind kind;
    int line;           /* where the value begins, from 1 */
    struct str name;    /* of a member, decoded; { NULL, 0 } for what is no member */
    struct str text;    /* a string's characters, decoded; a number as it was written */
    struct json *items; /* of a list or an object, in the order of the text */
    size_t count;
};

/* How deep lists and objects may nest. */
enum { JSON_DEPTH_MAX = 64 };

/*
 * A tree in the arena, or NULL with a sentence in `err` ("line 3: ...", no file name). Strict: RFC
 * 8259 to the letter, UTF-8, nothing behind the value, no member name twice in an object or with a
 * NUL in it.
 */
const struct json *json_parse(struct arena *arena, struct str text, struct err *err);

/*
 * The same for the content of a file of at most 4 MB; `err` does not name the file, except where it
 * cannot be read.
 */
const struct json *json_read(struct arena *arena, const char *path, struct err *err);

/*
 * All of these take NULL, for a value that is missing, and what is of another kind than they ask
 * for.
 */

enum json_kind json_kind(const struct json *json);
/* The member, or NULL. */
const struct json *json_get(const struct json *json, const char *name);
/* The element or member at a place, or NULL behind the last. */
const struct json *json_at(const struct json *json, size_t place);
/* A string's characters; { NULL, 0 } when it is no string. */
struct str json_str(const struct json *json);
/* The same with a NUL at the end; NULL when it is no string, or when it has a NUL inside. */
const char *json_cstr(const struct json *json);
/* False when it is no number, has a fraction or an exponent, or needs more than 64 bits. */
bool json_i64(const struct json *json, int64_t *out);

/*
 * Appends the value as compact JSON; strings as json_quote writes them, numbers as they were
 * written.
 */
bool json_write(struct buf *buf, const struct json *json);

/*
 * Appends where `json` stands inside `root`, as RFC 6901 says it: "/properties/a~1b", "" for the
 * root itself. False, and nothing appended, when it does not stand there.
 */
bool json_pointer(struct buf *buf, const struct json *root, const struct json *json);

/*
 * Appends `text` as a JSON string with its quotes. Always well-formed: bytes that are no UTF-8 (RFC
 * 3629) become U+FFFD. False when the buf is full; it is then as before.
 */
bool json_quote(struct buf *buf, struct str text);

/* The same at `to`, where JSON_QUOTED_BYTES(text.len) have room; returns the place
 * behind it. */
char *json_put(char *to, struct str text);
#define JSON_QUOTED_BYTES(len) (6 * (len) + 2)

#endif
