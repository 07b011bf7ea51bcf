/* Shedding: the controller on a clock that the test moves, and a server that is only arithmetic. */
#include "admit/shed.h"

#include <criterion/criterion.h>

static struct settings settings;
static struct pressure pressure;
static struct shed *shed;
static uint64_t now_us;

enum { MS = 1000, SECOND = 1000 * MS, TARGET = 20 * MS, LATE = 2 * TARGET, INTERVAL = 100 * MS };

/* A loop that never turns: its clock is the test's, and so is its delay. */
static struct turn_hook *hooked;
static uint64_t loop_delay;

void loop_hook(struct loop *loop, struct turn_hook *hook)
{
    (void)loop;
    hooked = hook;
}

void loop_unhook(struct loop *loop, struct turn_hook *hook)
{
    (void)loop;
    cr_assert_eq(hooked, hook);
    hooked = NULL;
}

uint64_t loop_now_us(const struct loop *loop)
{
    (void)loop;
    return now_us;
}

uint64_t loop_delay_us(const struct loop *loop)
{
    (void)loop;
    return loop_delay;
}

static void open_door(void)
{
    settings = (struct settings){ 0 };
    settings.listen.workers = 2;
    settings.limits.in_flight = 4000;
    settings.shed.target_ms = TARGET / MS;
    settings.shed.interval_ms = INTERVAL / MS;
    pressure = (struct pressure){ 0 };
    now_us = 1000 * (uint64_t)SECOND;
    shed = shed_new(NULL, &settings, &pressure);
}

static void close_door(void)
{
    shed_free(shed);
    cr_assert_null(hooked);
}

TestSuite(shed, .init = open_door, .fini = close_door, .timeout = 20);

/* The spine's part, as far as the step needs it. */
enum step_verdict request_refuse(
    struct request *request, enum problem problem, const char *detail, ...)
{
    cr_assert(strlen(detail) > 0);
    request->problem = problem;
    return STEP_FAIL;
}

static bool enter(enum bff_priority priority)
{
    unsigned retry_after_s;
    bool is_in = shed_enter(shed, priority, &retry_after_s);
    cr_assert_eq(is_in, retry_after_s == 0);
    return is_in;
}

/* How many of `tries` are let in at this moment. */
static unsigned let_in(enum bff_priority priority, unsigned tries)
{
    unsigned count = 0;
    for (unsigned i = 0; i < tries; i++) {
        count += enter(priority);
    }
    return count;
}

static void leave_of(enum bff_priority priority, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        shed_leave(shed, priority);
    }
}

static void leave(unsigned count)
{
    leave_of(BFF_PRIORITY_NORMAL, count);
}

/* Turns of `turn_us`, each as late as the one before was long, until `us` have passed. */
static void turns(uint64_t us, uint64_t turn_us)
{
    for (uint64_t end_us = now_us + us; now_us < end_us;) {
        now_us += turn_us;
        shed_turn(shed, now_us, turn_us);
    }
}

/* 400 in flight, and twice too late for a whole interval: the limit is 200. */
static void begin_shedding(void)
{
    cr_assert_eq(let_in(BFF_PRIORITY_NORMAL, 400), 400);
    turns(INTERVAL + LATE, LATE);
    cr_assert_eq(pressure.limit, 200);
}

/* ---- when ---- */

Test(shed, nobody_is_refused_while_turns_are_short)
{
    turns(SECOND, TARGET);
    cr_assert_eq(let_in(BFF_PRIORITY_LOW, 3000), 3000);
    turns(10 * SECOND, TARGET);
    cr_assert_eq(let_in(BFF_PRIORITY_LOW, 1000), 1000);
    cr_assert_eq(pressure.limit, 0);
    cr_assert_eq(pressure.delay_us, TARGET);
}

Test(shed, a_burst_shorter_than_the_interval_is_borne)
{
    let_in(BFF_PRIORITY_NORMAL, 400);
    for (int i = 0; i < 100; i++) {
        turns(INTERVAL - LATE, LATE);
        turns(TARGET, TARGET);
        cr_assert_eq(pressure.limit, 0);
    }
    cr_assert_eq(let_in(BFF_PRIORITY_LOW, 100), 100);
}

Test(shed, one_long_stall_is_no_overload)
{
    let_in(BFF_PRIORITY_NORMAL, 400);
    turns(5 * SECOND, 5 * SECOND);
    cr_assert_eq(pressure.limit, 0);
    turns(SECOND, MS);
    cr_assert_eq(pressure.limit, 0);
}

