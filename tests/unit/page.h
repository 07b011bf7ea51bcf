#ifndef TESTS_UNIT_PAGE_H
#define TESTS_UNIT_PAGE_H

/* One request on one worker, without a network: what a step needs to run by itself in a test. */

#include "base/must.h"
#include "request.h"

#include <criterion/criterion.h>

struct page {
    struct settings settings;
    struct bff_client client;
    struct core core;
    struct worker worker;
    struct request request;
    struct faults faults;
};

static inline void page_open(struct page *page, const struct bff_plan *plans, size_t count)
{
    *page = (struct page){
        .settings = { .limits = { .in_flight = 100, .budget_ms = 1000 } },
        .client = { .name = "test", .plans = plans, .plans_count = count },
    };
    faults_init(&page->faults);
    arena_init(&page->core.arena, NULL);
    page->core.client = &page->client;
    page->core.settings = &page->settings;
    page->core.workers = &page->worker;
    page->core.workers_count = 1;
    page->worker = (struct worker){ .core = &page->core, .loop = loop_new() };
    page->request = (struct request){ .worker = &page->worker };
    page->request.deadline.expired = (void (*)(struct deadline *))abort;
    arena_init(&page->request.arena, NULL);
}

static inline void page_close(struct page *page)
{
    loop_deadline_clear(page->worker.loop, &page->request.deadline);
    arena_release(&page->request.arena);
    arena_release(&page->core.arena);
    faults_fini(&page->faults);
    loop_free(page->worker.loop);
}

/* The same page, for another request. */
static inline struct request *page_turn(struct page *page)
{
    loop_deadline_clear(page->worker.loop, &page->request.deadline);
    arena_release(&page->request.arena);
    page->request = (struct request){ .worker = &page->worker };
    page->request.deadline.expired = (void (*)(struct deadline *))abort;
    arena_init(&page->request.arena, NULL);
    return &page->request;
}

static inline bool page_has_fault(const struct page *page, const char *words)
{
    for (size_t i = 0; i < page->faults.count; i++) {
        if (strstr(page->faults.list[i].text, words)) {
            return true;
        }
    }
    return false;
}

#endif
