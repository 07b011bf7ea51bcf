#!/usr/bin/python3
"""Proves what `make demo` promises of itself: what it counts, and that it leaves nothing running.

The demo runs with the real mocks, but with servers that this script plays: each listens where it is
told to, and does what the test says ("dies", or the name of a section that is stale).
"""

import http.server
import os
import pathlib
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BFF_BUILD", ROOT / "build"))
SERVERS = {"bff-mobile": (8441, 9441), "bff-web": (8442, 9442), "bff-tv": (8443, 9443)}
PORTS = [*range(7100, 7107), *(port for ports in SERVERS.values() for port in ports)]
CALLS = ("profile", "posts", "recs", "unread", "ads", "stats")
BODY = '{"hello":"\u05e9\u05dc\u05d5\u05dd","items":[1,2,3]}'.encode()
PATIENCE_S = 30


class CannotTry(Exception):
    """This system does not have what the test needs: a reason, for the report."""


# ---- a server that is played ----

class Ready(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200)

    def log_message(self, *_):
        pass


class Feed(Ready):
    stale = ""

    def do_GET(self):
        states = {call: "stale" if call == self.stale else "ok" for call in CALLS}
        sections = ", ".join(f"{call};s={state};d=2" for call, state in states.items())
        if not self.headers.get("Authorization", "").startswith("Bearer ey"):
            self.answer(401)
        elif self.headers.get("Accept-Encoding") == "gzip":
            packer = zlib.compressobj(wbits=31)
            body = packer.compress(BODY) + packer.flush()
            self.answer(200, body, BFF_Sections=sections, Content_Encoding="gzip")
        else:
            self.answer(200, BODY, BFF_Sections=sections,
                        Server_Timing='profile;start=0.2;dur=1.5;desc="ok", ads;start=1.7;dur=3')


def play(part, arguments):
    if part == "dies":
        print("bff.conf:12: there is no such setting", file=sys.stderr)
        sys.exit(78)
    settings = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    feed = http.server.ThreadingHTTPServer(("127.0.0.1", int(settings["listen.port"])), Feed)
    Feed.stale = part
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ROOT / "build/dev/server.crt", ROOT / "build/dev/server.key")
    feed.socket = context.wrap_socket(feed.socket, server_side=True)
    threading.Thread(target=feed.serve_forever, daemon=True).start()
    http.server.HTTPServer(("127.0.0.1", int(settings["admin.port"])), Ready).serve_forever()


# ---- one demo ----

