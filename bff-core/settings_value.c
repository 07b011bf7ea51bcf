/*
 * settings_value: from what an operator writes to what the server reads, and back.
 *
 * Owns the notation of each kind: "64KB" is 65536 bytes (KB is 1024), "2s" in a row of milliseconds
 * is 2000. Promises: (1) a value is stored whole or not at all; (2) what is printed reads back to
 * the same value; (3) no control character gets into a text, since texts end up in heads, logs and
 * sentences.
 *
 * Does not know any setting by name.
 */
#include "settings_value.h"

#include "base/must.h"
#include "settings.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct unit {
    struct str name;
    uint64_t factor;
};

/* From the largest to the smallest: a number is printed in the first that divides it. */
static const struct unit bytes_units[] = { { STR("GB"), 1 << 30 }, { STR("MB"), 1 << 20 },
    { STR("KB"), 1 << 10 }, { STR("B"), 1 }, { { NULL, 0 }, 0 } };
static const struct unit ms_units[] = { { STR("h"), 3600000 }, { STR("min"), 60000 },
    { STR("s"), 1000 }, { STR("ms"), 1 }, { { NULL, 0 }, 0 } };
static const struct unit s_units[] = { { STR("h"), 3600 }, { STR("min"), 60 }, { STR("s"), 1 },
    { { NULL, 0 }, 0 } };
static const struct unit no_units[] = { { { NULL, 0 }, 0 } };

static const struct {
    const char *takes;
    const struct unit *units; /* of numbers; NULL: not a number */
} kinds[SETTINGS_KINDS] = {
    [SETTINGS_TEXT] = { "a text in quotes", NULL },
    [SETTINGS_PATH] = { "a path in quotes", NULL },
    [SETTINGS_FILE] = { "the path of a file in quotes", NULL },
    [SETTINGS_URL] = { "a URL in quotes (\"https://host:port/path\")", NULL },
    [SETTINGS_ORIGIN] = { "a URL in quotes (\"https://host:port/path\")", NULL },
    [SETTINGS_HOSTS] = { "a list of URLs (( \"http://a:1\", { url = \"http://b:1\"; weight = 3; } "
                         "))",
        NULL },
    [SETTINGS_PROXY] = { "a URL in quotes (\"http://host:port\")", NULL },
    [SETTINGS_TARGET] = { "a path in quotes (\"/healthz\")", NULL },
    [SETTINGS_ADDRESS] = { "an IP address in quotes (\"127.0.0.1\", \"::1\")", NULL },
    [SETTINGS_CHOICE] = { "one of", NULL },
    [SETTINGS_BOOLEAN] = { "true or false", NULL },
    [SETTINGS_COUNT] = { "a whole number without quotes", no_units },
    [SETTINGS_BYTES] = { "a size (65536, \"64KB\", \"1MB\")", bytes_units },
    [SETTINGS_MS] = { "a time (800, \"800ms\", \"2s\", \"1min\")", ms_units },
    [SETTINGS_S] = { "a time in seconds (30, \"30s\", \"5min\", \"1h\")", s_units },
};

const char *settings_value_takes(const struct settings_row *row, char room[SETTINGS_TAKES_BYTES])
{
    if (row->kind != SETTINGS_CHOICE) {
        return kinds[row->kind].takes;
    }
    size_t len = (size_t)snprintf(room, SETTINGS_TAKES_BYTES, "one of");
    for (size_t i = 0; row->words[i] && len < SETTINGS_TAKES_BYTES; i++) {
        len += (size_t)snprintf(
            room + len, SETTINGS_TAKES_BYTES - len, "%s \"%s\"", i ? "," : "", row->words[i]);
    }
    return room;
}

static void *member_of(const struct settings_value *value)
{
    return (char *)value->base + value->row->offset;
}

static const char **text_of(const struct settings_value *value)
{
    must(value->row->store == SETTINGS_AS_TEXT);
    return member_of(value);
}

/* --- numbers --- */

/* "64KB" with the row's units, or plain digits. */
static bool number_of_text(const struct unit *units, struct str text, uint64_t *number)
{
    size_t digits = 0;
    while (digits < text.len && isdigit((unsigned char)text.at[digits])) {
        digits++;
    }
    struct str suffix = str_from(text, digits);
    if (!str_u64((struct str){ text.at, digits }, number)) {
        return false;
    }
    if (suffix.len == 0) {
        return true;
    }
    for (const struct unit *unit = units; unit->name.at; unit++) {
        if (str_eq_nocase(unit->name, suffix)) {
            return !__builtin_mul_overflow(*number, unit->factor, number);
        }
    }
    return false;
}

