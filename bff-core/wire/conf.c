/*
 * conf: libconfig, turned into plain data.
 *
 * Owns the way from a path to a tree in the caller's arena. Promises: (1) no file makes the process
 * end or hang: libconfig 1.5 calls exit() when an included path is a directory, and follows an open
 * comment or text to the end of the file; (2) no number changes on the way: libconfig 1.5 reads
 * 4294967297 as 1; (3) every item knows the file and line it came from. The first two are kept by a
 * scan of the text before the library sees it. Debian 12 ships libconfig 1.5 and Debian 13 ships
 * 1.7: both pass here.
 *
 * Does not know what any setting means.
 */
#include "conf.h"

#include "../base/must.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libconfig.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

enum {
    FILE_MAX_BYTES = 256 * 1024,
    NESTED_MAX = 32,
    INCLUDES_MAX = 8, /* libconfig has room for 10 */
};

/* One file under the scan, and what the scan needs to open those it includes. */
struct scan {
    const char *directory; /* of the main file, with its '/'; "" for the working directory */
    const char *file;
    const char *at, *end;
    int line;
    unsigned nested;
    unsigned includes; /* how deep this file stands */
    struct arena *arena;
    struct faults *faults;
};

/* `text` is followed by a NUL that is not counted. */
static bool read_all(int fd, struct arena *arena, struct str *text, struct err *err)
{
    char *bytes = arena_alloc(arena, FILE_MAX_BYTES + 2);
    size_t len = 0;
    ssize_t got;
    while ((got = read(fd, bytes + len, FILE_MAX_BYTES + 1 - len)) > 0) {
        len += (size_t)got;
    }
    if (got < 0) {
        return err_set(err, "%s", strerror(errno));
    }
    if (len > FILE_MAX_BYTES) {
        return err_set(err, "it is larger than %d KB", FILE_MAX_BYTES / 1024);
    }
    if (memchr(bytes, '\0', len)) {
        return err_set(err, "it is not a text: there is a zero byte in it");
    }
    /* A comment in the last line is a syntax error to libconfig unless a line end follows. */
    bytes[len] = '\n';
    bytes[len + 1] = '\0';
    *text = (struct str){ bytes, len + 1 };
    return true;
}

static bool read_text(const char *path, struct arena *arena, struct str *text, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_set(err, "%s", strerror(errno));
    }
    struct stat status;
    bool is_good = true;
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
        is_good = err_set(err, "it is a directory");
    }
    is_good = is_good && read_all(fd, arena, text, err);
    close(fd);
    return is_good;
}

static void advance(struct scan *scan)
{
    scan->line += *scan->at == '\n';
    scan->at++;
}

static bool is_next(const struct scan *scan, const char *text)
{
    return str_starts((struct str){ scan->at, (size_t)(scan->end - scan->at) }, str_of(text));
}

/* From the opening quote to behind the closing one; false when there is none. */
static bool scan_quoted(struct scan *scan, struct str *inside)
{
    int opened = scan->line;
    const char *from = ++scan->at;
    while (scan->at < scan->end && *scan->at != '"') {
        if (*scan->at == '\\' && scan->at + 1 < scan->end) {
            advance(scan);
        }
        advance(scan);
    }
    *inside = (struct str){ from, (size_t)(scan->at - from) };
    if (scan->at == scan->end) {
        faults_add(scan->faults, scan->file, opened, "the text that opens here is not closed.");
        return false;
    }
    scan->at++;
    return true;
}

static void scan_block_comment(struct scan *scan)
{
    int opened = scan->line;
    while (scan->at < scan->end && !is_next(scan, "*/")) {
        advance(scan);
    }
    if (scan->at == scan->end) {
        faults_add(scan->faults, scan->file, opened, "the comment that opens here is not closed.");
        return;
    }
    scan->at += 2;
}

static void scan_line_comment(struct scan *scan)
{
    while (scan->at < scan->end && *scan->at != '\n') {
        scan->at++;
    }
}

