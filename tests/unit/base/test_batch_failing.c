/* A ring that the kernel refuses one day: nothing is lost, and the rest is done without it. */
#include "../../../bff-core/base/batch.c"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

enum { MEMBERS = 3 };

static ssize_t results[MEMBERS];
static size_t told;

static void note(struct batch_io *io, ssize_t result)
{
    (void)io;
    results[told++] = result;
}

Test(batch_failing, what_the_ring_has_not_done_is_done_without_it)
{
    struct batch *batch = batch_new();
    if (!batch_use_ring(batch)) {
        cr_skip_test("no io_uring here: %s", strerror(errno));
    }
    int pair[2], no_ring = open("/dev/null", O_RDWR | O_CLOEXEC);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_assert_eq(dup2(no_ring, batch->ring.ring_fd), batch->ring.ring_fd);
    close(no_ring);
    for (int round = 1; round <= 2; round++) {
        struct batch_io ios[MEMBERS] = {
            { .fd = pair[0], .is_write = true, .count = 1, .pieces = { { "one", 3 } } },
            { .fd = pair[0], .is_write = true, .count = 1, .pieces = { { " two", 4 } } },
            { .fd = pair[1] },
        };
        told = 0;
        for (size_t i = 0; i < MEMBERS; i++) {
            ios[i].done = note;
            batch_add(batch, &ios[i]);
        }
        while (batch_count(batch)) {
            batch_run(batch);
        }
        cr_assert_not(batch_has_ring(batch));
        cr_assert_eq(told, MEMBERS);
        cr_assert_eq(results[0], 3);
        cr_assert_eq(results[1], 4);
        cr_assert_eq(results[2], 7);
    }
    batch_free(batch);
    close(pair[0]);
    close(pair[1]);
}
