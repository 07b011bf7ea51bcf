/*
 * settings_check: what must be there, and what must agree.
 *
 * Owns the sentences about two settings at once, and those about what is missing. Promises that
 * after a read without faults each service has a host, no host stands twice in one service, and no
 * bound stands above its other end. Comes after the walk (settings.c); knows settings by name.
 */
#include "settings_reader.h"

#include "base/must.h"

/* ---- places ---- */

/* Where the value of `member` was said; nowhere: { NULL, 0 }. */
static struct place said_at(const struct target *target, const void *member)
{
    for (size_t i = 0; i < target->count; i++) {
        if ((const char *)target->base + target->rows[i].offset == member) {
            return target->places[i];
        }
    }
    must(!"a member that no row describes");
    return target->place;
}

/* The same for a sentence: of a default it is where the whole target stands. */
static struct place place_of(const struct target *target, const void *member)
{
    struct place place = said_at(target, member);
    return place.file ? place : target->place;
}

static bool is_later(struct place place, struct place other)
{
    return strcmp(place.file, other.file) == 0 ? place.line > other.line
                                               : strcmp(place.file, "--set") == 0;
}

/* ---- all kinds ---- */

/* A list of hosts stands in for the one. */
static bool is_replaced(const struct target *target, const struct settings_row *row)
{
    for (size_t i = 0; i < target->count; i++) {
        if (target->rows[i].kind == SETTINGS_HOSTS && target->places[i].file) {
            return row->kind == SETTINGS_ORIGIN;
        }
    }
    return false;
}

void settings_check_required(struct reader *reader, const struct target *target)
{
    for (size_t i = 0; i < target->count; i++) {
        const struct settings_row *row = &target->rows[i];
        if (row->is_required && !target->places[i].file && !is_replaced(target, row)) {
            faults_add(reader->faults, target->place.file, target->place.line,
                "%s%s is missing. %s", target->prefix, row->name, row->help);
        }
    }
}

/* A certificate is of no use without its key, and the other way round. */
static void check_pair(struct reader *reader, const struct target *target,
    const char *const *certificate, const char *const *key, const char *names[2])
{
    if (!*certificate == !*key) {
        return;
    }
    bool is_key_missing = *certificate != NULL;
    struct place place = place_of(target, is_key_missing ? certificate : key);
    faults_add(reader->faults, place.file, place.line,
        "%s%s is there without %s%s; TLS takes both.", target->prefix, names[!is_key_missing],
        target->prefix, names[is_key_missing]);
}

/* The fault stands where the one of the two was said that was said last. */
static void check_order(struct reader *reader, const struct target *target, const unsigned *low,
    const unsigned *high, const char *names[2])
{
    if (*low <= *high) {
        return;
    }
    struct place a = said_at(target, low), b = said_at(target, high);
    struct place place = !a.file || (b.file && is_later(b, a)) ? b : a;
    faults_add(reader->faults, place.file, place.line, "%s%s is above %s%s.", target->prefix,
        names[0], target->prefix, names[1]);
}

/* ---- listeners ---- */

