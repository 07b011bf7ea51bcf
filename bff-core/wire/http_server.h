#ifndef WIRE_HTTP_SERVER_H
#define WIRE_HTTP_SERVER_H

#include "../base/buf.h"
#include "../base/loop.h"
#include "../base/pipe.h"
#include "http_arrived.h"

/*
 * HTTP/1.1 for our clients: one listener of one worker on its loop. Every callback below is made
 * with nothing else on the stack: no library, and no call of ours.
 *
 * A request begins when it is whole: its head well-formed to the letter of RFC 9112, its body
 * within its cap and decoded. A streamed request begins when its head is whole; its body, and its
 * answer, then pass through pipes. A client that closes its side of the connection (half or whole)
 * before its answer is gone; of a streamed one before its answer's end.
 */
struct http_server;

/* One request and its answer. The server's own; the user's handle until `done` returns. */
struct http_exchange;

/* Certificates for TLS, as PEM texts; borrowed, must outlive the server. */
struct http_tls {
    const char *certificate_pem; /* the leaf first, then its chain */
    const char *key_pem;
};

struct http_server_options {
    int listen_fd;              /* listening, non-blocking; taken */
    const struct http_tls *tls; /* NULL: plain HTTP */
    unsigned connections_max;
    unsigned idle_timeout_ms;  /* of a kept-alive connection between two requests */
    unsigned head_timeout_ms;  /* from the first byte (or accept) to the end of the header block */
    unsigned body_timeout_ms;  /* from the end of the header block to the end of the body */
    unsigned reply_timeout_ms; /* from http_reply to the answer's last byte; 0: no limit */
    unsigned stream_idle_timeout_ms; /* of a streamed request's client: neither sends nor takes */
    size_t head_max_bytes;
    size_t target_max_bytes; /* as sent */
    size_t body_max_bytes;   /* decoded */
};

enum { HTTP_TURNED_AWAY_MAX_BYTES = 16 * 1024 };

struct http_server_user {
    void *context;
    /*
     * A whole request is here, or a refused one. Answer with http_reply, now or later. After a
     * refused one nothing more is read, and its connection closes whatever the answer says.
     */
    void (*begin)(
        void *context, struct http_exchange *exchange, const struct http_arrived *arrived);
    /* The client left before http_reply. `done` follows at once: do not reply any more. */
    void (*gone)(void *owner);
    /*
     * The answer was written out, or could not be (0 bytes; of a streamed one what was sent). Ends
     * the exchange on return.
     */
    void (*done)(void *owner, bool is_sent, uint64_t sent_bytes);
    /*
     * NULL: everybody is served. Else asked before a whole request begins, and true turns it away:
     * there will be no exchange, and `answer` (empty; HTTP_TURNED_AWAY_MAX_BYTES at most) is sent,
     * which must be a whole HTTP/1.1 answer that keeps the connection. For when there are too many
     * to be refused with more ceremony: it may look, count and write, nothing else. HEAD, HTTP/1.0
     * and the last request of a connection always begin.
     */
    bool (*turns_away)(void *context, const struct http_arrived *arrived, struct buf *answer);

    /*
     * Is a request with this head streamed? True, with the largest body in *body_max_bytes. Asked
     * while its bytes are read: it looks at the words, and says. NULL: none is.
     */
    bool (*streams)(void *context, struct str method, struct str target, uint64_t *body_max_bytes);
    /*
     * The body of a streamed request, which had begun, cannot be read to its end; no more comes.
     * Answer, or cut. Not called once the answer's last byte is known.
     */
    void (*refused)(void *owner, enum http_refusal why);
};

/* NULL with `why` (a buffer of 256 bytes) set. The user's callbacks are copied. */
struct http_server *http_server_new(struct loop *loop, const struct http_server_options *options,
    const struct http_server_user *user, char *why);

/* The user's own object for an exchange, for `gone` and `done`. Set it in `begin`. */
void http_exchange_set_owner(struct http_exchange *exchange, void *owner);

enum http_after { HTTP_KEEP, HTTP_CLOSE };

/* What an answer's fields may take in all, names, values and four bytes for each. */
enum { HTTP_REPLY_FIELDS_MAX_BYTES = 6144 };

/*
 * The answer, once per exchange. Fields are copied, those with an empty value left out; `body` is
 * moved out and left empty. Content-Length, Date and Connection are added here. HTTP_CLOSE ends the
 * connection after the answer. HEAD is answered like GET: the body is counted, not sent. Fields
 * beyond HTTP_REPLY_FIELDS_MAX_BYTES, or one with a control byte in it, turn the answer into a bare
 * 500.
 */
void http_reply(struct http_exchange *exchange, unsigned status, const struct http_field *fields,
    size_t fields_count, struct buf *body, enum http_after after);

/* ---- streamed requests only ---- */

/*
 * The body from now on goes into the pipe as it comes, and ends it when it was whole; a client that
 * waits for "100 Continue" gets it. Nothing is read before, nor while the pipe is full. At most
 * once. The pipe has at least 16 KB, is empty, and lives until `done`.
 */
void http_exchange_read(struct http_exchange *exchange, struct pipe *into);

/* Of the body so far, decoded. */
uint64_t http_exchange_read_bytes(const struct http_exchange *exchange);

struct http_stream_answer {
    unsigned status;
    const struct http_field *fields; /* copied, as with http_reply */
    size_t fields_count;
    uint64_t length;      /* of the content; PIPE_LENGTH_UNKNOWN: until the pipe ends */
    struct pipe *content; /* lives until `done`; not looked at where the answer has no content */
    enum http_after after;
};

/*
 * In place of http_reply: the head now, the content as it comes out of the pipe, no faster than the
 * client takes it. A pipe that ends too early or too late for `length` cuts the connection. The
 * connection is kept only when the request's body was read to its end.
 */
void http_reply_stream(struct http_exchange *exchange, const struct http_stream_answer *answer);

/* The answer, which has begun, cannot be ended: the connection is reset. `done` follows. */
void http_exchange_cut(struct http_exchange *exchange);

/*
 * Drain: stops listening, closes idle connections, answers from now on with Connection: close.
 * `drained` is called from the soon queue when no connection is left.
 */
void http_server_drain(struct http_server *server, void (*drained)(void *context));

/* Connections that are open now. */
unsigned http_server_connections(const struct http_server *server);

/* After the drain, or when no exchange is open; not inside `begin`, `gone` or `done`. */
void http_server_free(struct http_server *server);

#endif
