/*
 * settings: from a file and the command line to struct settings.
 *
 * Owns the walk: each name of the file is looked up in the table, each mistake becomes a sentence,
 * and reading goes on. Promises: (1) after a read without faults every required value is there and
 * every number is within its bounds; (2) one mistake is one sentence; (3) nothing is taken
 * silently: a name that is not in the table is a mistake.
 *
 * Does not know how a value is written (settings_value), nor any setting by name: what must be
 * there, and what must agree, is settings_check's.
 */
#include "settings_reader.h"

#include "base/must.h"
#include "settings_value.h"
#include "wire/conf.h"

#include <ctype.h>
#include <sched.h>

static struct target target_new(struct reader *reader, const struct settings_row *rows,
    size_t count, void *base, const char *prefix, struct place place)
{
    struct target target = { .rows = rows,
        .count = count,
        .base = base,
        .prefix = prefix,
        .place = place,
        .places = arena_zalloc(reader->arena, count, sizeof(struct place)) };
    for (size_t i = 0; i < count; i++) {
        if (rows[i].otherwise) {
            struct settings_value value = { &rows[i], rows[i].name, base };
            struct conf_item item = settings_value_item(&rows[i], rows[i].otherwise);
            struct err err;
            item.file = reader->settings->file; /* where a relative path starts */
            must(settings_value_set(&value, &item, reader->arena, &err));
        }
    }
    return target;
}

/* --- names --- */

static const struct settings_row *row_named(const struct target *target, const char *name)
{
    for (size_t i = 0; i < target->count; i++) {
        if (strcmp(target->rows[i].name, name) == 0) {
            return &target->rows[i];
        }
    }
    return NULL;
}

/* "limits", of "limits.body_bytes"; also "quota" and "quota.user", of "quota.user.rate". */
static bool is_group_of(const char *group, const char *name)
{
    size_t len = strlen(group);
    return strncmp(name, group, len) == 0 && name[len] == '.';
}

static bool is_group(const struct target *target, const char *name)
{
    for (size_t i = 0; i < target->count; i++) {
        if (is_group_of(name, target->rows[i].name)) {
            return true;
        }
    }
    return false;
}

/*
 * The row whose name is nearest, or that has this name in another group; NULL when there is none.
 */
static const char *nearest_setting(
    struct reader *reader, const struct target *target, const char *name)
{
    const char **names = arena_zalloc(reader->arena, target->count, sizeof(*names));
    for (size_t i = 0; i < target->count; i++) {
        names[i] = target->rows[i].name;
    }
    const char *nearest = str_nearest(str_of(name), names, target->count);
    const char *dot = strrchr(name, '.');
    const char *last = dot ? dot + 1 : name;
    for (size_t i = 0; !nearest && i < target->count; i++) {
        const char *other = strrchr(names[i], '.');
        nearest = other && strcmp(other + 1, last) == 0 ? names[i] : NULL;
    }
    return nearest;
}

static const char *nearest_group(
    struct reader *reader, const struct target *target, const char *name)
{
    size_t count = 0;
    const char **names = arena_zalloc(reader->arena, 2 * target->count + 1, sizeof(*names));
    for (size_t i = 0; i < target->count; i++) {
        const char *row = target->rows[i].name;
        for (const char *dot = strchr(row, '.'); dot; dot = strchr(dot + 1, '.')) {
            names[count++] = arena_cstr(reader->arena, (struct str){ row, (size_t)(dot - row) });
        }
    }
    names[count++] = "services";
    return str_nearest(str_of(name), names, count);
}

static void add_unknown(struct reader *reader, const struct target *target, const char *name,
    enum conf_type type, struct place place)
{
    const char *what = type == CONF_GROUP ? "group" : "setting";
    const char *nearest = type == CONF_GROUP ? nearest_group(reader, target, name)
                                             : nearest_setting(reader, target, name);
    if (nearest) {
        faults_add(reader->faults, place.file, place.line,
            "there is no %s \"%s%.80s\"; did you mean \"%s%s\"?", what, target->prefix, name,
            target->prefix, nearest);
    } else {
        faults_add(reader->faults, place.file, place.line,
            "there is no %s \"%s%.80s\"; --help lists them all.", what, target->prefix, name);
    }
}

/* --- values --- */

static void set(struct reader *reader, struct target *target, const struct settings_row *row,
    const struct conf_item *item, struct place place)
{
    struct err err;
    struct settings_value value = { row,
        arena_printf(reader->arena, "%s%s", target->prefix, row->name), target->base };
    if (!settings_value_set(&value, item, reader->arena, &err)) {
        faults_add(reader->faults, place.file, place.line, "%s", err.text);
    }
    target->places[row - target->rows] = place;
}

