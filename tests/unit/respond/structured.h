#ifndef TESTS_UNIT_RESPOND_STRUCTURED_H
#define TESTS_UNIT_RESPOND_STRUCTURED_H

/*
 * Structured field values (RFC 9651 section 4.2), read back as a stranger would: a list of tokens
 * and strings with their parameters, and nothing that the grammar does not allow.
 */

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { STRUCTURED_ITEMS_MAX = 32, STRUCTURED_PARAMETERS_MAX = 8, STRUCTURED_TEXT_MAX = 512 };

struct structured_item {
    char value[STRUCTURED_TEXT_MAX]; /* a string without its quotes */
    bool is_string;                  /* else it is a token */
    struct {
        char key[32];
        char value[64]; /* a token, or an integer of at most 15 digits */
    } parameters[STRUCTURED_PARAMETERS_MAX];
    size_t parameters_count;
};

#define STRUCTURED_LOWER  "abcdefghijklmnopqrstuvwxyz"
#define STRUCTURED_DIGITS "0123456789"
#define STRUCTURED_ALPHA  STRUCTURED_LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Takes bytes while they are of `set`; false when there is none, or no room for them. */
static inline bool structured_take(const char **at, const char *set, char *out, size_t room)
{
    size_t len = strspn(*at, set);
    if (len == 0 || len >= room) {
        return false;
    }
    memcpy(out, *at, len);
    out[len] = '\0';
    *at += len;
    return true;
}

static inline bool structured_token(const char **at, char *out, size_t room)
{
    return **at && strchr(STRUCTURED_ALPHA "*", **at) &&
           structured_take(at, STRUCTURED_ALPHA STRUCTURED_DIGITS "!#$%&'*+-.^_`|~:/", out, room);
}

static inline bool structured_string(const char **at, char *out, size_t room)
{
    size_t len = 0;
    for ((*at)++; **at != '"'; (*at)++) {
        bool is_escaped = **at == '\\';
        *at += is_escaped;
        if (**at < ' ' || **at > '~' || len + 1 >= room ||
            (is_escaped && **at != '"' && **at != '\\')) {
            return false;
        }
        out[len++] = **at;
    }
    (*at)++;
    out[len] = '\0';
    return true;
}

static inline bool structured_integer(const char **at, char *out, size_t room)
{
    enum { DIGITS_MAX = 15 };
    size_t sign = **at == '-';
    out[0] = '-';
    *at += sign;
    return structured_take(at, STRUCTURED_DIGITS, out + sign, room - sign) &&
           strlen(out + sign) <= DIGITS_MAX && **at != '.';
}

static inline bool structured_parameters(const char **at, struct structured_item *item)
{
    while (**at == ';') {
        *at += 1 + strspn(*at + 1, " ");
        size_t place = item->parameters_count++;
        cr_assert_lt(place, STRUCTURED_PARAMETERS_MAX);
        char *key = item->parameters[place].key, *value = item->parameters[place].value;
        if (!**at || !strchr(STRUCTURED_LOWER "*", **at) ||
            !structured_take(at, STRUCTURED_LOWER STRUCTURED_DIGITS "_-.*", key,
                sizeof(item->parameters[place].key)) ||
            *(*at)++ != '=') {
            return false;
        }
        size_t room = sizeof(item->parameters[place].value);
        if (!structured_token(at, value, room) && !structured_integer(at, value, room)) {
            return false;
        }
    }
    return true;
}

static inline bool structured_read_item(const char **at, struct structured_item *item)
{
    *item = (struct structured_item){ .is_string = **at == '"' };
    bool is_read = item->is_string ? structured_string(at, item->value, sizeof(item->value))
                                   : structured_token(at, item->value, sizeof(item->value));
    return is_read && structured_parameters(at, item);
}

/* How many members the list has; SIZE_MAX: it is not well-formed. */
static inline size_t structured_list(
    const char *text, struct structured_item items[STRUCTURED_ITEMS_MAX])
{
    size_t count = 0;
    const char *at = text + strspn(text, " ");
    while (count < STRUCTURED_ITEMS_MAX && structured_read_item(&at, &items[count])) {
        count++;
        at += strspn(at, " \t");
        if (!*at) {
            return count;
        }
        if (*at++ != ',') {
            return SIZE_MAX;
        }
        at += strspn(at, " \t");
    }
    return SIZE_MAX;
}

/* The parameter's value; NULL when the item has none of that name. */
static inline const char *structured_parameter(const struct structured_item *item, const char *key)
{
    for (size_t i = 0; i < item->parameters_count; i++) {
        if (strcmp(item->parameters[i].key, key) == 0) {
            return item->parameters[i].value;
        }
    }
    return NULL;
}

#endif
