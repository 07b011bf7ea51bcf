/*
 * http_addresses: a name that moves, on both lanes. The resolver is the test's: this program
 * defines getaddrinfo, and the library's calls come here.
 */
#include "http_page.h"

#include "wire/http_addresses.h"

#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>

#define NAME "moving.test"
#define OLD  "127.0.0.1"
#define NEW  "127.0.0.2"

TestSuite(http_addresses, .timeout = 60);

/* ---- the resolver ---- */

typedef int getaddrinfo_function(
    const char *, const char *, const struct addrinfo *, struct addrinfo **);

static const char *_Atomic where; /* NAME is; NULL: nobody knows */
static atomic_bool is_mute;       /* no answer comes while it is */
static atomic_uint lookups;       /* of NAME */

int getaddrinfo(
    const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    getaddrinfo_function *next = (getaddrinfo_function *)dlsym(RTLD_NEXT, "getaddrinfo");
    if (!node || strcmp(node, NAME) != 0) {
        return next(node, service, hints, found);
    }
    lookups++;
    while (is_mute) {
        poll(NULL, 0, 5);
    }
    const char *address = where;
    return address ? next(address, service, hints, found) : EAI_AGAIN;
}

/* ---- a name with one service at the old address, and one at the new ---- */

static struct page page;
static struct server *newer;

static void open_street(size_t lane, struct http_client_options options, bool is_old_there)
{
    static const struct turn old[] = { { .say = OK "Content-Length: 3\r\n\r\nold" } };
    static const struct turn new[] = { { .say = OK "Content-Length: 3\r\n\r\nnew" } };
    char url[64];
    struct err err;
    where = OLD;
    lookups = 0;
    open_client(&page, options);
    newer = server_start_at(NEW, 0, new, 1, NULL);
    cr_assert_not_null(newer);
    while (is_old_there && !(page.server = server_start_at(OLD, newer->port, old, 1, NULL))) {
        server_stop(newer); /* a port that is free at one address only */
        newer = server_start_at(NEW, 0, new, 1, NULL);
    }
    snprintf(url, sizeof(url), "http://" NAME ":%u", newer->port);
    page.origin = http_origin_new(
        page.client, &(struct http_origin_options){ .url = url, .lane = lanes[lane] }, &err);
    cr_assert_not_null(page.origin);
}

static void close_street(void)
{
    is_mute = false;
    close_page(&page);
    server_stop(newer);
}

/* Whether it was the new one that answered; the test fails when nobody did. */
static bool is_answered_by_new(void)
{
    struct result result;
    ask(&page, &result, (struct http_call_options){ 0 });
    const char *outcome = http_outcome_name(result.answer.outcome);
    cr_assert_eq(result.answer.outcome, HTTP_ANSWERED, "%s", outcome);
    bool is_new = strncmp(result.body.data, "new", 3) == 0;
    forget(&result);
    return is_new;
}

/* Each connection is used for a moment only, so most calls make one. */
static const struct http_client_options restless = {
    .dns_ms = 100, .age_max_ms = 1, .connect_timeout_ms = 2000
};

/* ---- the background ---- */

static void follow(void)
{
    cr_assert_not(is_answered_by_new());
    where = NEW;
    unsigned asked = 0;
    while (!is_answered_by_new()) {
        cr_assert_lt(++asked, 100);
        pass(&page, 50);
    }
}

Test(http_addresses, a_name_is_followed_and_no_call_fails)
{
    WITH_LANES(lane)
    {
        open_street(lane, restless, true);
        follow();
        close_street();
    }
}

/* Then the service's own is not looked up: nobody here knows it. */
Test(http_addresses, a_proxys_name_is_followed_too)
{
    char proxy[64];
    struct err err;
    open_street(1, restless, true);
    snprintf(proxy, sizeof(proxy), "http://" NAME ":%u", newer->port);
    page.origin = http_origin_new(page.client,
        &(struct http_origin_options){ .url = "http://profiles.invalid", .proxy = proxy }, &err);
    cr_assert_not_null(page.origin);
    follow();
    close_street();
}

/* Until a lookup of ours has come back: the next one begins only then. */
static void learn(void)
{
    unsigned asked = 0;
    while (lookups < 3) {
        cr_assert_not(is_answered_by_new());
        cr_assert_lt(++asked, 200);
        pass(&page, 50);
    }
}

Test(http_addresses, a_resolver_that_fails_is_not_noticed)
{
    WITH_LANES(lane)
    {
        open_street(lane, restless, true);
        learn();
        where = NULL;
        unsigned before = lookups;
        for (unsigned asked = 0; asked < 50 && lookups < before + 2; asked++) {
            cr_assert_not(is_answered_by_new());
            pass(&page, 50);
        }
        cr_assert_geq(lookups, before + 2);
        close_street();
    }
}

/* For longer than the library itself believes a name. */
Test(http_addresses, nor_is_one_that_says_nothing)
{
    WITH_LANES(lane)
    {
        open_street(lane, restless, true);
        learn();
        is_mute = true;
        for (unsigned asked = 0; asked < 50; asked++) {
            cr_assert_not(is_answered_by_new());
            pass(&page, 50);
        }
        close_street();
    }
}

/* ---- when nobody is there any more ---- */

/* However young the answer is. */
Test(http_addresses, who_is_refused_looks_where_the_name_has_gone)
{
    open_street(0, (struct http_client_options){ .dns_ms = 60000, .age_max_ms = 1 }, true);
    cr_assert_not(is_answered_by_new());
    pass(&page, 5); /* the connection is too old then: none is put to who has left */
    where = NEW;
    server_stop(page.server);
    page.server = NULL;
    for (unsigned asked = 0; asked < 20; asked++) {
        cr_assert(is_answered_by_new());
        pass(&page, 5);
    }
    close_street();
}

Test(http_addresses, a_dead_host_is_not_looked_up_for_each_call)
{
    open_street(0, (struct http_client_options){ .dns_ms = 60000 }, false);
    uint64_t began_us = clock_now_us();
    for (unsigned asked = 0; asked < 50; asked++) {
        struct result result;
        ask(&page, &result, (struct http_call_options){ 0 });
        cr_assert_eq(result.answer.outcome, HTTP_UNREACHED);
    }
    uint64_t seconds = (clock_now_us() - began_us) / 1000000;
    cr_assert_leq(lookups, 2 + 2 * (seconds + 1), "%u", lookups);
    close_street();
}

Test(http_addresses, without_any_answer_there_is_no_connection)
{
    WITH_LANES(lane)
    {
        open_street(lane, restless, true);
        where = NULL;
        struct result result;
        ask(&page, &result, (struct http_call_options){ 0 });
        cr_assert_eq(result.answer.outcome, HTTP_UNREACHED);
        close_street();
    }
}

/* ---- alone ---- */

Test(http_addresses, a_number_is_no_name)
{
    cr_assert_null(http_addresses_new("127.0.0.1", "80", 1000));
    cr_assert_null(http_addresses_new("::1", "80", 1000));
    cr_assert_null(http_addresses_known(NULL, 1));
    http_addresses_doubt(NULL, 1);
    http_addresses_free(NULL);
}

/* Its thread ends when it likes, and nobody waits for it. */
Test(http_addresses, an_end_does_not_wait_for_a_lookup)
{
    is_mute = true;
    struct http_addresses *addresses = http_addresses_new(NAME, "80", 1000);
    cr_assert_null(http_addresses_known(addresses, 1));
    while (lookups == 0) {
        poll(NULL, 0, 1);
    }
    http_addresses_free(addresses);
    is_mute = false;
}
