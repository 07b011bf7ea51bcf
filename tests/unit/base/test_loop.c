/* The loop: order, deadlines, and what was taken out stays out. */
#include "base/loop.h"
#include "base/clock.h"
#include "base/must.h"

#include <criterion/criterion.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <pthread.h>

struct page {
    struct loop *loop;
    struct deadline deadlines[64];
    struct soon soon[3];
    struct watch watches[2];
    int ran[64];
    int ran_count;
    uint64_t lag_us;
    uint64_t before_us;
};

static struct page page;

static void open_page(void)
{
    page = (struct page){ .loop = loop_new() };
    cr_assert(page.loop != NULL);
}

static void close_page(void)
{
    loop_free(page.loop);
}

TestSuite(loop, .init = open_page, .fini = close_page, .timeout = 20);

static void deadline_ran(struct deadline *deadline)
{
    page.ran[page.ran_count++] = (int)(deadline - page.deadlines);
}

static void stop(struct deadline *deadline)
{
    (void)deadline;
    loop_stop(page.loop);
}

Test(loop, deadlines_expire_in_order_and_never_early)
{
    uint64_t start_us = clock_now_us();
    for (int i = 0; i < 32; i++) { /* 13 is prime to 32: every place once, in no order */
        int place = i * 13 % 32;
        page.deadlines[place].expired = deadline_ran;
        loop_deadline(page.loop, &page.deadlines[place], start_us + (uint64_t)place * 1000);
    }
    for (int i = 0; i < 32; i += 4) {
        loop_deadline_clear(page.loop, &page.deadlines[i]);
    }
    struct deadline end = { .expired = stop };
    loop_deadline(page.loop, &end, start_us + 40000);
    loop_run(page.loop);
    cr_assert_eq(page.ran_count, 24);
    for (int i = 1; i < page.ran_count; i++) {
        cr_assert_lt(page.ran[i - 1], page.ran[i]);
        cr_assert_neq(page.ran[i] % 4, 0);
    }
    cr_assert_geq(clock_now_us(), start_us + 40000);
}

/* Each is put off, some to before and some to behind others that stay. */
Test(loop, deadlines_that_are_put_off_keep_their_order)
{
    static const int due_ms[] = { 16, 4, 12, 8, 20 }, first_ms[] = { 2, 4, 3, 8, 1 };
    static const int order[] = { 1, 3, 2, 0, 4 };
    uint64_t start_us = clock_now_us();
    for (int i = 0; i < 5; i++) {
        page.deadlines[i].expired = deadline_ran;
        loop_deadline(page.loop, &page.deadlines[i], start_us + (uint64_t)first_ms[i] * 1000);
        loop_deadline(page.loop, &page.deadlines[i], start_us + (uint64_t)due_ms[i] * 1000);
    }
    struct deadline end = { .expired = stop };
    loop_deadline(page.loop, &end, start_us + 24000);
    loop_run(page.loop);
    cr_assert_geq(clock_now_us(), start_us + 24000);
    cr_assert_eq(page.ran_count, 5);
    cr_assert_arr_eq(page.ran, order, sizeof(order));
}

static void soon_ran(struct soon *soon)
{
    page.ran[page.ran_count++] = (int)(soon - page.soon);
    if (soon == &page.soon[0] && page.ran_count == 1) {
        loop_soon(page.loop, soon);                 /* waits for the next round */
        loop_soon_forget(page.loop, &page.soon[1]); /* was next, never runs */
    }
    if (page.ran_count == 3) {
        loop_stop(page.loop);
    }
}

Test(loop, soon_work_runs_once_in_order_and_can_be_forgotten)
{
    for (int i = 0; i < 3; i++) {
        page.soon[i].run = soon_ran;
        loop_soon(page.loop, &page.soon[i]);
        loop_soon(page.loop, &page.soon[i]);
    }
    loop_run(page.loop);
    cr_assert_eq(page.ran_count, 3);
    cr_assert_eq(page.ran[0], 0);
    cr_assert_eq(page.ran[1], 2);
    cr_assert_eq(page.ran[2], 0);
}

static void soon_again(struct soon *soon)
{
    page.ran_count++;
    loop_soon(page.loop, soon);
}

Test(loop, soon_work_that_never_ends_leaves_time_for_the_rest)
{
    page.soon[0].run = soon_again;
    page.deadlines[0].expired = stop;
    loop_soon(page.loop, &page.soon[0]);
    loop_deadline(page.loop, &page.deadlines[0], clock_now_us() + 20000);
    loop_run(page.loop);
    cr_assert_gt(page.ran_count, 1);
    loop_soon_forget(page.loop, &page.soon[0]);
}

static void unwatch_the_other(struct watch *watch, uint32_t events)
{
    cr_assert(events & EPOLLIN);
    page.ran_count++;
    struct watch *other = watch == &page.watches[0] ? &page.watches[1] : &page.watches[0];
    loop_unwatch(page.loop, other);
    loop_unwatch(page.loop, watch);
    loop_stop(page.loop);
}

Test(loop, a_watch_taken_out_in_the_middle_of_a_batch_stays_silent)
{
    int ends[2][2];
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pipe(ends[i]), 0);
        page.watches[i] = (struct watch){ ends[i][0], unwatch_the_other };
        cr_assert(loop_watch(page.loop, &page.watches[i], EPOLLIN));
        cr_assert_eq(write(ends[i][1], "x", 1), 1);
    }
    loop_run(page.loop);
    cr_assert_eq(page.ran_count, 1);
    for (int i = 0; i < 2; i++) {
        close(ends[i][0]);
        close(ends[i][1]);
    }
}

/* ---- delay: what waits while the loop is busy ---- */

enum { MANY = 300, BATCH = 256, BUSY_US = 100 }; /* more than one wait hands out */

static struct watch many[MANY];

static void be_busy(struct watch *watch, uint32_t events)
{
    (void)events;
    uint64_t until_us = clock_now_us() + BUSY_US, count;
    cr_assert_eq(read(watch->fd, &count, sizeof(count)), sizeof(count));
    while (clock_now_us() < until_us) {
    }
    if (++page.ran_count == MANY) {
        page.before_us = loop_delay_us(page.loop);
        page.lag_us = loop_lag_us(page.loop, clock_now_us());
        loop_stop(page.loop);
    }
}

Test(loop, the_last_of_many_has_waited_for_all_before_it)
{
    for (int i = 0; i < MANY; i++) {
        many[i] = (struct watch){ eventfd(1, EFD_NONBLOCK), be_busy };
        cr_assert(loop_watch(page.loop, &many[i], EPOLLIN));
    }
    loop_run(page.loop);
    cr_assert_geq(page.before_us, BATCH * BUSY_US);
    cr_assert_geq(page.lag_us, MANY * BUSY_US, "and for those of its own turn");
    for (int i = 0; i < MANY; i++) {
        loop_unwatch(page.loop, &many[i]);
        close(many[i].fd);
    }
}

static void *post_all(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        loop_post(page.loop, &page.soon[i]);
    }
    return NULL;
}

static void posted_ran(struct soon *soon)
{
    page.ran[page.ran_count++] = (int)(soon - page.soon);
    if (page.ran_count == 3) {
        loop_stop(page.loop);
    }
}

Test(loop, posts_of_another_thread_arrive_in_order)
{
    for (int i = 0; i < 3; i++) {
        page.soon[i].run = posted_ran;
    }
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, post_all, NULL), 0);
    loop_run(page.loop);
    pthread_join(thread, NULL);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(page.ran[i], i);
    }
}
