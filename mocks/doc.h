/* A JSON document written from front to back into one growing piece of memory. */
#ifndef MOCKS_DOC_H
#define MOCKS_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct doc {
    char *bytes;
    size_t len;
    size_t capacity;
    bool is_ascii;    /* from here on write `\u00e9` for é, a pair for emoji, and `\/` for / */
    bool needs_comma; /* a value stands to the left */
};

/* An empty document takes no memory. Every writer ends the program when memory ends. */
void doc_init(struct doc *doc);
void doc_fini(struct doc *doc);

/* Forgets the text and keeps the memory. */
void doc_clear(struct doc *doc);

/* In all that follows `key` is the member's name, or NULL inside an array and at the root. Keys are
 * the program's own, plain ASCII, and are written as they are. */
void doc_object(struct doc *doc, const char *key);
void doc_object_end(struct doc *doc);
void doc_array(struct doc *doc, const char *key);
void doc_array_end(struct doc *doc);

/* A string, escaped as needed; NULL is written as null. `text` must be valid UTF-8. */
void doc_text(struct doc *doc, const char *key, const char *text);

/* A string made of parts: begin, any number of adds, end. */
void doc_text_begin(struct doc *doc, const char *key);
void doc_add(struct doc *doc, const char *text);
void doc_add_u64(struct doc *doc, uint64_t number);
void doc_add_hex(struct doc *doc, uint64_t number); /* always 16 digits */
void doc_text_end(struct doc *doc);

void doc_u64(struct doc *doc, const char *key, uint64_t number);
void doc_bool(struct doc *doc, const char *key, bool is_true);
void doc_null(struct doc *doc, const char *key);

/* `units` / 10^`decimals` with exactly that many decimals: 310, 4 gives 0.0310. */
void doc_decimal(struct doc *doc, const char *key, int64_t units, unsigned decimals);

/* A value that is JSON already, such as `9.1e-1`. */
void doc_raw(struct doc *doc, const char *key, const char *json);

/* Bytes as they are, without a comma: a document, or a part of one, that was written elsewhere. */
void doc_append(struct doc *doc, const char *bytes, size_t len);

/* Seconds since 1970 as an RFC 3339 date-time in UTC. */
void doc_time(struct doc *doc, const char *key, int64_t unix_s);

#endif
