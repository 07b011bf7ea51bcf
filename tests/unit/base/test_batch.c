/* The batch: what each read and write gives, with the ring and without; who is forgotten. */
#include "base/batch.h"
#include "base/must.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MANY = 100 }; /* more than one group */

struct entry {
    struct batch_io io;
    ssize_t result;
    unsigned times;
    unsigned rank; /* among all that were told, from 1 */
    char scratch[16];
};

struct page {
    struct batch *batch;
    int near, far;
    struct entry entries[MANY];
    unsigned told;
    struct entry *forgets, *adds; /* what the first `done` does to others */
};

static struct page page;

static void note(struct batch_io *io, ssize_t result)
{
    struct entry *entry = container_of(io, struct entry, io);
    entry->result = result;
    entry->times++;
    entry->rank = ++page.told;
    memcpy(entry->scratch, io->pieces[io->count - 1].iov_base,
        io->is_write ? 0 : sizeof(entry->scratch));
    cr_assert_eq(io->place, 0);
    if (page.told == 1 && page.forgets) {
        batch_forget(page.batch, &page.forgets->io);
    }
    if (page.told == 1 && page.adds) {
        batch_add(page.batch, &page.adds->io);
    }
}

static void open_batch(bool with_ring)
{
    int pair[2];
    page = (struct page){ .batch = batch_new() };
    if (with_ring && !batch_use_ring(page.batch)) {
        cr_skip_test("no io_uring here: %s", strerror(errno));
    }
    cr_assert_eq(batch_has_ring(page.batch), with_ring);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    page.near = pair[0];
    page.far = pair[1];
}

static void close_batch(void)
{
    cr_assert_eq(batch_count(page.batch), 0);
    batch_free(page.batch);
    close(page.near);
    close(page.far);
}

static void add_write(size_t i, int fd, const char *text)
{
    struct entry *entry = &page.entries[i];
    entry->io = (struct batch_io){ .fd = fd,
        .is_write = true,
        .count = 1,
        .pieces = { { (char *)text, strlen(text) } },
        .done = note };
    batch_add(page.batch, &entry->io);
}

static void add_read(size_t i, int fd, char *into, size_t room)
{
    struct entry *entry = &page.entries[i];
    entry->io = (struct batch_io){
        .fd = fd, .count = into != NULL, .pieces = { { into, room } }, .done = note
    };
    batch_add(page.batch, &entry->io);
}

static void run_all(void)
{
    while (batch_count(page.batch) > 0) {
        cr_assert_gt(batch_run(page.batch), 0);
    }
}

static void both_ways(void (*check)(void))
{
    open_batch(false);
    check();
    close_batch();
    open_batch(true);
    check();
    close_batch();
}

static void check_pieces(void)
{
    char content[4];
    add_write(0, page.near, "head ");
    page.entries[0].io.pieces[page.entries[0].io.count++] = (struct iovec){ "and body", 8 };
    add_read(1, page.far, content, sizeof(content));
    run_all();
    cr_assert_eq(page.entries[0].result, 13);
    cr_assert_eq(page.entries[1].result, 13);
    cr_assert_arr_eq(content, "head", 4);
    cr_assert_arr_eq(page.entries[1].scratch, " and body", 9);
}

Test(batch, a_write_has_two_pieces_and_a_read_a_place_and_a_scratch)
{
    both_ways(check_pieces);
}

static void check_ends(void)
{
    add_read(0, page.near, NULL, 0); /* nothing to read */
    add_read(1, page.near, NULL, 0);
    run_all();
    cr_assert_eq(page.entries[0].result, -EAGAIN);
    cr_assert_eq(page.entries[1].result, -EAGAIN);
    shutdown(page.far, SHUT_RDWR);
    add_read(2, page.near, NULL, 0);
    add_write(3, page.near, "to nobody"); /* and nobody is killed by SIGPIPE */
    add_read(4, -1, NULL, 0);
    run_all();
    cr_assert_eq(page.entries[2].result, 0);
    cr_assert_eq(page.entries[3].result, -EPIPE);
    cr_assert_eq(page.entries[4].result, -EBADF);
}

Test(batch, says_when_there_is_nothing_and_when_there_is_nobody)
{
    both_ways(check_ends);
}

static void check_full(void)
{
    static char much[1 << 20];
    memset(much, 'x', sizeof(much) - 1);
    add_write(0, page.near, much);
    add_write(1, page.near, much);
    run_all();
    cr_assert_gt(page.entries[0].result, 0);
    cr_assert_lt(page.entries[0].result, (ssize_t)sizeof(much) - 1);
    cr_assert_eq(page.entries[1].result, -EAGAIN);
}

Test(batch, a_full_socket_takes_a_part_and_nothing_waits)
{
    both_ways(check_full);
}

static void check_order(void)
{
    static const char digits[] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";
    char content[MANY];
    for (size_t i = 0; i < MANY; i++) {
        add_write(i, page.near, digits + i % 10 * 2);
    }
    run_all();
    cr_assert_eq(recv(page.far, content, sizeof(content), 0), MANY);
    for (size_t i = 0; i < MANY; i++) {
        cr_assert_eq(page.entries[i].result, 1);
        cr_assert_eq(page.entries[i].times, 1);
        cr_assert_eq(page.entries[i].rank, i + 1);
        cr_assert_eq(content[i], (char)('0' + i % 10));
    }
}

Test(batch, more_than_one_group_are_done_and_told_in_order)
{
    both_ways(check_order);
}

static void check_forgotten(void)
{
    page.forgets = &page.entries[2];
    page.adds = &page.entries[3];
    add_write(3, page.near, "d");
    batch_forget(page.batch, &page.entries[3].io);
    batch_forget(page.batch, &page.entries[3].io); /* no harm */
    for (size_t i = 0; i < 3; i++) {
        add_read(i, page.near, NULL, 0);
    }
    cr_assert_eq(send(page.far, "abc", 3, 0), 3);
    run_all();
    cr_assert_eq(page.entries[0].result, 3);
    cr_assert_eq(page.entries[1].result, -EAGAIN);
    cr_assert_eq(page.entries[2].times, 0); /* forgotten by the first, when it was done already */
    cr_assert_eq(page.entries[3].times, 1); /* added by the first */
    cr_assert_eq(page.entries[3].rank, 3);
}

Test(batch, whoever_is_forgotten_is_not_told)
{
    both_ways(check_forgotten);
}
