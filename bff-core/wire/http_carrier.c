/*
 * http_carrier: connections to services, from the first knock to the close.
 *
 * Owns them, and who has been idle for how long. Promises: (1) the one idle for the shortest time
 * is taken first, so that the others can grow old; (2) one that has been idle for too long, or is
 * too old, is not taken again; (3) in use and idle together stay within connections_max; (4) what
 * is closed waits for no event, no deadline and no read or write. Does not know what is said on
 * them.
 */
#include "http_carrier.h"

#include "http_client_tls.h"
#include "http_connect.h"

#include "../base/clock.h"
#include "../base/must.h"

#include <stdlib.h>
#include <unistd.h>

static struct http_carriers *carriers_of(const struct http_carrier *carrier)
{
    return carrier->origin->client->carriers;
}

static void close_descriptor(struct http_carrier *carrier)
{
    struct loop *loop = http_carrier_loop(carrier);
    loop_deadline_clear(loop, &carrier->connect_ends);
    loop_unwatch(loop, &carrier->watch);
    loop_io_forget(loop, &carrier->writing);
    loop_io_forget(loop, &carrier->reading);
    if (carrier->session) {
        http_session_close(carrier->session);
    }
    close(carrier->watch.fd);
}

static bool is_being_made(const struct http_carrier *carrier)
{
    return carrier->state == HTTP_CARRIER_CONNECTING || carrier->state == HTTP_CARRIER_SHAKING;
}

void http_carrier_close(struct http_carrier *carrier)
{
    if (carrier->state == HTTP_CARRIER_IDLE) {
        ring_remove(&carrier->link);
        ring_remove(&carrier->age);
        carriers_of(carrier)->idle_count--;
    }
    if (carrier->call) {
        carrier->call->carrier = NULL;
    }
    carrier->origin->making -= is_being_made(carrier);
    if (carrier->state != HTTP_CARRIER_CONNECTING) {
        close_descriptor(carrier);
    } else if (carrier->connect) {
        http_connect_cancel(carrier->connect);
    }
    free(carrier);
}

static struct http_carrier *oldest_idle(struct http_carriers *carriers)
{
    return container_of(carriers->idle.next, struct http_carrier, age);
}

/* Ages are of seconds: the loop's time, read once for each wake-up, tells them well enough. */
static uint64_t coarse_now_us(const struct http_carrier *carrier)
{
    return loop_now_us(http_carrier_loop(carrier));
}

static bool is_stale(const struct http_carrier *carrier, uint64_t now_us)
{
    uint64_t limit_us = (uint64_t)carrier->origin->client->options.idle_timeout_ms * 1000;
    return now_us - carrier->since_us >= limit_us;
}

/*
 * Those that were made together do not end together: each gets between three quarters of the age
 * and all of it, in the steps of the golden ratio.
 */
static uint64_t end_of_life_us(const struct http_origin *origin, uint64_t now_us)
{
    uint64_t age_us = (uint64_t)origin->client->options.age_max_ms * 1000;
    uint32_t part = (uint32_t)origin->counters.connects * 2654435769u;
    return age_us ? now_us + age_us - (age_us / 4 * part >> 32) : UINT64_MAX;
}

static void wait_for_age(struct http_carriers *carriers)
{
    uint64_t limit_us = (uint64_t)carriers->client->options.idle_timeout_ms * 1000;
    loop_deadline(
        carriers->client->loop, &carriers->aging, oldest_idle(carriers)->since_us + limit_us);
}

/*
 * The deadline is set for who was oldest then, and not moved when that one is used: cheaper than to
 * be exact.
 */
static void close_stale(struct deadline *deadline)
{
    struct http_carriers *carriers = container_of(deadline, struct http_carriers, aging);
    uint64_t now_us = clock_now_us();
    while (!ring_is_empty(&carriers->idle) && is_stale(oldest_idle(carriers), now_us)) {
        http_carrier_close(oldest_idle(carriers));
    }
    if (!ring_is_empty(&carriers->idle)) {
        wait_for_age(carriers);
    }
}

void http_carrier_made(struct http_carrier *carrier)
{
    must(is_being_made(carrier));
    carrier->state = HTTP_CARRIER_BUSY;
    carrier->origin->making--;
    http_client_let_through(carrier->origin->client);
}

void http_carrier_rest(struct http_carrier *carrier)
{
    struct http_carriers *carriers = carriers_of(carrier);
    carrier->state = HTTP_CARRIER_IDLE;
    carrier->call->carrier = NULL;
    carrier->call = NULL;
    carrier->since_us = coarse_now_us(carrier);
    ring_append(&carrier->origin->idle, &carrier->link);
    ring_append(&carriers->idle, &carrier->age);
    carriers->idle_count++;
    if (carriers->aging.place == 0) {
        wait_for_age(carriers);
    }
}

struct http_carrier *http_carrier_take(struct http_origin *origin)
{
    while (!ring_is_empty(&origin->idle)) {
        struct http_carrier *carrier = container_of(origin->idle.before, struct http_carrier, link);
        uint64_t now_us = coarse_now_us(carrier);
        if (is_stale(carrier, now_us) || now_us >= carrier->ends_us) {
            http_carrier_close(carrier);
            continue;
        }
        ring_remove(&carrier->link);
        ring_remove(&carrier->age);
        carriers_of(carrier)->idle_count--;
        carrier->state = HTTP_CARRIER_BUSY;
        return carrier;
    }
    return NULL;
}

/* Room for one more: whoever has been idle for longest leaves, whatever its origin. */
static void make_room(struct http_carriers *carriers)
{
    unsigned max = carriers->client->options.connections_max;
    while (max && carriers->idle_count && carriers->client->in_use + carriers->idle_count > max) {
        http_carrier_close(oldest_idle(carriers));
    }
}

struct http_carrier *http_carrier_new(struct http_call *call)
{
    make_room(call->client->carriers);
    struct http_carrier *carrier = calloc(1, sizeof(*carrier));
    must(carrier != NULL);
    carrier->origin = call->origin;
    carrier->origin->making++;
    carrier->call = call;
    carrier->since_us = clock_now_us();
    carrier->ends_us = end_of_life_us(call->origin, carrier->since_us);
    call->carrier = carrier;
    return carrier;
}

/* ---- all of them ---- */

struct http_carriers *http_carriers_new(struct http_client *client)
{
    struct http_carriers *carriers = calloc(1, sizeof(*carriers));
    must(carriers != NULL);
    carriers->client = client;
    carriers->aging.expired = close_stale;
    ring_init(&carriers->idle);
    return carriers;
}

void http_carriers_free(struct http_carriers *carriers)
{
    must(ring_is_empty(&carriers->idle));
    loop_deadline_clear(carriers->client->loop, &carriers->aging);
    free(carriers);
}
