/*
 * show: how the demo looks in a terminal.
 *
 * Owns the colours. An excerpt is cut from the JSON text as it came, not from a parsed copy, so
 * that what is seen is what was sent: numbers and escapes included.
 */
#include "show.h"

#include "base/must.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXCERPT_LINES = 16, SHORT_BYTES = 80, TEXT_POINTS = 56, BAR_COLUMNS = 40, MARGIN = 4 };

static struct {
    const char *strong, *faint, *good, *bad, *plain;
} paint = { "", "", "", "", "" };

void show_init(void)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    bool is_dumb = !term || strcmp(term, "dumb") == 0;
    if (isatty(STDOUT_FILENO) && !is_dumb && !(no_color && *no_color)) {
        paint.strong = "\033[1m";
        paint.faint = "\033[2m";
        paint.good = "\033[32m";
        paint.bad = "\033[31m";
        paint.plain = "\033[0m";
    }
}

void show_answer(const char *name, const char *url, unsigned status)
{
    printf("\n%s%s%s  GET %s  %s%u%s\n", paint.strong, name, paint.plain, url,
        status == 200 ? paint.good : paint.bad, status, paint.plain);
}

/* ---- the excerpt ---- */

/* Where an excerpt stands: what is still to come, how deep, and how many lines there may be. */
struct excerpt {
    const char *at, *end;
    int depth;
    int lines_left;
    const char *short_until; /* the end of the container that is written on one line; NULL: none */
};

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* The end of one character of a text: an escape or a code point is not torn apart. */
static const char *after_character(const char *at, const char *end)
{
    size_t len = at[0] != '\\' ? 1 : at + 1 < end && at[1] == 'u' ? 6 : 2;
    at = (size_t)(end - at) > len ? at + len : end;
    while (at < end && is_continuation(*at)) {
        at++;
    }
    return at;
}

/* The end of the text that begins at `at`, with its quotes; *cut: where it gets too long to show.
 */
static const char *after_text(const char *at, const char *end, const char **cut)
{
    int points = 0;
    *cut = NULL;
    for (at++; at < end && *at != '"'; at = after_character(at, end)) {
        if (points++ == TEXT_POINTS) {
            *cut = at;
        }
    }
    return at < end ? at + 1 : end;
}

/* The end of the object or list that begins at `at`. */
static const char *after_container(const char *at, const char *end)
{
    const char *cut;
    int depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = after_text(at, end, &cut);
            continue;
        }
        depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
        at++;
        if (depth == 0) {
            break;
        }
    }
    return at;
}

static void new_line(struct excerpt *excerpt)
{
    printf("\n%*s", MARGIN + 2 * excerpt->depth, "");
    excerpt->lines_left--;
}

static void put_text(struct excerpt *excerpt)
{
    const char *cut;
    const char *after = after_text(excerpt->at, excerpt->end, &cut);
    const char *until = cut ? cut : after;
    fwrite(excerpt->at, 1, (size_t)(until - excerpt->at), stdout);
    if (cut) {
        printf("%s...%s\"", paint.faint, paint.plain);
    }
    excerpt->at = after;
}

static void open_container(struct excerpt *excerpt)
{
    const char *after = after_container(excerpt->at, excerpt->end);
    putchar(*excerpt->at++);
    excerpt->depth++;
    if (!excerpt->short_until && after - excerpt->at < SHORT_BYTES) {
        excerpt->short_until = after;
    }
    if (!excerpt->short_until) {
        new_line(excerpt);
    }
}

static void close_container(struct excerpt *excerpt)
{
    excerpt->depth--;
    if (!excerpt->short_until) {
        new_line(excerpt);
    }
    putchar(*excerpt->at++);
    if (excerpt->at == excerpt->short_until) {
        excerpt->short_until = NULL;
    }
}

static void put_next(struct excerpt *excerpt)
{
    char c = *excerpt->at;
    switch (c) {
    case '"':
        put_text(excerpt);
        break;
    case '{':
    case '[':
        open_container(excerpt);
        break;
    case '}':
    case ']':
        close_container(excerpt);
        break;
    case ',':
        putchar(c);
        excerpt->at++;
        excerpt->short_until ? (void)putchar(' ') : new_line(excerpt);
        break;
    case ':':
        fputs(": ", stdout);
        excerpt->at++;
        break;
    default:
        if ((unsigned char)c > ' ') { /* white space between tokens is ours */
            putchar(c);
        }
        excerpt->at++;
    }
}

void show_excerpt(struct str json)
{
    struct excerpt excerpt = { json.at, json.at + json.len, 0, EXCERPT_LINES, NULL };
    printf("%*s", MARGIN, "");
    while (excerpt.at < excerpt.end && excerpt.lines_left > 0) {
        put_next(&excerpt);
    }
    printf("%s%s%s\n", paint.faint, excerpt.at < excerpt.end ? "..." : "", paint.plain);
}

/* ---- the waterfall ---- */

bool show_is_live(const struct part *section)
{
    return str_eq(section->state, STR("ok"));
}

static void show_bar(const struct part *section, struct part time, double scale_ms)
{
    int before = (int)(time.start_ms / scale_ms * BAR_COLUMNS);
    int filled = (int)(time.took_ms / scale_ms * BAR_COLUMNS + 0.5);
    bool is_live = show_is_live(section);
    printf("%*s%-10.*s %*s%s", MARGIN, "", STR_FMT(section->name), before, "",
        is_live ? paint.good : paint.bad);
    for (int i = 0; i < filled || i == 0; i++) {
        fputs("\u2588", stdout);
    }
    int after = BAR_COLUMNS + 1 - before - (filled ? filled : 1);
    printf("%s%*s %7.1f ms  %s%.*s%s\n", paint.plain, after > 0 ? after : 0, "", time.took_ms,
        is_live ? "" : paint.bad, STR_FMT(section->state), paint.plain);
}

void show_waterfall(const struct part *sections, size_t sections_count, const struct part *timing,
    size_t timing_count)
{
    struct part times[PARTS_MAX];
    double scale_ms = 0.1;
    must(sections_count <= PARTS_MAX);
    for (size_t i = 0; i < sections_count; i++) {
        const struct part *found = parts_find(timing, timing_count, sections[i].name);
        times[i] = found ? *found : sections[i];
        double end_ms = times[i].start_ms + times[i].took_ms;
        scale_ms = end_ms > scale_ms ? end_ms : scale_ms;
    }
    for (size_t i = 0; i < sections_count; i++) {
        show_bar(&sections[i], times[i], scale_ms);
    }
}

void show_fault(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs(paint.bad, stdout);
    printf("%*s", MARGIN, "");
    vprintf(format, args);
    printf("%s\n", paint.plain);
    va_end(args);
}
