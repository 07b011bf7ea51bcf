/*
 * http_addresses: where a host is, and looking again without anybody waiting.
 *
 * Owns the addresses of one name as its origin knows them, and one lookup at a time: a thread that
 * calls the system's resolver, which may take as long as it likes. Promises: (1) what is known
 * stays known until something else is found: a lookup that fails changes nothing; (2) one lookup at
 * a time, and none within AGAIN_US of the last one; (3) nothing is waited for, not even at the end:
 * a lookup is shared by its thread and its origin, and the last one to leave frees it.
 */
#include "http_addresses.h"

#include "../base/must.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { AGAIN_US = 1000 * 1000, LIST_MAX_BYTES = 1024 };

struct lookup {
    char *domain, *port;
    pthread_mutex_t lock; /* of what follows */
    unsigned holders;     /* the thread and the origin */
    bool is_over;
    char found[LIST_MAX_BYTES]; /* "": nothing */
};

struct http_addresses {
    char *domain, *port;
    uint64_t dns_us;
    struct lookup *lookup; /* under way; NULL: none */
    uint64_t looked_us;    /* when the last one began; 0: there was none */
    char list[LIST_MAX_BYTES];
};

/* ---- a lookup ---- */

static void lookup_drop(struct lookup *lookup)
{
    pthread_mutex_lock(&lookup->lock);
    bool is_last = --lookup->holders == 0;
    pthread_mutex_unlock(&lookup->lock);
    if (is_last) {
        pthread_mutex_destroy(&lookup->lock);
        free(lookup->domain);
        free(lookup->port);
        free(lookup);
    }
}

/* As numbers with commas between them; those that have no room are left out. */
static void write_list(const struct addrinfo *found, char *list)
{
    size_t len = 0;
    for (const struct addrinfo *at = found; at; at = at->ai_next) {
        char host[INET6_ADDRSTRLEN + 16];
        bool is_number = getnameinfo(at->ai_addr, at->ai_addrlen, host, sizeof(host), NULL, 0,
                             NI_NUMERICHOST) == 0;
        size_t room = LIST_MAX_BYTES - len;
        if (is_number && !strchr(host, '%') && strlen(host) + 2 < room) {
            len += (size_t)snprintf(list + len, room, "%s%s", len ? "," : "", host);
        }
    }
}

static void *look_up(void *context)
{
    struct lookup *lookup = context;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
    struct addrinfo *found = NULL;
    char list[LIST_MAX_BYTES] = "";
    if (getaddrinfo(lookup->domain, lookup->port, &hints, &found) == 0) {
        write_list(found, list);
        freeaddrinfo(found);
    }
    pthread_mutex_lock(&lookup->lock);
    memcpy(lookup->found, list, sizeof(list));
    lookup->is_over = true;
    pthread_mutex_unlock(&lookup->lock);
    lookup_drop(lookup);
    return NULL;
}

static char *copy_of(const char *text)
{
    char *copy = strdup(text);
    must(copy != NULL);
    return copy;
}

/* NULL when the system gives no thread: then the next one to connect tries again. */
static struct lookup *lookup_start(const struct http_addresses *addresses)
{
    struct lookup *lookup = calloc(1, sizeof(*lookup));
    must(lookup != NULL);
    lookup->domain = copy_of(addresses->domain);
    lookup->port = copy_of(addresses->port);
    lookup->holders = 2;
    pthread_mutex_init(&lookup->lock, NULL);
    pthread_t thread;
    if (pthread_create(&thread, NULL, look_up, lookup) != 0) {
        lookup->holders = 1;
        lookup_drop(lookup);
        return NULL;
    }
    pthread_detach(thread);
    return lookup;
}

/* ---- what is known ---- */

static void begin(struct http_addresses *addresses, uint64_t now_us)
{
    addresses->looked_us = now_us;
    addresses->lookup = lookup_start(addresses);
}

static void take_found(struct http_addresses *addresses)
{
    struct lookup *lookup = addresses->lookup;
    pthread_mutex_lock(&lookup->lock);
    bool is_over = lookup->is_over;
    if (is_over && *lookup->found) {
        memcpy(addresses->list, lookup->found, sizeof(addresses->list));
    }
    pthread_mutex_unlock(&lookup->lock);
    if (is_over) {
        addresses->lookup = NULL;
        lookup_drop(lookup);
    }
}

static bool may_look(const struct http_addresses *addresses, uint64_t now_us, uint64_t age_us)
{
    bool is_old = addresses->looked_us == 0 || now_us - addresses->looked_us >= age_us;
    return is_old && !addresses->lookup;
}

const char *http_addresses_known(struct http_addresses *addresses, uint64_t now_us)
{
    if (!addresses) {
        return NULL;
    }
    if (addresses->lookup) {
        take_found(addresses);
    }
    if (may_look(addresses, now_us, *addresses->list ? addresses->dns_us : AGAIN_US)) {
        begin(addresses, now_us);
    }
    return *addresses->list ? addresses->list : NULL;
}

void http_addresses_found(struct http_addresses *addresses, const char *address)
{
    if (addresses && strlen(address) < sizeof(addresses->list)) {
        strncpy(addresses->list, address, sizeof(addresses->list));
    }
}

void http_addresses_doubt(struct http_addresses *addresses, uint64_t now_us)
{
    if (addresses && may_look(addresses, now_us, AGAIN_US)) {
        begin(addresses, now_us);
    }
}

/* ---- the whole ---- */

struct http_addresses *http_addresses_new(const char *domain, const char *port, unsigned dns_ms)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, domain, bytes) == 1 || inet_pton(AF_INET6, domain, bytes) == 1) {
        return NULL;
    }
    struct http_addresses *addresses = calloc(1, sizeof(*addresses));
    must(addresses != NULL);
    addresses->domain = copy_of(domain);
    addresses->port = copy_of(port);
    addresses->dns_us = dns_ms * 1000ull;
    return addresses;
}

void http_addresses_free(struct http_addresses *addresses)
{
    if (!addresses) {
        return;
    }
    if (addresses->lookup) {
        lookup_drop(addresses->lookup);
    }
    free(addresses->domain);
    free(addresses->port);
    free(addresses);
}
