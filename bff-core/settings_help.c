/*
 * settings_help: the table, for a person.
 *
 * Owns the layout of the second half of --help: each row with its default, bounds and what it is
 * for.
 */
#include "settings.h"

#include "settings_table.h"
#include "settings_value.h"

enum { WIDTH = 96, INDENT = 6 };

/* Words in lines of at most WIDTH columns; returns the column reached. */
static int wrap(FILE *out, int column, const char *text)
{
    struct str rest = str_of(text), word;
    while (rest.len) {
        str_cut(rest, ' ', &word, &rest);
        if (column > INDENT && column + 1 + (int)word.len > WIDTH) {
            fputc('\n', out);
            column = 0;
        }
        column +=
            fprintf(out, "%*s%.*s", column == 0 ? INDENT : column > INDENT, "", STR_FMT(word));
    }
    return column;
}

static void print_bounds(FILE *out, const struct settings_row *row)
{
    if (row->max) {
        fputs(", from ", out);
        settings_value_print_number(row, row->min, out);
        fputs(" to ", out);
        settings_value_print_number(row, row->max, out);
    }
    if (row->zero) {
        fprintf(out, "; 0: %s", row->zero);
    }
}

static void print_row(FILE *out, const char *prefix, const struct settings_row *row)
{
    char room[SETTINGS_TAKES_BYTES];
    bool is_bare = row->otherwise && settings_value_item(row, row->otherwise).type != CONF_TEXT;
    const char *quote = is_bare ? "" : "\"";
    fprintf(out, "\n  %s%s", prefix, row->name);
    if (row->otherwise) {
        fprintf(out, " = %s%s%s", quote, row->otherwise, quote);
    }
    fprintf(
        out, "\n      %s%s", row->is_required ? "required; " : "", settings_value_takes(row, room));
    print_bounds(out, row);
    fprintf(out, "; %s\n", row->when == SETTINGS_LIVE ? "live" : "boot");
    wrap(out, 0, row->help);
    fputc('\n', out);
}

void settings_help(FILE *out)
{
    fputs("Settings. \"a.b\" is b in the group a of the file: a = { b = ...; };\n"
          "After \"=\" stands the default. Relative paths start at the file's directory. KB is "
          "1024.\n"
          "boot: shapes sockets, threads or tables. live: is looked at each time it is used.\n",
        out);
    for (size_t i = 0; i < settings_table_count; i++) {
        print_row(out, "", &settings_table[i]);
    }
    for (size_t i = 0; i < settings_service_table_count; i++) {
        print_row(out, "services.NAME.", &settings_service_table[i]);
    }
}
