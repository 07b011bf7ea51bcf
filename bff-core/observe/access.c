/*
 * access: one line for each request, without ever waiting for a disk.
 *
 * Owns the target's descriptor and each worker's buffer. Promises: (1) a line is whole and stands
 * alone: when a write ends inside a line, the rest of that line belongs to the target, and whoever
 * writes next writes it first; (2) nobody waits: the descriptor does not block, the target is tried
 * for, not locked, and what does not fit into a full buffer is dropped and counted; (3) what a
 * stranger sent is cut, then quoted: a line has a largest size and no byte can forge another line;
 * (4) no token is written, and no query, since queries hold secrets now and then. A regular file is
 * written through the kernel's page cache, which is all the asynchrony that write(2) has for one.
 */
#include "access.h"

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/must.h"
#include "../wire/json.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LINES_BYTES = 256 * 1024, /* of one worker, beyond which lines are dropped */
    FLUSH_BYTES = 16 * 1024,
    FLUSH_US = 200 * 1000,
    RETRY_US = 5 * 1000, /* when the target was full, or another writer had it */
    LINE_MAX_BYTES = 16 * 1024,
    FILE_MODE = 0640,
    LAST_TRIES = 50, /* before a writer ends */
    LAST_TRY_MS = 10,
};

/*
 * How much of a stranger's text is kept, in bytes before quoting; a line then fits LINE_MAX_BYTES.
 */
enum { SHORT_BYTES = 128, USER_BYTES = 256, PATH_BYTES = 1024 };

struct access {
    char *path; /* NULL: stdout or off */
    bool is_off;
    bool is_socket;
    atomic_bool is_taken; /* by the one thread that may touch the next three */
    int fd;
    char rest[LINE_MAX_BYTES]; /* of a line that is begun in the target and not ended */
    size_t rest_len;
    atomic_int next_fd; /* opened anew, to be taken at the end of a line; -1: none */
    unsigned workers;
    atomic_uint writers;
    struct counter dropped[]; /* by writer */
};

struct access_writer {
    struct access *access;
    struct counter *dropped;
    struct loop *loop;
    struct deadline flush;
    struct buf line; /* the one being made */
    char *lines;
    size_t len;
    bool is_held_up; /* the last flush left something: the deadline tries again, new lines do not */
    bool is_complaining;
};

/* ---- the target ---- */

/* True when the target is the caller's, until target_leave. */
static bool target_try(struct access *access)
{
    if (atomic_exchange_explicit(&access->is_taken, true, memory_order_acquire)) {
        return false;
    }
    int next_fd = access->rest_len == 0 ? atomic_exchange(&access->next_fd, -1) : -1;
    if (next_fd >= 0) {
        close(access->fd);
        access->fd = next_fd;
    }
    return true;
}

static void target_leave(struct access *access)
{
    atomic_store_explicit(&access->is_taken, false, memory_order_release);
}

/* As write(2); the target is the caller's. */
static ssize_t target_write(const struct access *access, const char *bytes, size_t len)
{
    return access->is_socket ? send(access->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL)
                             : write(access->fd, bytes, len);
}

/* The end of a line that was cut. False, with errno, while some of it is left. */
static bool target_write_rest(struct access *access)
{
    if (access->rest_len == 0) {
        return true;
    }
    ssize_t count = target_write(access, access->rest, access->rest_len);
    if (count < 0) {
        return false;
    }
    access->rest_len -= (size_t)count;
    memmove(access->rest, access->rest + count, access->rest_len);
    errno = EAGAIN;
    return access->rest_len == 0;
}

/* One write. How many of the bytes, whole lines, are the writer's no more; 0 with errno: none. */
static size_t target_write_lines(struct access *access, const char *lines, size_t len)
{
    ssize_t count = target_write(access, lines, len);
    if (count <= 0) {
        return 0;
    }
    size_t end = (size_t)count;
    while (lines[end - 1] != '\n') { /* each line ends with one, the last too */
        end++;
    }
    access->rest_len = end - (size_t)count;
    memcpy(access->rest, lines + count, access->rest_len);
    return end;
}

static int open_path(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, FILE_MODE);
}