static bool is_any(const char *address)
{
    return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

static void check_ports(struct reader *reader)
{
    const struct settings *settings = reader->settings;
    const char *ours = settings->listen.address, *admin = settings->admin.address;
    bool is_same = settings->listen.port == settings->admin.port && settings->listen.port;
    if (is_same && (strcmp(ours, admin) == 0 || is_any(ours) || is_any(admin))) {
        struct place place = place_of(&reader->main, &settings->admin.port);
        faults_add(reader->faults, place.file, place.line,
            "admin.port is %u, as is listen.port, on the same address; give it another one.",
            settings->admin.port);
    }
}

/* ---- the hosts of a service ---- */

/* The next part of a URL, taken off its front: up to one of `ends`. */
static struct str cut_part(struct str *url, const char *ends)
{
    struct str part = { url->at, strcspn(url->at, ends) };
    *url = str_from(*url, part.len);
    return part;
}

/* Without the port that goes without saying. */
static struct str without_port(struct str authority, bool is_secure)
{
    struct str port = is_secure ? STR(":443") : STR(":80");
    bool has_it = authority.len > port.len &&
                  memcmp(authority.at + authority.len - port.len, port.at, port.len) == 0;
    return (struct str){ authority.at, authority.len - (has_it ? port.len : 0) };
}

static struct str without_slash(struct str path)
{
    while (path.len && path.at[path.len - 1] == '/') {
        path.len--;
    }
    return path;
}

/* Two spellings of one URL: both were found good before. */
static bool is_same_url(const char *a, const char *b)
{
    struct str left = str_of(a), right = str_of(b);
    bool is_secure = str_starts(left, STR("https:"));
    if (is_secure != str_starts(right, STR("https:"))) {
        return false;
    }
    left = str_from(left, strlen(is_secure ? "https://" : "http://"));
    right = str_from(right, strlen(is_secure ? "https://" : "http://"));
    struct str left_at = cut_part(&left, "/"), right_at = cut_part(&right, "/");
    return str_eq_nocase(without_port(left_at, is_secure), without_port(right_at, is_secure)) &&
           str_eq(without_slash(left), without_slash(right));
}

static void check_twice(struct reader *reader, const struct target *target,
    const struct settings_hosts *hosts, size_t at)
{
    const struct settings_host *host = &hosts->list[at];
    for (size_t i = 0; i < at; i++) {
        const struct settings_host *before = &hosts->list[i];
        if (before->url && is_same_url(before->url, host->url)) {
            faults_add(reader->faults, host->file, host->line,
                "%surls[%zu] is %surls[%zu] again; give that one a weight instead.", target->prefix,
                at, target->prefix, i);
            return;
        }
    }
}

/* Only where h2 is agreed on in the TLS handshake is it spoken: without TLS, libcurl 7.88 breaks at
 * every second call. */
static void check_http2(
    struct reader *reader, const struct target *target, const struct settings_service *service)
{
    for (size_t i = 0; service->http2 && i < service->hosts.count; i++) {
        const struct settings_host *host = &service->hosts.list[i];
        if (host->url && !str_starts(str_of(host->url), STR("https:"))) {
            struct place place = place_of(target, &service->http2);
            faults_add(reader->faults, place.file, place.line,
                "%shttp2 is true, but \"%.60s\" is not https; HTTP/2 is spoken over TLS alone.",
                target->prefix, host->url);
        }
    }
}

/* A word on the command line counts more than the other one in the file. */
static void settle_url(
    struct reader *reader, const struct target *target, struct settings_service *service)
{
    struct place one = said_at(target, &service->url), many = said_at(target, &service->urls);
    if (!one.file || !many.file) {
        return;
    }
    bool is_one_set = strcmp(one.file, "--set") == 0, is_many_set = strcmp(many.file, "--set") == 0;
    if (is_one_set == is_many_set) {
        struct place place = is_later(one, many) ? one : many;
        faults_add(reader->faults, place.file, place.line,
            "both %surl and %surls are there; one of them says where the service answers.",
            target->prefix, target->prefix);
    } else if (is_one_set) {
        service->urls = (struct settings_hosts){ 0 };
    } else {
        service->url = NULL;
    }
}

static void make_hosts(
    struct reader *reader, const struct target *target, struct settings_service *service)
{
    service->hosts = service->urls;
    if (service->url) {
        struct place place = place_of(target, &service->url);
        struct settings_host *host = arena_zalloc(reader->arena, 1, sizeof(*host));
        *host = (struct settings_host){ service->url, 1, place.file, place.line };
        service->hosts = (struct settings_hosts){ host, 1 };
    }
}

static void check_service(
    struct reader *reader, const struct target *target, struct settings_service *service)
{
    settings_check_required(reader, target);
    settle_url(reader, target, service);
    make_hosts(reader, target, service);
    for (size_t i = 1; i < service->urls.count; i++) {
        if (service->urls.list[i].url) {
            check_twice(reader, target, &service->urls, i);
        }
    }
    check_http2(reader, target, service);
    check_pair(reader, target, &service->cert_file, &service->key_file,
        (const char *[]){ "cert_file", "key_file" });
    check_order(reader, target, &service->in_flight_min, &service->in_flight_max,
        (const char *[]){ "in_flight_min", "in_flight_max" });
    check_order(reader, target, &service->breaker.open_ms, &service->breaker.open_max_ms,
        (const char *[]){ "breaker.open_ms", "breaker.open_max_ms" });
}

/* ---- all of it ---- */

void settings_check(struct reader *reader)
{
    struct settings *settings = reader->settings;
    settings_check_required(reader, &reader->main);
    check_pair(reader, &reader->main, &settings->listen.certificate, &settings->listen.key,
        (const char *[]){ "listen.certificate", "listen.key" });
    check_ports(reader);
    if (settings->limits.target_bytes > settings->limits.head_bytes) {
        struct place place = place_of(&reader->main, &settings->limits.target_bytes);
        faults_add(reader->faults, place.file, place.line,
            "limits.target_bytes is larger than limits.head_bytes, of which it is a part.");
    }
    if (!settings->services_count) {
        faults_add(reader->faults, settings->file, 0,
            "there are no services; write services = { profiles = { url = \"http://host:port\"; "
            "}; };");
    }
    for (size_t i = 0; i < settings->services_count; i++) {
        check_service(reader, &reader->services[i], &settings->services[i]);
    }
}
