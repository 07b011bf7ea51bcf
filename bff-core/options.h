#ifndef OPTIONS_H
#define OPTIONS_H

#include "base/arena.h"
#include "base/err.h"
#include "bff.h"
#include "settings.h"

#include <stdio.h>

/* What the command line asks for: to serve, or one thing that is printed instead. */
enum options_job {
    OPTIONS_SERVE,
    OPTIONS_CHECK,    /* all mistakes of settings, plans and shapes */
    OPTIONS_PLANS,    /* what was understood of the plans */
    OPTIONS_TRY,      /* one plan's answer, from canned answers of its calls */
    OPTIONS_OPENAPI,  /* the plans as a document for those who ask them */
    OPTIONS_SETTINGS, /* the settings in force */
    OPTIONS_HELP,
    OPTIONS_VERSION,
};

struct options {
    enum options_job job;
    struct settings_source settings; /* for settings_read */
    const char *try_plan;            /* OPTIONS_TRY: the plan's name */
    const char *try_directory;       /* OPTIONS_TRY: holds AS.json for each call */
};

/*
 * Reads the command line; texts are borrowed from `argv`, lists live in `arena`. False with a
 * sentence in `err` when it cannot be understood: the process then ends with EX_USAGE.
 */
bool options_read(
    struct options *options, int argc, char **argv, struct arena *arena, struct err *err);

/* All of --help: usage, options, signals, exit codes, settings. */
void options_help(const struct bff_client *client, FILE *out);

/* "bff-mobile 0.1.0". */
void options_version(const struct bff_client *client, FILE *out);

#endif
