#ifndef WIRE_HTTP_ARRIVED_H
#define WIRE_HTTP_ARRIVED_H

#include "../base/pipe.h"
#include "../base/str.h"

#include <netinet/in.h>
#include <stdint.h>

/* A client's request, as it is told to whoever serves it. */

/* Why a request was refused before its head could be believed. */
enum http_refusal {
    HTTP_REFUSED_NOT,
    HTTP_REFUSED_MALFORMED,
    HTTP_REFUSED_TARGET_TOO_LONG,
    HTTP_REFUSED_HEAD_TOO_LARGE,
    HTTP_REFUSED_BODY_TOO_LARGE,
    HTTP_REFUSED_SLOW, /* the head or the body did not arrive in its time */
};

struct http_field {
    struct str name;
    struct str value;
};

/* What arrived. All slices live until `done` returns. */
struct http_arrived {
    enum http_refusal refused; /* when set, what the client said may be missing or nonsense */
    struct str method;
    struct str target; /* path and query as sent, never in absolute form; "*" with OPTIONS */
    struct str body;   /* empty when it is streamed */
    bool is_streamed;
    uint64_t length; /* of a streamed body; PIPE_LENGTH_UNKNOWN, 0: there is none */
    const struct http_field *fields;
    size_t fields_count;
    uint64_t first_byte_us; /* monotonic, of the head */
    bool is_tls;
    struct sockaddr_storage peer;
};

/* The first field of that name, without case; { NULL, 0 } when there is none. */
struct str http_arrived_field(const struct http_arrived *arrived, struct str name);

/* True when a field of that name comes twice or more. */
bool http_arrived_repeats(const struct http_arrived *arrived, struct str name);

#endif
