/*
 * settings_table: every setting of the server, one row each.
 *
 * Owns names, defaults, bounds and help. A row's name is its member in struct settings and its
 * store is that member's type: both are derived, so they cannot drift apart. The order is the order
 * of --help and --settings; rows of one group stand together.
 *
 * Defaults are careful: nothing is reachable from another machine, and nothing is unbounded, unless
 * the file says so. Knows nothing of how values are read.
 */
#include "settings_table.h"

#include "base/must.h"
#include "settings.h"

#define KB     1024ull
#define MB     (1024 * KB)
#define SECOND 1000ull /* in milliseconds */
#define MINUTE (60 * SECOND)

#define STORE(member)                                                                              \
    _Generic((member), const char *                                                                \
             : SETTINGS_AS_TEXT, bool                                                              \
             : SETTINGS_AS_BOOL, unsigned                                                          \
             : SETTINGS_AS_UNSIGNED, size_t                                                        \
             : SETTINGS_AS_SIZE, struct settings_hosts                                             \
             : SETTINGS_AS_HOSTS)
#define ROW_OF(type, path, shape)                                                                  \
    .name = #path, .kind = SETTINGS_##shape, .store = STORE(((type *)0)->path),                    \
    .offset = offsetof(type, path)
#define ROW(path, shape)         ROW_OF(struct settings, path, shape)
#define SERVICE_ROW(path, shape) ROW_OF(struct settings_service, path, shape)
#define HOST_ROW(path, shape)    ROW_OF(struct settings_host, path, shape)
#define BOUNDS(low, high)        .min = (low), .max = (high)

static const char *const levels[] = { "error", "warn", "info", "debug", NULL };
static const char *const outputs[] = { "stdout", "off", NULL };