Test(shed, a_whole_interval_too_late_limits_to_what_the_delay_can_bear)
{
    begin_shedding();
    cr_assert_eq(let_in(BFF_PRIORITY_NORMAL, 10), 0, "twice too late is twice too many");
    leave(400 - 150);
    cr_assert_eq(let_in(BFF_PRIORITY_NORMAL, 10), 0, "three quarters are full");
    leave(1);
    cr_assert_eq(let_in(BFF_PRIORITY_NORMAL, 10), 1);
}

Test(shed, the_low_ones_never_stand_in_the_way_of_the_high_ones)
{
    begin_shedding();
    cr_assert_eq(let_in(BFF_PRIORITY_HIGH, 300), 200, "400 normal ones are in flight");
    leave_of(BFF_PRIORITY_HIGH, 200);
    leave(400);
    cr_assert_eq(let_in(BFF_PRIORITY_LOW, 300), 100, "half of the limit");
    cr_assert_eq(let_in(BFF_PRIORITY_NORMAL, 300), 150, "three quarters");
    cr_assert_eq(let_in(BFF_PRIORITY_LOW, 1), 0);
    cr_assert_eq(let_in(BFF_PRIORITY_HIGH, 300), 200);
    cr_assert_eq(let_in(BFF_PRIORITY_NORMAL, 1), 0, "the high ones do stand in theirs");
}

Test(shed, it_ends_ten_intervals_after_the_last_refusal)
{
    begin_shedding();
    cr_assert_not(enter(BFF_PRIORITY_NORMAL));
    leave(400);
    turns(10 * INTERVAL - MS, MS);
    cr_assert_neq(pressure.limit, 0);
    turns(2 * MS, MS);
    cr_assert_eq(pressure.limit, 0);
    cr_assert_eq(let_in(BFF_PRIORITY_LOW, 1000), 1000);
}

Test(shed, a_target_of_zero_never_sheds)
{
    settings.shed.target_ms = 0;
    let_in(BFF_PRIORITY_NORMAL, 1000);
    turns(10 * SECOND, SECOND);
    cr_assert_eq(pressure.limit, 0);
    cr_assert_eq(let_in(BFF_PRIORITY_LOW, 1000), 1000);
}

Test(shed, it_looks_at_each_turn_of_its_loop)
{
    loop_delay = 3 * MS;
    cr_assert_eq(hooked->before_wait(hooked), LOOP_NO_LIMIT, "an idle loop is left alone");
    cr_assert_eq(pressure.delay_us, 3 * MS);
    enter(BFF_PRIORITY_NORMAL);
    cr_assert_neq(hooked->before_wait(hooked), LOOP_NO_LIMIT, "to see the window's end");
}

/* ---- the limit ---- */

Test(shed, the_limit_does_not_fall_before_it_is_felt)
{
    begin_shedding();
    turns(SECOND / 2, LATE);
    cr_assert_eq(pressure.limit, 200, "400 are still in flight");
    leave(250);
    turns(2 * LATE, LATE);
    cr_assert_eq(pressure.limit, 180, "by a tenth, although it was twice too late");
}

Test(shed, the_limit_rises_only_when_somebody_was_refused)
{
    begin_shedding();
    leave(400);
    turns(SECOND / 10, MS);
    cr_assert_eq(pressure.limit, 200);
    let_in(BFF_PRIORITY_NORMAL, 200);
    turns(10 * MS, MS);
    cr_assert_eq(pressure.limit, 220);
}

Test(shed, the_limit_has_a_floor_and_a_ceiling)
{
    begin_shedding();
    leave(400);
    for (int i = 0; i < 1000; i++) {
        turns(LATE, LATE);
        enter(BFF_PRIORITY_NORMAL) ? leave(1) : (void)0;
    }
    cr_assert_eq(pressure.limit, 8);
    for (int i = 0; i < 1000; i++) {
        unsigned count = let_in(BFF_PRIORITY_NORMAL, 5000);
        turns(10 * MS, MS);
        leave(count);
    }
    cr_assert_eq(pressure.limit, 2000, "limits.in_flight is for two workers");
}

/* ---- before a request begins ---- */

Test(shed, who_may_come_in_is_counted_until_he_has)
{
    unsigned retry_after_s;
    begin_shedding();
    leave(400 - 100);
    for (int i = 0; i < 50; i++) {
        cr_assert(shed_knock(shed, BFF_PRIORITY_NORMAL, &retry_after_s));
        cr_assert_eq(retry_after_s, 0);
    }
    cr_assert_not(shed_knock(shed, BFF_PRIORITY_NORMAL, &retry_after_s));
    cr_assert_gt(retry_after_s, 0);
    cr_assert_eq(let_in(BFF_PRIORITY_NORMAL, 60), 50, "the fifty, and nobody else");
    leave(150);
}