/*
 * Standard output under a description of our own, so that O_NONBLOCK does not reach the shell or
 * the program at the pipe's other end. A socket cannot be opened that way, but send() has a flag
 * for it.
 */
static int open_stdout(bool *is_socket)
{
    struct stat status;
    *is_socket = fstat(STDOUT_FILENO, &status) == 0 && S_ISSOCK(status.st_mode);
    if (*is_socket) {
        return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    }
    return open("/proc/self/fd/1", O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC);
}

struct access *access_new(const char *target, unsigned workers, struct err *err)
{
    bool is_stdout = strcmp(target, "stdout") == 0;
    bool is_off = strcmp(target, "off") == 0;
    struct access *access = calloc(1, sizeof(*access) + workers * sizeof(access->dropped[0]));
    must(access != NULL);
    access->workers = workers;
    access->is_off = is_off;
    access->path = is_stdout || is_off ? NULL : strdup(target);
    access->fd = is_off ? -1 : is_stdout ? open_stdout(&access->is_socket) : open_path(target);
    atomic_init(&access->next_fd, -1);
    if (access->fd < 0 && !is_off) {
        err_set(err, "the access log %s cannot be opened: %s", target, strerror(errno));
        access_free(access);
        return NULL;
    }
    return access;
}

void access_free(struct access *access)
{
    if (!access) {
        return;
    }
    int next_fd = atomic_load(&access->next_fd);
    if (next_fd >= 0) {
        close(next_fd);
    }
    if (access->fd >= 0) {
        close(access->fd);
    }
    free(access->path);
    free(access);
}

bool access_reopen(struct access *access, struct err *err)
{
    if (!access->path) {
        return true;
    }
    int fd = open_path(access->path);
    if (fd < 0) {
        return err_set(
            err, "the access log %s cannot be opened again: %s", access->path, strerror(errno));
    }
    int unused_fd = atomic_exchange(&access->next_fd, fd);
    if (unused_fd >= 0) {
        close(unused_fd);
    }
    if (target_try(access)) { /* and with it the new file */
        target_leave(access);
    }
    return true;
}

uint64_t access_dropped(const struct access *access)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < access->workers; i++) {
        sum += counter_read(&access->dropped[i]);
    }
    return sum;
}

/* ---- a writer ---- */

static void complain_once(struct access_writer *writer, int error)
{
    if (!writer->is_complaining) {
        log_warn(
            "the access log cannot be written: %s; lines are kept, then dropped", strerror(error));
    }
    writer->is_complaining = true;
}

/* Writes what it can. False when something is left, in the buffer or of a line of anybody's. */
static bool try_flush(struct access_writer *writer, uint64_t *retry_us)
{
    struct access *access = writer->access;
    *retry_us = RETRY_US;
    if (!target_try(access)) {
        return false;
    }
    errno = 0;
    size_t count = 0;
    if (target_write_rest(access) && writer->len > 0) {
        count = target_write_lines(access, writer->lines, writer->len);
    }
    bool is_whole = access->rest_len == 0;
    int error = errno;
    target_leave(access);
    writer->len -= count;
    memmove(writer->lines, writer->lines + count, writer->len);
    if (count > 0) {
        writer->is_complaining = false;
    } else if (error != 0 && error != EAGAIN && error != EINTR) {
        complain_once(writer, error);
        *retry_us = FLUSH_US;
    }
    return is_whole && writer->len == 0;
}

/* True when nothing is left; else the deadline is set for the next try. */
static bool flush(struct access_writer *writer)
{
    uint64_t retry_us;
    writer->is_held_up = !try_flush(writer, &retry_us);
    if (writer->is_held_up) {
        loop_deadline(writer->loop, &writer->flush, clock_now_us() + retry_us);
    } else {
        loop_deadline_clear(writer->loop, &writer->flush);
    }
    return !writer->is_held_up;
}

static void flush_due(struct deadline *deadline)
{
    flush(container_of(deadline, struct access_writer, flush));
}

