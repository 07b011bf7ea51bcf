#ifndef TEST_HTTP_CORPUS_H
#define TEST_HTTP_CORPUS_H

#include "base/str.h"

/*
 * What may arrive at a server, and what it means. The guard's test reads it byte by byte, the
 * server's test sends it through sockets; both put CORPUS_NEXT behind each case, to see where the
 * case was thought to end.
 *
 * `means` is what must be understood: "METHOD target" and "[body]" where there is one; a second
 * request follows after " > "; a refusal stands last, by its name. "!" at the end: the connection
 * ends there, and the request behind it must not be seen. "..." alone: the request is not whole
 * yet.
 */
struct corpus_case {
    const char *name;
    struct str bytes;
    const char *means;
};

#define CORPUS_NEXT "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

#define LINE(line)         line "\r\nHost: a\r\n\r\n"
#define TARGET(target)     LINE("GET " target " HTTP/1.1")
#define GET(fields)        "GET / HTTP/1.1\r\nHost: a\r\n" fields "\r\n"
#define POST(fields, body) "POST / HTTP/1.1\r\nHost: a\r\n" fields "\r\n" body
#define CHUNKS(body)       POST("Transfer-Encoding: chunked\r\n", body)
#define HOST(value)        "GET / HTTP/1.1\r\nHost:" value "\r\n\r\n"

#define CASE(name, bytes, means)                                                                   \
    {                                                                                              \
        name, { bytes, sizeof(bytes) - 1 }, means                                                  \
    }
#define BAD(name, bytes) CASE(name, bytes, "malformed")

