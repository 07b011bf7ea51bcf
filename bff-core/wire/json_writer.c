/*
 * json_writer: JSON for people, piece by piece.
 *
 * Owns the commas, the quotes and the layout, so that whoever writes a document says what stands in
 * it and nothing else. Each level is written tall; when it ends and turns out to fit on a line, its
 * line breaks become spaces. Speaks to no library: texts are quoted by json.c, numbers of a
 * parsed document are copied as they were written. Does not look for a name that is written twice:
 * that is known to whoever chooses the names.
 */
#include "json_writer.h"

#include "../base/must.h"

enum { LINE_MAX_COLUMNS = 100 };

void json_writer_init(struct json_writer *writer, struct buf *out)
{
    *writer = (struct json_writer){ .out = out };
}

static void new_line(struct json_writer *writer)
{
    buf_append_char(writer->out, '\n');
    for (size_t i = 0; i < writer->depth; i++) {
        buf_append_str(writer->out, STR("  "));
    }
}

/* All that stands before a value. */
static void begin(struct json_writer *writer, const char *name)
{
    if (writer->has_items) {
        buf_append_char(writer->out, ',');
    }
    if (writer->depth) {
        must((writer->levels[writer->depth - 1].end == '}') == (name != NULL));
        new_line(writer);
    }
    if (name) {
        json_quote(writer->out, str_of(name));
        buf_append_str(writer->out, STR(": "));
    }
    writer->has_items = true;
}

static void open_level(struct json_writer *writer, const char *name, const char *brackets)
{
    begin(writer, name);
    must(writer->depth < JSON_DEPTH_MAX);
    writer->levels[writer->depth].start = writer->out->len;
    writer->levels[writer->depth].end = brackets[1];
    writer->levels[writer->depth++].is_tall = false;
    writer->has_items = false;
    buf_append_char(writer->out, brackets[0]);
}

void json_writer_object(struct json_writer *writer, const char *name)
{
    open_level(writer, name, "{}");
}

void json_writer_list(struct json_writer *writer, const char *name)
{
    open_level(writer, name, "[]");
}

static size_t column_of(const struct buf *out, size_t at)
{
    size_t begin = at;
    while (begin > 0 && out->data[begin - 1] != '\n') {
        begin--;
    }
    return at - begin;
}

/*
 * What stands from `start` on, with its line breaks as spaces, but for those at a list's brackets.
 * A newline is always one of ours: in values it is escaped. 0: it takes more than `room` bytes.
 */
static size_t flatten(const struct buf *out, size_t start, char *line, size_t room)
{
    bool is_list = out->data[start] == '[';
    size_t len = 0;
    for (size_t at = start; at < out->len; at++) {
        char c = out->data[at];
        bool is_break = c == '\n';
        while (is_break && out->data[at + 1] == ' ') {
            at++;
        }
        bool is_at_bracket = at + 2 == out->len || len == 1;
        if (is_break && is_list && is_at_bracket) {
            continue;
        }
        if (len == room) {
            return 0;
        }
        line[len++] = is_break ? ' ' : c;
    }
    return len;
}

/* The level that begins at `start` is whole; true when it stands on one line now. */
static bool fit_on_line(struct buf *out, size_t start)
{
    char line[LINE_MAX_COLUMNS];
    size_t column = out->is_overfull ? sizeof(line) : column_of(out, start);
    size_t room = column + 1 < sizeof(line) ? sizeof(line) - column - 1 : 0; /* 1: a comma */
    size_t len = room ? flatten(out, start, line, room) : 0;
    if (len) {
        buf_cut(out, start);
        buf_append(out, line, len);
    }
    return len > 0;
}

void json_writer_end(struct json_writer *writer)
{
    must(writer->depth > 0);
    writer->depth--;
    if (writer->has_items) {
        new_line(writer);
    }
    buf_append_char(writer->out, writer->levels[writer->depth].end);
    bool is_flat = !writer->levels[writer->depth].is_tall &&
                   fit_on_line(writer->out, writer->levels[writer->depth].start);
    writer->has_items = true;
    if (writer->depth) {
        writer->levels[writer->depth - 1].is_tall |= !is_flat;
    } else {
        buf_append_char(writer->out, '\n');
    }
}

void json_writer_text(struct json_writer *writer, const char *name, struct str text)
{
    begin(writer, name);
    json_quote(writer->out, text);
}

void json_writer_number(struct json_writer *writer, const char *name, long long number)
{
    begin(writer, name);
    buf_printf(writer->out, "%lld", number);
}

void json_writer_bool(struct json_writer *writer, const char *name, bool is_true)
{
    begin(writer, name);
    buf_append_str(writer->out, is_true ? STR("true") : STR("false"));
}

void json_writer_value(struct json_writer *writer, const char *name, const struct json *json)
{
    enum json_kind kind = json_kind(json);
    if (kind != JSON_OBJECT && kind != JSON_LIST) {
        begin(writer, name);
        json_write(writer->out, json);
        return;
    }
    open_level(writer, name, kind == JSON_OBJECT ? "{}" : "[]");
    for (size_t i = 0; i < json->count; i++) {
        json_writer_value(
            writer, kind == JSON_OBJECT ? json->items[i].name.at : NULL, &json->items[i]);
    }
    json_writer_end(writer);
}
