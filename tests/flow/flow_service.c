/*
 * flow_service: services that a test makes itself.
 *
 * Owns one thread and one port for each. A service says what the page wants, or stands between the
 * server and its mock and passes bytes on, both ways, as they come; in either case it keeps what it
 * was asked and sees the server close. Knows HTTP only as far as an empty line ends a question.
 */
#include "flow_parts.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS_MAX = 64, HEARD_MAX = 1 << 20, PIECE = 64 * 1024 };

/* One connection of the server, and the mock's behind it. */
struct pair {
    int caller, mock; /* mock -1: the test answers itself */
    size_t heard;     /* bytes of questions so far, without those that were answered */
};

struct service {
    struct flow_service wish;
    int listener;
    int wake[2];
    unsigned mock_port;
    pthread_t thread;
    bool is_running;
    bool has_said_first; /* these three are the thread's alone */
    struct pair pairs[PAIRS_MAX];
    size_t pairs_count;

    pthread_mutex_t lock; /* of all below */
    struct buf heard;
    unsigned closed;
    bool is_held, is_ending;
};

static struct service services[FLOW_SERVICES];
static size_t services_count;

/* A socket that listens nowhere yet; *port is any free one. */
static int bound_socket(unsigned *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, len), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

/* ---- the service's own thread ---- */

static void drop(struct service *service, size_t place)
{
    struct pair *pair = &service->pairs[place];
    close(pair->caller);
    if (pair->mock >= 0) {
        close(pair->mock);
    }
    *pair = service->pairs[--service->pairs_count];
}

static int connected_socket(unsigned port)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void take_caller(struct service *service)
{
    int caller = accept4(service->listener, NULL, NULL, SOCK_CLOEXEC);
    bool is_own = service->wish.says || service->wish.json || service->wish.is_mute;
    int mock = caller < 0 || is_own ? -1 : connected_socket(service->mock_port);
    if (caller < 0 || service->pairs_count == PAIRS_MAX || (!is_own && mock < 0)) {
        close(caller);
        close(mock);
        return;
    }
    service->pairs[service->pairs_count++] = (struct pair){ caller, mock, 0 };
}

