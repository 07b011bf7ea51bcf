/* How much of a request was the services', and how much ours. */
#include "fixture.h"

static struct house house;
static struct visit visit;

static void open_page(void)
{
    house_open(&house, "off");
}

static void close_page(void)
{
    house_close(&house);
}

TestSuite(finish, .init = open_page, .fini = close_page, .timeout = 20);

/*
 * What the server itself took in a request of 12,345 us whose two attached calls ran at these
 * times.
 */
static uint64_t overhead_us(unsigned first[2], unsigned second[2])
{
    struct histogram_view view = { 0 };
    struct request *request = visit_feed(&visit, &house.workers[0]);
    visit_call(&visit, 0, CALL_LIVE, first[0], first[1]);
    visit_call(&visit, 1, CALL_LIVE, second[0], second[1]);
    cr_assert_eq(finish_run(request), STEP_GONE);
    metrics_slot_view(&house.workers[0].metrics->overheads[0], &view);
    cr_assert_eq(view.count, 1);
    return view.sum;
}

Test(finish, calls_side_by_side_count_once)
{
    cr_assert_eq(overhead_us((unsigned[]){ 100, 5100 }, (unsigned[]){ 200, 10200 }), 2345);
}

Test(finish, calls_after_one_another_count_both)
{
    cr_assert_eq(overhead_us((unsigned[]){ 100, 5100 }, (unsigned[]){ 5300, 10300 }), 2345);
}

Test(finish, the_order_in_the_plan_does_not_matter)
{
    cr_assert_eq(overhead_us((unsigned[]){ 5300, 10300 }, (unsigned[]){ 100, 5100 }), 2345);
}

Test(finish, a_call_that_outlived_the_request_counts_to_its_end)
{
    cr_assert_eq(overhead_us((unsigned[]){ 345, 99999 }, (unsigned[]){ 400, 500 }), 345);
}

Test(finish, detached_and_unasked_calls_are_not_waited_for)
{
    struct histogram_view view = { 0 };
    struct request *request = visit_feed(&visit, &house.workers[0]);
    visit_call(&visit, 0, CALL_LIVE, 0, 2345);
    visit.calls[1].state = CALL_SKIPPED;
    visit.calls[1].started_us = 0;
    visit_call(&visit, 2, CALL_DETACHED, 0, 12345);
    finish_run(request);
    metrics_slot_view(&house.workers[0].metrics->overheads[0], &view);
    cr_assert_eq(view.sum, 10000);
}

Test(finish, the_longest_of_many_chains_is_found)
{
    enum { MANY = BFF_CALLS_MAX };
    struct call calls[MANY];
    struct histogram_view view = { 0 };
    struct request *request = visit_feed(&visit, &house.workers[0]);
    for (unsigned i = 0; i < MANY; i++) { /* each begins when the one before has half ended */
        visit_call(&visit, 0, CALL_LIVE, i * 500, i * 500 + 1000);
        calls[MANY - 1 - i] = visit.calls[0];
    }
    request->fanned = (struct fanned){ .calls = calls, .calls_count = MANY };
    finish_run(request);
    metrics_slot_view(&house.workers[0].metrics->overheads[0], &view);
    cr_assert_eq(view.sum, 12345 - MANY / 2 * 1000);
}
