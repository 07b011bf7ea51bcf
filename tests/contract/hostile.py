"""Services that fail in every way there is, to be told which at any moment.

A service answers each GET with the healthy body of the user who asks, on connections that stay
open, until it is given a way of failing from WAYS. Then every question gets that, until `heal`,
which also ends what is still under way. Raw bytes on raw sockets: no library here makes an answer
better than it is meant to be.

Whatever a way sends that no client of ours may ever see holds the word SECRET.
"""
import asyncio
import contextlib
import functools
import json
import re
import socket
import struct
import zlib
from typing import Callable, NamedTuple

FAILS = "fails"  # the call has no answer: 502 when it is required
HANGS = "hangs"  # the same, when its time is over: 504
LOSES = "loses"  # the same, soon or late
MAY = "may"      # the server may use it or not; what it uses must be the healthy body
OTHER = "other"  # an answer, but another body: Way.body


class Then:
    """What a service does once it has sent what the way writes."""
    KEEP, CLOSE, RESET, WAIT = "keep", "close", "reset", "wait"
    DRIP = "drip"      # sends it a byte at a time in the first place
    ADD = "add"        # sends Way.again a moment later
    FLOOD = "flood"    # sends Way.again for ever
    REFUSE = "refuse"  # nobody listens
    IGNORE = "ignore"  # who listens does not take new connections, and the kernel no more of them


class Way(NamedTuple):
    name: str
    verdict: str
    write: Callable = lambda good: b""  # what is sent, from the healthy body
    then: str = Then.KEEP
    again: bytes = b""
    body: Callable = lambda good: good


DRIP_S = 0.01
MOMENT_S = 0.005
PIECE = 1 << 16
FIELDS = b"Content-Type: application/json\r\nX-Note: SECRET-field\r\n"
HUGE = 2 << 20  # beyond what a server takes of an answer


def head(*lines, status=b"200 SECRET-reason"):
    return b"\r\n".join([b"HTTP/1.1 " + status, *lines, FIELDS]) + b"\r\n"


def message(body, *lines, status=b"200 SECRET-reason"):
    return head(b"Content-Length: %d" % len(body), *lines, status=status) + body


def chunk(body):
    return b"%x\r\n%s\r\n" % (len(body), body)


def refusal(status, *lines):
    """A status with an error document, as services write them."""
    body = b'{"error":{"code":"SECRET-code","message":"SECRET-message","trace":"SECRET-trace"}}'
    return Way(status.decode(), FAILS, lambda good: message(body, *lines, status=status))


def says(name, body, verdict=FAILS):
    """A well-made message around a body that is none."""
    return Way(name, verdict, lambda good: message(body(good)))


def is_json(name, body):
    """JSON, but not what was promised."""
    return Way(name, OTHER, lambda good: message(body(good)), body=body)


def of_other_types(good):
    """Each member of the root becomes something else."""
    def other(value):
        return "SECRET-text" if isinstance(value, (list, dict)) else {"SECRET": ["SECRET"]}
    return json.dumps({name: other(value) for name, value in json.loads(good).items()}).encode()


def nulls(good):
    return json.dumps(dict.fromkeys(json.loads(good))).encode()


def gzip(body):
    packer = zlib.compressobj(9, wbits=31)
    return packer.compress(body) + packer.flush()


BOMB = gzip(b'{"SECRET":"' + b" " * (64 << 20))
CHUNKED = b"Transfer-Encoding: chunked"
GZIP = b"Content-Encoding: gzip"
PAGE = b"<!DOCTYPE html><html><body><h1>SECRET-page</h1></body></html>"
SPACES = chunk(b" " * 65536)