Test(shed, who_knocked_and_left_takes_no_room_for_long)
{
    unsigned retry_after_s;
    begin_shedding();
    leave(400);
    for (int i = 0; i < 150; i++) {
        cr_assert(shed_knock(shed, BFF_PRIORITY_NORMAL, &retry_after_s));
    }
    cr_assert_not(shed_knock(shed, BFF_PRIORITY_NORMAL, &retry_after_s));
    turns(MS, MS);
    cr_assert_eq(let_in(BFF_PRIORITY_NORMAL, 160), 150);
}

/* ---- what clients and balancers are told ---- */

Test(shed, clients_come_back_at_different_moments)
{
    unsigned retry_after_s, seen[4] = { 0 };
    begin_shedding();
    for (int i = 0; i < 300; i++) {
        cr_assert_not(shed_enter(shed, BFF_PRIORITY_NORMAL, &retry_after_s));
        cr_assert(retry_after_s >= 1 && retry_after_s <= 3);
        seen[retry_after_s]++;
    }
    cr_assert(seen[1] > 50 && seen[2] > 50 && seen[3] > 50);
}

/* A second of turns that are neither late nor early: the limit stays. */
static void pass_window(void)
{
    settings.shed.interval_ms = SECOND / MS; /* nor does the shedding end */
    turns(SECOND, TARGET);
}

Test(shed, refusing_most_begins_at_a_half_and_ends_below_a_quarter)
{
    static const struct {
        unsigned refused; /* beside 50 that are let in */
        bool is_hard;
    } windows[] = { { 40, false }, { 49, false }, { 50, true }, { 17, true }, { 16, false },
        { 49, false }, { 500, true }, { 0, false } };
    begin_shedding();
    leave(400);
    cr_assert_eq(let_in(BFF_PRIORITY_HIGH, 100), 100);
    pass_window();
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        cr_assert_eq(let_in(BFF_PRIORITY_NORMAL, 50 + windows[i].refused), 50);
        pass_window();
        cr_assert_eq(pressure.is_hard, windows[i].is_hard, "window %zu", i);
        leave(50);
    }
}

Test(shed, refusals_of_low_priority_are_nothing_to_leave_a_server_for)
{
    begin_shedding();
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(let_in(BFF_PRIORITY_LOW, 1000), 0);
        pass_window();
        cr_assert_not(pressure.is_hard);
    }
}

/* ---- a server that is only arithmetic ---- */

/* A request takes five turns and a millisecond in all: 1,000 of them are a second's work. */
enum { VISITS = 5, VISIT_US = 200, REFUSAL_US = 10, IDLE_TURN_US = 50 };

/* Those of one priority. */
struct crowd {
    double per_s;
    double due;
    unsigned at[VISITS]; /* how many are in their nth turn */
    unsigned asked, served;
};

/* Who was served leaves, the others have their next turn. Returns what the turn's work takes. */
static uint64_t crowd_turn(struct crowd *crowd, enum bff_priority priority, uint64_t turn_us)
{
    uint64_t work_us = 0;
    leave_of(priority, crowd->at[VISITS - 1]);
    crowd->served += crowd->at[VISITS - 1];
    memmove(crowd->at + 1, crowd->at, (VISITS - 1) * sizeof(crowd->at[0]));
    crowd->at[0] = 0;
    for (crowd->due += crowd->per_s * (double)turn_us / 1e6; crowd->due >= 1; crowd->due--) {
        bool is_in = enter(priority);
        crowd->asked++;
        crowd->at[0] += is_in;
        work_us += is_in ? 0 : REFUSAL_US;
    }
    for (size_t visit = 0; visit < VISITS; visit++) {
        work_us += crowd->at[visit] * (uint64_t)VISIT_US;
    }
    return work_us;
}

/* Serves them for so long, and counts anew. Returns the longest delay. */
static uint64_t serve(struct crowd *crowds, uint64_t us)
{
    uint64_t turn_us = IDLE_TURN_US, longest_us = 0;
    for (int priority = 0; priority < 3; priority++) {
        crowds[priority].asked = crowds[priority].served = 0;
    }
    for (uint64_t end_us = now_us + us; now_us < end_us;) {
        now_us += turn_us;
        shed_turn(shed, now_us, turn_us);
        uint64_t work_us = IDLE_TURN_US;
        for (int priority = 0; priority < 3; priority++) {
            work_us += crowd_turn(&crowds[priority], (enum bff_priority)priority, turn_us);
        }
        turn_us = work_us;
        longest_us = turn_us > longest_us ? turn_us : longest_us;
    }
    return longest_us;
}

