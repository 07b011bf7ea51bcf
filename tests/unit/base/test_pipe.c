/* The pipe: order, bounds, and who is woken when. */
#include "base/must.h"
#include "base/pipe.h"

#include <criterion/criterion.h>

struct side {
    struct soon soon;
    unsigned wakes;
};

static void count_wake(struct soon *soon)
{
    container_of(soon, struct side, soon)->wakes++;
}

static struct loop *loop;
static struct pipe pipe_of_8;
static struct side filler, drainer;

static void open_pipe(void)
{
    loop = loop_new();
    pipe_init(&pipe_of_8, loop, 8);
    filler = (struct side){ .soon.run = count_wake };
    drainer = (struct side){ .soon.run = count_wake };
    pipe_of_8.filler = &filler.soon;
    pipe_of_8.drainer = &drainer.soon;
}

static void close_pipe(void)
{
    pipe_fini(&pipe_of_8);
    loop_soon_forget(loop, &filler.soon);
    loop_soon_forget(loop, &drainer.soon);
    loop_free(loop);
}

TestSuite(pipe, .init = open_pipe, .fini = close_pipe, .timeout = 20);

static void stop(struct soon *soon)
{
    (void)soon;
    loop_stop(loop);
}

/* All that is queued now. */
static void turn(void)
{
    struct soon last = { .run = stop };
    loop_soon(loop, &last);
    loop_run(loop);
}

static void expect_inside(const char *text)
{
    cr_assert(str_eq(pipe_peek(&pipe_of_8), str_of(text)), "\"%.*s\", not \"%s\"",
        STR_FMT(pipe_peek(&pipe_of_8)), text);
}

Test(pipe, gives_out_in_order_what_was_put_in_across_its_end)
{
    pipe_put(&pipe_of_8, STR("abcdef"));
    pipe_take(&pipe_of_8, 5);
    expect_inside("f");
    cr_assert_eq(pipe_room(&pipe_of_8), 7);
    pipe_put(&pipe_of_8, STR("ghijklm"));
    expect_inside("fghijklm");
    pipe_take(&pipe_of_8, 8);
    expect_inside("");
    cr_assert_eq(pipe_of_8.taken_bytes, 13);
    cr_assert_not(pipe_is_over(&pipe_of_8));
    pipe_put(&pipe_of_8, STR("n"));
    pipe_end(&pipe_of_8);
    cr_assert_not(pipe_is_over(&pipe_of_8));
    pipe_take(&pipe_of_8, 1);
    cr_assert(pipe_is_over(&pipe_of_8));
}

Test(pipe, wakes_the_drainer_for_the_first_bytes_and_for_the_end)
{
    pipe_put(&pipe_of_8, STR("ab"));
    turn();
    cr_assert_eq(drainer.wakes, 1);
    pipe_put(&pipe_of_8, STR("cd"));
    turn();
    cr_assert_eq(drainer.wakes, 1, "it has bytes to work on");
    pipe_take(&pipe_of_8, 4);
    pipe_put(&pipe_of_8, STR("ef"));
    turn();
    cr_assert_eq(drainer.wakes, 2);
    pipe_end(&pipe_of_8);
    turn();
    cr_assert_eq(drainer.wakes, 3);
    cr_assert_eq(filler.wakes, 0, "it never found the pipe full");
}

Test(pipe, wakes_the_filler_once_when_half_is_free)
{
    pipe_put(&pipe_of_8, STR("abcdefgh"));
    cr_assert_eq(pipe_room(&pipe_of_8), 0);
    cr_assert_eq(pipe_room(&pipe_of_8), 0);
    cr_assert_eq(pipe_of_8.stalls, 1, "asked twice, stalled once");
    pipe_take(&pipe_of_8, 3);
    turn();
    cr_assert_eq(filler.wakes, 0);
    pipe_take(&pipe_of_8, 1);
    pipe_take(&pipe_of_8, 1);
    turn();
    cr_assert_eq(filler.wakes, 1);
    cr_assert_eq(pipe_room(&pipe_of_8), 5);
}

Test(pipe, does_not_wake_a_side_that_is_gone)
{
    pipe_of_8.filler = pipe_of_8.drainer = NULL;
    pipe_put(&pipe_of_8, STR("abcdefgh"));
    cr_assert_eq(pipe_room(&pipe_of_8), 0);
    pipe_take(&pipe_of_8, 8);
    pipe_end(&pipe_of_8);
    turn();
    cr_assert_eq(filler.wakes + drainer.wakes, 0);
}