void settings_value_print_number(const struct settings_row *row, uint64_t number, FILE *out)
{
    for (const struct unit *unit = kinds[row->kind].units; number && unit->name.at; unit++) {
        if (number % unit->factor == 0) {
            fprintf(out, "\"%llu%s\"", (unsigned long long)(number / unit->factor), unit->name.at);
            return;
        }
    }
    fprintf(out, "%llu", (unsigned long long)number);
}

static char *number_text(const struct settings_row *row, uint64_t number, char *text, size_t room)
{
    FILE *out = fmemopen(text, room, "w");
    must(out);
    settings_value_print_number(row, number, out);
    fclose(out);
    return text;
}

/* "limits.body_bytes is 5GB; it must be from 0 to "64MB"." */
static bool out_of_bounds(const struct settings_value *value, const char *given, struct err *err)
{
    char min[40], max[40];
    return err_set(err, "%s is %.60s; it must be from %s to %s.", value->name, given,
        number_text(value->row, value->row->min, min, sizeof(min)),
        number_text(value->row, value->row->max, max, sizeof(max)));
}

/* Of the wrong type, or a text that cannot be read as the kind. */
static bool wrong_value(
    const struct settings_value *value, const struct conf_item *item, struct err *err)
{
    char room[SETTINGS_TAKES_BYTES];
    const char *takes = settings_value_takes(value->row, room);
    if (item->type == CONF_TEXT) {
        return err_set(err, "%s is \"%.60s\"; it takes %s.", value->name, item->text, takes);
    }
    return err_set(err, "%s is %s; it takes %s.", value->name, conf_type_name(item->type), takes);
}

static bool set_number(
    const struct settings_value *value, const struct conf_item *item, struct err *err)
{
    const struct settings_row *row = value->row;
    uint64_t number = 0;
    char given[64];
    if (item->type == CONF_INTEGER) {
        snprintf(given, sizeof(given), "%lld", (long long)item->integer);
        number = item->integer < 0 ? UINT64_MAX : (uint64_t)item->integer;
    } else if (item->type == CONF_TEXT && row->kind != SETTINGS_COUNT &&
               number_of_text(kinds[row->kind].units, str_of(item->text), &number)) {
        snprintf(given, sizeof(given), "\"%s\"", item->text);
    } else {
        return wrong_value(value, item, err);
    }
    if (number < row->min || number > row->max) {
        return out_of_bounds(value, given, err);
    }
    if (row->store == SETTINGS_AS_SIZE) {
        *(size_t *)member_of(value) = (size_t)number;
    } else {
        must(row->store == SETTINGS_AS_UNSIGNED && number <= UINT32_MAX);
        *(unsigned *)member_of(value) = (unsigned)number;
    }
    return true;
}

/* --- texts --- */

static bool is_word_of(const char *const *words, const char *text)
{
    for (; words && *words; words++) {
        if (strcmp(*words, text) == 0) {
            return true;
        }
    }
    return false;
}

static bool check_choice(const struct settings_value *value, const char *text, struct err *err)
{
    const char *const *words = value->row->words;
    size_t count = 0;
    while (words[count] && strcmp(words[count], text) != 0) {
        count++;
    }
    if (words[count]) {
        return true;
    }
    char room[SETTINGS_TAKES_BYTES];
    const char *takes = settings_value_takes(value->row, room);
    const char *nearest = str_nearest(str_of(text), words, count);
    if (nearest) {
        return err_set(err, "%s is \"%.60s\"; did you mean \"%s\"? It takes %s.", value->name, text,
            nearest, takes);
    }
    return err_set(err, "%s is \"%.60s\"; it takes %s.", value->name, text, takes);
}

static bool check_address(const struct settings_value *value, const char *text, struct err *err)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1) {
        return true;
    }
    return err_set(
        err, "%s is \"%.60s\"; it takes %s.", value->name, text, kinds[SETTINGS_ADDRESS].takes);
}

static bool is_port(struct str text)
{
    uint64_t number;
    return str_u64(text, &number) && number >= 1 && number <= 65535;
}

