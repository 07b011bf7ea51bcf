#!/usr/bin/python3
"""Proves that the mock services keep their promises.

Starts bff-mocks on free ports, asks every endpoint for many users, validates each body against its
schema in schemas/services, and tries delays, statuses, spoilt bodies, tokens and the ways the
program ends. Prints a line for each check, the counts last, and exits 1 when a check failed.

    tests/contract/mocks.py [PROGRAM]        (bff-mocks in the folder BFF_BUILD, else in build)
"""
import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.parse

import jsonschema

sys.dont_write_bytecode = True  # what is built belongs under build/
import jws  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = os.environ.get("BFF_BUILD", ROOT / "build")
PROGRAM = sys.argv[1] if len(sys.argv) > 1 else os.path.join(BUILD, "bff-mocks")
SERVICES = ("profiles", "posts", "recommendations", "notifications", "ads", "analytics")
USERS = [str(subject) for subject in range(1001, 1201)]
PATIENCE_S = 30


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.bytes = response.read()

    def json(self):
        return json.loads(self.bytes)


class Mocks:
    """One running program, with a connection kept to each service."""

    def __init__(self, *options):
        command = [PROGRAM, "--port", "0", "--die-with-parent", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        assert words and words[0] == "ready", f"not ready: {words}"
        self.ports = {name: int(port) for name, port in (word.split("=") for word in words[1:])}
        self.connections = {}

    def connect(self, service):
        return http.client.HTTPConnection("127.0.0.1", self.ports[service], timeout=PATIENCE_S)

    def ask(self, service, path, method="GET", body=None):
        text = json.dumps(body) if isinstance(body, dict) else body
        if service not in self.connections:
            self.connections[service] = self.connect(service)
        connection = self.connections[service]
        try:
            connection.request(method, path, body=text)
            return Answer(connection.getresponse())
        except (http.client.HTTPException, OSError):
            del self.connections[service]
            raise

    def order(self, service, **order):
        answer = self.ask(service, "/_mock", "PUT", order)
        assert answer.status == 200, answer.bytes
        return answer.json()

    def reset(self):
        assert self.ask("issuer", "/_mock", "DELETE").status == 200

    def token(self, **order):
        answer = self.ask("issuer", "/token", "POST", order)
        assert answer.status == 200, answer.bytes
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.json()["access_token"]

    def key_set(self):
        return self.ask("issuer", "/.well-known/jwks.json").json()

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(PATIENCE_S)


def schema(name):
    document = json.loads((ROOT / "schemas" / "services" / f"{name}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


PROFILE, TIMELINE = schema("profiles.user.v1"), schema("posts.timeline.v1")
RECOMMENDATIONS, COUNTS = schema("recommendations.list.v1"), schema("notifications.counts.v1")
SLOTS, STATS, ERROR = schema("ads.slots.v1"), schema("analytics.stats.v1"), schema("error.v1")


def valid(answer, validator, status=200):
    assert answer.status == status, f"{answer.status}: {answer.bytes[:200]}"
    assert answer.headers["Content-Type"] == "application/json"
    validator.validate(answer.json())
    return answer.json()


def about(answers, wanted_bytes):
    """The mean size, which must lie within 40 % of what was agreed."""
    mean = sum(len(answer.bytes) for answer in answers) / len(answers)
    assert abs(mean - wanted_bytes) <= 0.4 * wanted_bytes, f"{mean:.0f} bytes, not {wanted_bytes}"
    return mean


def each_user(mocks, service, path, validator, wanted_bytes):
    answers = [mocks.ask(service, path.format(user)) for user in USERS]
    bodies = [valid(answer, validator) for answer in answers]
    about(answers, wanted_bytes)
    return bodies


# --- what the services say ---


def profiles_are_valid(mocks):
    bodies = each_user(mocks, "profiles", "/v1/users/{}", PROFILE, 1500)
    for member in ("id", "handle"):
        assert len({body[member] for body in bodies}) == len(USERS), f"two users share one {member}"
    assert all(body["id"] > 2**53 for body in bodies)
    assert {body["subject"] for body in bodies} == set(USERS)
    assert len({body["locale"] for body in bodies}) >= 10
    assert len({body["segment"] for body in bodies}) >= 4


def timelines_are_valid(mocks):
    bodies = each_user(mocks, "posts", "/v1/users/{}/timeline", TIMELINE, 20 * 1200)
    posts = [post for body in bodies for post in body["items"]]
    assert all(len(body["items"]) == 20 for body in bodies)
    assert all(post["id"] > 2**53 for post in posts)
    assert {len(post["media"]) for post in posts} == {0, 1, 2}
    assert any(post["reply_to"] for post in posts)


def texts_test_every_reader(mocks):
    raw = mocks.ask("posts", "/v1/users/1001/timeline?limit=200").bytes
    for sample in ("é", "😅", "ال", "של", "の", "के", "\\\"", "\\\\", "\\n"):
        assert sample.encode() in raw, f"{sample} is nowhere"
    for escape in (b"\\u00e9", b"\\ud83d\\u", b"\\u0627"):
        assert escape in raw, f"{escape} is nowhere"


def numbers_test_every_reader(mocks):
    recommendations = mocks.ask("recommendations", "/v1/users/1001/recommendations").bytes
    stats = mocks.ask("analytics", "/v1/posts/stats?ids=1,2,3,4,5,6,7").bytes
    assert b"e-1," in recommendations and b"E-4," in recommendations and b"000," in recommendations
    assert stats.count(b"0}") == 7, "a trailing zero is missing"


def recommendations_are_valid(mocks):
    path = "/v1/users/{}/recommendations"
    for body in each_user(mocks, "recommendations", path, RECOMMENDATIONS, 8000):
        assert len(body["items"]) >= 16 and len({item["row"] for item in body["items"]}) == 3
        for row in ("for-you", "trending", "new-this-week"):
            scores = [item["score"] for item in body["items"] if item["row"] == row]
            assert scores == sorted(scores, reverse=True)


def counts_are_valid(mocks):
    bodies = each_user(mocks, "notifications", "/v1/users/{}/counts", COUNTS, 300)
    assert all(body["unread"] == sum(body["by_kind"].values()) for body in bodies)
    assert any(body["oldest_unread_at"] is None for body in bodies)


def ads_are_valid(mocks):
    segments = {mocks.ask("profiles", f"/v1/users/{user}").json()["segment"] for user in USERS}
    answers = {}
    for segment in sorted(segments | {"gardening"}):
        query = urllib.parse.urlencode({"segment": segment})
        answers[segment] = mocks.ask("ads", f"/v1/slots?{query}")
        assert valid(answers[segment], SLOTS)["segment"] == segment
    about(list(answers.values()), 3000)
    assert len({answer.bytes for answer in answers.values()}) == len(answers)
    assert any("&" in segment for segment in segments), "no segment tests encoding"


def stats_are_valid(mocks):
    answers = []
    for user in USERS[:20]:
        posts = mocks.ask("posts", f"/v1/users/{user}/timeline").json()["items"]
        ids = [post["id"] for post in posts]
        answers.append(mocks.ask("analytics", "/v1/posts/stats?ids=" + ",".join(map(str, ids))))
        assert [item["post_id"] for item in valid(answers[-1], STATS)["items"]] == ids
    about(answers, 2000)


def pages_follow_each_other(mocks):
    path = "/v1/users/1007/timeline?limit=100"
    page = valid(mocks.ask("posts", path), TIMELINE)
    posts, total, first = list(page["items"]), page["total"], page
    assert page["cursors"]["prev"] is None
    while page["cursors"]["next"]:
        page = valid(mocks.ask("posts", f"{path}&cursor={page['cursors']['next']}"), TIMELINE)
        posts += page["items"]
    ids = [post["id"] for post in posts]
    assert len(ids) == total and ids == sorted(set(ids), reverse=True)
    assert [post["created_at"] for post in posts] == sorted(
        (post["created_at"] for post in posts), reverse=True)
    while page["cursors"]["prev"]:
        page = valid(mocks.ask("posts", f"{path}&cursor={page['cursors']['prev']}"), TIMELINE)
    assert page == first


def limits_are_kept(mocks):
    for limit in (1, 19, 21, 200):
        page = valid(mocks.ask("posts", f"/v1/users/1002/timeline?limit={limit}"), TIMELINE)
        assert len(page["items"]) == limit


def bad_questions_are_refused(mocks):
    cursor = mocks.ask("posts", "/v1/users/1001/timeline").json()["cursors"]["next"]
    ids = ",".join(str(number) for number in range(1, 202))
    for service, path, status in (
            ("profiles", "/v1/users/1000", 404), ("profiles", "/v1/users/1201", 404),
            ("profiles", "/v1/users/01001", 404), ("profiles", "/v1/users/", 404),
            ("profiles", "/v1/users/99999999999999999999999", 404),
            ("profiles", "/v1/users/1001/", 404), ("profiles", "/", 404),
            ("notifications", "/v1/users/x/counts", 404),
            ("posts", "/v1/users/1001/timeline?limit=0", 400),
            ("posts", "/v1/users/1001/timeline?limit=201", 400),
            ("posts", "/v1/users/1001/timeline?limit=-1", 400),
            ("posts", "/v1/users/1001/timeline?limit=", 400),
            ("posts", "/v1/users/1001/timeline?cursor=tl1-0000000000000014", 400),
            ("posts", f"/v1/users/1002/timeline?cursor={cursor}", 400),
            ("ads", "/v1/slots", 400), ("ads", "/v1/slots?segment=", 400),
            ("ads", "/v1/slots?segment=food%2520%2526%2520drink", 400),
            ("ads", "/v1/slots?segment=food%20", 200),
            ("analytics", "/v1/posts/stats", 400), ("analytics", "/v1/posts/stats?ids=", 400),
            ("analytics", "/v1/posts/stats?ids=1,,2", 400),
            ("analytics", "/v1/posts/stats?ids=9223372036854775808", 400),
            ("analytics", f"/v1/posts/stats?ids={ids}", 400)):
        answer = mocks.ask(service, path)
        assert answer.status == status, f"{path}: {answer.status}"
        valid(answer, ERROR if status >= 400 else SLOTS, status)
    answer = mocks.ask("profiles", "/v1/users/1001", "DELETE")
    assert answer.status == 405 and answer.headers["Allow"] == "GET"


def events_are_counted(mocks):
    before = mocks.ask("analytics", "/_mock").json()["events"]
    event = {"kind": "viewed", "user": "1001", "post_ids": [2**60, 2**61]}
    schema("analytics.viewed.v1").validate(event)
    for _ in range(3):
        assert mocks.ask("analytics", "/v1/events", "POST", event).status == 202
    for bad in ("", "{", "[]", '{"kind":"viewed"}', '{"kind":"viewed","user":"1"} x'):
        valid(mocks.ask("analytics", "/v1/events", "POST", bad), ERROR, 400)
    assert mocks.ask("analytics", "/v1/events", "POST", " " * 70000).status == 413
    assert mocks.ask("analytics", "/_mock").json()["events"] == before + 3


# --- how they misbehave ---


def pictures_are_real(mocks):
    one, other = (mocks.ask("posts", f"/v1/media/{name}") for name in ("7", "8"))
    again = mocks.ask("posts", "/v1/media/7")
    assert one.headers["Content-Type"] == "image/bmp" and one.bytes[:2] == b"BM"
    assert int.from_bytes(one.bytes[2:6], "little") == len(one.bytes) > 300_000
    assert one.bytes == again.bytes != other.bytes


def uploads_are_counted(mocks):
    for data in (b"", b"abc", os.urandom(3_000_000)):
        answer = mocks.ask("posts", "/v1/users/1001/uploads", "POST", data)
        assert answer.status == 201, answer.status
        assert answer.json() == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def elapsed_s(mocks, service, path):
    start = time.monotonic()
    assert mocks.ask(service, path).status == 200
    return time.monotonic() - start


def delays_are_exact(mocks):
    mocks.order("posts", delay_ms=50)
    times = [elapsed_s(mocks, "posts", "/v1/users/1001/timeline") for _ in range(9)]
    assert min(times) >= 0.050, f"{min(times)} s is too early"
    assert min(times) < 0.060, f"{min(times)} s is too late"
    assert elapsed_s(mocks, "profiles", "/v1/users/1001") < 0.050


def delays_hold_no_thread(mocks):
    """64 connections to each service wait together: one after the other would take 77 seconds."""
    paths = {"profiles": "/v1/users/1001", "posts": "/v1/users/1001/timeline",
             "recommendations": "/v1/users/1001/recommendations",
             "notifications": "/v1/users/1001/counts", "ads": "/v1/slots?segment=music",
             "analytics": "/v1/posts/stats?ids=1"}
    assert mocks.ask("issuer", "/_mock/all", "PUT", {"delay_ms": 200}).status == 200
    start = time.monotonic()
    connections = []
    for service, path in paths.items():
        for _ in range(64):
            connections.append(mocks.connect(service))
            connections[-1].request("GET", path)
    for connection in connections:
        assert connection.getresponse().status == 200
        connection.close()
    assert time.monotonic() - start < 10
    assert mocks.ask("ads", "/_mock").json()["requests"] >= 64


def crowds_of_any_size_are_answered(mocks):
    """All ask while the program is held, so that it finds them all at once: libmicrohttpd's epoll
    thread goes to sleep over exactly 128."""
    for size in (1, 127, 128, 129, 256):
        with contextlib.ExitStack() as crowd:
            clients = [mocks.connect("analytics") for _ in range(size)]
            for client in clients:
                crowd.callback(client.close)
                client.request("GET", "/_mock")
                client.getresponse().read()
            mocks.process.send_signal(signal.SIGSTOP)
            for client in clients:
                client.sock.settimeout(10)
                client.request("GET", "/v1/posts/stats?ids=1")
            mocks.process.send_signal(signal.SIGCONT)
            assert {client.getresponse().status for client in clients} == {200}


def statuses_carry_the_marker(mocks):
    for service in SERVICES:
        state = mocks.order(service, status=503)
        assert state["status"] == 503 and state["delay_ms"] == 0 and state["body"] == "ok"
        body = valid(mocks.ask(service, "/v1/users/1001"), ERROR, 503)
        assert f"SECRET-{service}" in body["internal"]


def bodies_are_spoilt(mocks):
    path, ask = "/v1/users/1001", lambda: mocks.ask("profiles", "/v1/users/1001")
    whole = ask()
    mocks.order("profiles", body="broken")
    with contextlib.suppress(json.JSONDecodeError):
        ask().json()
        raise AssertionError("broken JSON can be read")
    assert len(ask().bytes) == len(whole.bytes)
    mocks.order("profiles", body="empty")
    assert ask().bytes == b"" and ask().status == 200
    mocks.order("profiles", body="html")
    assert ask().headers["Content-Type"] == "text/html" and b"SECRET-profiles" in ask().bytes
    mocks.order("profiles", body="wrong-type")
    wrong = ask().json()
    assert wrong.keys() == whole.json().keys()
    assert all(type(wrong[name]) is not type(value) for name, value in whole.json().items())
    mocks.order("profiles", body="half")
    try:
        mocks.ask("profiles", path)
        raise AssertionError("half a body looks whole")
    except http.client.IncompleteRead as half:
        assert half.partial == whole.bytes[:len(whole.bytes) // 2]
    mocks.order("profiles", body="ok")
    assert ask().bytes == whole.bytes


def bad_orders_change_nothing(mocks):
    before = mocks.ask("ads", "/_mock").json()
    for bad in ("", "[]", "{", '{"delay_ms":-1}', '{"delay_ms":600001}', '{"delay_ms":"5"}',
                '{"status":302}', '{"status":999}', '{"body":"sad"}', '{"body":null}',
                '{"dealy_ms":5}', '{"delay_ms":7,"status":1}'):
        valid(mocks.ask("ads", "/_mock", "PUT", bad), ERROR, 400)
        valid(mocks.ask("issuer", "/_mock/all", "PUT", bad), ERROR, 400)
    assert mocks.ask("ads", "/_mock").json() == before
    assert mocks.ask("issuer", "/_mock/adz", "PUT", {"status": 503}).status == 404


def the_issuer_controls_all(mocks):
    assert mocks.ask("issuer", "/_mock/ads", "PUT", {"status": 500}).json()["status"] == 500
    states = {state["service"]: state for state in mocks.ask("issuer", "/_mock").json()}
    assert set(states) == {"issuer", *SERVICES}
    assert states["ads"]["status"] == 500 and states["posts"]["status"] == 200
    mocks.reset()
    state = mocks.ask("ads", "/_mock").json()
    assert state["status"] == 200 and state["requests"] == 0


# --- tokens ---


def tokens_are_signed(mocks):
    keys = mocks.key_set()
    assert [key["alg"] for key in keys["keys"]] == ["RS256", "ES256", "EdDSA"]
    assert all(key["use"] == "sig" for key in keys["keys"])
    for alg in ("RS256", "ES256", "EdDSA"):
        for _ in range(8):
            header, claims = jws.verify(mocks.token(alg=alg, sub="1042", scope="feed:read x"), keys)
            assert header["typ"] == "at+jwt" and header["alg"] == alg
        assert (claims["sub"], claims["scope"], claims["aud"]) == ("1042", "feed:read x", "bff")
        assert claims["iss"] == f"http://127.0.0.1:{mocks.ports['issuer']}"
        assert claims["exp"] - claims["iat"] == 600 and claims["nbf"] == claims["iat"]
        assert abs(claims["iat"] - time.time()) < PATIENCE_S and len(claims["jti"]) == 32
        forged = mocks.token(alg=alg)
        forged = forged[:-8] + ("A" if forged[-8] != "A" else "B") + forged[-7:]
        with contextlib.suppress(ValueError):
            jws.verify(forged, keys)
            raise AssertionError(f"a forged {alg} token passes")


def tokens_may_be_wrong(mocks):
    keys = mocks.key_set()
    token = mocks.token(ttl_s=-60, not_before_s=90, iss="https://evil.example", aud="x",
                        claims={"aud": ["a", "b"], "jti": None, "big": 2**62})
    _, claims = jws.verify(token, keys)
    assert claims["exp"] == claims["iat"] - 60 and claims["nbf"] == claims["iat"] + 90
    assert claims["iss"] == "https://evil.example" and claims["aud"] == ["a", "b"]
    assert "jti" not in claims and claims["big"] == 2**62
    answer = mocks.ask("issuer", "/token?sub=1003&alg=EdDSA&ttl_s=5", "POST")
    assert jws.verify(answer.json()["access_token"], keys)[1]["sub"] == "1003"
    assert answer.json()["expires_in"] == 5 and answer.json()["token_type"] == "Bearer"
    for bad in ('{"alg":"none"}', '{"alg":"HS256"}', '{"alg":null}', '{"ttl_s":"soon"}',
                '{"claims":[]}', "[]", "{"):
        valid(mocks.ask("issuer", "/token", "POST", bad), ERROR, 400)


def keys_rotate(mocks):
    old, token = mocks.key_set(), mocks.token()
    assert mocks.ask("issuer", "/rotate", "POST").status == 200
    new = mocks.key_set()
    assert not {key["kid"] for key in old["keys"]} & {key["kid"] for key in new["keys"]}
    jws.verify(mocks.token(), new)
    jws.verify(token, old)
    with contextlib.suppress(ValueError):
        jws.verify(token, new)
        raise AssertionError("a key that left still signs")


def the_issuer_describes_itself(mocks):
    document = mocks.ask("issuer", "/.well-known/openid-configuration").json()
    assert document["issuer"] == f"http://127.0.0.1:{mocks.ports['issuer']}"
    assert document["jwks_uri"] == document["issuer"] + "/.well-known/jwks.json"


# --- the program; these start their own ---


def run(*options):
    """To its end, for command lines that start nothing."""
    return subprocess.run([PROGRAM, *options], capture_output=True, text=True, timeout=PATIENCE_S)


def keys_are_kept():
    with tempfile.TemporaryDirectory() as parent:
        folder = os.path.join(parent, "keys")
        sets = []
        for _ in range(2):
            mocks = Mocks("--keys", folder, "--issuer-url", "https://issuer.example")
            sets.append(mocks.key_set())
            assert jws.verify(mocks.token(), sets[-1])[1]["iss"] == "https://issuer.example"
            assert mocks.stop() == 0
        assert sets[0] == sets[1]
        names = sorted(os.listdir(folder))
        assert names == ["ed25519.pem", "es256.pem", "rs256.pem"]
        for name in names:
            assert stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) == 0o600
        with open(os.path.join(folder, names[1]), "w", encoding="ascii") as file:
            file.write("no key\n")
        end = run("--port", "0", "--keys", folder)
        assert end.returncode == 1 and "es256.pem" in end.stderr and not end.stdout


def options_set_behaviour():
    mocks = Mocks("--delay", "all=20ms", "--delay", "ads=0", "--status", "ads=503",
                  "--body", "posts=empty", "--users", "3")
    assert elapsed_s(mocks, "profiles", "/v1/users/1003") >= 0.020
    assert mocks.ask("profiles", "/v1/users/1004").status == 404
    assert mocks.ask("ads", "/v1/slots?segment=music").status == 503
    mocks.order("ads", status=200, delay_ms=1)
    mocks.reset()
    state = mocks.ask("ads", "/_mock").json()
    assert (state["status"], state["delay_ms"]) == (503, 0), "a reset goes back to the options"
    assert mocks.stop(signal.SIGINT) == 0


def late_answers_do_not_hold_the_end():
    mocks = Mocks("--delay", "posts=60s")
    connection = mocks.connect("posts")
    connection.request("GET", "/v1/users/1001/timeline")
    until = time.monotonic() + PATIENCE_S
    while mocks.ask("posts", "/_mock").json()["requests"] == 0:
        assert time.monotonic() < until, "the question never arrives"
    assert mocks.stop() == 0
    assert time.monotonic() < until


def the_ready_line_goes_where_told():
    reader, writer = os.pipe()
    process = subprocess.Popen([PROGRAM, "--port", "0", "--ready-fd", str(writer)],
                               pass_fds=[writer], stdout=subprocess.PIPE)
    os.close(writer)
    with open(reader, encoding="ascii") as pipe:
        lines = pipe.readlines()
    process.terminate()
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert len(lines) == 1 and lines[0].startswith("ready issuer="), lines
    assert process.returncode == 0 and out == b""


def a_taken_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        end = run("--port", str(port))
    assert end.returncode == 1 and not end.stdout
    assert str(port) in end.stderr and "issuer" in end.stderr, end.stderr


def wrong_options_are_named():
    for options in (["--port", "65530"], ["--delay", "adz=5ms"], ["--delay", "ads=5h"],
                    ["--status", "ads=200x"], ["--body", "ads"], ["--users", "0"],
                    ["--issuer-url", "here"], ["--nonsense"], ["word"]):
        end = run(*options)
        assert end.returncode == 2 and end.stderr.strip() and not end.stdout, options
    end = run("--help")
    assert end.returncode == 0 and end.stdout.count("--") >= 10


def the_dump_says_the_same(mocks):
    profile = mocks.ask("profiles", "/v1/users/1001")
    posts = mocks.ask("posts", "/v1/users/1001/timeline")
    segment = urllib.parse.urlencode({"segment": profile.json()["segment"]})
    ids = ",".join(str(post["id"]) for post in posts.json()["items"])
    wanted = {"profile.json": profile, "posts.json": posts,
              "recs.json": mocks.ask("recommendations", "/v1/users/1001/recommendations"),
              "unread.json": mocks.ask("notifications", "/v1/users/1001/counts"),
              "ads.json": mocks.ask("ads", f"/v1/slots?{segment}"),
              "stats.json": mocks.ask("analytics", f"/v1/posts/stats?ids={ids}")}
    with tempfile.TemporaryDirectory() as parent:
        folder = pathlib.Path(parent) / "dump"
        assert run("--dump", folder).returncode == 0
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
            name: answer.bytes for name, answer in wanted.items()}


def the_program_ends_well(mocks):
    assert mocks.stop() == 0


WITH_ONE = (
    profiles_are_valid, timelines_are_valid, texts_test_every_reader, numbers_test_every_reader,
    recommendations_are_valid, counts_are_valid, ads_are_valid, stats_are_valid,
    pages_follow_each_other, limits_are_kept, bad_questions_are_refused, events_are_counted,
    pictures_are_real, uploads_are_counted,
    delays_are_exact, delays_hold_no_thread, crowds_of_any_size_are_answered,
    statuses_carry_the_marker, bodies_are_spoilt,
    bad_orders_change_nothing, the_issuer_controls_all, tokens_are_signed, tokens_may_be_wrong,
    keys_rotate, the_issuer_describes_itself, the_dump_says_the_same,
)
ON_THEIR_OWN = (
    keys_are_kept, options_set_behaviour, late_answers_do_not_hold_the_end,
    the_ready_line_goes_where_told, a_taken_port_is_named, wrong_options_are_named,
)


def passes(check, *arguments):
    name = check.__name__.replace("_", " ")
    try:
        for mocks in arguments:
            mocks.reset()
        check(*arguments)
        print(f"ok - {name}")
        return True
    except Exception as why:  # whatever went wrong, the other checks are still worth running
        print(f"# {type(why).__name__}: {str(why)[:400]!r}\nnot ok - {name}")
        return False


def main():
    mocks = Mocks()
    results = [passes(check, mocks) for check in WITH_ONE]
    results += [passes(check) for check in ON_THEIR_OWN]
    results.append(passes(the_program_ends_well, mocks))
    print(f"mocks: {results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
