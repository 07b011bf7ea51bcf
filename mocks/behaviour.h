/* How a service behaves: late, with another status, or with a body that is wrong. */
#ifndef MOCKS_BEHAVIOUR_H
#define MOCKS_BEHAVIOUR_H

#include <stdbool.h>
#include <stddef.h>

#include "doc.h"

struct json_object;

/* What is done to a body on its way out. */
enum behaviour_body {
    BODY_OK,
    BODY_BROKEN,     /* as long as before, but no JSON */
    BODY_HALF,       /* announced whole, sent half, connection closed */
    BODY_EMPTY,      /* no byte, still called JSON */
    BODY_HTML,       /* a page for people, with a status of 200 */
    BODY_WRONG_TYPE, /* JSON, but each member of the root has another type */
    BODY_COUNT
};

enum { BEHAVIOUR_MAX_DELAY_MS = 600000 };

struct behaviour {
    unsigned delay_ms;
    unsigned status; /* 200 leaves the status alone; 400 to 599 replaces answer and status */
    enum behaviour_body body;
};

extern const struct behaviour behaviour_good;

/* Each reads one value as an option's text writes it: "5ms", "2s" or "5"; "503"; "half". False
 * leaves `behaviour` alone. No body, NULL, is a wrong one. */
bool behaviour_read_delay(struct behaviour *behaviour, const char *text);
bool behaviour_read_status(struct behaviour *behaviour, const char *text);
bool behaviour_read_body(struct behaviour *behaviour, const char *text);

/* Changes what the members of `order` name and keeps the rest. False, with nothing changed and a
 * finished sentence in `*why`, when a member is unknown or a value is out of bounds. */
bool behaviour_order(struct behaviour *behaviour, struct json_object *order, const char **why);

/* Writes the three members into an open object. */
void behaviour_write(const struct behaviour *behaviour, struct doc *doc);

/* The error document of a service that was told to fail; it holds a marker, SECRET-<service>, that
 * must never reach a client. */
void behaviour_write_error(const struct behaviour *behaviour, struct doc *doc, const char *service);

/* A spoilt copy of `doc` for BROKEN, EMPTY, HTML and WRONG_TYPE; a plain copy for the others. */
void behaviour_spoil(
    enum behaviour_body body, const struct doc *doc, const char *service, struct doc *spoilt);

#endif
