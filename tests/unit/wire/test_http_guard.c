/* The guard: what the library hears instead of a client, and what we read and write. */
#include "base/must.h"
#include "wire/http_guard.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

struct door {
    struct http_guards guards;
    struct http_guard guard;
    int client;
    unsigned shaken;
};

static struct door door;

static void count_shaken(struct http_guard *guard)
{
    cr_assert_eq(guard, &door.guard);
    cr_assert_eq(guard->stage, HTTP_GUARD_SHAKEN);
    door.shaken++;
}

static void open_door(void)
{
    int ends[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    door = (struct door){ .client = ends[1], .guard = { .fd = ends[0], .shaken = count_shaken } };
    http_guards_init(&door.guards, false);
    http_guards_add(&door.guards, &door.guard);
}

static void shut_door(void)
{
    http_guards_remove(&door.guards, &door.guard);
    http_guards_fini(&door.guards);
    close(door.client);
    close(door.guard.fd);
}

TestSuite(http_guard_doors, .init = open_door, .fini = shut_door);

static void say(const char *text)
{
    cr_assert_eq(write(door.client, text, strlen(text)), (ssize_t)strlen(text));
}

/* What the library's recv gets; an errno as text when it gets nothing. */
static const char *hear(void)
{
    static char heard[4096];
    http_guards_enter(&door.guards);
    ssize_t len = recv(door.guard.fd, heard, sizeof(heard) - 1, 0);
    int why = errno;
    http_guards_leave();
    if (len < 0) {
        return why == EAGAIN ? "EAGAIN" : "another errno";
    }
    heard[len] = '\0';
    return heard;
}

Test(http_guard_doors, let_the_library_read_nothing)
{
    say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    cr_assert_str_eq(hear(), "EAGAIN");
    cr_assert_str_eq(hear(), "EAGAIN");
    cr_assert_eq(door.shaken, 1);
    door.guard.stage = HTTP_GUARD_OURS;
    cr_assert_str_eq(hear(), "EAGAIN");
    char got[100] = "";
    size_t len;
    cr_assert_eq(http_guard_read(&door.guard, got, 3, &len), HTTP_GUARD_SOME);
    cr_assert_eq(len, 3);
    cr_assert_str_eq(got, "GET", "all of it is there");
}

Test(http_guard_doors, tell_the_library_when_we_are_through)
{
    say("bytes that nobody reads");
    door.guard.stage = HTTP_GUARD_CLOSING;
    cr_assert_str_eq(hear(), "");
    cr_assert_eq(door.shaken, 0);
}

Test(http_guard_doors, tell_some_from_later_and_from_the_end)
{
    char got[100] = "";
    size_t len = 7;
    cr_assert_eq(http_guard_read(&door.guard, got, sizeof(got), &len), HTTP_GUARD_LATER);
    cr_assert_eq(len, 0);
    cr_assert_eq(http_guard_write(&door.guard, STR("hello"), &len), HTTP_GUARD_SOME);
    cr_assert_eq(len, 5);
    cr_assert_eq(read(door.client, got, sizeof(got)), 5);
    say("bye");
    shutdown(door.client, SHUT_WR);
    cr_assert_eq(http_guard_read(&door.guard, got, sizeof(got), &len), HTTP_GUARD_SOME);
    cr_assert_eq(http_guard_read(&door.guard, got, sizeof(got), &len), HTTP_GUARD_ENDED);
    shutdown(door.client, SHUT_RD);
    cr_assert_eq(http_guard_write(&door.guard, STR("hello"), &len), HTTP_GUARD_ENDED);
    cr_assert_eq(len, 0);
}

Test(http_guard_doors, are_open_to_everybody_else)
{
    say("bytes");
    char got[8] = "";
    cr_assert_eq(recv(door.guard.fd, got, 5, 0), 5, "no guards at work");
    cr_assert_str_eq(got, "bytes");
    int ends[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    cr_assert_eq(write(ends[1], "other", 5), 5);
    http_guards_enter(&door.guards);
    cr_assert_eq(recv(ends[0], got, 5, MSG_PEEK), 5, "not a connection of ours");
    http_guards_leave();
    cr_assert_str_eq(got, "other");
    cr_assert_eq(door.shaken, 0);
    close(ends[0]);
    close(ends[1]);
}