const struct settings_row settings_table[] = {
    { ROW(listen.address, ADDRESS), .otherwise = "127.0.0.1",
        .help = "The address that clients reach: \"0.0.0.0\" is every IPv4 address of the machine, "
                "\"::\" every address." },
    { ROW(listen.port, COUNT), BOUNDS(0, 65535), .otherwise = "8443", .zero = "any free port",
        .help = "The port that clients reach." },
    { ROW(listen.workers, COUNT), BOUNDS(0, 256), .otherwise = "0", .zero = "one for each core",
        .help = "Threads that serve, each with its own loop, connections and caches." },
    { ROW(listen.io_uring, BOOLEAN), .otherwise = "true",
        .help = "Read and write many sockets by one system call, where the kernel lets us "
                "(Linux 5.18 with io_uring, which containers often forbid). false: a call each." },
    { ROW(listen.connections_max, COUNT), BOUNDS(1, 1000000), .otherwise = "10000",
        .help = "Client connections at once, in the whole process." },
    { ROW(listen.certificate, PATH),
        .help = "The server's certificate and its chain, PEM, the server's own first. Without it "
                "the server speaks plain HTTP: for tests, or behind a proxy that ends TLS." },
    { ROW(listen.key, PATH), .help = "The certificate's private key, PEM, without a password." },
    { ROW(listen.public_url, URL),
        .help = "Where clients reach this server, for --openapi to say. Otherwise it is made of "
                "address and port." },

    { ROW(admin.address, ADDRESS), .otherwise = "127.0.0.1",
        .help = "Where /healthz, /readyz, /metrics and /admin answer. It is plain HTTP and asks "
                "for no token: keep it from strangers." },
    { ROW(admin.port, COUNT), BOUNDS(0, 65535), .otherwise = "9443", .zero = "any free port",
        .help = "The port of these." },

    { ROW(limits.head_bytes, BYTES), BOUNDS(1 * KB, 64 * KB), .otherwise = "16KB",
        .help = "A request's head (request line and fields) at most; more is answered with 431." },
    { ROW(limits.target_bytes, BYTES), BOUNDS(256, 32 * KB), .otherwise = "8KB",
        .help = "A request's target (path and query) at most; more is answered with 414." },
    { ROW(limits.body_bytes, BYTES), BOUNDS(0, 64 * MB), .otherwise = "64KB",
        .zero = "no request may have a body",
        .help = "A request's body at most; more is answered with 413." },
    { ROW(limits.head_ms, MS), BOUNDS(100, 5 * MINUTE), .otherwise = "10s",
        .help = "From the connection, or a head's first byte, to its last; then 408." },
    { ROW(limits.body_ms, MS), BOUNDS(100, 10 * MINUTE), .otherwise = "10s",
        .help = "From a head's last byte to the body's last; then 408." },
    { ROW(limits.idle_ms, MS), BOUNDS(100, 60 * MINUTE), .otherwise = "60s",
        .help = "How long a connection is kept open between two requests." },
    { ROW(limits.stream_idle_ms, MS), BOUNDS(100, 60 * MINUTE), .otherwise = "30s",
        .help = "How long a client or a service may neither send nor take while a request or its "
                "answer is passed through (.pass)." },
    { ROW(limits.stream_ms, MS), BOUNDS(100, 24 * 60 * MINUTE), .otherwise = "60min",
        .help = "How long all of that may take, however busy they are; then 408, or what has begun "
                "is cut off." },
    { ROW(limits.drain_ms, MS), BOUNDS(0, 10 * MINUTE), .otherwise = "10s",
        .zero = "requests in flight are cut off",
        .help = "How long requests in flight may take to finish after SIGTERM." },
    { ROW(limits.in_flight, COUNT), BOUNDS(1, 1000000), .otherwise = "4096",
        .help = "Requests at once, in the whole process; more are answered with 503." },
    { ROW(limits.budget_ms, MS), BOUNDS(10, 5 * MINUTE), .otherwise = "800ms",
        .help = "From a request's first byte to its answer, for plans that name no budget." },

    /* A feed waits for some five turns: 10 ms in each of them add 50 ms to its answer. Shorter ones
     * serve less, longer ones little more. */
    { ROW(shed.target_ms, MS), BOUNDS(0, 1 * MINUTE), .otherwise = "10ms",
        .zero = "nobody is refused early",
        .help =
            "How long what is ready may wait for its worker. When it waits longer, requests are "
            "answered with 503 and Retry-After, plans of low priority first." },
    { ROW(shed.interval_ms, MS), BOUNDS(10, 1 * MINUTE), .otherwise = "100ms",
        .help = "For how long it must have waited longer: no burst is refused." },

    { ROW(token.issuer, TEXT), .is_required = true,
        .help = "Who issues tokens: their \"iss\", byte for byte." },
    { ROW(token.audience, TEXT), .is_required = true,
        .help = "Whom tokens are for: one of their \"aud\"." },
    { ROW(token.jwks_url, URL), .is_required = true,
        .help = "Where the issuer publishes the keys that sign tokens." },
    { ROW(token.ca_file, FILE),
        .help = "Whom to trust for that URL, PEM. Otherwise the system's list." },
    { ROW(token.clock_skew_s, S), BOUNDS(0, 60), .otherwise = "30s", .zero = "clocks agree",
        .help = "How far the issuer's clock may be from ours." },
    { ROW(token.refresh_s, S), BOUNDS(10, 86400), .otherwise = "5min",
        .help = "How often the keys are fetched anew." },
    { ROW(token.cooldown_s, S), BOUNDS(1, 3600), .otherwise = "10s",
        .help = "At least so long between two fetches that a token with an unknown key causes." },
    { ROW(token.cache_entries, COUNT), BOUNDS(0, 1000000), .otherwise = "10000",
        .zero = "each token is verified anew",
        .help = "Verified tokens that each worker remembers." },

    { ROW(quota.user.rate, COUNT), BOUNDS(0, 100000), .otherwise = "20", .zero = "not limited",
        .help = "Requests a second that one user may make, for plans that name no quota." },
    { ROW(quota.user.burst, COUNT), BOUNDS(0, 1000000), .otherwise = "60",
        .zero = "as many as the rate",
        .help = "Requests that one user may make at once after a pause." },
    { ROW(quota.address.rate, COUNT), BOUNDS(0, 100000), .otherwise = "200", .zero = "not limited",
        .help = "Requests a second from one address (IPv6: one /64)." },
    { ROW(quota.address.burst, COUNT), BOUNDS(0, 1000000), .otherwise = "600",
        .zero = "as many as the rate",
        .help = "Requests that one address may make at once after a pause." },
    { ROW(quota.callers, COUNT), BOUNDS(1024, 16777216), .otherwise = "65536",
        .help = "Users and addresses that are remembered at once." },

    { ROW(upstream.connect_timeout_ms, MS), BOUNDS(10, 1 * MINUTE), .otherwise = "250ms",
        .help = "How long a connection to a service may take to be made, TLS included." },
    { ROW(upstream.idle_ms, MS), BOUNDS(100, 60 * MINUTE), .otherwise = "15s",
        .help = "A connection that was not used for so long is not used again. Stay below what "
                "the services allow." },
    { ROW(upstream.age_ms, MS), BOUNDS(0, 60 * MINUTE), .otherwise = "5min",
        .zero = "as long as it works",
        .help = "How long a connection to a service is used: a name that has moved is followed "
                "within this time and dns_ms." },
    { ROW(upstream.dns_ms, MS), BOUNDS(1 * SECOND, 60 * MINUTE), .otherwise = "30s",
        .help = "How long the addresses that a name stood for are believed before they are looked "
                "up again, in the background: until there is an answer the old ones count." },
    { ROW(upstream.connections_max, COUNT), BOUNDS(1, 100000), .otherwise = "256",
        .help = "Connections to all services, of each worker." },

    { ROW(detached.in_flight, COUNT), BOUNDS(1, 10000), .otherwise = "64",
        .help = "Detached calls under way at once, of each worker." },
    { ROW(detached.queue_max, COUNT), BOUNDS(0, 100000), .otherwise = "1024", .zero = "none waits",
        .help = "Detached calls that wait for their turn, of each worker; more are dropped and "
                "counted." },

    { ROW(cache.bytes, BYTES), BOUNDS(0, 1024 * MB), .otherwise = "16MB",
        .zero = "no copies are kept",
        .help = "Memory for answers that plans or services allow to be used again, of each "
                "worker. The least recently used ones make room." },

    /* 4 KB of JSON: level 1 takes 19 us for 3.8x, level 6 takes 28 us for 3.9x. */
    { ROW(compress.gzip_level, COUNT), BOUNDS(0, 9), .otherwise = "1", .zero = "no compression",
        .help = "1 is the fastest, 9 the smallest. On answers of a few KB they differ by 3 %." },
    { ROW(compress.min_bytes, BYTES), BOUNDS(0, 1 * MB), .otherwise = "512",
        .zero = "every answer is compressed", .help = "Smaller answers are sent as they are." },

    { ROW(log.level, CHOICE), .words = levels, .otherwise = "info",
        .help = "Which of the server's own events are written to stderr." },
    { ROW(log.access, PATH), .words = outputs, .otherwise = "stdout",
        .help = "Where one line of JSON for each request goes: \"stdout\", \"off\", or a path." },

    { ROW(schemas, PATH), .otherwise = "../schemas",
        .help = "The directory of the shapes; this server's own are in a directory below it." },
    { ROW(server_timing, BOOLEAN), .otherwise = "false",
        .help = "Tell clients in Server-Timing how long each service took. For development: it "
                "tells strangers what stands behind the server." },
};

