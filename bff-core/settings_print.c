/*
 * settings_print: the settings in force, as a file that reads back to them.
 *
 * Owns the layout: groups follow from the dots in the rows' names. Promises that the text is
 * complete (each row of the table, each service) and that it means the same in any directory, since
 * paths are printed in full.
 */
#include "settings.h"

#include "settings_table.h"
#include "settings_value.h"

/* "quota", of "quota.user"; empty, of "quota". */
static struct str parent(struct str name)
{
    while (name.len && name.at[name.len - 1] != '.') {
        name.len--;
    }
    name.len -= name.len > 0;
    return name;
}

static bool is_within(struct str name, struct str group)
{
    return group.len == 0 ||
           (str_starts(name, group) && (name.len == group.len || name.at[group.len] == '.'));
}

/* Where the text goes, how far in it starts, and which group is open there. */
struct printer {
    FILE *out;
    const char *margin;
    struct str open;
};

static void indent(const struct printer *printer)
{
    fputs(printer->margin, printer->out);
    for (struct str group = printer->open; group.len; group = parent(group)) {
        fputs("    ", printer->out);
    }
}

/* Closes and opens groups until `group` is the open one. */
static void move_to(struct printer *printer, struct str group)
{
    while (!is_within(group, printer->open)) {
        printer->open = parent(printer->open);
        indent(printer);
        fputs("};\n", printer->out);
    }
    while (printer->open.len < group.len) {
        struct str below = str_from(group, printer->open.len ? printer->open.len + 1 : 0);
        struct str name, rest;
        str_cut(below, '.', &name, &rest);
        indent(printer);
        fprintf(printer->out, "%.*s = {\n", STR_FMT(name));
        printer->open = (struct str){ group.at, (size_t)(name.at + name.len - group.at) };
    }
}

static void print_rows(
    struct printer *printer, const struct settings_row *rows, size_t count, void *base)
{
    for (size_t i = 0; i < count; i++) {
        struct settings_value value = { &rows[i], rows[i].name, base };
        struct str name = str_of(rows[i].name);
        struct str group = parent(name);
        bool is_one_of_two = rows[i].kind == SETTINGS_ORIGIN || rows[i].kind == SETTINGS_HOSTS;
        if (is_one_of_two && settings_value_is_missing(&value)) {
            continue;
        }
        move_to(printer, group);
        indent(printer);
        fprintf(printer->out, "%s = ", rows[i].name + (group.len ? group.len + 1 : 0));
        settings_value_print(&value, printer->out);
        fputs(";\n", printer->out);
    }
    move_to(printer, (struct str){ "", 0 });
}

void settings_print(const struct settings *settings, FILE *out)
{
    struct settings copy = *settings; /* values are found through a pointer that could write */
    struct printer printer = { .out = out, .margin = "", .open = { "", 0 } };
    print_rows(&printer, settings_table, settings_table_count, &copy);
    fputs("services = {\n", out);
    printer.margin = "        ";
    for (size_t i = 0; i < settings->services_count; i++) {
        fprintf(out, "    %s = {\n", settings->services[i].name);
        print_rows(
            &printer, settings_service_table, settings_service_table_count, &settings->services[i]);
        fputs("    };\n", out);
    }
    fputs("};\n", out);
}
