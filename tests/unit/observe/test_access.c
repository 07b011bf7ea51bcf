/* The access log: the exact line, hostile bytes, and whole lines whatever the target does. */
#include "fixture.h"

#include "base/clock.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct house house;
static struct visit visit;
static char path[64];

static void open_page(void)
{
    signal(SIGPIPE, SIG_IGN);
    snprintf(path, sizeof(path), "/tmp/bff-access-XXXXXX");
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    house_open(&house, path);
}

static void close_page(void)
{
    unlink(path);
}

TestSuite(access, .init = open_page, .fini = close_page, .timeout = 60);

/* Everything that is in a file now, with a NUL; to be freed. */
static char *content(const char *of)
{
    int fd = open(of, O_RDONLY);
    struct stat status;
    cr_assert(fd >= 0 && fstat(fd, &status) == 0);
    char *text = calloc(1, (size_t)status.st_size + 1);
    cr_assert_eq(read(fd, text, (size_t)status.st_size), status.st_size);
    close(fd);
    return text;
}

/* What the log holds when the house has closed; to be freed. */
static char *logged(void)
{
    house_close(&house);
    return content(path);
}

Test(access, a_served_request_is_this_line)
{
    finish_run(visit_feed(&visit, &house.workers[0]));
    char *text = logged();
    cr_assert_str_eq(text,
        "{\"time\":\"2026-11-24T06:00:55.123456Z\",\"request_id\":\"r-1\","
        "\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\",\"client\":\"mobile\","
        "\"address\":\"203.0.113.9\",\"method\":\"GET\",\"route\":\"/v1/feed\","
        "\"path\":\"/v1/feed\",\"status\":200,\"duration_ms\":12.345,\"bytes\":1200,"
        "\"coding\":\"gzip\",\"user\":\"u-17\",\"calls\":["
        "{\"as\":\"profile\",\"state\":\"ok\",\"ms\":10.000,\"status\":200},"
        "{\"as\":\"ads\",\"state\":\"failed\",\"ms\":2.000},"
        "{\"as\":\"viewed\",\"state\":\"detached\",\"ms\":0.000}],"
        "\"user_agent\":\"app/1.0\"}\n");
    cr_assert(strstr(text, "secret") == NULL);
    free(text);
}

Test(access, a_refused_request_says_why_and_no_user)
{
    struct request *request = visit_refused(&visit, &house.workers[0], PROBLEM_TOKEN_INVALID, true);
    request->identity.why = "the signature does not match";
    finish_run(request);
    char *text = logged();
    cr_assert(strstr(text, "\"status\":401,\"problem\":\"token-invalid\","
                           "\"why\":\"the signature does not match\",\"duration_ms\":0.200,"));
    cr_assert(strstr(text, "\"user\":") == NULL && strstr(text, "\"calls\":") == NULL);
    free(text);
}

Test(access, a_client_that_left_has_no_status_and_a_lost_answer_is_cut)
{
    struct request *request = visit_refused(&visit, &house.workers[0], PROBLEM_CLIENT_GONE, true);
    request->replied = (struct replied){ 0 };
    request->encoded = (struct encoded){ 0 };
    request->received.started_us = clock_now_us();
    finish_run(request);
    request = visit_feed(&visit, &house.workers[0]);
    request->replied.is_sent = false;
    finish_run(request);
    char *text = logged();
    cr_assert(strstr(text, "\"status\":0,\"problem\":\"client-gone\",\"duration_ms\":"));
    cr_assert(strstr(text, "\"coding\":\"gzip\",\"is_cut\":true,"));
    free(text);
}

Test(access, hostile_bytes_stay_inside_their_quotes)
{
    struct request *request = visit_refused(&visit, &house.workers[0], PROBLEM_NOT_FOUND, false);
    request->received.path = STR("/a\"b\\\n{\"forged\":1}\x1b[31m\xff\xc3\xa9\0z");
    request->received.user_agent = STR("\r\n\x7f\xed\xa0\x80");
    finish_run(request);
    char *text = logged();
    cr_assert(strstr(text, "\"path\":\"/a\\\"b\\\\\\n{\\\"forged\\\":1}\\u001b[31m"
                           "\xef\xbf\xbd\xc3\xa9\\u0000z\""));
    cr_assert(strstr(text, "\"user_agent\":\"\\r\\n\x7f\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}\n"));
    cr_assert(strstr(text, "\"route\":") == NULL);
    cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1, "one line only");
    free(text);
}