struct access_writer *access_writer_new(struct access *access, struct loop *loop)
{
    unsigned index = atomic_fetch_add(&access->writers, 1);
    must(index < access->workers);
    struct access_writer *writer = calloc(1, sizeof(*writer));
    must(writer != NULL);
    writer->lines = malloc(LINES_BYTES);
    must(writer->lines != NULL);
    writer->access = access;
    writer->dropped = &access->dropped[index];
    writer->loop = loop;
    writer->flush.expired = flush_due;
    buf_init(&writer->line, LINE_MAX_BYTES);
    return writer;
}

void access_writer_free(struct access_writer *writer)
{
    if (!writer) {
        return;
    }
    bool is_off = writer->access->is_off;
    for (int i = 0; !is_off && !flush(writer) && i < LAST_TRIES; i++) {
        poll(NULL, 0, LAST_TRY_MS);
    }
    for (size_t i = 0; i < writer->len; i++) {
        counter_add(writer->dropped, writer->lines[i] == '\n');
    }
    loop_deadline_clear(writer->loop, &writer->flush);
    buf_release(&writer->line);
    free(writer->lines);
    free(writer);
}

/* ---- the line ---- */

/*
 * Each of these writes one member with the comma before it, and returns the place behind; whoever
 * calls has made room. Names are whole: `,"status":`.
 */

static struct str cut(struct str text, size_t max)
{
    size_t len = text.len < max ? text.len : max;
    while (len > 0 && len < text.len && (text.at[len] & 0xc0) == 0x80) {
        len--; /* a cut does not fall inside a UTF-8 character */
    }
    return (struct str){ text.at, len };
}

/* A missing text makes no member. */
static inline char *put_text(char *to, struct str name, struct str text)
{
    return text.at ? json_put(str_put(to, name), text) : to;
}

/* From a table of ours: it needs no quoting. NULL makes no member. */
static inline char *put_word(char *to, struct str name, const char *word)
{
    if (!word) {
        return to;
    }
    to = str_put(to, name);
    *to++ = '"';
    to = str_put(to, str_of(word));
    *to++ = '"';
    return to;
}

static inline char *put_number(char *to, struct str name, uint64_t number)
{
    return str_put_u64(str_put(to, name), number);
}

/* With three decimals. */
static char *put_ms(char *to, struct str name, uint64_t us)
{
    unsigned rest = (unsigned)(us % 1000);
    to = put_number(to, name, us / 1000);
    *to++ = '.';
    *to++ = (char)('0' + rest / 100);
    *to++ = (char)('0' + rest / 10 % 10);
    *to++ = (char)('0' + rest % 10);
    return to;
}

/* The second part of a traceparent (W3C Trace Context, section 3.2.2): 00-<32 digits>-<16>-<2>. */
static struct str trace_id(struct str traceparent)
{
    return traceparent.len >= 55 ? (struct str){ traceparent.at + 3, 32 } : (struct str){ NULL, 0 };
}

static struct str template_of(const struct bff_plan *plan)
{
    const char *space = plan ? strchr(plan->route, ' ') : NULL;
    return str_of(space ? space + 1 : NULL);
}

static char *put_question(char *to, const struct request *request)
{
    const struct received *received = &request->received;
    char when[CLOCK_TEXT_BYTES];
    to = put_word(to, STR("{\"time\":"), clock_text(received->wall_us, when));
    to = put_text(to, STR(",\"request_id\":"), cut(received->request_id, SHORT_BYTES));
    to = put_text(to, STR(",\"trace_id\":"), trace_id(received->traceparent));
    to = put_text(to, STR(",\"client\":"), str_of(request->worker->core->client->name));
    to = put_text(to, STR(",\"address\":"), cut(received->address, SHORT_BYTES));
    to = put_text(to, STR(",\"method\":"), cut(received->method, SHORT_BYTES));
    to = put_text(to, STR(",\"route\":"), template_of(request->routed.plan));
    return put_text(to, STR(",\"path\":"), cut(received->path, PATH_BYTES));
}

