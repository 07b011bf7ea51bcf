#ifndef TESTS_STREAM_DESK_H
#define TESTS_STREAM_DESK_H

/*
 * A desk (http_desk.h) whose targets below /s/ are streamed. A POST's body is taken as it comes and
 * answered with its length and SHA-256; with is_echo it is the answer itself. A GET is answered
 * with to_give bytes of a pattern. Fields of `stream` are set before the desk opens.
 */
#include "http_desk.h"

#include <gnutls/crypto.h>
#include <limits.h>

#ifdef __SANITIZE_ADDRESS__
enum { GROWTH_MAX_KB = INT_MAX }; /* what was freed is kept for a while */
#else
enum { GROWTH_MAX_KB = 4096 };
#endif

#define UPLOAD_CHUNKS "POST /s/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

enum { PIPE_BYTES = 65536, BODY_LIMIT = 200 << 20, LARGE = 100 << 20, SHORT_MS = 150 };

/* What the one streamed request of a test is about; the loop's thread, but for the atomics. */
static struct stream {
    struct http_exchange *exchange;
    struct pipe in, out;
    struct soon drain, fill;
    struct soon look, go_on; /* posted by the test */
    gnutls_hash_hd_t hash;
    uint64_t to_give, length;
    unsigned status;
    bool is_echo, is_held, must_cut, is_broken;
    atomic_uint refused, stalled;
    _Atomic uint64_t read_bytes, given_bytes, out_stalls;
    atomic_int why;
} stream;

static inline char pattern(uint64_t at)
{
    return (char)(at * 2654435761u >> 24);
}

/* ---- the server's side ---- */

