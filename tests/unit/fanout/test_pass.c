/* What --check says of plans that pass their requests through. What they do at work is proved by
 * tests/contract/passing.py. */
#include "../page.h"

#include "fanout/pass.h"

#include <stdio.h>

static struct settings_service services[] = { { .name = "posts" },
    { .name = "modern", .http2 = true }, { .name = "far", .proxy = "http://proxy:3128" } };

static void compile(struct page *page, const struct bff_plan *plan)
{
    page_open(page, plan, 1);
    page->settings.services = services;
    page->settings.services_count = countof(services);
    page->core.plans =
        plans_compile(&page->client, &page->settings, &page->core.arena, &page->faults);
}

#define PASS .as = "up", .from = "posts", .pass = "/u/{path.id}"
#define PLAN(...)                                                                                  \
    {                                                                                              \
        .name = "up", .route = "POST /u/{id}", __VA_ARGS__                                         \
    }

static const struct {
    struct bff_plan plan;
    const char *fault; /* words of it; NULL: there is none */
} rows[] = {
    { PLAN(.calls = { { PASS } }), NULL },
    { PLAN(.calls = { { PASS, .passes_query = 1, .body_max_bytes = 1,
               .request_fields = { "Range", "x-thing" }, .answer_fields = { "ETag" } } }),
        NULL },
    { { .name = "up", .route = "* /u/{id}", .calls = { { PASS } } }, NULL },
    { { .name = "up",
          .route = "* /u/{id}",
          .calls = { { .as = "a", .from = "posts", .get = "/" } } },
        "takes every method" },
    { PLAN(.calls = { { PASS, .get = "/" } }), "exactly one of .get, .post and .pass" },
    { PLAN(.calls = { { PASS }, { .as = "b", .from = "posts", .get = "/" } }), "one call, not 2" },
    { PLAN(.calls = { { .as = "b", .from = "posts", .get = "/" }, { PASS } }), "one call, not 2" },
    { PLAN(.shape = "web/feed.v1", .calls = { { PASS } }), "has no .shape" },
    { PLAN(.calls = { { PASS, .otherwise = "{}" } }), "has no .otherwise" },
    { PLAN(.calls = { { PASS, .cache_s = 1 } }), "has no .cache_s" },
    { PLAN(.calls = { { PASS, .is_detached = 1 } }), "has no .is_detached" },
    { PLAN(.calls = { { PASS, .request_fields = { "bad name" } } }), "is no field name" },
    { PLAN(.calls = { { PASS, .request_fields = { "Authorization" } } }),
        ".request_fields names Authorization" },
    { PLAN(.calls = { { PASS, .request_fields = { "X-User-Id" } } }), "not passed through" },
    { PLAN(.calls = { { PASS, .answer_fields = { "ETag", "transfer-encoding" } } }),
        ".answer_fields names transfer-encoding" },
    { PLAN(.calls = { { PASS, .answer_fields = { "Connection" } } }), "not passed through" },
    { PLAN(.calls = { { PASS, .answer_fields = { "X-Content-Type-Options" } } }),
        "not passed through" },
    { PLAN(.calls = { { .as = "up", .from = "modern", .pass = "/u" } }),
        "the service \"modern\" is asked by HTTP/2 (services.modern.http2)" },
    { PLAN(.calls = { { .as = "up", .from = "far", .pass = "/u" } }),
        "the service \"far\" is asked through a proxy (services.far.proxy)" },
    { PLAN(.calls = { { .as = "up", .from = "nobody", .pass = "/u" } }),
        "no service in the settings is named" },
    { PLAN(.calls = { { .as = "up", .from = "posts", .pass = "/u/{path.no}" } }), "{path.no}" },
    { PLAN(.calls = { { .as = "up", .from = "posts", .pass = "/u/{other.id}" } }),
        "no other call" },
    { PLAN(.calls = { { .as = "up", .from = "posts", .post = "/", .passes_query = 1 } }),
        "go with .pass alone" },
    { PLAN(.calls = { { .as = "up", .from = "posts", .get = "/", .body_max_bytes = 9 } }),
        "go with .pass alone" },
};

Test(pass, mistakes_are_found_at_boot)
{
    for (size_t i = 0; i < countof(rows); i++) {
        struct page page;
        compile(&page, &rows[i].plan);
        if (rows[i].fault) {
            cr_expect(page_has_fault(&page, rows[i].fault), "row %zu: not \"%s\" but \"%s\"", i,
                rows[i].fault, page.faults.count ? page.faults.list[0].text : "nothing");
        } else {
            cr_expect_eq(page.faults.count, 0, "row %zu: %s", i, page.faults.list[0].text);
        }
        page_close(&page);
    }
}

Test(pass, prints_what_passes)
{
    struct page page;
    char *text = NULL;
    size_t len;
    compile(&page, &rows[1].plan);
    FILE *out = open_memstream(&text, &len);
    plan_print(&page.core.plans[0], &page.settings, out);
    fclose(out);
    cr_assert_not_null(strstr(text, "passed to /u/{path.id} from posts\n"), "%s", text);
    cr_assert_not_null(strstr(text, "at most 1 bytes; the client's query goes on\n"));
    cr_assert_not_null(strstr(text, "goes on: Range, x-thing\n"));
    cr_assert_not_null(strstr(text, "comes back: ETag\n"));
    free(text);
    page_close(&page);
}