/* Integers that libconfig would cut to 32 bits; those marked as long ("5000000000L") to 64. */
static void scan_number(struct scan *scan)
{
    const char *from = scan->at;
    bool is_hex = is_next(scan, "0x") || is_next(scan, "0X");
    bool is_real = false, is_long = false;
    while (scan->at < scan->end && (isalnum((unsigned char)*scan->at) || *scan->at == '.')) {
        is_real |= *scan->at == '.' || (!is_hex && toupper((unsigned char)*scan->at) == 'E');
        is_long |= *scan->at == 'L';
        scan->at++;
    }
    char *end;
    errno = 0;
    unsigned long long value = strtoull(from, &end, is_hex ? 16 : 10);
    unsigned long long max = is_long ? INT64_MAX : INT32_MAX;
    if (!is_real && (errno == ERANGE || value > max)) {
        faults_add(scan->faults, scan->file, scan->line, "the number %.*s is too large to be read.",
            (int)(scan->at - from < 40 ? scan->at - from : 40), from);
    }
}

static void scan_name(struct scan *scan)
{
    while (scan->at < scan->end &&
           (isalnum((unsigned char)*scan->at) || strchr("-_*", *scan->at) != NULL)) {
        scan->at++;
    }
}

static void scan_all(struct scan *scan);

static void scan_include(struct scan *scan)
{
    int line = scan->line;
    struct str name;
    scan->at += strlen("@include");
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\t')) {
        scan->at++;
    }
    if (scan->at == scan->end || *scan->at != '"' || !scan_quoted(scan, &name)) {
        return; /* libconfig calls it a syntax error */
    }
    struct err err;
    struct str text;
    const char *path = arena_printf(scan->arena, "%s%.*s", scan->directory, STR_FMT(name));
    if (scan->includes == INCLUDES_MAX) {
        faults_add(scan->faults, scan->file, line,
            "files include each other more than %d deep; does one include itself?", INCLUDES_MAX);
    } else if (str_starts(name, STR("/")) || memchr(name.at, '\\', name.len)) {
        faults_add(scan->faults, scan->file, line,
            "@include takes a plain path relative to the main file's directory, not \"%.*s\".",
            STR_FMT(name));
    } else if (!read_text(path, scan->arena, &text, &err)) {
        faults_add(
            scan->faults, scan->file, line, "\"%s\" cannot be included: %s.", path, err.text);
    } else {
        struct scan included = *scan;
        included.file = path;
        included.at = text.at;
        included.end = text.at + text.len;
        included.line = 1;
        included.includes++;
        scan_all(&included);
    }
}

static void scan_bracket(struct scan *scan)
{
    bool is_open = strchr("{[(", *scan->at) != NULL;
    scan->at++;
    if (!is_open) {
        scan->nested -= scan->nested > 0;
    } else if (scan->nested++ == NESTED_MAX) {
        faults_add(scan->faults, scan->file, scan->line,
            "groups and lists nest more than %d deep here.", NESTED_MAX);
    }
}

/* Looks for what libconfig would pass in silence, or end the process for. */
static void scan_all(struct scan *scan)
{
    struct str unused;
    while (scan->at < scan->end) {
        if (*scan->at == '"') {
            scan_quoted(scan, &unused);
        } else if (is_next(scan, "/*")) {
            scan_block_comment(scan);
        } else if (is_next(scan, "//") || *scan->at == '#') {
            scan_line_comment(scan);
        } else if (isdigit((unsigned char)*scan->at)) {
            scan_number(scan);
        } else if (isalpha((unsigned char)*scan->at)) {
            scan_name(scan);
        } else if (is_next(scan, "@include")) {
            scan_include(scan);
        } else if (strchr("{}[]()", *scan->at)) {
            scan_bracket(scan);
        } else {
            advance(scan);
        }
    }
}

/*
 * What the conversion needs: libconfig names no file for the text it was given, and 1.5 no
 * directory.
 */
struct origin {
    const char *path;
    const char *directory;
    struct arena *arena;
};

static const char *origin_file(const struct origin *origin, const char *file)
{
    if (!file) {
        return origin->path;
    }
    bool is_joined = str_starts(str_of(file), str_of(origin->directory));
    return arena_printf(origin->arena, "%s%s", is_joined ? "" : origin->directory, file);
}

