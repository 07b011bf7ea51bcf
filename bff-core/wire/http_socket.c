/*
 * http_socket: one way to write and one to read, whether there is TLS or not.
 *
 * Owns nothing. Promises that nothing here waits, and that of what a socket says no more is left
 * than four words: some, later, closed, failed. A session takes one piece at a time; the plain
 * socket takes all of them in one system call.
 */
#include "http_socket.h"

#include <errno.h>
#include <sys/socket.h>

static enum http_io io_of_errno(void)
{
    return errno == EAGAIN ? HTTP_IO_LATER : HTTP_IO_FAILED;
}

enum http_io http_socket_send(
    int fd, struct http_session *session, const struct iovec *pieces, int count, size_t *sent)
{
    if (session) {
        struct str bytes = { pieces[0].iov_base, pieces[0].iov_len };
        return http_session_send(session, bytes, sent);
    }
    struct msghdr message = { .msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)count };
    int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    ssize_t len = count == 1 ? send(fd, pieces[0].iov_base, pieces[0].iov_len, flags)
                             : sendmsg(fd, &message, flags);
    *sent = len > 0 ? (size_t)len : 0;
    return len < 0 ? io_of_errno() : HTTP_IO_SOME;
}

enum http_io http_socket_receive(
    int fd, struct http_session *session, const struct iovec *places, int count, size_t *received)
{
    *received = 0;
    if (session) {
        return http_session_receive(session, places[0].iov_base, places[0].iov_len, received);
    }
    struct msghdr message = { .msg_iov = (struct iovec *)places, .msg_iovlen = (size_t)count };
    ssize_t len =
        count == 1 ? recv(fd, places[0].iov_base, places[0].iov_len, 0) : recvmsg(fd, &message, 0);
    if (len <= 0) {
        return len == 0 ? HTTP_IO_CLOSED : io_of_errno();
    }
    *received = (size_t)len;
    return HTTP_IO_SOME;
}