static bool is_service_name(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '_') {
            return false;
        }
    }
    return len > 0 && len <= 40;
}

/* The service of that name, made when it is new; NULL when it cannot be. */
static struct target *service_target(struct reader *reader, const char *name, struct place place)
{
    struct settings *settings = reader->settings;
    size_t at = 0;
    while (at < settings->services_count && strcmp(settings->services[at].name, name) != 0) {
        at++;
    }
    if (at < settings->services_count) {
        return &reader->services[at];
    }
    if (!is_service_name(name)) {
        faults_add(reader->faults, place.file, place.line,
            "\"%.80s\" cannot name a service: take at most 40 letters, digits, \"-\" and \"_\".",
            name);
        return NULL;
    }
    if (at == SETTINGS_SERVICES_MAX) {
        faults_add(reader->faults, place.file, place.line,
            "\"%s\" is one service too many: there may be %d.", name, SETTINGS_SERVICES_MAX);
        return NULL;
    }
    struct settings_service *service = &settings->services[settings->services_count++];
    service->name = arena_cstr(reader->arena, str_of(name));
    service->file = arena_cstr(reader->arena, str_of(place.file));
    service->line = place.line;
    reader->services[at] = target_new(reader, settings_service_table, settings_service_table_count,
        service, arena_printf(reader->arena, "services.%s.", name), place);
    return &reader->services[at];
}

/* --- the file --- */

static struct place place_of_item(const struct conf_item *item)
{
    return (struct place){ item->file, item->line };
}

static void read_group(
    struct reader *reader, struct target *target, const struct conf_item *group, const char *path);

/* One of a list: a URL alone, or a group with a weight. */
static void read_host(struct reader *reader, struct settings_host *host,
    const struct conf_item *item, const char *prefix)
{
    struct place place = place_of_item(item);
    struct target target =
        target_new(reader, settings_host_table, settings_host_table_count, host, prefix, place);
    *host =
        (struct settings_host){ .weight = host->weight, .file = item->file, .line = item->line };
    if (item->type == CONF_GROUP) {
        read_group(reader, &target, item, "");
        settings_check_required(reader, &target);
    } else {
        set(reader, &target, &settings_host_table[0], item, place);
    }
}

/* On the command line a list is a text: its URLs with spaces between them. */
static struct conf_item split(struct reader *reader, const struct conf_item *text)
{
    struct conf_item list = { .type = CONF_LIST, .file = text->file, .line = text->line };
    struct str rest = str_of(text->text), word;
    list.items = arena_zalloc(reader->arena, rest.len + 1, sizeof(*list.items));
    while (rest.len) {
        str_cut(rest, ' ', &word, &rest);
        if (word.len) {
            list.items[list.items_count++] = (struct conf_item){ .type = CONF_TEXT,
                .text = arena_cstr(reader->arena, word),
                .file = text->file,
                .line = text->line };
        }
    }
    return list;
}

static void read_hosts(struct reader *reader, struct target *target, const struct settings_row *row,
    const struct conf_item *item)
{
    struct conf_item list = item->type == CONF_TEXT ? split(reader, item) : *item;
    struct settings_hosts *hosts = (void *)((char *)target->base + row->offset);
    const char *name = arena_printf(reader->arena, "%s%s", target->prefix, row->name);
    char room[SETTINGS_TAKES_BYTES];
    target->places[row - target->rows] = place_of_item(item);
    *hosts = (struct settings_hosts){ 0 };
    if (list.type != CONF_LIST || list.items_count == 0) {
        faults_add(reader->faults, item->file, item->line, "%s is %s; it takes %s.", name,
            list.type == CONF_LIST ? "empty" : conf_type_name(list.type),
            settings_value_takes(row, room));
    } else if (list.items_count > SETTINGS_HOSTS_MAX) {
        faults_add(reader->faults, item->file, item->line, "%s names %zu hosts; there may be %d.",
            name, list.items_count, SETTINGS_HOSTS_MAX);
    } else {
        hosts->list = arena_zalloc(reader->arena, list.items_count, sizeof(*hosts->list));
        hosts->count = list.items_count;
        for (size_t i = 0; i < list.items_count; i++) {
            read_host(reader, &hosts->list[i], &list.items[i],
                arena_printf(reader->arena, "%s[%zu].", name, i));
        }
    }
}