static char *put_answer(char *to, const struct finished *finished)
{
    const struct request *request = finished->request;
    const struct replied *replied = &request->replied;
    to = put_number(to, STR(",\"status\":"), request_status(request));
    if (request->problem != PROBLEM_NONE) {
        to = put_word(to, STR(",\"problem\":"), problem_row(request->problem)->slug);
        to = put_text(to, STR(",\"why\":"), str_of(request->identity.why));
    }
    to = put_ms(to, STR(",\"duration_ms\":"), finished->duration_us);
    to = put_number(to, STR(",\"bytes\":"), replied->sent_bytes);
    if (replied->read_bytes) {
        to = put_number(to, STR(",\"read_bytes\":"), replied->read_bytes);
    }
    to = put_word(to, STR(",\"coding\":"), request->encoded.coding);
    if (replied->was_handed_over && !replied->is_sent) {
        to = str_put(to, STR(",\"is_cut\":true"));
    }
    return put_text(to, STR(",\"user\":"), cut(request->identity.subject, USER_BYTES));
}

static char *put_call(char *to, const struct call *call)
{
    to = put_text(to, STR("{\"as\":"), str_of(call->asks->as));
    to = put_word(to, STR(",\"state\":"), call_state_name(call->state));
    if (call->started_us != 0 && call->ended_us >= call->started_us) {
        to = put_ms(to, STR(",\"ms\":"), call->ended_us - call->started_us);
    }
    if (call->status != 0) {
        to = put_number(to, STR(",\"status\":"), call->status);
    }
    to = put_text(to, STR(",\"why\":"), str_of(call->why));
    *to++ = '}';
    return to;
}

/* Names, numbers and the words of our tables. */
enum { OURS_BYTES = 512 };

static size_t text_room(const char *text)
{
    return JSON_QUOTED_BYTES(text ? strlen(text) : 0);
}

static void write_calls(struct buf *line, const struct fanned *fanned)
{
    buf_append_str(line, STR(",\"calls\":["));
    for (size_t i = 0; i < fanned->calls_count; i++) {
        const struct call *call = &fanned->calls[i];
        size_t room = OURS_BYTES + text_room(call->asks->as) + text_room(call->why);
        char *start = buf_reserve(line, room), *to = start;
        if (!start) {
            return;
        }
        if (i > 0) {
            *to++ = ',';
        }
        buf_grew(line, (size_t)(put_call(to, call) - start));
    }
    buf_append_char(line, ']');
}

/* Where something does not fit, the line is overfull. */
static void write_line(struct buf *line, const struct finished *finished)
{
    const struct request *request = finished->request;
    const struct bff_plan *plan = request->routed.plan;
    size_t room = OURS_BYTES + 4 * JSON_QUOTED_BYTES(SHORT_BYTES) + JSON_QUOTED_BYTES(PATH_BYTES) +
                  JSON_QUOTED_BYTES(USER_BYTES) + text_room(request->worker->core->client->name) +
                  text_room(plan ? plan->route : NULL) + text_room(request->identity.why);
    char *start = buf_reserve(line, room);
    if (!start) {
        return;
    }
    buf_grew(line, (size_t)(put_answer(put_question(start, request), finished) - start));
    if (request->fanned.calls_count > 0) {
        write_calls(line, &request->fanned);
    }
    start = buf_reserve(line, OURS_BYTES + JSON_QUOTED_BYTES(SHORT_BYTES));
    if (start) {
        struct str agent = cut(request->received.user_agent, SHORT_BYTES);
        char *end = str_put(put_text(start, STR(",\"user_agent\":"), agent), STR("}\n"));
        buf_grew(line, (size_t)(end - start));
    }
}

void access_record(struct access_writer *writer, const struct finished *finished)
{
    struct buf *line = &writer->line;
    if (writer->access->is_off) {
        return;
    }
    buf_clear(line);
    write_line(line, finished);
    if (line->is_overfull || line->len > LINES_BYTES - writer->len) {
        counter_add(writer->dropped, 1);
        return;
    }
    memcpy(writer->lines + writer->len, line->data, line->len);
    writer->len += line->len;
    if (writer->len >= FLUSH_BYTES && !writer->is_held_up) {
        flush(writer);
    } else if (writer->flush.place == 0) {
        loop_deadline(writer->loop, &writer->flush, clock_now_us() + FLUSH_US);
    }
}