const size_t settings_table_count = countof(settings_table);

const struct settings_row settings_service_table[] = {
    { SERVICE_ROW(url, ORIGIN), .is_required = true,
        .help = "Where the service answers; a path in it stands before every call's own." },
    { SERVICE_ROW(urls, HOSTS),
        .help = "Instead of url, where it answers when it has several hosts. One with weight = 3 "
                "gets three times the calls of one without (1 to 1000)." },
    { SERVICE_ROW(http2, BOOLEAN), .otherwise = "false",
        .help = "Speak HTTP/2, over https alone." },
    { SERVICE_ROW(proxy, PROXY),
        .help = "A proxy that the service is reached through, its health check too: \"http://\", "
                "host and port. It looks the service's name up, and is not told who asks. Without "
                "it there is none, whatever the environment says." },
    { SERVICE_ROW(gzip, BOOLEAN), .otherwise = "false",
        .help = "Ask for answers in gzip: fewer bytes on the way, more work at both ends. What "
                "comes in gzip is read in either case." },
    { SERVICE_ROW(timeout_ms, MS), BOUNDS(0, 5 * MINUTE), .otherwise = "0",
        .zero = "what is left of the request's budget",
        .help = "One call at most; a plan may ask for less." },
    { SERVICE_ROW(connections_max, COUNT), BOUNDS(0, 100000), .otherwise = "64",
        .zero = "only upstream.connections_max limits",
        .help = "Connections to each host, of each worker." },
    { SERVICE_ROW(queue_max, COUNT), BOUNDS(0, 100000), .otherwise = "256", .zero = "no call waits",
        .help = "Calls that wait for a connection, of each worker; more are not made." },
    { SERVICE_ROW(in_flight_min, COUNT), BOUNDS(1, 100000), .otherwise = "16",
        .help = "The least that the limit found for a crowded or failing service can be." },
    { SERVICE_ROW(in_flight_max, COUNT), BOUNDS(1, 100000), .otherwise = "512",
        .help = "Calls at once, of each worker, before anything is known of the service. From then "
                "on the limit follows what calls take, and more are not made; the same number here "
                "and in in_flight_min is a fixed limit." },
    { SERVICE_ROW(answer_max_bytes, BYTES), BOUNDS(1 * KB, 64 * MB), .otherwise = "1MB",
        .help = "An answer's body at most; a larger one is a failed call." },
    { SERVICE_ROW(retries, COUNT), BOUNDS(0, 5), .otherwise = "2", .zero = "none",
        .help = "How often one call may be asked again, where that is legal; of all calls at most "
                "a fifth are, and three a second. A host that cannot be reached does not count: "
                "the call goes on to another one at once." },
    { SERVICE_ROW(redirects, COUNT), BOUNDS(0, 5), .otherwise = "0", .zero = "none is followed",
        .help = "How often the answer to a GET may lead to another place of the same host, below "
                "the URL's path. One that leads elsewhere is a failed call." },
    { SERVICE_ROW(hedge, BOOLEAN), .otherwise = "true",
        .help = "Ask a second host when the first takes longer than 95 of 100 calls do; at most 3 "
                "of 100 calls are asked twice." },
    { SERVICE_ROW(health, TARGET),
        .help = "A path that each host answers with 2xx while it is well; asked of every host by "
                "every worker. Without it, only calls tell how a host is." },
    { SERVICE_ROW(health_interval_ms, MS), BOUNDS(100, 10 * MINUTE), .otherwise = "5s",
        .help = "How often the health path is asked." },
    { SERVICE_ROW(health_failures, COUNT), BOUNDS(1, 10), .otherwise = "2",
        .help = "So many failed checks in a row take a host out; one good check brings it back." },
    { SERVICE_ROW(breaker.failures, COUNT), BOUNDS(0, 1000), .otherwise = "5",
        .zero = "they are not looked at",
        .help = "So many failures in a row eject a host; those of one moment are taken for one." },
    { SERVICE_ROW(breaker.ratio_percent, COUNT), BOUNDS(0, 100), .otherwise = "50",
        .zero = "it is not looked at", .help = "So many failures of 100 calls eject a host." },
    { SERVICE_ROW(breaker.calls_min, COUNT), BOUNDS(1, 100000), .otherwise = "20",
        .help = "Fewer calls in the window say nothing about that ratio." },
    { SERVICE_ROW(breaker.window_ms, MS), BOUNDS(100, 10 * MINUTE), .otherwise = "10s",
        .help = "The calls that count." },
    { SERVICE_ROW(breaker.open_ms, MS), BOUNDS(10, 60 * MINUTE), .otherwise = "5s",
        .help = "How long a host is ejected; the second time twice as long, and so on. Each window "
                "without trouble takes one off again." },
    { SERVICE_ROW(breaker.open_max_ms, MS), BOUNDS(10, 60 * MINUTE), .otherwise = "1min",
        .help = "How long it is ejected at most." },
    { SERVICE_ROW(ca_file, FILE), .help = "Whom to trust for an https URL, PEM. Otherwise the "
                                          "system's list." },
    { SERVICE_ROW(cert_file, FILE), .help = "Our own certificate for the service, PEM." },
    { SERVICE_ROW(key_file, FILE), .help = "That certificate's private key, PEM." },
};

const size_t settings_service_table_count = countof(settings_service_table);

const struct settings_row settings_host_table[] = {
    { HOST_ROW(url, ORIGIN), .is_required = true, .help = "Where the host answers." },
    { HOST_ROW(weight, COUNT), BOUNDS(1, 1000), .otherwise = "1",
        .help = "Its share of the calls, beside the others'." },
};

const size_t settings_host_table_count = countof(settings_host_table);
