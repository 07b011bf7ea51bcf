/*
 * service: the services of one worker.
 *
 * Owns the origins' table and the detached calls with their bodies. A detached call is sent at most
 * once and bounded by its deadline; on shutdown the worker waits until none is left, which that
 * deadline bounds too. Knows nothing of requests: what a detached call carries was copied.
 */
#include "service.h"

#include "../base/log.h"
#include "../base/must.h"

#include <stdlib.h>

struct services {
    struct http_client *client;
    struct http_origin **origins;
    size_t origins_count;
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
    services->origins_count = settings->services_count;
    services->origins = calloc(settings->services_count + 1, sizeof(struct http_origin *));
    must(services->origins != NULL);
    for (size_t i = 0; i < settings->services_count; i++) {
        services->origins[i] = open_origin(worker->client, &settings->services[i], err);
        if (!services->origins[i]) {
            services_free(services);
            return NULL;
        }
    }
    return services;
}

struct http_origin *services_origin(struct services *services, size_t index)
{
    must(index < services->origins_count);
    return services->origins[index];
}

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
    while (services->detached) {
        http_call_cancel(services->detached->http);
        free_detached(services->detached);
    }
    free(services->origins);
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

void services_detach(struct services *services, const struct http_call_options *options)
{
    struct detached *detached =
        services->detached_count < DETACHED_MAX ? malloc(sizeof(*detached)) : NULL;
    if (!detached) {
        services->detached_dropped++;
        return;
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
    own.body = buf_str(&detached->body);
    detached->http = http_call_start(services->client, &own, detached_done, detached);
}

size_t services_detached_count(const struct services *services)
{
    return services->detached_count;
}

uint64_t services_detached_dropped(const struct services *services)
{
    return services->detached_dropped;
}