static bool pass(int to, const char *bytes, size_t len)
{
    while (len) {
        ssize_t sent = send(to, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* False when the pair is over. */
static bool answer(const struct service *service, const struct pair *pair)
{
    const char *says = service->wish.says, *json = service->wish.json;
    char head[100];
    if (says) {
        pass(pair->caller, says, strlen(says));
        return false;
    }
    int len = snprintf(head, sizeof(head),
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
        strlen(json));
    return pass(pair->caller, head, (size_t)len) && pass(pair->caller, json, strlen(json));
}

static bool hear_caller(struct service *service, struct pair *pair)
{
    char bytes[PIECE];
    ssize_t len = recv(pair->caller, bytes, sizeof(bytes), 0);
    pthread_mutex_lock(&service->lock);
    service->closed += len <= 0;
    if (len > 0) {
        buf_append(&service->heard, bytes, (size_t)len);
        pair->heard += (size_t)len;
    }
    size_t recent = pair->heard < service->heard.len ? pair->heard : service->heard.len;
    bool is_asked =
        recent && memmem(service->heard.data + service->heard.len - recent, recent, "\r\n\r\n", 4);
    pthread_mutex_unlock(&service->lock);
    bool is_first = service->wish.first && !service->has_said_first;
    if (len > 0 && is_asked && is_first) {
        service->has_said_first = true;
        pass(pair->caller, service->wish.first, strlen(service->wish.first));
        return false;
    }
    if (len > 0 && is_asked && (service->wish.says || service->wish.json)) {
        pair->heard = 0;
        return answer(service, pair);
    }
    return len > 0 && (is_first || pair->mock < 0 || pass(pair->mock, bytes, (size_t)len));
}

static bool hear_mock(struct pair *pair)
{
    char bytes[PIECE];
    ssize_t len = recv(pair->mock, bytes, sizeof(bytes), 0);
    return len > 0 && pass(pair->caller, bytes, (size_t)len);
}

/* One wait, and what came of it. False when the service ends. */
static bool turn(struct service *service)
{
    struct pollfd fds[2 + 2 * PAIRS_MAX] = { { service->wake[0], POLLIN, 0 },
        { service->listener, POLLIN, 0 } };
    size_t count = service->pairs_count;
    pthread_mutex_lock(&service->lock);
    bool is_held = service->is_held, is_ending = service->is_ending;
    pthread_mutex_unlock(&service->lock);
    for (size_t i = 0; i < count; i++) {
        fds[2 + 2 * i] = (struct pollfd){ service->pairs[i].caller, POLLIN, 0 };
        fds[3 + 2 * i] = (struct pollfd){ is_held ? -1 : service->pairs[i].mock, POLLIN, 0 };
    }
    if (is_ending || poll(fds, 2 + 2 * count, -1) < 0) {
        return false;
    }
    char word;
    if (fds[0].revents && read(service->wake[0], &word, 1) != 1) {
        return false;
    }
    for (size_t i = count; i-- > 0;) { /* backwards: drop() moves the last to the gap */
        struct pair *pair = &service->pairs[i];
        if ((fds[2 + 2 * i].revents && !hear_caller(service, pair)) ||
            (fds[3 + 2 * i].revents && !hear_mock(pair))) {
            drop(service, i);
        }
    }
    if (fds[1].revents) {
        take_caller(service);
    }
    return true;
}

static void *live(void *argument)
{
    struct service *service = argument;
    while (turn(service)) {
    }
    while (service->pairs_count) {
        drop(service, service->pairs_count - 1);
    }
    return NULL;
}

/* ---- for the page ---- */

static void raise_service(struct service *service)
{
    cr_assert_eq(listen(service->listener, 64), 0);
    cr_assert_eq(pthread_create(&service->thread, NULL, live, service), 0);
    service->is_running = true;
}

unsigned flow_service_open(const struct flow_service *wish, unsigned mock_port)
{
    unsigned port;
    bool is_in_the_way = wish->first || wish->says || wish->json || wish->is_mute ||
                         wish->is_down || wish->is_heard || wish->is_held;
    if (!is_in_the_way) {
        return mock_port;
    }
    cr_assert_lt(services_count, FLOW_SERVICES);
    struct service *service = &services[services_count++];
    *service = (struct service){ .wish = *wish, .mock_port = mock_port, .is_held = wish->is_held };
    service->listener = bound_socket(&port);
    cr_assert_eq(pipe(service->wake), 0);
    pthread_mutex_init(&service->lock, NULL);
    buf_init(&service->heard, HEARD_MAX);
    if (!wish->is_down) {
        raise_service(service);
    }
    return port;
}

static void poke(struct service *service)
{
    cr_assert_eq(write(service->wake[1], "!", 1), 1);
}

void flow_services_close(void)
{
    for (size_t i = 0; i < services_count; i++) {
        struct service *service = &services[i];
        pthread_mutex_lock(&service->lock);
        service->is_ending = true;
        pthread_mutex_unlock(&service->lock);
        if (service->is_running) {
            poke(service);
            pthread_join(service->thread, NULL);
        }
        close(service->listener);
        close(service->wake[0]);
        close(service->wake[1]);
        buf_release(&service->heard);
        pthread_mutex_destroy(&service->lock);
    }
    services_count = 0;
}

static struct service *find(const char *name)
{
    size_t i = 0;
    while (i < services_count && strcmp(services[i].wish.name, name) != 0) {
        i++;
    }
    cr_assert_lt(i, services_count, "the page has no %s of its own", name);
    return &services[i];
}

/* As a text of its own, which the caller frees. */
static char *heard(struct service *service)
{
    pthread_mutex_lock(&service->lock);
    struct str bytes = buf_str(&service->heard);
    char *text = strndup(bytes.at, bytes.len);
    pthread_mutex_unlock(&service->lock);
    return text;
}

unsigned flow_hears(const char *name, const char *words)
{
    char *text = heard(find(name));
    unsigned times = 0;
    for (const char *at = text; (at = strcasestr(at, words)); at++) {
        times++;
    }
    free(text);
    return times;
}

unsigned long flow_heard_number(const char *name, const char *words)
{
    char *text = heard(find(name)), *at = strcasestr(text, words);
    cr_assert_not_null(at, "%s was never told %s: %s", name, words, text);
    unsigned long number = strtoul(at + strlen(words), NULL, 10);
    free(text);
    return number;
}

unsigned flow_closed(const char *name)
{
    struct service *service = find(name);
    pthread_mutex_lock(&service->lock);
    unsigned closed = service->closed;
    pthread_mutex_unlock(&service->lock);
    return closed;
}

void flow_release(const char *name)
{
    struct service *service = find(name);
    pthread_mutex_lock(&service->lock);
    service->is_held = false;
    pthread_mutex_unlock(&service->lock);
    poke(service);
}

void flow_raise(const char *name)
{
    raise_service(find(name));
}
