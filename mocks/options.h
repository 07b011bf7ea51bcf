/* The command line of bff-mocks. */
#ifndef MOCKS_OPTIONS_H
#define MOCKS_OPTIONS_H

#include <stdbool.h>

#include "behaviour.h"
#include "catalog.h"

struct options {
    unsigned base_port; /* 0 picks a free port for each service */
    int ready_fd;       /* where the ready line goes */
    unsigned users;
    bool must_die_with_parent;
    const char *keys_dir;
    const char *issuer_url;
    const char *dump_dir;
    struct behaviour behaviours[CATALOG_COUNT];
};

enum options_verdict { OPTIONS_RUN, OPTIONS_HELPED, OPTIONS_WRONG };

/* Reads the arguments. HELPED has printed the help, WRONG a finished sentence on stderr. */
enum options_verdict options_read(struct options *options, int argc, char **argv);

#endif