static inline void answer_with_hash(void)
{
    unsigned char digest[32];
    char hex[65], saw[128];
    gnutls_hash_output(stream.hash, digest);
    for (size_t i = 0; i < sizeof(digest); i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    snprintf(saw, sizeof(saw), "%llu %s", (unsigned long long)stream.in.taken_bytes, hex);
    desk_reply(stream.exchange, 200, saw, 2);
}

/* Takes all that has come; at the end it answers. */
static inline void take(struct soon *soon)
{
    (void)soon;
    if (!stream.exchange) {
        return; /* the test looked, and it was over */
    }
    stream.read_bytes = http_exchange_read_bytes(stream.exchange);
    stream.stalled = (unsigned)stream.in.stalls;
    struct str bytes = pipe_peek(&stream.in);
    if (stream.is_held) {
        return;
    }
    gnutls_hash(stream.hash, bytes.at, bytes.len);
    pipe_take(&stream.in, bytes.len);
    if (pipe_is_over(&stream.in)) {
        answer_with_hash();
    }
}

/* Gives as much as there is room for, up to to_give. */
static inline void give(struct soon *soon)
{
    (void)soon;
    size_t room;
    while (!stream.out.has_ended && (room = pipe_room(&stream.out)) > 0) {
        uint64_t left = stream.to_give - stream.given_bytes;
        size_t len = room < left ? room : (size_t)left;
        char *to = pipe_place(&stream.out);
        for (size_t i = 0; i < len; i++) {
            to[i] = pattern(stream.given_bytes + i);
        }
        pipe_grew(&stream.out, len);
        stream.given_bytes += len;
        if (stream.given_bytes == stream.to_give && stream.must_cut) {
            http_exchange_cut(stream.exchange);
            return;
        }
        if (stream.given_bytes == stream.to_give) {
            pipe_end(&stream.out);
        }
    }
    stream.out_stalls = stream.out.stalls;
}

static inline void answer_in_pieces(struct pipe *content)
{
    struct http_field field = { STR("X-Saw"), stream.is_broken ? STR("pie\nces") : STR("pieces") };
    http_reply_stream(stream.exchange,
        &(struct http_stream_answer){ .status = stream.status ? stream.status : 200,
            .fields = &field,
            .fields_count = 1,
            .length = stream.length,
            .content = content });
}

static inline void go_on(struct soon *soon)
{
    stream.is_held = false;
    take(soon);
}

static inline void begin(
    void *unused, struct http_exchange *exchange, const struct http_arrived *arrived)
{
    if (!arrived->is_streamed) {
        desk_begin(unused, exchange, arrived);
        return;
    }
    desk.begun++;
    http_exchange_set_owner(exchange, &desk);
    stream.exchange = exchange;
    pipe_init(&stream.in, desk.loop, PIPE_BYTES);
    pipe_init(&stream.out, desk.loop, PIPE_BYTES);
    stream.in.drainer = &stream.drain;
    stream.out.filler = &stream.fill;
    if (str_eq(arrived->target, STR("/s/refuse"))) {
        desk_reply(exchange, 403, "refused", 2);
        return;
    }
    if (str_eq(arrived->target, STR("/s/broken"))) {
        desk_reply(exchange, 200, "line\r\nbreak", 2);
        return;
    }
    if (str_eq(arrived->method, STR("GET")) || str_eq(arrived->method, STR("HEAD"))) {
        answer_in_pieces(&stream.out);
        give(NULL);
        return;
    }
    if (stream.is_echo) {
        answer_in_pieces(&stream.in);
    }
    http_exchange_read(exchange, &stream.in);
}

static inline void done(void *owner, bool is_sent, uint64_t sent_bytes)
{
    if (stream.exchange) {
        stream.exchange = NULL;
        loop_soon_forget(desk.loop, &stream.drain);
        loop_soon_forget(desk.loop, &stream.fill);
        pipe_fini(&stream.in);
        pipe_fini(&stream.out);
    }
    desk_done(owner, is_sent, sent_bytes);
}

static inline bool streams(
    void *unused, struct str method, struct str target, uint64_t *body_max_bytes)
{
    (void)unused, (void)method;
    *body_max_bytes = BODY_LIMIT;
    return str_starts(target, STR("/s/"));
}

static inline void refused(void *owner, enum http_refusal why)
{
    cr_assert_eq(owner, &desk);
    stream.refused++;
    stream.why = why;
    if (stream.is_echo) {
        http_exchange_cut(stream.exchange);
    } else {
        desk_reply(stream.exchange, 400, "body refused", 2);
    }
}

static inline void stream_init(void)
{
    desk_init();
    stream = (struct stream){ .drain.run = take,
        .fill.run = give,
        .look.run = take,
        .go_on.run = go_on,
        .length = PIPE_LENGTH_UNKNOWN };
    gnutls_hash_init(&stream.hash, GNUTLS_DIG_SHA256);
    desk.user = (struct http_server_user){ .turns_away = desk_turns_away,
        .begin = begin,
        .gone = desk_gone,
        .done = done,
        .streams = streams,
        .refused = refused };
}

static inline void stream_fini(void)
{
    gnutls_hash_deinit(stream.hash, NULL);
}

/* ---- the client's side ---- */

static const bool is_tls[] = { false, true };

/* From the pattern's start, in pieces of a read's size. False when the connection takes no more. */
static inline bool send_pattern(struct client *client, uint64_t len, bool is_chunked)
{
    static char piece[32768];
    char line[32];
    for (uint64_t at = 0; at < len;) {
        size_t now = len - at < sizeof(piece) ? (size_t)(len - at) : sizeof(piece);
        for (size_t i = 0; i < now; i++) {
            piece[i] = pattern(at + i);
        }
        snprintf(line, sizeof(line), "%zx\r\n", now);
        if ((is_chunked && !client_send(client, str_of(line), SIZE_MAX)) ||
            !client_send(client, (struct str){ piece, now }, SIZE_MAX) ||
            (is_chunked && !client_send(client, STR("\r\n"), SIZE_MAX))) {
            return false;
        }
        at += now;
    }
    return !is_chunked || client_send(client, STR("0\r\n\r\n"), SIZE_MAX);
}

static inline void ask_to_send(
    struct client *client, uint64_t len, bool is_chunked, const char *fields)
{
    char head[256], length[64];
    snprintf(length, sizeof(length), "Content-Length: %llu\r\n", (unsigned long long)len);
    snprintf(head, sizeof(head), "POST /s/up HTTP/1.1\r\nHost: a\r\n%s%s\r\n", fields,
        is_chunked ? "Transfer-Encoding: chunked\r\n" : length);
    client_say(client, head);
}

static inline void hash_of_pattern(uint64_t len, char *saw, size_t room)
{
    gnutls_hash_hd_t hash;
    unsigned char digest[32];
    static char piece[65536];
    gnutls_hash_init(&hash, GNUTLS_DIG_SHA256);
    for (uint64_t at = 0; at < len;) {
        size_t now = len - at < sizeof(piece) ? (size_t)(len - at) : sizeof(piece);
        for (size_t i = 0; i < now; i++) {
            piece[i] = pattern(at + i);
        }
        gnutls_hash(hash, piece, now);
        at += now;
    }
    gnutls_hash_deinit(hash, digest);
    int used = snprintf(saw, room, "X-Saw: %llu ", (unsigned long long)len);
    for (size_t i = 0; i < sizeof(digest); i++) {
        used += snprintf(saw + used, room - (size_t)used, "%02x", digest[i]);
    }
}

/* How the content of an answer ended, and whether it was the pattern. */
struct content {
    uint64_t bytes; /* without framing */
    bool is_pattern, has_last_chunk, was_reset;
};

/* Reads the rest of an answer after its head, raw: chunk lines are taken out where they are due. */
static inline struct content read_content(struct client *client, bool is_chunked, uint64_t until)
{
    struct content content = { .is_pattern = true };
    size_t left = 0;
    enum { LINE, DATA, CRLF } state = is_chunked ? LINE : DATA;
    char line[16];
    size_t line_len = 0, at = (size_t)(strstr(client->got, "\r\n\r\n") + 4 - client->got);
    do {
        for (; at < client->got_len && content.bytes < until; at++) {
            char c = client->got[at];
            if (state == DATA) {
                content.is_pattern &= c == pattern(content.bytes++);
                state = is_chunked && --left == 0 ? CRLF : DATA;
            } else if (c == '\n' && state == CRLF) {
                state = LINE;
            } else if (c == '\n') {
                left = strtoul(line, NULL, 16);
                line_len = 0;
                content.has_last_chunk |= left == 0;
                state = left ? DATA : CRLF;
            } else if (state == LINE) {
                line[line_len++] = c;
                line[line_len] = '\0';
                cr_assert_lt(line_len, sizeof(line) - 1);
            }
        }
        client->got_len = at = 0;
    } while (content.bytes < until && !content.has_last_chunk && client_read(client));
    content.was_reset = client->was_reset;
    return content;
}

static inline long resident_kb(void)
{
    char line[256];
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    cr_assert(fgets(line, sizeof(line), file) != NULL);
    fclose(file);
    sscanf(line, "%*s %ld", &pages);
    return pages * sysconf(_SC_PAGESIZE) / 1024;
}

#endif