Test(access, what_a_stranger_sizes_is_cut_between_characters)
{
    static char agent[300], long_path[5000];
    struct request *request = visit_feed(&visit, &house.workers[0]);
    for (size_t i = 1; i + 1 < sizeof(agent); i += 2) { /* byte 128 is the second of a character */
        memcpy(agent + i, "\xc3\xa9", 2);
    }
    agent[0] = 'a';
    memset(long_path, 1, sizeof(long_path));
    request->received.user_agent = (struct str){ agent, sizeof(agent) };
    request->received.path = (struct str){ long_path, sizeof(long_path) };
    request->received.method = (struct str){ long_path, sizeof(long_path) };
    request->received.request_id = (struct str){ long_path, sizeof(long_path) };
    request->received.address = (struct str){ long_path, sizeof(long_path) };
    request->identity.subject = (struct str){ long_path, sizeof(long_path) };
    finish_run(request);
    cr_assert_eq(access_dropped(house.core.access), 0);
    char *text = logged();
    const char *cut = strstr(text, "\"user_agent\":\"");
    cr_assert(cut && strlen(cut) == strlen("\"user_agent\":\"") + 127 + strlen("\"}\n"));
    cr_assert(strlen(text) < 16 * 1024);
    free(text);
}

static void stop(struct deadline *deadline)
{
    (void)deadline;
    loop_stop(house.workers[0].loop);
}

Test(access, lines_wait_for_company_but_not_for_long)
{
    struct loop *loop = house.workers[0].loop;
    struct deadline end = { .expired = stop };
    finish_run(visit_feed(&visit, &house.workers[0]));
    char *text = content(path);
    cr_assert_str_empty(text);
    free(text);
    loop_deadline(loop, &end, clock_now_us() + 250000);
    loop_run(loop);
    text = content(path);
    cr_assert_not(text[0] == '\0');
    free(text);
    house_close(&house);
}

Test(access, a_moved_file_is_left_for_a_new_one)
{
    char moved[80];
    struct err err;
    snprintf(moved, sizeof(moved), "%s.1", path);
    for (int i = 0; i < 60; i++) { /* beyond 16 KB: written at once, the rest kept */
        finish_run(visit_feed(&visit, &house.workers[0]));
    }
    cr_assert_eq(rename(path, moved), 0);
    cr_assert(access_reopen(house.core.access, &err));
    char *new = logged(), *old = content(moved);
    cr_assert(old[0] == '{' && old[strlen(old) - 1] == '\n');
    cr_assert(new[0] == '{' && new[strlen(new) - 1] == '\n');
    unlink(moved);
    free(old);
    free(new);
}

Test(access, a_target_that_cannot_be_opened_is_a_sentence)
{
    struct err err;
    cr_assert(access_new("/nowhere/access.log", 1, &err) == NULL);
    cr_assert_str_eq(err.text, "the access log /nowhere/access.log cannot be opened: "
                               "No such file or directory");
    house_close(&house);
}

Test(access, off_writes_and_drops_nothing)
{
    struct house quiet;
    house_open(&quiet, "off");
    finish_run(visit_feed(&visit, &quiet.workers[0]));
    cr_assert_eq(access_dropped(quiet.core.access), 0);
    cr_assert(access_reopen(quiet.core.access, NULL));
    house_close(&quiet);
    house_close(&house);
}

/* ---- a pipe with a slow reader, and two workers that write more than it holds ---- */

enum { LINES_EACH = 4000 };

/* Reads a pipe to its end, slowly enough that it is full most of the time. */
struct reader {
    int fd;
    char *text;
    size_t len;
};

static void *read_all(void *argument)
{
    enum { ROOM = 16 * 1024 * 1024, BITE = 777 };
    struct reader *reader = argument;
    reader->text = malloc(ROOM);
    for (;;) {
        ssize_t got = read(reader->fd, reader->text + reader->len, BITE);
        if (got <= 0 || reader->len + (size_t)got + BITE > ROOM) {
            return NULL;
        }
        reader->len += (size_t)got;
    }
}

