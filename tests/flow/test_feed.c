/* One feed over TLS: whole, with a service that breaks off, and while the server is told to end. */
#include "flow.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static struct flow flow;

static void open_flow(void)
{
    flow_open(&flow);
}

static void close_flow(void)
{
    flow_close(&flow);
}

TestSuite(feed, .init = open_flow, .fini = close_flow, .timeout = 60);

static bool says(const struct buf *text, const char *words)
{
    return text->len && strstr(text->data, words) != NULL;
}

Test(feed, is_whole_and_compressed_over_tls)
{
    struct flow_answer answer;
    flow_serve(&flow, "mobile", 0, 0);
    flow_ask(&flow, &answer);
    cr_assert_eq(answer.status, 200);
    cr_assert(says(&answer.head, "Content-Encoding: gzip"));
    cr_assert(says(&answer.head, "profile;s=ok") && says(&answer.head, "stats;s=ok"));
    cr_assert(says(&answer.body, "\"handle\":\"zoe_ashworth\""));
    flow_forget(&answer);
}

/* A service of this test: promises 1000 bytes, sends ten, and is gone. */
static void *break_off(void *context)
{
    static const char half[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"slots\":[";
    int listener = *(int *)context, caller = accept(listener, NULL, NULL);
    char question[4096];
    if (caller >= 0 && read(caller, question, sizeof(question)) > 0) {
        ssize_t sent = write(caller, half, sizeof(half) - 1);
        (void)sent;
    }
    close(caller);
    return NULL;
}

Test(feed, loses_one_section_to_a_service_that_breaks_off)
{
    struct flow_answer answer;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&at, len), 0);
    cr_assert_eq(listen(listener, 8), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, break_off, &listener), 0);
    flow_serve(&flow, "mobile", 4, ntohs(at.sin_port));
    flow_ask(&flow, &answer);
    pthread_join(thread, NULL);
    close(listener);
    cr_assert_eq(answer.status, 200);
    cr_assert(says(&answer.head, "ads;s=failed") && says(&answer.head, "posts;s=ok"));
    cr_assert_not(says(&answer.body, "\"ad\":"));
    flow_forget(&answer);
}

static void *ask_late(void *answer)
{
    flow_ask(&flow, answer);
    return NULL;
}

Test(feed, in_flight_is_answered_when_the_server_is_told_to_end)
{
    struct flow_answer answer;
    pthread_t thread;
    flow_serve(&flow, "web", 0, 0);
    flow_ask(&flow, &answer); /* the keys are there, connections are kept */
    flow_forget(&answer);
    flow_order(&flow, "posts", "{\"delay_ms\":600}");
    cr_assert_eq(pthread_create(&thread, NULL, ask_late, &answer), 0);
    usleep(200 * 1000); /* into the 600 ms that the answer takes */
    cr_assert_eq(flow_end(&flow.server), 0);
    pthread_join(thread, NULL);
    cr_assert_eq(answer.status, 200);
    cr_assert(says(&answer.head, "posts;s=ok"));
    flow_forget(&answer);
}