def is_free(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


class Demo:
    """The demo in a folder of its own, beside the programs that it will find there."""

    def __init__(self, *options, parts=None, without=None):
        self.shift = next(shift for shift in range(14500, 30000, 20)
                          if all(is_free(port + shift) for port in PORTS))
        self.folder = tempfile.TemporaryDirectory()
        self.argv = [f"{self.folder.name}/bff-demo", "--shift", str(self.shift), *options]
        for program in ("bff-demo", "bff-mocks"):
            shutil.copy(BUILD / program, self.folder.name)
        for name in SERVERS:
            if name != without:
                self.add_server(name, (parts or {}).get(name, ""))

    def add_server(self, name, part):
        program = pathlib.Path(self.folder.name, name)
        command = f"/usr/bin/python3 {__file__} --play '{part}' \"$@\""
        program.write_text(f"#!/bin/sh\nexec {command}\n", encoding="utf-8")
        program.chmod(0o755)

    def start(self, stdin=subprocess.DEVNULL):
        """All that the demo starts inherits one end of a pipe: at its end of file, all are gone."""
        self.last_one, inherited = os.pipe()
        self.process = subprocess.Popen(
            self.argv, cwd=ROOT, text=True, stdin=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, pass_fds=(inherited,))
        os.close(inherited)

    def end(self):
        """(exit code, lines of stdout, stderr), once nothing is left of it."""
        out, errors = self.process.communicate(timeout=PATIENCE_S)
        is_over = bool(select.select([self.last_one], [], [], PATIENCE_S)[0])
        os.close(self.last_one)
        assert is_over, "something is left running"
        return self.process.returncode, out.splitlines(), errors

    def run(self):
        self.start()
        return self.end()

    def serve(self, stdin=subprocess.DEVNULL):
        self.start(stdin)
        for line in self.process.stdout:
            if line.startswith("Serving"):
                return
        raise AssertionError(f"it never served: {self.end()}")


# ---- what must be true ----

def counts_every_section():
    demo = Demo()
    code, lines, _ = demo.run()
    assert (code, lines[-1]) == (0, "demo: clients=3 sections_ok=18 failed=0"), (code, lines)
    token = f"$(cat build/dev/shift-{demo.shift}/token)"  # another demo has a token of its own
    assert sum("curl --cacert" in line and token in line for line in lines) == 3, lines
    assert "\033" not in "".join(lines), "colours, and this is no terminal"


def fails_when_a_section_is_not_live():
    code, lines, _ = Demo(parts={"bff-tv": "recs"}).run()
    assert (code, lines[-1]) == (1, "demo: clients=3 sections_ok=17 failed=1"), (code, lines)


def shows_the_log_of_a_server_that_dies():
    code, _, errors = Demo(parts={"bff-web": "dies"}).run()
    assert code == 1 and "bff-web ended with exit code 78." in errors, (code, errors)
    assert "bff.conf:12: there is no such setting" in errors, errors


def names_a_port_that_is_taken():
    demo = Demo()
    with socket.create_server(("127.0.0.1", 8442 + demo.shift)):
        code, lines, errors = demo.run()
    assert code == 1 and not lines, (code, lines)
    assert f"Port {8442 + demo.shift}, which bff-web needs, cannot be had" in errors, errors
    assert f"'make demo SHIFT={demo.shift + 20}' takes other ports" in errors, errors


def names_a_program_that_is_missing():
    code, _, errors = Demo(without="bff-tv").run()
    assert code == 1 and "bff-tv is not there; 'make' builds it." in errors, (code, errors)


def stops_everything_at_an_interrupt():
    demo = Demo("--serve")
    demo.serve()
    demo.process.send_signal(signal.SIGINT)
    code, lines, errors = demo.end()
    assert (code, lines[-1][-8:]) == (0, "failed=0"), (code, lines, errors)


def stops_everything_when_its_terminal_is_closed():
    """Though no signal says so: the terminal is not the one of its session."""
    try:
        terminal, line = os.openpty()
    except OSError as error:  # as in a chroot without /dev/pts
        raise CannotTry(f"no terminal can be made here: {error.strerror}") from None
    demo = Demo("--serve")
    demo.serve(line)
    os.close(line)
    os.close(terminal)
    code, lines, errors = demo.end()
    assert (code, lines[-1][-8:]) == (0, "failed=0"), (code, lines, errors)


def tells_what_a_shift_is():
    demo = Demo()
    for wrong in ("x", "-1", "50001"):
        demo.argv[2] = wrong
        code, lines, errors = demo.run()
        assert (code, lines) == (64, []), (code, lines)
        assert errors == f"demo: A shift is a number from 0 to 50000, not '{wrong}'.\n", errors


def takes_everything_along_when_it_is_killed():
    demo = Demo("--serve")
    demo.serve()
    demo.process.kill()
    assert demo.end()[0] == -signal.SIGKILL


TESTS = (
    counts_every_section,
    fails_when_a_section_is_not_live,
    shows_the_log_of_a_server_that_dies,
    names_a_port_that_is_taken,
    names_a_program_that_is_missing,
    stops_everything_at_an_interrupt,
    stops_everything_when_its_terminal_is_closed,
    tells_what_a_shift_is,
    takes_everything_along_when_it_is_killed,
)


def main():
    is_right = True
    for test in TESTS:
        try:
            test()
            print(f"ok - {test.__name__}")
        except CannotTry as why:
            print(f"ok - {test.__name__} # SKIP {why}")
        except AssertionError as error:
            print(f"not ok - {test.__name__}\n    {error}")
            is_right = False
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(play(sys.argv[2], sys.argv[3:]) if sys.argv[1:2] == ["--play"] else main())
