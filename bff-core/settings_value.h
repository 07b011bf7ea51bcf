#ifndef SETTINGS_VALUE_H
#define SETTINGS_VALUE_H

#include "base/arena.h"
#include "base/err.h"
#include "settings_table.h"
#include "wire/conf.h"

#include <stdio.h>

/*
 * One value: how it is written in a file or on the command line, and how it is kept in its member.
 */
struct settings_value {
    const struct settings_row *row;
    const char *name; /* in full, "services.profiles.url": for sentences */
    void *base;       /* the struct settings, settings_service or settings_host that holds it */
};

/*
 * Of any kind but SETTINGS_HOSTS, which is a value in many places. Checks `item` and stores it;
 * false with a sentence that names the setting, and nothing stored. Texts are copied into `arena`.
 * A relative path starts at the directory of `item->file`, or at the working directory when that is
 * NULL. The empty text is stored as NULL: no value.
 */
bool settings_value_set(const struct settings_value *value, const struct conf_item *item,
    struct arena *arena, struct err *err);

/*
 * `text`, from the table or the command line, as the item that a file would give; borrows `text`.
 */
struct conf_item settings_value_item(const struct settings_row *row, const char *text);

/* What the member holds, as one writes it in a file: `"64KB"`, `8443`, `true`, `"info"`. */
void settings_value_print(const struct settings_value *value, FILE *out);

/* A number of that row, as one writes it in a file. */
void settings_value_print_number(const struct settings_row *row, uint64_t number, FILE *out);

/* Whether the member holds no text, or no host. Numbers and booleans always hold one. */
bool settings_value_is_missing(const struct settings_value *value);

enum { SETTINGS_TAKES_BYTES = 160 };

/*
 * The end of "it takes ...", and the kind in --help: `a size (65536, "64KB", "1MB")`. Returns
 * `room` or a constant.
 */
const char *settings_value_takes(const struct settings_row *row, char room[SETTINGS_TAKES_BYTES]);

#endif