/* The part of a URL between "//" and the path: a host, perhaps in brackets, perhaps with a port. */
static bool is_authority(struct str authority)
{
    struct str host, after, port;
    if (str_starts(authority, STR("["))) {
        bool is_closed = str_cut(authority, ']', &host, &after);
        if (!is_closed || host.len < 3 || (after.len && after.at[0] != ':')) {
            return false;
        }
        return after.len == 0 || is_port(str_from(after, 1));
    }
    bool has_port = str_cut(authority, ':', &host, &port);
    return host.len > 0 && (!has_port || is_port(port));
}

static bool check_url(const struct settings_value *value, const char *text, struct err *err)
{
    struct str url = str_of(text);
    bool is_secure = str_starts(url, STR("https://"));
    if (!is_secure && !str_starts(url, STR("http://"))) {
        return err_set(
            err, "%s is \"%.60s\"; a URL starts with http:// or https:// here.", value->name, text);
    }
    struct str rest = str_from(url, strlen(is_secure ? "https://" : "http://"));
    struct str authority = { rest.at, strcspn(rest.at, "/?#") };
    if (memchr(authority.at, '@', authority.len)) { /* not quoted: it may hold a password */
        return err_set(
            err, "%s has a user before its host; a URL with a user is not taken.", value->name);
    }
    if (!is_authority(authority)) {
        return err_set(err, "%s is \"%.60s\"; its host or port cannot be read.", value->name, text);
    }
    if (strpbrk(rest.at, " #\"<>\\^`{|}")) {
        return err_set(err, "%s is \"%.60s\"; a space, \"#\" or the like cannot stand in it.",
            value->name, text);
    }
    return true;
}

/* A base has nothing behind its path, to which targets are appended; a query may hold a secret. */
static bool check_origin(const struct settings_value *value, const char *text, struct err *err)
{
    if (!check_url(value, text, err)) {
        return false;
    }
    bool has_query = strchr(text, '?') != NULL;
    return !has_query || err_set(err,
                             "%s has a query; it stands before the call's own target, so a query "
                             "belongs there.",
                             value->name);
}

static bool check_proxy(const struct settings_value *value, const char *text, struct err *err)
{
    if (!check_url(value, text, err)) {
        return false;
    }
    if (!str_starts(str_of(text), STR("http://"))) {
        return err_set(err,
            "%s is \"%.60s\"; a proxy is spoken to without TLS, so it starts with http://.",
            value->name, text);
    }
    const char *end = text + strlen("http://") + strcspn(text + strlen("http://"), "/?");
    return !*end || strcmp(end, "/") == 0 ||
           err_set(
               err, "%s is \"%.60s\"; nothing stands behind a proxy's port.", value->name, text);
}

static bool check_target(const struct settings_value *value, const char *text, struct err *err)
{
    for (const char *at = text; *at; at++) {
        if (*at == ' ' || *at == '#' || (unsigned char)*at >= 0x7f) {
            return err_set(err, "%s is \"%.60s\"; a space, \"#\" or the like cannot stand in it.",
                value->name, text);
        }
    }
    return text[0] == '/' ||
           err_set(err, "%s is \"%.60s\"; a path starts with \"/\".", value->name, text);
}

static bool check_file(const struct settings_value *value, const char *path, struct err *err)
{
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        return err_set(err, "%s is \"%.200s\", which is a directory.", value->name, path);
    }
    if (access(path, R_OK) != 0) {
        return err_set(err, "%s is \"%.200s\", which cannot be read: %m.", value->name, path);
    }
    return true;
}

static const char *path_from(const char *text, const char *file, struct arena *arena)
{
    const char *slash = file ? strrchr(file, '/') : NULL;
    if (text[0] == '/' || !slash) {
        return arena_cstr(arena, str_of(text));
    }
    return arena_printf(arena, "%.*s/%s", (int)(slash - file), file, text);
}

static bool has_control(const char *text)
{
    for (; *text; text++) {
        if (iscntrl((unsigned char)*text)) {
            return true;
        }
    }
    return false;
}

/* What a text of that kind must be besides; NULL: anything goes. */
static bool (*const checks[SETTINGS_KINDS])(
    const struct settings_value *value, const char *text, struct err *err) = {
    [SETTINGS_CHOICE] = check_choice,
    [SETTINGS_URL] = check_url,
    [SETTINGS_ORIGIN] = check_origin,
    [SETTINGS_PROXY] = check_proxy,
    [SETTINGS_TARGET] = check_target,
    [SETTINGS_FILE] = check_file,
    [SETTINGS_ADDRESS] = check_address,
};

