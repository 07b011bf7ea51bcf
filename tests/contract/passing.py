#!/usr/bin/python3
"""Proves what .pass promises: bodies pass both ways in little memory, and never end by mistake.

Puts bff-web (uploads) and bff-tv (artwork) between clients and a service of this file that can be
slow, silent, early or broken. Content is told by its SHA-256, memory by the server's own peak,
back-pressure by counting what the far end got rid of. Prints a line for each check, the counts
last, and exits 1 when one failed.
"""
import hashlib
import http.client
import json
import os
import pathlib
import re
import select
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True  # what is built belongs under build/
import world  # noqa: E402
from world import BUILD, ROOT, check  # noqa: E402

OTHERS = tuple(name for name in world.SERVICES if name != "posts")
IS_SANITIZED = "asan" in str(BUILD) or "tsan" in str(BUILD)
LARGE = (20 if IS_SANITIZED else 100) << 20
PEAK_KB = 200_000 if IS_SANITIZED else 4096  # a sanitizer keeps what was freed
PIECE = bytes(range(256)) * 256

def content(size):
    return (PIECE * (size // len(PIECE) + 1))[:size]


# ---- the service ----

class Service:
    """Speaks HTTP/1.1 by hand, so that it can also break it. What it heard is kept."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.heads = []      # of all questions
        self.mode = ""       # of the next uploads: see answer_upload
        self.got = 0         # bytes of the last body
        self.gave = 0        # bytes of the last content
        self.go = threading.Event()
        self.broke = threading.Event()  # a connection that was in use has ended
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection):
        stream = connection.makefile("rb")
        try:
            while self.answer(connection, stream):
                pass
        except (OSError, ValueError):
            self.broke.set()
        stream.close()
        connection.close()

    def answer(self, connection, stream):
        line = stream.readline()
        if not line:
            return False
        head = line + b"".join(iter(stream.readline, b"\r\n"))
        self.heads.append(head.decode())
        method, target, _ = line.decode().split()
        fields = dict(re.findall(r"(?m)^([\w-]+): (.*?)\r$", head.decode()))
        if method == "POST":
            return self.answer_upload(connection, stream, fields)
        return self.answer_media(connection, method, target, fields)

    def body(self, stream, fields):
        self.got = 0
        if "Transfer-Encoding" in fields:
            while size := int(stream.readline(), 16):
                yield stream.read(size)
                stream.readline()
            stream.readline()
            return
        left = int(fields.get("Content-Length", 0))
        while left:
            piece = stream.read(min(left, 65536))
            if not piece:
                raise ValueError("the body was cut")
            left -= len(piece)
            yield piece

    def answer_upload(self, connection, stream, fields):
        digest = hashlib.sha256()
        if self.mode == "early":
            connection.sendall(b"HTTP/1.1 409 No\r\nContent-Length: 5\r\n\r\nearly")
            self.go.wait(20)
            return False
        if self.mode == "deaf":
            self.go.wait(20)
        if self.mode == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            stream.read(100000)
            return False
        if self.mode == "silent":
            for _ in self.body(stream, fields):
                pass
            self.go.wait(20)
            return False
        for piece in self.body(stream, fields):
            digest.update(piece)
            self.got += len(piece)
        text = json.dumps({"bytes": self.got, "sha256": digest.hexdigest()}).encode()
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
                           b"Location: /v1/media/7\r\nSet-Cookie: secret=1\r\nServer: mock\r\n"
                           b"Content-Length: %d\r\n\r\n%s" % (len(text), text))
        return True

    def answer_media(self, connection, method, target, fields):
        how, _, size = target.split("/")[-1].split("?")[0].partition("-")
        size = int(size or 0)
        plain = {"204": b"204 No Content\r\n\r\n",
                 "500": b"500 Broken\r\nContent-Length: 6\r\n\r\nbroken",
                 "304": b'304 Not Modified\r\nETag: "x"\r\nContent-Length: 77\r\n\r\n',
                 "302": b"302 Found\r\nLocation: http://inside/\r\nContent-Length: 0\r\n\r\n",
                 "many": b"200 OK\r\n" + b"X-A: b\r\n" * 90 + b"Content-Length: 0\r\n\r\n"}
        if how in plain:
            connection.sendall(b"HTTP/1.1 " + plain[how])
            return True
        status = b"206 Partial Content\r\nContent-Range: bytes 0-9/%d" % size if "Range" in fields \
            else b"200 OK"
        framing = b"Transfer-Encoding: chunked\r\n" if how == "chunks" else b"" if how == "close" \
            else b"Content-Length: %d\r\n" % size
        connection.sendall(b"HTTP/1.1 %s\r\nContent-Type: image/png\r\nETag: \"e\"\r\n%s"
                           b"Cache-Control: max-age=60\r\nX-Powered-By: x\r\n"
                           b"Keep-Alive: timeout=5\r\nSet-Cookie: a=b\r\n%s\r\n"
                           % (status, framing, b"Connection: etag\r\n" * (how == "named")))
        self.gave = 0
        self.broke.clear()
        while method == "GET" and self.gave < size:
            piece = PIECE[:1 if how == "drip" else size - self.gave]
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if how == "chunks" else piece)
            self.gave += len(piece)
            if how == "half" and self.gave * 2 >= size:
                return False
            if how == "drip" or how == "stall" and self.gave * 2 >= size:
                self.go.wait(0.1 if how == "drip" else 20)
        if how == "chunks" and method == "GET":
            connection.sendall(b"0\r\n\r\n")
        return how != "close"


# ---- the servers ----

class Ends:
    """A service at one end, and servers to be asked at the other."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.processes = {}
        self.service = Service()
        self.processes["mocks"], mocks = world.start_mocks()
        self.issuer = mocks["issuer"]
        self.ports = {(client, is_tls): self.serve(client, is_tls)
                      for client in ("web", "tv") for is_tls in (False, True)}
        self.token = world.mint(self.issuer)

    def start(self, name, command, **pipes):
        self.processes[name] = subprocess.Popen(
            [str(word) for word in command], text=True, stdout=subprocess.PIPE, **pipes)
        return self.processes[name]

    def serve(self, client, is_tls, name=None, stream_ms=600000):
        name = name or f"{client}{'-tls' if is_tls else ''}"
        issuer = f"http://127.0.0.1:{self.issuer}"
        keys = ROOT / "build" / "dev" / "server"
        services = "".join(f'{other} = {{ url = "http://127.0.0.1:1"; }};\n' for other in OTHERS)
        conf = self.folder / f"{name}.conf"
        tls = f'certificate = "{keys}.crt"; key = "{keys}.key";' if is_tls else ""
        conf.write_text(f'''listen = {{ port = 0; workers = 1; {tls} }};
admin = {{ port = 0; }};
limits = {{ stream_idle_ms = 1500; stream_ms = {stream_ms}; drain_ms = 5000; }};
token = {{ issuer = "{issuer}"; audience = "bff"; jwks_url = "{issuer}/.well-known/jwks.json"; }};
quota = {{ user = {{ rate = 1000; burst = 1000; }}; address = {{ rate = 0; }}; }};
services = {{ posts = {{ url = "http://127.0.0.1:{self.service.port}"; }}; {services} }};
schemas = "{ROOT / 'schemas'}";
log = {{ access = "{self.folder / name}.access"; }};
''')
        log = self.folder / f"{name}.log"
        server = self.start(name, [BUILD / f"bff-{client}", "--config", conf], stderr=log.open("w"))
        while server.poll() is None:
            found = re.search(r"serves https?://127\.0\.0\.1:(\d+) ", log.read_text())
            if found:
                return int(found[1])
            time.sleep(0.01)
        raise SystemExit(f"bff-{client} did not start: {log.read_text()}")

    @staticmethod
    def connect_to(port):
        return socket.create_connection(("127.0.0.1", port), timeout=30)

    def connect(self, client, is_tls=False):
        raw = self.connect_to(self.ports[client, is_tls])
        if not is_tls:
            return raw
        context = ssl.create_default_context(cafile=ROOT / "build" / "dev" / "ca.crt")
        return context.wrap_socket(raw, server_hostname="localhost")

    def head(self, line, *fields):
        return "\r\n".join([f"{line} HTTP/1.1", "Host: localhost",
                            f"Authorization: Bearer {self.token}", *fields, "", ""]).encode()

    def peak_kb(self, name, reset=False):
        folder = pathlib.Path("/proc") / str(self.processes[name].pid)
        if reset:
            (folder / "clear_refs").write_text("5")
        return int(re.search(r"VmHWM:\s+(\d+)", (folder / "status").read_text())[1])

    def last_line(self, name):
        """Of the access log, once it has been written."""
        time.sleep(0.4)
        lines = (self.folder / f"{name}.access").read_text().splitlines()
        return json.loads(lines[-1])

    def end(self):
        for process in self.processes.values():  # one that has ended is not told again
            process.send_signal(signal.SIGTERM)
        return {name: process.wait(30) for name, process in self.processes.items()}


class Answer:
    """Read to its end, by whoever asked; `why` tells how it ended when not well."""

    def __init__(self, connection, method="GET", keep=True):
        self.why, self.size, digest, self.text = None, 0, hashlib.sha256(), b""
        response = http.client.HTTPResponse(connection, method=method)
        try:
            response.begin()
            self.status, self.fields = response.status, response.headers
            while piece := response.read(65536):
                self.size += len(piece)
                digest.update(piece)
                self.text += piece if len(self.text) < 5000 else b""
            if response.length:
                self.why = "short"
        except (OSError, http.client.HTTPException) as error:
            self.why = type(error).__name__
        self.sha256 = digest.hexdigest()
        if not keep:
            connection.close()

    def problem(self):
        is_problem = self.fields["Content-Type"] == "application/problem+json"
        return json.loads(self.text)["type"].rpartition(":")[2] if is_problem else None


def chunked(data):
    return b"".join(b"%x\r\n%s\r\n" % (len(data[at:at + 50000]), data[at:at + 50000])
                    for at in range(0, len(data), 50000)) + b"0\r\n\r\n"


# ---- what passes ----

def uploads(ends):
    data = content(LARGE)
    framed = chunked(data)
    wanted = {"bytes": LARGE, "sha256": hashlib.sha256(data).hexdigest()}
    for is_tls in (False, True):
        name = "web-tls" if is_tls else "web"
        for framing in ("Content-Length", "chunked"):
            connection = ends.connect("web", is_tls)
            connection.sendall(ends.head("POST /v1/uploads", "Content-Length: 1") + b"x")
            Answer(connection)
            before_kb = ends.peak_kb(name, reset=True)
            is_chunked = framing == "chunked"
            connection.sendall(ends.head(
                "POST /v1/uploads", "Content-Type: video/mp4",
                "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {LARGE}"))
            send_quietly(connection, framed if is_chunked else data)
            answer = Answer(connection)
            grown_kb = ends.peak_kb(name) - before_kb
            words = f"{LARGE >> 20} MB up, {framing}, {'TLS' if is_tls else 'plain'}"
            check(f"{words}: byte for byte", json.loads(answer.text) == wanted, answer.text)
            check(f"{words}: {grown_kb} KB", grown_kb < PEAK_KB, grown_kb)
            connection.sendall(ends.head("POST /v1/uploads", "Content-Length: 0"))
            check(f"{words}: the connection goes on", Answer(connection).status == 201)
            connection.close()


def downloads(ends):
    for is_tls in (False, True):
        name = "tv-tls" if is_tls else "tv"
        for how in ("length", "chunks", "close"):
            connection = ends.connect("tv", is_tls)
            connection.sendall(ends.head("GET /v1/artwork/length-10"))
            Answer(connection)
            before_kb = ends.peak_kb(name, reset=True)
            connection.sendall(ends.head(f"GET /v1/artwork/{how}-{LARGE}"))
            answer = Answer(connection)
            grown_kb = ends.peak_kb(name) - before_kb
            words = f"{LARGE >> 20} MB down, {how}, {'TLS' if is_tls else 'plain'}"
            is_whole = answer.sha256 == hashlib.sha256(content(LARGE)).hexdigest()
            check(f"{words}: byte for byte", is_whole and answer.why is None, answer.why)
            check(f"{words}: {grown_kb} KB", grown_kb < PEAK_KB, grown_kb)
            connection.close()


def fields(ends):
    hostile = ["Cookie: a=b", "X-User-Id: 999", "X-Forwarded-For: 6.6.6.6",
               "Forwarded: for=6.6.6.6", "BFF-Budget: 4000",
               "Content-Digest: sha-256=:x:", "X-Internal: 1", "TE: trailers", "Via: 1.1 x",
               "Connection: X-Internal", "Proxy-Authorization: Basic x", "Accept: image/*",
               "Content-Type: image/png", "Range: bytes=0-9", "Accept-Encoding: gzip"]
    connection = ends.connect("web")
    connection.sendall(ends.head("POST /v1/uploads?a=b", "Content-Length: 3", *hostile) + b"abc")
    answer = Answer(connection, keep=False)
    world.saw("web", "POST", "/v1/uploads", answer.status, answer.fields["Content-Type"], b"")
    heard = ends.service.heads[-1]
    line, *names = [part.partition(":")[0] for part in heard.strip().split("\r\n")]
    allowed = {"Host", "User-Agent", "X-Request-Id", "traceparent", "Forwarded", "X-User-Id",
               "Content-Digest", "Accept", "Content-Type", "Content-Length", "BFF-Budget"}
    check("of the client's fields go on those that are named", set(names) == allowed, names)
    check("none comes twice", len(names) == len(set(names)), names)
    check("who asks is told from the token", "X-User-Id: 1001\r\n" in heard, heard)
    check("the target is the plan's own", line == "POST /v1/users/1001/uploads HTTP/1.1", line)
    check("of the service's fields come back those that are named",
          answer.fields["Location"] == "/v1/media/7" and "Set-Cookie" not in answer.fields
          and "Server" not in answer.fields, answer.fields)
    check("what is ours stands beside them", answer.fields["X-Request-Id"]
          and answer.fields["RateLimit"] and answer.fields["Cache-Control"] == "no-store",
          answer.fields)
    connection = ends.connect("web")
    connection.sendall(ends.head("POST /v1/uploads", "Content-Length: 3", "Content-Digest: x",
                                 "Connection: keep-alive, content-digest", "Accept: a/b",
                                 "Connection: ACCEPT") + b"abc")
    Answer(connection, keep=False)
    heard = ends.service.heads[-1]
    check("what the client's Connection names ends here",
          "Content-Digest" not in heard and "Accept" not in heard, heard)
    connection = ends.connect("tv")
    connection.sendall(ends.head("GET /v1/artwork/named-50"))
    answer = Answer(connection, keep=False)
    check("what the service's Connection names ends here", answer.status == 200
          and "ETag" not in answer.fields and answer.fields["Cache-Control"] == "max-age=60",
          answer.fields)
    connection = ends.connect("tv")
    connection.sendall(ends.head("GET /v1/artwork/length-50?width=20&x=1", "Range: bytes=0-9"))
    answer = Answer(connection, keep=False)
    world.saw("tv", "GET", "/v1/artwork/length-50", answer.status, answer.fields["Content-Type"],
              b"")
    heard = ends.service.heads[-1]
    check("a range passes", answer.status == 206 and "Range: bytes=0-9" in heard
          and answer.fields["Content-Range"] == "bytes 0-9/50", answer.fields)
    check("declared queries are rendered, others stay behind",
          heard.startswith("GET /v1/media/length-50?width=20 HTTP/1.1"), heard)
    check("caching is the service's to say where the plan lets it",
          answer.fields["Cache-Control"] == "max-age=60" and answer.fields["ETag"] == '"e"'
          and "Keep-Alive" not in answer.fields and "X-Powered-By" not in answer.fields,
          answer.fields)


def statuses(ends):
    connection = ends.connect("tv")
    rows = [("GET", "204", 204, None), ("GET", "304", 304, "77"), ("GET", "302", 302, "0"),
            ("HEAD", "length-5000", 200, "5000"), ("HEAD", "chunks-5", 200, None),
            ("GET", "500", 500, "6"), ("GET", "many", 200, "0")]
    for method, name, status, length in rows:
        connection.sendall(ends.head(f"{method} /v1/artwork/{name}"))
        answer = Answer(connection, method)
        is_right = (answer.status, answer.fields["Content-Length"]) == (status, length)
        check(f"{method} {name} passes, and the connection goes on", is_right and not answer.why
              and "Location" not in answer.fields and "Transfer-Encoding" not in answer.fields,
              f"{answer.status} {answer.fields}")
    connection.close()
    line = ends.last_line("tv")
    check("the access log has it", line["status"] == 200 and line["route"] == "/v1/artwork/{id}"
          and line["calls"][0]["status"] == 200 and line["calls"][0]["state"] == "ok", line)


def invitations(ends):
    for is_tls in (False, True):
        connection = ends.connect("web", is_tls)
        connection.sendall(ends.head(
            "POST /v1/uploads", "Content-Length: 3", "Expect: 100-continue"))
        invited = connection.recv(25)
        connection.sendall(b"abc")
        answer = Answer(connection, keep=False)
        check("100 Continue comes when the request was let in",
              invited == b"HTTP/1.1 100 Continue\r\n\r\n" and answer.status == 201, invited)
    connection = ends.connect("web")
    head = ends.head("POST /v1/uploads", "Content-Length: 3", "Expect: 100-continue")
    connection.sendall(head.replace(b"Bearer ", b"Bearer x"))
    answer = Answer(connection, keep=False)
    check("and not when it was not",
          answer.status == 401 and answer.fields["Connection"] == "close", answer.status)


# ---- what does not ----

def refusals(ends):
    def ask(*pieces):
        connection = ends.connect("web")
        for piece in pieces:
            connection.sendall(piece)
        return Answer(connection, keep=False)
    chunks = ends.head("POST /v1/uploads", "Transfer-Encoding: chunked")
    answer = ask(ends.head("POST /v1/uploads", f"Content-Length: {(256 << 20) + 1}"))
    check("413 from the head", (answer.status, answer.problem()) == (413, "body-too-large"))
    answer = ask(chunks, b"3\r\nabc\r\n10000000\r\n")
    check("413 from a chunk's announcement", answer.problem() == "body-too-large", answer.status)
    answer = ask(chunks, b"3\r\nabc\r\nnonsense\r\n")
    check("400 in the middle", answer.problem() == "bad-request", answer.status)
    started = time.monotonic()
    answer = ask(chunks, b"3\r\nabc\r\n")
    took = time.monotonic() - started
    check("408 for a client that stops", answer.problem() == "request-timeout" and took < 5, took)
    answer = ask(ends.head("DELETE /v1/uploads"))
    check("405 for another verb", answer.status == 405 and answer.fields["Allow"] == "POST")
    answer = ask(ends.head("POST /v1/uploads", "Content-Length: 3", "Transfer-Encoding: chunked"))
    check("400 for two framings", answer.status == 400)


def broken(ends):
    """Broken off on each of the four sides."""
    service = ends.service
    question = ends.head("POST /v1/uploads", f"Content-Length: {LARGE}")
    connection = ends.connect("web")
    service.mode, before = "reset", len(service.heads)
    connection.sendall(question + content(1 << 20))
    answer = Answer(connection, keep=False)
    check("the service breaks off while it takes: 502", answer.problem() == "upstream-failed",
          answer.why or answer.text)
    check("and is not asked again", len(service.heads) == before + 1)
    service.mode = ""
    connection = ends.connect("web")
    service.broke.clear()
    connection.sendall(question + content(1 << 20))
    connection.close()
    check("the client breaks off while it gives: the service is told", service.broke.wait(10))
    for is_tls in (False, True):
        for version in ("1.1", "1.0"):
            connection = ends.connect("tv", is_tls)
            question = ends.head("GET /v1/artwork/half-1000000")
            connection.sendall(question.replace(b"HTTP/1.1", b"HTTP/" + version.encode()))
            answer = Answer(connection, keep=False)
            check(f"the service breaks off while it gives: the client is cut off ({version})",
                  answer.status == 200 and answer.why, answer.size)
    connection = ends.connect("tv")
    connection.sendall(ends.head(f"GET /v1/artwork/length-{LARGE}"))
    connection.recv(1000)
    connection.close()
    check("the client breaks off while it takes: the service is told", service.broke.wait(10))
    line = ends.last_line("tv")
    check("the access log knows that it was cut",
          line.get("is_cut") and line["bytes"] < LARGE, line)


def slow(ends):
    service = ends.service
    data = content(LARGE)
    started = time.monotonic()
    connection = ends.connect("web")
    service.mode = "deaf"
    connection.sendall(ends.head("POST /v1/uploads", f"Content-Length: {LARGE}"))
    connection.setblocking(False)
    sent, rounds = 0, 0
    while rounds < 20:  # until nobody takes more, or all is gone
        try:
            sent, rounds = sent + connection.send(data[sent:sent + 65536]), 0
        except BlockingIOError:
            rounds += 1
            time.sleep(0.02)
        except OSError:
            break  # it is over already
    check("a service that does not read holds up the client", 0 < sent < LARGE, sent)
    connection.settimeout(30)
    answer = Answer(connection, keep=False)
    took = time.monotonic() - started
    check("and after a while it is 504", answer.problem() == "upstream-timeout" and took < 10,
          f"{answer.why or answer.status} {took}")
    service.go.set()
    service.mode = ""
    connection = ends.connect("tv")
    connection.sendall(ends.head(f"GET /v1/artwork/length-{LARGE}"))
    connection.recv(1)
    gave = -1
    while gave != service.gave:
        gave = service.gave
        time.sleep(0.1)
    check("a client that does not read holds up the service", 0 < gave < LARGE, gave)
    check("and is cut off after a while", service.broke.wait(10))
    connection.close()
    service.go.clear()
    connection = ends.connect("tv")
    connection.sendall(ends.head("GET /v1/artwork/stall-1000000"))
    answer = Answer(connection, keep=False)
    check("a service that stops in the middle cuts the client off", answer.why and answer.size)
    service.go.set()


def early(ends):
    service = ends.service
    service.go.clear()
    service.mode = "early"
    connection = ends.connect("web")
    connection.sendall(ends.head("POST /v1/uploads", f"Content-Length: {LARGE}"))
    threading.Thread(target=lambda: send_quietly(connection, content(4 << 20)), daemon=True).start()
    answer = Answer(connection)
    check("an answer before the body's end passes", (answer.status, answer.text) == (409, b"early"))
    service.go.set()
    connection.close()
    service.mode = ""
    service.go.clear()
    service.mode = "silent"
    connection = ends.connect("web")
    started = time.monotonic()
    connection.sendall(ends.head("POST /v1/uploads", "Content-Length: 3") + b"abc")
    answer = Answer(connection, keep=False)
    check("a service that never answers is 504 within the budget",
          answer.problem() == "upstream-timeout" and 4.5 < time.monotonic() - started < 8,
          answer.status)
    service.mode = ""
    service.go.set()


def drips(ends):
    """Who does a little now and then is never idle; still he comes to his end."""
    for client in ("web", "tv"):
        ends.ports[client, "short"] = ends.serve(client, False, f"{client}-short", 1000)
    connection = ends.connect_to(ends.ports["web", "short"])
    connection.sendall(ends.head("POST /v1/uploads", "Content-Length: 1000"))
    started, sent = time.monotonic(), 0
    while not select.select([connection], [], [], 0.1)[0] and sent < 100:
        connection.sendall(b"x")
        sent += 1
    answer, took = Answer(connection, keep=False), time.monotonic() - started
    check("a body that drips in is refused in the end",
          answer.problem() == "request-timeout" and 1 < sent < 100, f"{answer.status} {took}")
    ends.service.go.clear()
    connection = ends.connect_to(ends.ports["tv", "short"])
    connection.sendall(ends.head("GET /v1/artwork/drip-1000"))
    answer = Answer(connection, keep=False)
    check("an answer that drips out is cut off in the end", answer.status == 200 and answer.why,
          answer.why)
    ends.service.go.set()


def send_quietly(connection, data):
    try:
        connection.sendall(data)
    except OSError:
        pass


def drained(ends):
    """A stream under way when the server is told to end is brought to its end."""
    connection = ends.connect("web")
    data = content(1 << 20)
    connection.sendall(ends.head("POST /v1/uploads", f"Content-Length: {len(data)}") + data[:1000])
    time.sleep(0.2)
    ends.processes["web"].send_signal(signal.SIGTERM)
    time.sleep(0.2)
    connection.sendall(data[1000:])
    answer = Answer(connection, keep=False)
    check("a drain waits for streams", answer.status == 201
          and json.loads(answer.text)["bytes"] == len(data), answer.why or answer.text)
    code = ends.processes["web"].wait(10)
    check("and ends with the last of them", code == 0, code)


def main():
    with tempfile.TemporaryDirectory() as folder:
        ends = Ends(folder)
        try:
            for part in (uploads, downloads, fields, statuses, invitations, refusals, broken, slow,
                         early, drips, drained):
                part(ends)
        finally:
            codes = ends.end()
            if any(codes.values()):
                for log in pathlib.Path(folder).glob("*.log"):
                    print(log.read_text(), file=sys.stderr)
        check("everything ends when it is told to", not any(codes.values()), codes)
    return world.ended()


if __name__ == "__main__":
    sys.exit(main())
