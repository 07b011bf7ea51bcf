/*
 * options: the command line.
 *
 * Owns the list of options, one row each, from which both reading and --help are made. An option
 * may be written `--name value` or `--name=value`; there are no short ones and no loose words.
 * Promises: a command line that is not understood is refused as a whole, with one sentence that
 * says what would be.
 *
 * Does not open any file: settings_read does.
 */
#include "options.h"

#include "base/must.h"
#include "version.h"

struct option_row {
    const char *name;
    const char *takes[2]; /* the words that follow; NULL: none */
    enum options_job job; /* OPTIONS_SERVE: the option only adds to another job */
    const char *help;
};

static const struct option_row rows[] = {
    { "--config", { "FILE" }, OPTIONS_SERVE, "Read the settings from FILE (default: bff.conf)." },
    { "--set", { "NAME=VALUE" }, OPTIONS_SERVE,
        "One setting that counts more than the file; may be repeated." },
    { "--check", { NULL }, OPTIONS_CHECK,
        "List all mistakes in settings, plans and shapes; serve nothing." },
    { "--plans", { NULL }, OPTIONS_PLANS, "Print what was understood of the plans." },
    { "--try", { "PLAN", "DIR" }, OPTIONS_TRY,
        "Print PLAN's answer, made from the canned answers DIR/CALL.json." },
    { "--openapi", { NULL }, OPTIONS_OPENAPI,
        "Print an OpenAPI 3.1 document of all plans with their shapes and problems." },
    { "--settings", { NULL }, OPTIONS_SETTINGS, "Print the settings in force, as a file." },
    { "--help", { NULL }, OPTIONS_HELP, "Print this." },
    { "--version", { NULL }, OPTIONS_VERSION, "Print name and version." },
};

/* The words that are still to be read. */
struct words {
    char **at;
    size_t count;
};

static bool unknown(struct str word, struct err *err)
{
    const char *names[countof(rows)];
    for (size_t i = 0; i < countof(rows); i++) {
        names[i] = rows[i].name;
    }
    const char *nearest = str_nearest(word, names, countof(rows));
    if (nearest) {
        return err_set(
            err, "There is no option \"%.*s\"; did you mean \"%s\"?", STR_FMT(word), nearest);
    }
    return err_set(err, "There is no option \"%.*s\"; --help lists them all.", STR_FMT(word));
}

static const struct option_row *row_named(struct str name)
{
    for (size_t i = 0; i < countof(rows); i++) {
        if (str_eq(str_of(rows[i].name), name)) {
            return &rows[i];
        }
    }
    return NULL;
}

/* The words behind an option; another option's name is none of them. */
static bool take_values(const struct option_row *row, const char *attached, struct words *words,
    const char *values[2], struct err *err)
{
    for (size_t i = 0; i < countof(row->takes) && row->takes[i]; i++) {
        if (attached) {
            values[i] = attached;
            attached = NULL;
        } else if (words->count && strncmp(words->at[0], "--", 2) != 0) {
            values[i] = *words->at++;
            words->count--;
        } else {
            return err_set(err, "%s needs %s%s%s.", row->name, row->takes[0],
                row->takes[1] ? " and " : "", row->takes[1] ? row->takes[1] : "");
        }
    }
    return !attached || err_set(err, "%s takes no value.", row->name);
}

static bool set_job(
    struct options *options, const struct option_row *row, const char **job_name, struct err *err)
{
    if (*job_name && strcmp(*job_name, row->name) != 0) {
        return err_set(err, "%s and %s cannot be asked at once.", *job_name, row->name);
    }
    *job_name = row->name;
    options->job = row->job;
    return true;
}

bool options_read(
    struct options *options, int argc, char **argv, struct arena *arena, struct err *err)
{
    struct words words = { argv + 1, argc > 0 ? (size_t)argc - 1 : 0 };
    const char **overrides = arena_zalloc(arena, words.count, sizeof(*overrides));
    const char *job_name = NULL;
    *options = (struct options){ .settings = { .path = "bff.conf", .overrides = overrides } };
    while (words.count) {
        struct str name, rest;
        const char *values[2] = { NULL, NULL };
        bool is_attached = str_cut(str_of(*words.at), '=', &name, &rest);
        const struct option_row *row = row_named(name);
        if (!row) {
            return unknown(name, err);
        }
        words.at++;
        words.count--;
        if (!take_values(row, is_attached ? rest.at : NULL, &words, values, err)) {
            return false;
        }
        if (row->job != OPTIONS_SERVE && !set_job(options, row, &job_name, err)) {
            return false;
        }
        if (strcmp(row->name, "--config") == 0) {
            options->settings.path = values[0];
        } else if (strcmp(row->name, "--set") == 0) {
            overrides[options->settings.overrides_count++] = values[0];
        } else if (row->job == OPTIONS_TRY) {
            options->try_plan = values[0];
            options->try_directory = values[1];
        }
    }
    return true;
}

void options_help(const struct bff_client *client, FILE *out)
{
    fprintf(out, "bff-%s: %s\n\nUsage: bff-%s [--config FILE] [--set NAME=VALUE]... [what to do]\n",
        client->name, client->about ? client->about : "a Backend-for-Frontend server.",
        client->name);
    fputs("Without anything else to do it serves.\n\n", out);
    for (size_t i = 0; i < countof(rows); i++) {
        char synopsis[64];
        snprintf(synopsis, sizeof(synopsis), "%s%s%s%s%s", rows[i].name,
            rows[i].takes[0] ? " " : "", rows[i].takes[0] ? rows[i].takes[0] : "",
            rows[i].takes[1] ? " " : "", rows[i].takes[1] ? rows[i].takes[1] : "");
        fprintf(out, "  %-18s  %s\n", synopsis, rows[i].help);
    }
    fputs("\nSignals: SIGTERM and SIGINT let requests in flight finish, then stop.\n"
          "Exit codes: 0 served and drained, or printed; 1 could not serve; 64 wrong usage;\n"
          "78 mistakes in settings, plans or shapes.\n\n",
        out);
    settings_help(out);
}

void options_version(const struct bff_client *client, FILE *out)
{
    fprintf(out, "bff-%s %s\n", client->name, VERSION);
}
