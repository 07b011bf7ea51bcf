/*
 * What can be asked for on the command line.
 *
 * Owns the table of options, from which getopt and --help both read, and their bounds. It promises
 * that a wrong argument is named in a finished sentence and that nothing has been started by then.
 */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "number.h"

enum { DEFAULT_PORT = 7100, DEFAULT_USERS = 200, MOST_FDS = 1 << 20 };

struct option_row {
    const char *name;
    const char *argument; /* NULL for an option without one */
    bool (*read)(struct options *options, const char *text);
    const char *help;
};

static bool read_port(struct options *options, const char *text)
{
    uint64_t port;
    if (!number_parse(text, 65535 - (CATALOG_COUNT - 1), &port))
        return false;
    options->base_port = (unsigned)port;
    return true;
}

static bool read_ready_fd(struct options *options, const char *text)
{
    uint64_t fd;
    if (!number_parse(text, MOST_FDS, &fd))
        return false;
    options->ready_fd = (int)fd;
    return true;
}

static bool read_users(struct options *options, const char *text)
{
    uint64_t users;
    if (!number_parse(text, PEOPLE_MAX, &users) || users == 0)
        return false;
    options->users = (unsigned)users;
    return true;
}

/* Splits "posts=5ms" and gives what stands behind the sign to `read`, for one or for all. */
static bool read_for_services(struct options *options, const char *text,
    bool (*read)(struct behaviour *behaviour, const char *value))
{
    char name[32];
    const size_t len = strcspn(text, "=");
    if (text[len] != '=' || len >= sizeof name)
        return false;
    memcpy(name, text, len);
    name[len] = '\0';

    const bool is_all = strcmp(name, "all") == 0;
    const unsigned first = is_all ? 0 : catalog_find(name);
    const unsigned end = is_all || first == CATALOG_COUNT ? CATALOG_COUNT : first + 1;
    bool is_good = first < CATALOG_COUNT;
    for (unsigned i = first; is_good && i < end; i++)
        is_good = read(&options->behaviours[i], text + len + 1);
    return is_good;
}

static bool read_delay(struct options *options, const char *text)
{
    return read_for_services(options, text, behaviour_read_delay);
}

static bool read_status(struct options *options, const char *text)
{
    return read_for_services(options, text, behaviour_read_status);
}

static bool read_body(struct options *options, const char *text)
{
    return read_for_services(options, text, behaviour_read_body);
}

static bool read_keys(struct options *options, const char *text)
{
    options->keys_dir = text;
    return *text;
}

static bool read_issuer_url(struct options *options, const char *text)
{
    options->issuer_url = text;
    return strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
}

static bool read_dump(struct options *options, const char *text)
{
    options->dump_dir = text;
    return *text;
}

static bool read_die_with_parent(struct options *options, const char *text)
{
    (void)text;
    options->must_die_with_parent = true;
    return true;
}

static const struct option_row rows[] = {
    { "port", "BASE", read_port,
        "the issuer listens on BASE and the services on the ports after it (7100);\n"
        "0 picks a free port for each" },
    { "delay", "SERVICE=TIME", read_delay,
        "SERVICE answers TIME late, such as posts=5ms or all=2s; may be repeated" },
    { "status", "SERVICE=CODE", read_status,
        "SERVICE answers CODE, 400 to 599, with an error document; may be repeated" },
    { "body", "SERVICE=KIND", read_body,
        "SERVICE spoils its bodies: broken, half, empty, html, wrong-type or ok;\n"
        "may be repeated" },
    { "users", "N", read_users, "there are N users, with the subjects 1001, 1002 ... (200)" },
    { "keys", "DIR", read_keys,
        "keep the issuer's private keys in DIR and make them when they are missing;\n"
        "without it they live in memory alone" },
    { "issuer-url", "URL", read_issuer_url,
        "what tokens say in iss (http://127.0.0.1: and the issuer's port)" },
    { "ready-fd", "N", read_ready_fd,
        "write the line that tells all ports to descriptor N and close it (stdout)" },
    { "die-with-parent", NULL, read_die_with_parent, "end when the process that started us ends" },
    { "dump", "DIR", read_dump,
        "write the six answers for user 1001 into DIR and exit; nothing listens" },
    { "help", NULL, NULL, "print this and exit" },
};

enum { ROWS = sizeof rows / sizeof *rows };

static void print_help(void)
{
    printf(
        "Usage: bff-mocks [OPTION]...\n"
        "The six services behind a feed and a token issuer, on loopback, for demos and tests.\n\n");
    for (size_t i = 0; i < ROWS; i++) {
        char left[32];
        const char *help = rows[i].help;
        const size_t line = strcspn(help, "\n");
        snprintf(left, sizeof left, "--%s%s%s", rows[i].name, rows[i].argument ? " " : "",
            rows[i].argument ? rows[i].argument : "");
        printf("  %-22s  %.*s\n", left, (int)line, help);
        if (help[line])
            printf("  %-22s  %s\n", "", help + line + 1);
    }
    printf("\nServices, in the order of their ports:");
    for (size_t i = 0; i < CATALOG_COUNT; i++)
        printf(" %s", catalog[i].name);
    printf(".\nBreak one while it runs: PUT /_mock on its port, see mocks/README.md.\n");
}

static void options_default(struct options *options)
{
    *options = (struct options){
        .base_port = DEFAULT_PORT,
        .ready_fd = STDOUT_FILENO,
        .users = DEFAULT_USERS,
    };
    for (size_t i = 0; i < CATALOG_COUNT; i++)
        options->behaviours[i] = behaviour_good;
}

enum options_verdict options_read(struct options *options, int argc, char **argv)
{
    struct option table[ROWS + 1] = { 0 };
    int choice, row;

    for (size_t i = 0; i < ROWS; i++)
        table[i] = (struct option){ .name = rows[i].name,
            .has_arg = rows[i].argument ? required_argument : no_argument };
    options_default(options);
    while ((choice = getopt_long(argc, argv, "", table, &row)) != -1) {
        if (choice == '?')
            return OPTIONS_WRONG; /* getopt has said why */
        if (!rows[row].read) {
            print_help();
            return OPTIONS_HELPED;
        }
        if (!rows[row].read(options, optarg)) {
            fprintf(stderr, "bff-mocks: --%s does not take '%s': it wants %s.\n", rows[row].name,
                optarg, rows[row].argument);
            return OPTIONS_WRONG;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "bff-mocks: '%s' is no option; --help lists them.\n", argv[optind]);
        return OPTIONS_WRONG;
    }
    return OPTIONS_RUN;
}