static bool set_text(const struct settings_value *value, const struct conf_item *item,
    struct arena *arena, struct err *err)
{
    const struct settings_row *row = value->row;
    if (item->type != CONF_TEXT) {
        return wrong_value(value, item, err);
    }
    if (has_control(item->text)) {
        return err_set(err, "there is a control character in %s.", value->name);
    }
    if (!item->text[0] && row->is_required) {
        return err_set(err, "%s is empty. %s", value->name, row->help);
    }
    if (!item->text[0]) {
        *text_of(value) = NULL;
        return true;
    }
    bool is_path = row->kind == SETTINGS_PATH || row->kind == SETTINGS_FILE;
    const char *text = is_path && !is_word_of(row->words, item->text)
                           ? path_from(item->text, item->file, arena)
                           : arena_cstr(arena, str_of(item->text));
    bool (*check)(const struct settings_value *, const char *, struct err *) = checks[row->kind];
    bool is_good = !check || check(value, text, err);
    if (is_good) {
        *text_of(value) = text;
    }
    return is_good;
}

bool settings_value_is_missing(const struct settings_value *value)
{
    const void *member = member_of(value);
    return (value->row->store == SETTINGS_AS_TEXT && !*text_of(value)) ||
           (value->row->store == SETTINGS_AS_HOSTS &&
               ((const struct settings_hosts *)member)->count == 0);
}

/* --- the doors --- */

bool settings_value_set(const struct settings_value *value, const struct conf_item *item,
    struct arena *arena, struct err *err)
{
    if (kinds[value->row->kind].units) {
        return set_number(value, item, err);
    }
    if (value->row->kind != SETTINGS_BOOLEAN) {
        return set_text(value, item, arena, err);
    }
    if (item->type != CONF_BOOLEAN) {
        return wrong_value(value, item, err);
    }
    must(value->row->store == SETTINGS_AS_BOOL);
    *(bool *)member_of(value) = item->boolean;
    return true;
}

struct conf_item settings_value_item(const struct settings_row *row, const char *text)
{
    struct conf_item item = { .type = CONF_TEXT, .text = text };
    uint64_t number;
    if (row->kind == SETTINGS_BOOLEAN && (!strcmp(text, "true") || !strcmp(text, "false"))) {
        item.type = CONF_BOOLEAN;
        item.boolean = text[0] == 't';
    } else if (kinds[row->kind].units && str_u64(str_of(text), &number) && number <= INT64_MAX) {
        item.type = CONF_INTEGER;
        item.integer = (int64_t)number;
    }
    return item;
}

static void print_quoted(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
    fputc('"', out);
}

/* From the root, so that it means the same in any file; as it stands when there is nothing there.
 */
static void print_path(const char *path, FILE *out)
{
    char *full = realpath(path, NULL);
    char *here = full || path[0] == '/' ? NULL : realpath(".", NULL);
    char *joined = NULL;
    if (here && asprintf(&joined, "%s/%s", here, path) < 0) {
        joined = NULL;
    }
    print_quoted(full ? full : joined ? joined : path, out);
    free(joined);
    free(here);
    free(full);
}

static void print_text(const struct settings_row *row, const char *text, FILE *out)
{
    bool is_path = row->kind == SETTINGS_PATH || row->kind == SETTINGS_FILE;
    if (is_path && text[0] && !is_word_of(row->words, text)) {
        print_path(text, out);
    } else {
        print_quoted(text, out);
    }
}

static void print_hosts(const struct settings_hosts *hosts, FILE *out)
{
    fputc('(', out);
    for (size_t i = 0; i < hosts->count; i++) {
        fputs(i ? ", { url = " : " { url = ", out);
        print_quoted(hosts->list[i].url, out);
        fprintf(out, "; weight = %u; }", hosts->list[i].weight);
    }
    fputs(" )", out);
}

void settings_value_print(const struct settings_value *value, FILE *out)
{
    const void *member = member_of(value);
    switch (value->row->store) {
    case SETTINGS_AS_BOOL:
        fputs(*(const bool *)member ? "true" : "false", out);
        return;
    case SETTINGS_AS_UNSIGNED:
        settings_value_print_number(value->row, *(const unsigned *)member, out);
        return;
    case SETTINGS_AS_SIZE:
        settings_value_print_number(value->row, *(const size_t *)member, out);
        return;
    case SETTINGS_AS_TEXT:
        print_text(value->row, *text_of(value) ? *text_of(value) : "", out);
        return;
    case SETTINGS_AS_HOSTS:
        print_hosts(member, out);
    }
}
