/*
 * settings_help: the table, for a person.
 *
 * Owns the layout of the second half of --help: each row with its default, bounds and what it is
 * for.
 */
#include "settings.h"

#include "base/must.h"
#include "settings_table.h"
#include "settings_value.h"

enum { WIDTH = 96, INDENT = 6 };

/* Words in lines of at most WIDTH columns. */
static void wrap(FILE *out, const char *text)
{
    struct str rest = str_of(text), word;
    int column = 0;
    while (rest.len) {
        str_cut(rest, ' ', &word, &rest);
        if (column > 0 && column + 1 + (int)word.len > WIDTH) {
            fputc('\n', out);
            column = 0;
        }
        column += fprintf(out, "%*s%.*s", column ? 1 : INDENT, "", STR_FMT(word));
    }
    fputc('\n', out);
}

/* What the row takes, in one line: `a size (65536, "64KB"), from 0 to "64MB"; 0: ...`. */
static void print_facts(FILE *out, const struct settings_row *row)
{
    char room[SETTINGS_TAKES_BYTES];
    fprintf(out, "%s%s", row->is_required ? "required; " : "", settings_value_takes(row, room));
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
    char facts[512] = "";
    FILE *line = fmemopen(facts, sizeof(facts), "w");
    must(line);
    print_facts(line, row);
    fclose(line);
    fprintf(out, "\n  %s%s", prefix, row->name);
    if (row->otherwise) {
        bool is_text = settings_value_item(row, row->otherwise).type == CONF_TEXT;
        fprintf(out, is_text ? " = \"%s\"" : " = %s", row->otherwise);
    }
    fputc('\n', out);
    wrap(out, facts);
    wrap(out, row->help);
}

void settings_help(FILE *out)
{
    fputs("Settings. \"a.b\" is b in the group a of the file: a = { b = ...; };\n"
          "After \"=\" stands the default. Relative paths start at the file's directory. KB is "
          "1024.\n"
          "All are read once, when the server starts.\n",
        out);
    for (size_t i = 0; i < settings_table_count; i++) {
        print_row(out, "", &settings_table[i]);
    }
    for (size_t i = 0; i < settings_service_table_count; i++) {
        print_row(out, "services.NAME.", &settings_service_table[i]);
    }
}