Test(shed, at_three_times_the_capacity_it_is_busy_and_in_time)
{
    struct crowd crowds[3] = { [BFF_PRIORITY_NORMAL] = { .per_s = 3000 } };
    serve(crowds, SECOND);
    cr_assert(serve(crowds, 5 * SECOND) < 2 * TARGET);
    const struct crowd *normal = &crowds[BFF_PRIORITY_NORMAL];
    /* 2,000 refusals a second take two hundredths of the time. */
    cr_assert(normal->served > 5 * 930 && normal->served <= 5 * 1000, "%u", normal->served);
    cr_assert(pressure.is_hard);
}

Test(shed, the_low_ones_are_refused_first_and_the_high_ones_last)
{
    struct crowd crowds[3] = { { .per_s = 800 }, { .per_s = 800 }, { .per_s = 800 } };
    serve(crowds, SECOND);
    serve(crowds, 10 * SECOND);
    const struct crowd *normal = &crowds[BFF_PRIORITY_NORMAL], *low = &crowds[BFF_PRIORITY_LOW];
    const struct crowd *high = &crowds[BFF_PRIORITY_HIGH];
    cr_assert(high->served > high->asked * 95 / 100, "high: %u", high->served);
    cr_assert(low->served < low->asked * 5 / 100, "low: %u", low->served);
    cr_assert(normal->served > normal->asked / 10 && normal->served < normal->asked / 3,
        "normal: %u", normal->served);
}

Test(shed, it_is_over_when_the_load_is)
{
    struct crowd crowds[3] = { [BFF_PRIORITY_NORMAL] = { .per_s = 3000 } };
    serve(crowds, 2 * SECOND);
    cr_assert(pressure.is_hard);
    crowds[BFF_PRIORITY_NORMAL].per_s = 900;
    serve(crowds, 3 * SECOND);
    cr_assert_eq(pressure.limit, 0);
    cr_assert_not(pressure.is_hard);
    serve(crowds, SECOND);
    cr_assert_eq(crowds[BFF_PRIORITY_NORMAL].served, crowds[BFF_PRIORITY_NORMAL].asked);
}

/* ---- the step ---- */

Test(shed, what_no_plan_wants_is_of_low_priority)
{
    static const struct bff_plan plan = { .name = "feed" };
    struct worker worker = { .shed = shed };
    struct request known = { .worker = &worker, .routed.plan = &plan };
    struct request unknown = { .worker = &worker };
    cr_assert_not(shed_is_on(shed));
    begin_shedding();
    cr_assert(shed_is_on(shed));
    leave(400 - 120);
    cr_assert_not(shed_turns_away(&known));
    cr_assert(shed_turns_away(&unknown));
    cr_assert_eq(unknown.problem, PROBLEM_OVERLOADED);
    cr_assert_gt(unknown.pressed.retry_after_s, 0);
}

/* A stream may last for hours. */
Test(shed, what_is_passed_through_enters_and_takes_no_room)
{
    static const struct bff_plan plan = { .name = "upload", .calls = { { .pass = "/" } } };
    struct worker worker = { .shed = shed };
    struct request request = { .worker = &worker, .routed.plan = &plan };
    cr_assert_eq(shed_run(&request), STEP_NEXT);
    cr_assert_not(request.pressed.is_counted);
    begin_shedding();
    cr_assert_eq(shed_run(&request), STEP_FAIL);
    cr_assert_eq(request.problem, PROBLEM_OVERLOADED);
    leave(400);
}

Test(shed, the_step_counts_each_request_once)
{
    static const struct bff_plan plan = { .name = "feed" };
    struct worker worker = { .shed = shed };
    struct request request = { .worker = &worker, .routed.plan = &plan };
    cr_assert_eq(shed_run(&request), STEP_NEXT);
    cr_assert(request.pressed.is_counted);
    shed_forget(&request);
    shed_forget(&request); /* would count below zero */
    begin_shedding();
    cr_assert_eq(shed_run(&request), STEP_FAIL);
    cr_assert_eq(request.problem, PROBLEM_OVERLOADED);
    cr_assert(request.pressed.retry_after_s > 0);
    shed_forget(&request);
    leave(400);
}
