/*
 * flow: a page from its first line to its last.
 *
 * Owns the order in which a page is played, for one client or for each of the three. Knows neither
 * processes nor bytes: the stage, the client and the expectations do.
 */
#include "flow_parts.h"

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
