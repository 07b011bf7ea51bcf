/*
 * http_linger: the polite end of a connection that was refused in the middle of its request.
 *
 * Owns duplicates of sockets. Promises: a socket stays for LINGER_MS at most, and a client that
 * keeps sending is cut off after DROPPED_MAX_BYTES. Does not know why the connection ended.
 */
#include "http_linger.h"

#include "../base/must.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINGER_MS = 1000, DROPPED_MAX_BYTES = 4 << 20 };

struct http_linger {
    struct http_lingers *all;
    struct ring_link link; /* in all->list */
    struct watch watch;
    struct deadline deadline;
    size_t dropped_bytes;
};

static void end(struct http_linger *linger)
{
    struct http_lingers *all = linger->all;
    loop_unwatch(all->loop, &linger->watch);
    loop_deadline_clear(all->loop, &linger->deadline);
    close(linger->watch.fd);
    ring_remove(&linger->link);
    free(linger);
}

static void end_and_tell(struct http_linger *linger)
{
    struct http_lingers *all = linger->all;
    end(linger);
    if (ring_is_empty(&all->list)) {
        all->emptied(all);
    }
}

static void drop(struct watch *watch, uint32_t events)
{
    (void)events;
    struct http_linger *linger = container_of(watch, struct http_linger, watch);
    char scratch[16384];
    ssize_t len = read(watch->fd, scratch, sizeof(scratch));
    linger->dropped_bytes += len > 0 ? (size_t)len : 0;
    if (len <= 0 || linger->dropped_bytes > DROPPED_MAX_BYTES) {
        end_and_tell(linger);
    }
}

static void expired(struct deadline *deadline)
{
    end_and_tell(container_of(deadline, struct http_linger, deadline));
}

void http_lingers_init(
    struct http_lingers *lingers, struct loop *loop, void (*emptied)(struct http_lingers *lingers))
{
    *lingers = (struct http_lingers){ .loop = loop, .emptied = emptied };
    ring_init(&lingers->list);
}

void http_lingers_add(struct http_lingers *lingers, int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    struct http_linger *linger = copy >= 0 ? calloc(1, sizeof(*linger)) : NULL;
    if (!linger) {
        if (copy >= 0) {
            close(copy);
        }
        return; /* the reset is what is left */
    }
    *linger = (struct http_linger){
        .all = lingers,
        .watch = { copy, drop },
        .deadline.expired = expired,
    };
    ring_append(&lingers->list, &linger->link);
    shutdown(copy, SHUT_WR);
    loop_deadline(lingers->loop, &linger->deadline, loop_now_us(lingers->loop) + LINGER_MS * 1000);
    if (!loop_watch(lingers->loop, &linger->watch, EPOLLIN)) {
        end(linger);
    }
}

void http_lingers_fini(struct http_lingers *lingers)
{
    while (!ring_is_empty(&lingers->list)) {
        end(container_of(lingers->list.next, struct http_linger, link));
    }
}