static void convert(
    const struct origin *origin, const config_setting_t *setting, struct conf_item *item)
{
    const char *name = config_setting_name(setting);
    *item = (struct conf_item){
        .name = name ? arena_cstr(origin->arena, str_of(name)) : NULL,
        .file = origin_file(origin, config_setting_source_file(setting)),
        .line = (int)config_setting_source_line(setting),
    };
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        item->type = CONF_INTEGER;
        item->integer = config_setting_get_int64(setting);
        return;
    case CONFIG_TYPE_FLOAT:
        item->type = CONF_REAL;
        item->real = config_setting_get_float(setting);
        return;
    case CONFIG_TYPE_STRING:
        item->type = CONF_TEXT;
        item->text = arena_cstr(origin->arena, str_of(config_setting_get_string(setting)));
        return;
    case CONFIG_TYPE_BOOL:
        item->type = CONF_BOOLEAN;
        item->boolean = config_setting_get_bool(setting) != CONFIG_FALSE;
        return;
    default:
        item->type = config_setting_is_group(setting) ? CONF_GROUP : CONF_LIST;
        item->items_count = (size_t)config_setting_length(setting);
        item->items = arena_zalloc(origin->arena, item->items_count, sizeof(*item->items));
        for (size_t i = 0; i < item->items_count; i++) {
            convert(origin, config_setting_get_elem(setting, (unsigned)i), &item->items[i]);
        }
    }
}

/*
 * libconfig 1.5 loses a text that stood before a syntax error: its leak, once per process, not
 * ours.
 */
static bool parse(config_t *config, const char *text)
{
#ifdef __SANITIZE_ADDRESS__
    __lsan_disable();
#endif
    bool is_good = config_read_string(config, text) == CONFIG_TRUE;
#ifdef __SANITIZE_ADDRESS__
    __lsan_enable();
#endif
    return is_good;
}

/* The part of the path up to its last '/', with it; "" when there is none. */
static const char *directory_of(const char *path, struct arena *arena)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_cstr(arena, (struct str){ path, (size_t)(slash + 1 - path) }) : "";
}

static bool is_scan_good(struct scan scan)
{
    size_t before = scan.faults->count;
    scan_all(&scan);
    return scan.faults->count == before;
}

static void add_parse_fault(
    const struct origin *origin, const config_t *config, struct faults *faults)
{
    const char *text = config_error_text(config);
    bool is_twice = text && strstr(text, "duplicate");
    faults_add(faults, origin_file(origin, config_error_file(config)), config_error_line(config),
        "%s; reading stopped here, so there may be more mistakes below.",
        is_twice ? "this name stands in its group twice"
        : text   ? text
                 : "syntax error");
}

/* The text has passed the scan. */
static const struct conf_item *read_tree(
    const struct origin *origin, const char *text, struct faults *faults)
{
    config_t config;
    config_init(&config);
    if (origin->directory[0]) { /* without its '/', since libconfig joins with one of its own */
        size_t len = strlen(origin->directory) - 1;
        config_set_include_dir(
            &config, arena_cstr(origin->arena, (struct str){ origin->directory, len }));
    }
    struct conf_item *root = NULL;
    if (parse(&config, text)) {
        root = arena_alloc(origin->arena, sizeof(*root));
        convert(origin, config_root_setting(&config), root);
    } else {
        add_parse_fault(origin, &config, faults);
    }
    config_destroy(&config);
    return root;
}

const struct conf_item *conf_read(const char *path, struct arena *arena, struct faults *faults)
{
    struct err err;
    struct str text;
    const struct conf_item *root = NULL;
    struct arena scratch;
    arena_init(&scratch, NULL);
    if (read_text(path, &scratch, &text, &err)) {
        struct origin origin = { path, directory_of(path, arena), arena };
        struct scan scan = { .directory = origin.directory,
            .file = path,
            .at = text.at,
            .end = text.at + text.len,
            .line = 1,
            .arena = &scratch,
            .faults = faults };
        if (is_scan_good(scan)) {
            root = read_tree(&origin, text.at, faults);
        }
    } else {
        faults_add(faults, path, 0, "the file cannot be read: %s.", err.text);
    }
    arena_release(&scratch);
    return root;
}

const char *conf_type_name(enum conf_type type)
{
    static const char *const names[] = {
        [CONF_GROUP] = "a group",
        [CONF_LIST] = "a list",
        [CONF_TEXT] = "a text",
        [CONF_INTEGER] = "a whole number",
        [CONF_REAL] = "a number with a fraction",
        [CONF_BOOLEAN] = "a boolean",
    };
    must((size_t)type < countof(names));
    return names[type];
}