/* One name and its value; `name` is complete within the target. */
static void read_item(
    struct reader *reader, struct target *target, const struct conf_item *item, const char *name)
{
    const struct settings_row *row = row_named(target, name);
    if (row && row->kind == SETTINGS_HOSTS) {
        read_hosts(reader, target, row, item);
    } else if (row) {
        set(reader, target, row, item, place_of_item(item));
    } else if (!is_group(target, name)) {
        add_unknown(reader, target, name, item->type, place_of_item(item));
    } else if (item->type == CONF_GROUP) {
        read_group(reader, target, item, arena_printf(reader->arena, "%s.", name));
    } else {
        faults_add(reader->faults, item->file, item->line,
            "%s is %s; it takes a group: %s = { ... };", name, conf_type_name(item->type), name);
    }
}

/* `path` is "", or the names of the groups around with a '.' behind each. */
static void read_group(
    struct reader *reader, struct target *target, const struct conf_item *group, const char *path)
{
    for (size_t i = 0; i < group->items_count; i++) {
        const struct conf_item *item = &group->items[i];
        read_item(reader, target, item, arena_printf(reader->arena, "%s%s", path, item->name));
    }
}

static void read_services(struct reader *reader, const struct conf_item *services)
{
    if (services->type != CONF_GROUP) {
        faults_add(reader->faults, services->file, services->line,
            "services is %s; it takes a group of groups: services = { profiles = { ... }; };",
            conf_type_name(services->type));
        return;
    }
    for (size_t i = 0; i < services->items_count; i++) {
        const struct conf_item *item = &services->items[i];
        if (item->type != CONF_GROUP) {
            faults_add(reader->faults, item->file, item->line,
                "services.%s is %s; it takes a group: %s = { url = \"http://host:port\"; };",
                item->name, conf_type_name(item->type), item->name);
            continue;
        }
        struct target *target = service_target(reader, item->name, place_of_item(item));
        if (target) {
            read_group(reader, target, item, "");
        }
    }
}

static void read_root(struct reader *reader, const struct conf_item *root)
{
    for (size_t i = 0; i < root->items_count; i++) {
        const struct conf_item *item = &root->items[i];
        if (strcmp(item->name, "services") == 0) {
            read_services(reader, item);
        } else {
            read_item(reader, &reader->main, item, item->name);
        }
    }
}

/* --- the command line --- */

static void read_override(struct reader *reader, const char *assignment)
{
    struct str before, text, services, service, field;
    struct place place = { "--set", 0 };
    if (!str_cut(str_of(assignment), '=', &before, &text)) {
        faults_add(reader->faults, place.file, 0,
            "\"%.80s\" is no assignment; write it as listen.port=8080.", assignment);
        return;
    }
    struct target *target = &reader->main;
    const char *name = arena_cstr(reader->arena, before);
    if (str_starts(before, STR("services.")) && str_cut(before, '.', &services, &field) &&
        str_cut(field, '.', &service, &field)) {
        target = service_target(reader, arena_cstr(reader->arena, service), place);
        name = arena_cstr(reader->arena, field);
    }
    const struct settings_row *row = target ? row_named(target, name) : NULL;
    struct conf_item item = row ? settings_value_item(row, text.at) : (struct conf_item){ 0 };
    if (row && row->kind == SETTINGS_HOSTS) {
        item.file = place.file;
        read_hosts(reader, target, row, &item);
    } else if (row) {
        set(reader, target, row, &item, place);
    } else if (target) {
        add_unknown(reader, target, name, CONF_TEXT, place);
    }
}

static unsigned cores(void)
{
    cpu_set_t set; /* those we may run on, not those the machine has */
    int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    return count > 0 ? (unsigned)count : 1;
}

void settings_read(struct settings *settings, const struct settings_source *source,
    struct arena *arena, struct faults *faults)
{
    *settings = (struct settings){
        .file = arena_cstr(arena, str_of(source->path)),
        .services = arena_zalloc(arena, SETTINGS_SERVICES_MAX, sizeof(struct settings_service)),
    };
    struct reader reader = { .settings = settings, .arena = arena, .faults = faults };
    reader.main = target_new(&reader, settings_table, settings_table_count, settings, "",
        (struct place){ settings->file, 0 });
    const struct conf_item *root = conf_read(source->path, arena, faults);
    if (root) {
        read_root(&reader, root);
    }
    for (size_t i = 0; i < source->overrides_count; i++) {
        read_override(&reader, source->overrides[i]);
    }
    if (root) { /* of a file that could not be read, nothing can be said to be missing */
        settings_check(&reader);
    }
    if (settings->listen.workers == 0) {
        settings->listen.workers = cores();
    }
}

const struct settings_service *settings_service(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->services_count; i++) {
        if (strcmp(settings->services[i].name, name) == 0) {
            return &settings->services[i];
        }
    }
    return NULL;
}