static void *write_lines(void *argument)
{
    struct worker *worker = argument;
    static const struct str agents[] = { STR("AAAAAAAAAAAAAAAA"), STR("BBBBBBBB") };
    struct visit own;
    struct request *request = visit_feed(&own, worker);
    request->received.user_agent = agents[worker->index];
    for (int i = 0; i < LINES_EACH; i++) {
        finish_run(request);
    }
    return NULL;
}

/* Each line begins and ends as a line does, and has exactly one of everything. */
static size_t count_whole_lines(const char *text, size_t len)
{
    size_t lines = 0;
    for (const char *at = text, *end; at < text + len; at = end + 1, lines++) {
        end = memchr(at, '\n', len - (size_t)(at - text));
        cr_assert(end != NULL, "the last line is cut");
        size_t bytes = (size_t)(end - at);
        bool is_a = bytes > 20 && memcmp(end - 18, "AAAAAAAAAAAAAAAA\"}", 18) == 0;
        bool is_b = bytes > 20 && memcmp(end - 11, "\"BBBBBBBB\"}", 11) == 0;
        cr_assert(memcmp(at, "{\"time\":", 8) == 0 && (is_a || is_b), "%.*s", (int)bytes, at);
        cr_assert(memmem(at + 8, bytes - 8, "{\"time\":", 8) == NULL, "%.*s", (int)bytes, at);
    }
    return lines;
}

Test(access, lines_are_whole_on_a_pipe_that_is_full)
{
    static struct house pipes;
    struct reader reader = { 0 };
    pthread_t writers[2], drain;
    unlink(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    reader.fd = open(path, O_RDONLY | O_NONBLOCK);
    cr_assert_geq(reader.fd, 0);
    house_open(&pipes, path);
    fcntl(
        reader.fd, F_SETFL, 0); /* from now on reads wait for bytes, or for the last writer's end */
    for (unsigned i = 0; i < 2; i++) {
        pthread_create(&writers[i], NULL, write_lines, &pipes.workers[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(writers[i], NULL); /* nobody has read a byte: they did not wait for it */
    }
    uint64_t dropped = access_dropped(pipes.core.access);
    cr_assert_gt(dropped, 0);
    pthread_create(&drain, NULL, read_all, &reader);
    house_close(&pipes);
    pthread_join(drain, NULL);
    cr_assert_eq(count_whole_lines(reader.text, reader.len), 2 * LINES_EACH - dropped);
    close(reader.fd);
    free(reader.text);
    house_close(&house);
}

/* The same with a reader from the start: now the two workers meet in the target all the time. */
Test(access, lines_are_whole_on_a_pipe_that_is_read)
{
    static struct house pipes;
    struct reader reader = { 0 };
    pthread_t writers[2], drain;
    unlink(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    reader.fd = open(path, O_RDONLY | O_NONBLOCK);
    house_open(&pipes, path);
    fcntl(reader.fd, F_SETFL, 0);
    pthread_create(&drain, NULL, read_all, &reader);
    for (unsigned i = 0; i < 2; i++) {
        pthread_create(&writers[i], NULL, write_lines, &pipes.workers[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(writers[i], NULL);
    }
    uint64_t dropped = access_dropped(pipes.core.access);
    house_close(&pipes);
    pthread_join(drain, NULL);
    cr_assert_eq(count_whole_lines(reader.text, reader.len), 2 * LINES_EACH - dropped);
    close(reader.fd);
    free(reader.text);
    house_close(&house);
}

Test(access, a_reader_that_never_reads_costs_lines_and_no_time)
{
    static struct house pipes;
    unlink(path);
    cr_assert_eq(mkfifo(path, 0600), 0);
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    house_open(&pipes, path);
    write_lines(&pipes.workers[0]);
    uint64_t before = access_dropped(pipes.core.access);
    struct access_writer *writer = pipes.workers[0].access;
    pipes.workers[0].access = NULL;
    access_writer_free(writer);
    cr_assert_gt(access_dropped(pipes.core.access), before, "what the buffer held is lost as well");
    house_close(&pipes);
    close(fd);
    house_close(&house);
}
