/*
 * service: the services of one worker.
 *
 * Owns the services' hosts and the detached calls with their bodies. A detached call is sent at
 * most once and bounded by its deadline; on shutdown the worker waits until none is left, which
 * that deadline bounds too. Knows nothing of requests: what a detached call carries was copied.
 */
#include "service.h"

#include "../base/log.h"
#include "../base/must.h"

#include <stdlib.h>

/* At most so many detached calls under way in one worker. */
enum { DETACHED_MAX = 256 };

struct host {
    struct http_origin *origin;
    unsigned in_flight;
};

struct service {
    struct host host;
};

struct services {
    struct http_client *client;
    struct service *list;
    size_t count;
    struct detached *detached; /* a list */
    size_t detached_count;
    uint64_t detached_dropped;
};

struct detached {
    struct services *services;
    struct detached *next, *before;
    struct http_call *http;
    struct buf body;
};

static struct http_origin *open_origin(
    struct http_client *client, const struct settings_service *service, struct err *err)
{
    struct http_origin_options options = {
        .url = service->url,
        .ca_file = service->ca_file,
        .cert_file = service->cert_file,
        .key_file = service->key_file,
        .connections_max = service->connections_max,
    };
    return http_origin_new(client, &options, err);
}

struct services *services_new(struct worker *worker, struct err *err)
{
    const struct settings *settings = worker->core->settings;
    struct services *services = calloc(1, sizeof(*services));
    must(services != NULL);
    services->client = worker->client;
    services->count = settings->services_count;
    services->list = calloc(settings->services_count + 1, sizeof(*services->list));
    must(services->list != NULL);
    for (size_t i = 0; i < settings->services_count; i++) {
        struct host *host = &services->list[i].host;
        host->origin = open_origin(worker->client, &settings->services[i], err);
        if (!host->origin) {
            services_free(services);
            return NULL;
        }
    }
    return services;
}

struct service *services_get(struct services *services, size_t index)
{
    must(index < services->count);
    return &services->list[index];
}

/* ---- one call ---- */

struct host *service_pick(
    struct service *service, const struct host *but, uint64_t now_us, enum service_refusal *why)
{
    (void)now_us;
    bool is_other = &service->host != but;
    *why = is_other ? SERVICE_READY : SERVICE_OPEN;
    return is_other ? &service->host : NULL;
}

struct http_origin *host_origin(const struct host *host)
{
    return host->origin;
}

void service_began(struct service *service, struct host *host, uint64_t now_us)
{
    (void)service;
    (void)now_us;
    host->in_flight++;
}

void service_ended(struct service *service, struct host *host, enum service_verdict verdict,
    uint64_t took_us, uint64_t now_us)
{
    (void)service;
    (void)verdict;
    (void)took_us;
    (void)now_us;
    must(host->in_flight > 0);
    host->in_flight--;
}

bool service_may_retry(struct service *service, uint64_t now_us)
{
    (void)service;
    (void)now_us;
    return true;
}

bool service_may_hedge(struct service *service, uint64_t now_us)
{
    (void)service;
    (void)now_us;
    return false;
}

uint64_t service_hedge_after_us(const struct service *service)
{
    (void)service;
    return UINT64_MAX;
}

/* ---- detached calls ---- */

static void free_detached(struct detached *detached)
{
    struct services *services = detached->services;
    if (detached->before) {
        detached->before->next = detached->next;
    } else {
        services->detached = detached->next;
    }
    if (detached->next) {
        detached->next->before = detached->before;
    }
    services->detached_count--;
    buf_release(&detached->body);
    free(detached);
}

void services_free(struct services *services)
{
    if (!services) {
        return;
    }
    while (services->detached) {
        http_call_cancel(services->detached->http);
        free_detached(services->detached);
    }
    free(services->list);
    free(services);
}

static void detached_done(void *context, struct http_answer *answer)
{
    if (answer->outcome != HTTP_ANSWERED || answer->status >= 300) {
        log_debug("a detached call ended as %s with status %u", http_outcome_name(answer->outcome),
            answer->status);
    }
    free_detached(context);
}

bool services_detach(
    struct services *services, size_t index, const struct http_call_options *options)
{
    struct detached *detached =
        services->detached_count < DETACHED_MAX ? malloc(sizeof(*detached)) : NULL;
    if (!detached) {
        services->detached_dropped++;
        return false;
    }
    *detached = (struct detached){ .services = services, .next = services->detached };
    if (services->detached) {
        services->detached->before = detached;
    }
    services->detached = detached;
    services->detached_count++;
    buf_init(&detached->body, options->body.len);
    buf_append_str(&detached->body, options->body);
    struct http_call_options own = *options;
    own.origin = services_get(services, index)->host.origin;
    own.body = buf_str(&detached->body);
    detached->http = http_call_start(services->client, &own, detached_done, detached);
    return true;
}

size_t services_detached_count(const struct services *services)
{
    return services->detached_count;
}

uint64_t services_detached_dropped(const struct services *services)
{
    return services->detached_dropped;
}
