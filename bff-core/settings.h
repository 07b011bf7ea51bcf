#ifndef SETTINGS_H
#define SETTINGS_H

#include "base/arena.h"
#include "base/err.h"

#include <stdio.h>

/*
 * The configuration of one process: read once from a libconfig file, checked against one static
 * table (settings_table.h: name, kind, default, bounds, help), then only read. Texts and lists
 * live in the arena that settings_read was given. A text that is not set is NULL. A name in the
 * file is the member's name here: settings.limits.body_bytes is "limits.body_bytes".
 */

struct settings_quota {
    unsigned rate;  /* tokens per second; 0: not limited */
    unsigned burst; /* the bucket's size; 0: as many as rate */
};

/* One place where a service answers. */
struct settings_host {
    const char *url;
    unsigned weight;  /* its share of the calls, beside the others */
    const char *file; /* where it stands, for sentences */
    int line;
};

struct settings_hosts {
    struct settings_host *list;
    size_t count;
};

/* One named upstream. */
struct settings_service {
    const char *name;
    const char *url;             /* of its only host, as written; NULL: they are in urls */
    struct settings_hosts urls;  /* as written; none: there is a url */
    struct settings_hosts hosts; /* from either: never empty after a read without faults */
    bool http2;
    const char *proxy; /* NULL: none */
    bool gzip;         /* asked for */
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    unsigned timeout_ms;      /* of one call at most; 0: what is left of the budget */
    unsigned connections_max; /* to each host, of one worker; 0: no limit of its own */
    unsigned queue_max;       /* calls that wait for a connection, of one worker */
    unsigned in_flight_min;   /* bounds of the adaptive limit, of one worker */
    unsigned in_flight_max;
    size_t answer_max_bytes;
    unsigned retries;   /* of one call */
    unsigned redirects; /* that one attempt follows */
    bool hedge;
    const char *health; /* the path of a health check; NULL: none is made */
    unsigned health_interval_ms;
    unsigned health_failures; /* in a row, that take the host out */
    struct {
        unsigned failures; /* in a row; 0: not looked at */
        unsigned ratio_percent;
        unsigned calls_min;
        unsigned window_ms;
        unsigned open_ms;
        unsigned open_max_ms;
    } breaker;
    const char *file; /* where it stands, for sentences */
    int line;
};

enum { SETTINGS_SERVICES_MAX = 64, SETTINGS_HOSTS_MAX = 32 };

struct settings {
    const char *file; /* the path it was read from */

    struct {
        const char *address;
        unsigned port;    /* 0: any free one (tests) */
        unsigned workers; /* 0 in the file: the number of cores; never 0 after settings_read */
        bool io_uring;
        unsigned connections_max;
        const char *certificate; /* path; with key: TLS. Both NULL: plain HTTP */
        const char *key;
        const char *public_url; /* for documents; NULL: made of address and port */
    } listen;
    struct {
        const char *address;
        unsigned port;
    } admin;
    struct {
        size_t head_bytes;
        size_t target_bytes;
        size_t body_bytes;
        unsigned head_ms;
        unsigned body_ms;
        unsigned idle_ms;
        unsigned stream_idle_ms;
        unsigned stream_ms;
        unsigned drain_ms;
        unsigned in_flight; /* requests at once in the process; beyond: 503 */
        unsigned budget_ms; /* of a plan that names none */
    } limits;
    struct {
        unsigned target_ms;   /* of the loop's delay; 0: nothing is shed */
        unsigned interval_ms; /* so long above it, and requests are refused */
    } shed;
    struct {
        const char *issuer;
        const char *audience;
        const char *jwks_url;
        const char *ca_file;
        unsigned clock_skew_s;
        unsigned refresh_s;  /* key sets are fetched anew so often */
        unsigned cooldown_s; /* at least so long between two fetches that an unknown key causes */
        unsigned cache_entries; /* verified tokens kept by each worker */
    } token;
    struct {
        struct settings_quota user;
        struct settings_quota address;
        unsigned callers; /* how many are remembered at once */
    } quota;
    struct {
        unsigned connect_timeout_ms;
        unsigned idle_ms;
        unsigned age_ms;          /* of a connection, at most; 0: no limit */
        unsigned dns_ms;          /* how long a resolved name is believed */
        unsigned connections_max; /* to all services, of one worker */
    } upstream;
    struct {
        unsigned in_flight; /* of one worker */
        unsigned queue_max;
    } detached;
    struct {
        size_t bytes; /* of one worker */
    } cache;
    struct settings_service *services;
    size_t services_count;
    struct {
        unsigned gzip_level; /* 0: off */
        size_t min_bytes;
    } compress;
    struct {
        const char *level;  /* "error", "warn", "info" or "debug" */
        const char *access; /* a path, "stdout" or "off" */
    } log;
    const char *schemas; /* directory */
    bool server_timing;
};

/* Where settings come from. */
struct settings_source {
    const char *path;             /* the file */
    const char *const *overrides; /* "listen.port=8080": as if they stood in the file, and last */
    size_t overrides_count;
};

/*
 * Reads and checks. Relative paths in a file are made relative to that file's directory, those of
 * an override to the working directory. All mistakes go to `faults`: unknown names with a
 * suggestion, wrong types, values out of bounds, missing ones, those that contradict each other.
 * A file that breaks libconfig's notation is reported up to the place where it does. A value that
 * is not in the file has the default that `--help` prints. With faults, `settings` holds what
 * could be read and is only good for looking for more of them.
 */
void settings_read(struct settings *settings, const struct settings_source *source,
    struct arena *arena, struct faults *faults);

/* The table as text: every name, kind, default, bounds and help; for --help. */
void settings_help(FILE *out);

/*
 * What is in force, as a libconfig text that reads back to the same settings wherever it is put;
 * for --settings.
 */
void settings_print(const struct settings *settings, FILE *out);

/* NULL when there is no service of that name. */
const struct settings_service *settings_service(const struct settings *settings, const char *name);

#endif
