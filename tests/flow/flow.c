/*
 * flow: a page from its first line to its last.
 *
 * Owns the order in which a page is played, and what happens when all tests of a program are over:
 * every good answer that any of them got is held against its published schema, by a validator that
 * is not ours.
 */
#include "flow_parts.h"

#include <criterion/hooks.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *const flow_clients[] = { "mobile", "web", "tv", NULL };

void flow_check(const struct flow_question *question, const struct flow_expected *expected)
{
    struct flow_answer answer;
    flow_ask(question, &answer);
    flow_expect(&answer, expected);
    flow_forget(&answer);
}

static void play_for(struct flow_page page, const char *client)
{
    page.client = client;
    flow_serve(&page);
    flow_check(&page.asks, &page.expects);
    cr_assert_eq(flow_stop(), 0, "bff-%s ended badly", client);
}

void flow_play(const struct flow_page *page)
{
    if (page->client) {
        play_for(*page, page->client);
        return;
    }
    for (size_t i = 0; flow_clients[i]; i++) {
        cr_log_info("bff-%s", flow_clients[i]);
        play_for(*page, flow_clients[i]);
    }
}

/* ---- what all answers have in common ---- */

ReportHook(PRE_ALL)(struct criterion_test_set *set)
{
    static char folder[] = "/tmp/bff-answers-XXXXXX";
    (void)set;
    if (mkdtemp(folder)) {
        setenv("FLOW_ANSWERS", folder, 1);
    }
}

static void fail(void)
{
    _exit(EXIT_FAILURE);
}

/*
 * The verdict comes after the report, in which there is no place for it any more. It is read, not
 * waited for: Criterion may have reaped the validator already.
 */
ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
    (void)stats;
    char command[200], said[10000] = "";
    const char *folder = getenv("FLOW_ANSWERS");
    snprintf(command, sizeof(command), "/usr/bin/python3 tests/flow/answers.py '%s' 2>&1",
        folder ? folder : "");
    FILE *validator = popen(command, "r");
    size_t len = validator ? fread(said, 1, sizeof(said) - 1, validator) : 0;
    if (validator) {
        pclose(validator);
    }
    if (len == 0 || !strstr(said, "answers are as promised\n")) {
        fputs(said, stderr);
        atexit(fail);
    }
}