static const struct corpus_case corpus[] = {
    /* the request line */
    CASE("plain GET", GET(""), "GET /"),
    CASE("path and query", TARGET("/a/b;c=d?e=f&g=%20h"), "GET /a/b;c=d?e=f&g=%20h"),
    CASE("question marks in a query", TARGET("/a?b?c"), "GET /a?b?c"),
    CASE("what browsers send bare", TARGET("/a?b[]={c}|d^`"), "GET /a?b[]={c}|d^`"),
    CASE("two slashes", TARGET("//a"), "GET //a"),
    CASE("dots are not resolved", TARGET("/a/../b"), "GET /a/../b"),
    CASE("a method of our own", LINE("PURGE-ALL / HTTP/1.1"), "PURGE-ALL /"),
    CASE("a method in small letters", LINE("get / HTTP/1.1"), "get /"),
    CASE("absolute form", TARGET("http://a.example:80/b?c"), "GET /b?c"),
    CASE("absolute form, https", TARGET("HTTPS://a.example/b"), "GET /b"),
    CASE("absolute form without a path", TARGET("http://a.example"), "GET /"),
    CASE("absolute form with a query only", TARGET("http://a.example?b=c"), "GET /?b=c"),
    CASE("absolute form, IPv6", TARGET("http://[::1]:8080/b"), "GET /b"),
    CASE("asterisk", LINE("OPTIONS * HTTP/1.1"), "OPTIONS *"),
    CASE("one empty line before", "\r\n" GET(""), "GET /"),
    CASE("empty line between two", GET("") "\r\n" GET(""), "GET / > GET /"),
    BAD("two empty lines before", "\r\n\r\n" GET("")),
    BAD("bare LF before", "\n" GET("")),
    BAD("space before", " " GET("")),
    BAD("asterisk with GET", TARGET("*")),
    BAD("asterisk and more", LINE("OPTIONS *a HTTP/1.1")),
    BAD("no target", LINE("GET HTTP/1.1")),
    BAD("empty target", LINE("GET  HTTP/1.1")),
    BAD("two spaces before the target", LINE("GET  / HTTP/1.1")),
    BAD("two spaces before the version", LINE("GET /  HTTP/1.1")),
    BAD("space behind the version", LINE("GET / HTTP/1.1 ")),
    BAD("tab for space", LINE("GET\t/ HTTP/1.1")),
    BAD("space in the target", TARGET("/a b")),
    BAD("HTTP/0.9", "GET /\r\n\r\n"),
    BAD("HTTP/0.9 in words", LINE("GET / HTTP/0.9")),
    BAD("HTTP/2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    BAD("HTTP/1.2", LINE("GET / HTTP/1.2")),
    BAD("HTTP/1.10", LINE("GET / HTTP/1.10")),
    BAD("HTTP/01.1", LINE("GET / HTTP/01.1")),
    BAD("HTTP/1,1", LINE("GET / HTTP/1,1")),
    BAD("http/1.1", LINE("GET / http/1.1")),
    BAD("HTTP/1.1 cut short", LINE("GET / HTTP/1.")),
    BAD("brace in the method", LINE("G{T / HTTP/1.1")),
    BAD("colon in the method", LINE("GET: / HTTP/1.1")),
    BAD("quote in the method", LINE("\"GET\" / HTTP/1.1")),
    BAD("a method of 33 bytes", LINE("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1")),
    BAD("fragment", TARGET("/a#b")),
    BAD("backslash", TARGET("\\a")),
    BAD("relative path", TARGET("a")),
    BAD("authority form", LINE("CONNECT a.example:443 HTTP/1.1")),
    BAD("other scheme", TARGET("ftp://a.example/")),
    BAD("absolute form without a host", TARGET("http:///b")),
    BAD("absolute form with userinfo", TARGET("http://me@a.example/b")),
    BAD("absolute form, broken port", TARGET("http://a.example:8x/b")),
    BAD("percent alone", TARGET("/a%")),
    BAD("percent and one digit", TARGET("/a%4")),
    BAD("percent and no digits", TARGET("/a%zz")),
    BAD("percent in the query", TARGET("/a?b=%2")),
    BAD("encoded NUL", TARGET("/a%00")),
    BAD("NUL in the target", TARGET("/a\0b")),
    BAD("byte above 127 in the target", TARGET("/\xc3\xa4")),
    BAD("DEL in the target", TARGET("/a\x7f")),
    BAD("quote in the target", TARGET("/\"a\"")),
    BAD("angle bracket in the target", TARGET("/<a>")),
    BAD("TLS on the plain port", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    BAD("SSH", "SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    /* the end of lines */
    BAD("bare LF throughout", "GET / HTTP/1.1\nHost: a\n\n"),
    BAD("bare LF behind the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"),
    BAD("bare LF behind a field", "GET / HTTP/1.1\r\nHost: a\n\r\n"),
    BAD("bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n"),
    BAD("bare CR in a value", GET("A: b\rC: d\r\n")),
    BAD("bare CR for a line's end", "GET / HTTP/1.1\rHost: a\r\r"),
    BAD("two CR", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"),
    BAD("LF CR", GET("A: b\n\rC: d\r\n")),
    /* fields */
    CASE("space around values", GET("A:  b \t\r\nC:\td\r\n"), "GET /"),
    CASE("empty value", GET("A:\r\n"), "GET /"),
    CASE("bytes above 127 in a value", GET("A: \xc3\xa4\xff\r\n"), "GET /"),
    CASE("tab inside a value", GET("A: b\tc\r\n"), "GET /"),
    CASE("colon in a value", GET("A: b:c\r\n"), "GET /"),
    CASE("all bytes of a name", GET("!#$%&'*+-.^_`|~09azAZ: b\r\n"), "GET /"),
    BAD("space before the colon", GET("A : b\r\n")),
    BAD("tab before the colon", GET("A\t: b\r\n")),
    BAD("space before a name", GET(" A: b\r\n")),
    BAD("folded line", GET("A: b\r\n c\r\n")),
    BAD("folded line with tab", GET("A: b\r\n\tc\r\n")),
    BAD("folded first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    BAD("line of one space", GET(" \r\n")),
    BAD("no colon", GET("A b\r\n")),
    BAD("no name", GET(": b\r\n")),
    BAD("brace in a name", GET("A{: b\r\n")),
    BAD("at in a name", GET("A@: b\r\n")),
    BAD("bracket in a name", GET("A[]: b\r\n")),
    BAD("byte above 127 in a name", GET("\xc3\xa4: b\r\n")),
    BAD("NUL in a name", GET("A\0: b\r\n")),
    BAD("NUL in a value", GET("A: b\0c\r\n")),
    BAD("control byte in a value", GET("A: b\x01\r\n")),
    BAD("DEL in a value", GET("A: b\x7f\r\n")),
    BAD("vertical tab", GET("A:\vb\r\n")),
    BAD("form feed", GET("A: b\f\r\n")),
    BAD("escape", GET("A: \x1b[2J\r\n")),
    /* Host */
    CASE("host with port", HOST(" a.example:8080"), "GET /"),
    CASE("host without space", HOST("a"), "GET /"),
    CASE("host with a colon and no port", HOST(" a:"), "GET /"),
    CASE("IPv6 host", HOST(" [2001:db8::1]:80"), "GET /"),
    CASE("host in capitals", "GET / HTTP/1.1\r\nHOST: A\r\n\r\n", "GET /"),
    CASE("HTTP/1.0 without a host", "GET / HTTP/1.0\r\n\r\n", "GET /!"),
    BAD("no host", "GET / HTTP/1.1\r\n\r\n"),
    BAD("no host, other fields", "GET / HTTP/1.1\r\nA: b\r\n\r\n"),
    BAD("empty host", HOST("")),
    BAD("two hosts", GET("Host: b\r\n")),
    BAD("two equal hosts", GET("host: a\r\n")),
    BAD("two hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
    BAD("list of hosts", HOST(" a, b")),
    BAD("host with a path", HOST(" a/b")),
    BAD("host with userinfo", HOST(" me@a")),
    BAD("host with a space", HOST(" a b")),
    BAD("host with a broken port", HOST(" a:b")),
    BAD("host with two ports", HOST(" a:1:2")),
    BAD("host with a port too large", HOST(" a:65536")),
    BAD("port without a host", HOST(" :80")),
    BAD("broken IPv6 host", HOST(" [::1")),
    BAD("IPv6 host with a tail", HOST(" [::1]a")),
    BAD("IPv6 host of other letters", HOST(" [::g]")),
    BAD("bracket inside a host", HOST(" a[b]")),
    /* connections */
    CASE("HTTP/1.1 stays", GET("Connection: keep-alive\r\n"), "GET /"),
    CASE("close", GET("Connection: close\r\n"), "GET /!"),
    CASE("close in a list", GET("Connection: te , Close\r\n"), "GET /!"),
    CASE("close in a second field", GET("Connection: te\r\nConnection: close\r\n"), "GET /!"),
    CASE("HTTP/1.0 ends", LINE("GET / HTTP/1.0"), "GET /!"),
    CASE("HTTP/1.0 stays when asked", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET /"),
    CASE("upgrade is not taken up", GET("Connection: upgrade\r\nUpgrade: h2c\r\n"), "GET /"),
    CASE("closer is not close", GET("Connection: closer\r\n"), "GET /"),
    BAD("connection option that is no token", GET("Connection: a b\r\n")),
    /* bodies of a known length */
    CASE("length", POST("Content-Length: 3\r\n", "abc"), "POST /[abc]"),
    CASE("length 0", POST("Content-Length: 0\r\n", ""), "POST /"),
    CASE("no length", POST("", ""), "POST /"),
    CASE("length with leading zeros", POST("Content-Length: 0003\r\n", "abc"), "POST /[abc]"),
    CASE("length in small letters", POST("content-length:3\r\n", "abc"), "POST /[abc]"),
    CASE("GET with length 0", GET("Content-Length: 0\r\n"), "GET /"),
    CASE("body that looks like a request", POST("Content-Length: 18\r\n", "GET /a HTTP/1.1\r\n\r"),
        "POST /[GET /a HTTP/1.1\r\n\r]"),
    CASE("body not whole", POST("Content-Length: 4\r\n", "abc"), "..."),
    CASE("head not whole", "GET / HTTP/1.1\r\nHost: a\r\n", "..."),
    CASE("nothing", "", "..."),
    CASE("two posts", POST("Content-Length: 1\r\n", "a") POST("Content-Length: 1\r\n", "b"),
        "POST /[a] > POST /[b]"),
    CASE("broken second request", GET("") GET("A : b\r\n"), "GET / > malformed"),
    CASE("body with NUL", POST("Content-Length: 3\r\n", "a\nb"), "POST /[a\nb]"),
    CASE("length beyond the cap", POST("Content-Length: 65537\r\n", "abc"), "body too large"),
    CASE("length beyond 64 bits", POST("Content-Length: 18446744073709551617\r\n", "a"),
        "body too large"),
    BAD("empty length", POST("Content-Length:\r\n", "")),
    BAD("length with a sign", POST("Content-Length: +3\r\n", "abc")),
    BAD("negative length", POST("Content-Length: -1\r\n", "")),
    BAD("hexadecimal length", POST("Content-Length: 0x3\r\n", "abc")),
    BAD("length with a space inside", POST("Content-Length: 1 0\r\n", "abc")),
    BAD("length with a fraction", POST("Content-Length: 3.0\r\n", "abc")),
    BAD("length in another script", POST("Content-Length: \xd9\xa3\r\n", "abc")),
    BAD("list of lengths", POST("Content-Length: 3, 3\r\n", "abc")),
    BAD("two lengths", POST("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd")),
    BAD("two equal lengths", POST("Content-Length: 3\r\nContent-Length: 3\r\n", "abc")),
    BAD("length and space before the colon", POST("Content-Length : 3\r\n", "abc")),
    BAD("length in a folded line", POST("Content-Length:\r\n 3\r\n", "abc")),
    BAD("GET with a body", GET("Content-Length: 3\r\n") "abc"),
    BAD("HEAD with a body", "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"),
    BAD("DELETE with a body", "DELETE / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"),
    BAD("TRACE with a body", "TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"),
    /* chunked bodies */
    CASE("chunks", CHUNKS("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), "POST /[abcde]"),
    CASE("no chunk but the last", CHUNKS("0\r\n\r\n"), "POST /"),
    CASE("last chunk of many zeros", CHUNKS("1\r\na\r\n0000\r\n\r\n"), "POST /[a]"),
    CASE("size in both cases", CHUNKS("00a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"),
        "POST /[01234567890123456789]"),
    CASE("chunk extension", CHUNKS("1;a=b;c=\"d\"\r\nx\r\n0;e\r\n\r\n"), "POST /[x]"),
    CASE("trailers", CHUNKS("1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n"), "POST /[x]"),
    CASE("Chunked in capitals", POST("Transfer-Encoding: CHUNKED\r\n", "0\r\n\r\n"), "POST /"),
    CASE("chunks not whole", CHUNKS("3\r\nab"), "..."),
    CASE("last chunk without its empty line", CHUNKS("0\r\n"), "..."),
    CASE("chunk beyond the cap", CHUNKS("10001\r\nabc"), "body too large"),
    CASE("chunk of 64 bits", CHUNKS("ffffffffffffffff\r\nabc"), "body too large"),
    BAD("size beyond 64 bits", CHUNKS("10000000000000003\r\nabc\r\n0\r\n\r\n")),
    BAD("length and chunked",
        POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
    BAD("chunked and length",
        POST("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n")),
    BAD("chunked and length 0",
        POST("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", "0\r\n\r\n")),
    BAD("chunked twice",
        POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
    BAD("chunked, chunked", POST("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n")),
    BAD("gzip, chunked", POST("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")),
    BAD("chunked, identity", POST("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n")),
    BAD("identity", POST("Transfer-Encoding: identity\r\n", "")),
    BAD("empty coding", POST("Transfer-Encoding:\r\n", "")),
    BAD("xchunked", POST("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")),
    BAD("quoted coding", POST("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n")),
    BAD("coding with a parameter", POST("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n")),
    BAD("coding behind a vertical tab", POST("Transfer-Encoding: \vchunked\r\n", "0\r\n\r\n")),
    BAD("coding and space before the colon", POST("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")),
    BAD("chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    BAD("GET with chunks", GET("Transfer-Encoding: chunked\r\n") "0\r\n\r\n"),
    BAD("chunk line with bare LF", CHUNKS("1\nx\r\n0\r\n\r\n")),
    BAD("data with bare LF behind", CHUNKS("1\r\nx\n0\r\n\r\n")),
    BAD("last chunk with bare LF", CHUNKS("0\n\r\n")),
    BAD("empty line with bare LF", CHUNKS("0\r\n\n")),
    BAD("chunk line with bare CR", CHUNKS("1\rx\r\n0\r\n\r\n")),
    BAD("space behind the size", CHUNKS("1 \r\nx\r\n0\r\n\r\n")),
    BAD("space before the size", CHUNKS(" 1\r\nx\r\n0\r\n\r\n")),
    BAD("size with a sign", CHUNKS("+1\r\nx\r\n0\r\n\r\n")),
    BAD("negative size", CHUNKS("-1\r\nx\r\n0\r\n\r\n")),
    BAD("size with 0x", CHUNKS("0x1\r\nx\r\n0\r\n\r\n")),
    BAD("no size", CHUNKS("\r\nx\r\n0\r\n\r\n")),
    BAD("extension without a size", CHUNKS(";a\r\nx\r\n0\r\n\r\n")),
    BAD("size of other letters", CHUNKS("g\r\nx\r\n0\r\n\r\n")),
    BAD("NUL in a chunk line", CHUNKS("1;\0\r\nx\r\n0\r\n\r\n")),
    BAD("bare LF in an extension", CHUNKS("1;a\nb\r\nx\r\n0\r\n\r\n")),
    BAD("bare CR in an extension", CHUNKS("1;a\rb\r\nx\r\n0\r\n\r\n")),
    BAD("data longer than its size", CHUNKS("1\r\nxy\r\n0\r\n\r\n")),
    BAD("data shorter than its size", CHUNKS("3\r\nx\r\n0\r\n\r\n"
                                             "\r\n")),
    BAD("folded trailer", CHUNKS("0\r\nA: b\r\n c\r\n\r\n")),
    BAD("trailer without a colon", CHUNKS("0\r\nA\r\n\r\n")),
    BAD("trailer with a space before the colon", CHUNKS("0\r\nA : b\r\n\r\n")),
    BAD("trailer with bare LF", CHUNKS("0\r\nA: b\n\r\n")),
};

#define CORPUS_COUNT (sizeof(corpus) / sizeof(corpus[0]))

/* The case can be sent with CORPUS_NEXT behind it. */
static inline bool corpus_is_whole(const struct corpus_case *row)
{
    return row->means[0] != '.';
}

/* What must be understood of the case with CORPUS_NEXT behind it. */
static inline bool corpus_is_last(const struct corpus_case *row)
{
    static const char *const ends[] = { "malformed", "too large", "too long", "!" };
    size_t len = strlen(row->means);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        size_t end = strlen(ends[i]);
        if (len >= end && strcmp(row->means + len - end, ends[i]) == 0) {
            return true;
        }
    }
    return false;
}

#endif