WAYS = (
    # ---- there is nobody ----
    Way("refused", FAILS, then=Then.REFUSE),
    Way("black hole", LOSES, then=Then.IGNORE),
    Way("silence", HANGS, then=Then.WAIT),
    Way("closed before the first byte", FAILS, then=Then.CLOSE),
    Way("reset before the first byte", FAILS, then=Then.RESET),

    # ---- it does not get to the end ----
    Way("slow drip", HANGS, lambda good: message(good), Then.DRIP),
    Way("closed in the head", FAILS, lambda good: head()[:-2], Then.CLOSE),
    Way("reset in the head", FAILS, lambda good: head()[:40], Then.RESET),
    Way("a head and no more", HANGS, lambda good: message(good)[:-len(good)], Then.WAIT),
    Way("half a body", FAILS, lambda good: message(good)[:-(len(good) // 2)], Then.CLOSE),
    Way("reset in the middle", FAILS, lambda good: message(good)[:-(len(good) // 2)], Then.RESET),
    Way("stuck in the middle", HANGS, lambda good: message(good)[:-(len(good) // 2)], Then.WAIT),
    Way("chunks that break off", FAILS, lambda good: head(CHUNKED) + chunk(good), Then.CLOSE),
    Way("chunks without an end", HANGS, lambda good: head(CHUNKED) + chunk(good), Then.WAIT),

    # ---- its length is a lie ----
    Way("too long a length, closed", FAILS,
        lambda good: head(b"Content-Length: %d" % (len(good) + 9)) + good, Then.CLOSE),
    Way("too long a length, kept open", HANGS,
        lambda good: head(b"Content-Length: %d" % (len(good) + 9)) + good, Then.WAIT),
    Way("too short a length", FAILS,
        lambda good: head(b"Content-Length: %d" % (len(good) // 2)) + good),
    Way("a second answer behind the body", MAY,
        lambda good: message(good) + message(b'{"SECRET":"smuggled"}')),
    Way("a second answer a moment later", MAY,
        lambda good: message(good), Then.ADD, message(b'{"SECRET":"smuggled"}')),
    Way("two lengths", FAILS,
        lambda good: head(b"Content-Length: 5", b"Content-Length: %d" % len(good)) + good),
    Way("the same length twice", MAY,
        lambda good: head(*[b"Content-Length: %d" % len(good)] * 2) + good),
    Way("a list of lengths", MAY,
        lambda good: head(b"Content-Length: %d, %d" % (len(good), len(good))) + good),
    Way("a negative length", FAILS, lambda good: head(b"Content-Length: -1") + good),
    Way("a length that is no number", FAILS, lambda good: head(b"Content-Length: SECRET") + good),
    Way("a length and chunks", FAILS,
        lambda good: head(b"Content-Length: %d" % len(good), CHUNKED) + chunk(good) + b"0\r\n\r\n"),
    Way("a bad chunk", FAILS, lambda good: head(CHUNKED) + b"SECRET\r\n" + good + b"\r\n0\r\n\r\n"),
    Way("a chunk longer than it says", FAILS,
        lambda good: head(CHUNKED) + b"5\r\n" + good + b"\r\n0\r\n\r\n"),
    Way("an unknown transfer coding", FAILS,
        lambda good: head(b"Transfer-Encoding: SECRET, chunked") + chunk(good) + b"0\r\n\r\n"),
    Way("until the close", MAY, lambda good: head() + good, Then.CLOSE),

    # ---- it does not stop ----
    Way("endless body in chunks", FAILS, lambda good: head(CHUNKED), Then.FLOOD, SPACES),
    Way("endless body until the close", FAILS, lambda good: head(), Then.FLOOD, SPACES),
    Way("endless head", FAILS, lambda good: head()[:-2], Then.FLOOD, b"X-More: SECRET\r\n" * 100),
    Way("endless field", FAILS,
        lambda good: head()[:-2] + b"X-More: ", Then.FLOOD, b"SECRET" * 999),
    Way("endless status line", FAILS, lambda good: b"HTTP/1.1 200 ", Then.FLOOD, b"SECRET" * 999),
    Way("1xx flood", LOSES, lambda good: b"", Then.FLOOD, head(status=b"103 SECRET-hints") * 100),
    Way("huge head", FAILS, lambda good: message(good, b"X-More: " + b"SECRET" * 99999)),
    Way("huge body", FAILS, lambda good: message(good + b" " * HUGE)),

    # ---- it is coded ----
    Way("gzip bomb", FAILS, lambda good: message(BOMB, GZIP)),
    Way("gzip", OTHER, lambda good: message(gzip(good), GZIP)),
    Way("half of a gzip", FAILS, lambda good: message(gzip(good)[:-20], GZIP)),
    Way("gzip that is none", FAILS, lambda good: message(b"SECRET" + good, GZIP)),
    Way("an unknown coding", FAILS, lambda good: message(good, b"Content-Encoding: SECRET")),

    # ---- it is not HTTP as we know it ----
    Way("another protocol", FAILS, lambda good: b"220 SECRET ESMTP ready\r\n", Then.CLOSE),
    Way("no head", FAILS, lambda good: good, Then.CLOSE),
    Way("zeros", FAILS, lambda good: bytes(5000), Then.CLOSE),
    Way("a status that is none", FAILS, lambda good: message(good, status=b"999 SECRET")),
    Way("a switch to another protocol", FAILS, lambda good: message(good, status=b"101 SECRET")),
    Way("a folded field", FAILS, lambda good: message(good, b"X-More: SECRET\r\n SECRET")),
    Way("a NUL in the head", FAILS, lambda good: message(good, b"X-More: SECRET\0")),
    Way("HTTP/1.0", MAY, lambda good: message(good).replace(b"/1.1", b"/1.0", 1), Then.CLOSE),
    Way("early hints", MAY, lambda good: head(status=b"103 SECRET-hints") * 3 + message(good)),

    # ---- its body is not what it should be ----
    Way("wrong content type", MAY,
        lambda good: message(good).replace(b"application/json", b"text/plain", 1)),
    Way("HTML", FAILS, lambda good: message(PAGE).replace(b"application/json", b"text/html", 1)),
    says("HTML that is called JSON", lambda good: PAGE),
    says("no body", lambda good: b""),
    says("invalid JSON", lambda good: good[:-1] + b',"SECRET":}'),
    says("JSON that breaks off", lambda good: good[:len(good) // 2]),
    says("two documents", lambda good: good + b'{"SECRET":1}'),
    says("invalid UTF-8", lambda good: good[:-1] + b',"SECRET":"\xff\xc0\xaf"}'),
    says("nested without end", lambda good: b'{"SECRET":' + b"[" * 200000),
    says("NaN", lambda good: good[:-1] + b',"SECRET":NaN}'),
    is_json("wrong shape", lambda good: b'{"error":{"message":"SECRET"},"items":{"SECRET":1}}'),
    is_json("wrong types", of_other_types),
    is_json("nulls", nulls),
    is_json("a list", lambda good: b'["SECRET"]'),
    is_json("a text", lambda good: b'"SECRET"'),
    is_json("null", lambda good: b"null"),

    # ---- it says that it fails ----
    Way("204", FAILS, lambda good: head(status=b"204 SECRET")),
    Way("206", FAILS, lambda good: message(good, b"Content-Range: bytes 0-9/*",
                                           status=b"206 SECRET")),
    refusal(b"301", b"Location: /SECRET"),
    Way("304", FAILS, lambda good: head(status=b"304 SECRET")),
    refusal(b"401", b"WWW-Authenticate: SECRET"),
    refusal(b"404"),
    refusal(b"429", b"Retry-After: 1"),
    refusal(b"500"),
    refusal(b"503"),
    refusal(b"503 with Retry-After", b"Retry-After: 1"),
)


class Service:
    """One service on a port of its own, which stays its own while nobody listens there."""

    def __init__(self, goods):
        self.goods = goods  # by user
        self.way = None     # None: it is well
        self.asked = 0      # GETs since the way was set
        self.talks = set()  # connections, and whether a way is under way there
        self.listener = None
        self.fillers = []
        self.holder = new_socket(0)
        self.port = self.holder.getsockname()[1]

    async def start(self):
        listening = new_socket(self.port)
        self.listener = await asyncio.start_server(self.converse, sock=listening, limit=1 << 20)

    async def stop(self):
        """Nobody listens, and nobody is connected."""
        self.listener.close()
        self.end(list(self.talks))

    def end(self, writers):
        for writer in writers:
            writer.transport.abort()
            self.talks.discard(writer)

    async def fail(self, way):
        self.way, self.asked = way, 0
        for good in self.goods.values():
            written(way, good)  # making it takes time, which is not the server's
        if way.then in (Then.REFUSE, Then.IGNORE):
            await self.stop()
        if way.then == Then.IGNORE:
            self.fill()

    async def heal(self):
        """Well again. What still fails is cut off; whoever waits between two questions stays."""
        while self.way.then == Then.ADD and any(writer.is_failing for writer in self.talks):
            await asyncio.sleep(MOMENT_S)  # said before the next question, it answers none
        is_away = self.way.then in (Then.REFUSE, Then.IGNORE)
        self.way = None
        self.end([writer for writer in self.talks if writer.is_failing])
        for filler in self.fillers:
            filler.close()
        self.fillers = []
        if is_away:
            await self.start()

    def fill(self):
        """A listener whose queue is full: the kernel drops whatever else comes."""
        listening = new_socket(self.port)
        listening.listen(0)
        self.fillers = [listening]
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self.fillers.append(filler)

    async def converse(self, reader, writer):
        self.talks.add(writer)
        writer.is_failing = False
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                question = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", question)
                await reader.readexactly(int(length[1]) if length else 0)
                good = self.goods[re.search(rb"(?i)\r\nx-user-id: *(\w+)", question)[1].decode()]
                writer.is_failing = self.way is not None
                if self.way:
                    self.asked += question.startswith(b"GET ")
                    await play(self.way, good, reader, writer)
                else:
                    await answer(good, question, writer)
                writer.is_failing = False
        self.talks.discard(writer)
        writer.close()


def new_socket(port):
    made = socket.socket(proto=socket.IPPROTO_TCP)  # asyncio then sets TCP_NODELAY on what comes
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))
    return made


async def answer(good, question, writer):
    is_event = question.startswith(b"POST ")
    status, body = (b"202 Accepted", b"{}") if is_event else (b"200 OK", good)
    writer.write(b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                 % (status, len(body), body))
    await writer.drain()


@functools.lru_cache(maxsize=64)
def written(way, good):
    return way.write(good)


async def play(way, good, reader, writer):
    """Fails once; ends with a ConnectionError where the connection does."""
    text = written(way, good)
    piece = 1 if way.then == Then.DRIP else PIECE
    for at in range(0, len(text), piece):
        writer.write(text[at:at + piece])
        await writer.drain()
        await asyncio.sleep(DRIP_S if way.then == Then.DRIP else 0)
    if way.then == Then.ADD:
        await asyncio.sleep(MOMENT_S)
        writer.write(way.again)
        await writer.drain()
    while way.then == Then.FLOOD:
        writer.write(way.again)
        await writer.drain()
        await asyncio.sleep(0)
    if way.then == Then.WAIT:
        await reader.read()
    if way.then == Then.RESET:
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
    if way.then in (Then.CLOSE, Then.RESET, Then.WAIT):
        raise ConnectionError
