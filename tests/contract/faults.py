#!/usr/bin/python3
"""The fault matrix: each service fails in each way, alone and with all others, for each client.

Each case is one question while the services fail (hostile.py says how), judged by judge.py: the
answer is valid and holds exactly what can be had, or is the right problem, without a byte of what
the failing service said, within the budget and 50 ms. Questions come from two users by turns, so
that nobody is given another's answer unseen. The question after the case, with the services well
again, must be answered whole. In the end the server has no more descriptors than it began with and
nothing in flight.

A machine that does something else is no fault: time is the server's own, from its access log, and a
case that time alone made wrong is tried up to three times. The last line is
"faults: cases=N invalid=N late=N unhealed=N".
"""
import asyncio
import json
import multiprocessing
import os
import pathlib
import re
import sys
import tempfile
import time
import urllib.parse

sys.dont_write_bytecode = True  # what is built belongs under build/
import hostile  # noqa: E402
import world  # noqa: E402
from hostile import MAY, Then  # noqa: E402
from judge import Answer, Judge  # noqa: E402

USERS = ("1001", "1002")
TRIES = 3
GRACE_MS = 50
HEALS_S = 5.0    # a breaker may have to see that all is well
UNASKED = ("cached", "stale", "skipped")
# Copies would answer for what fails here: a server that keeps none is asked about all ways, and one
# that keeps them about some, all of which are failures and leave the copies as they were.
COPIES = ("refused", "black hole", "silence", "half a body", "stuck in the middle", "500", "503")
SETTLES_S = 5.0
LOGGED_S = 2.0
# An ejected host comes back soon: the matrix asks whether an answer is whole again, not how long
# that takes. One required call lasts as long as the budget, the other not, so that both are seen.
BREAKER = "breaker = { open_ms = 50; open_max_ms = 50; };"
SETTINGS = {name: BREAKER if name == "profiles" else f"{BREAKER} timeout_ms = 300;"
            for name in world.SERVICES}
IN_FLIGHT = re.compile(r"active|in_flight|in_use|queued|under_?way")


async def ask(port, user, token, request_id):
    started = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /v1/feed HTTP/1.1\r\nHost: bff\r\nConnection: close\r\n"
                 f"X-Request-Id: {request_id}\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    raw = await asyncio.wait_for(reader.read(), world.PATIENCE_S)
    writer.close()
    return Answer(user, raw, (time.monotonic() - started) * 1000)


class Matrix:
    """One client's server, its six services, and what has been counted."""

    def __init__(self, client, folder, bodies, issuer_port, tokens, has_copies):
        self.client, self.tokens = client, tokens
        self.ways = [way for way in hostile.WAYS if not has_copies or way.name in COPIES]
        self.name = f"{client} with copies" if has_copies else client
        plan = next(plan for plan in world.plans_of(client) if plan.name == "feed")
        self.limit_ms = plan.budget_ms + GRACE_MS
        self.services = {
            call.service: hostile.Service({user: goods[name] for user, goods in bodies.items()})
            for name, call in plan.calls.items() if call.need != "detached"}
        self.access = pathlib.Path(folder) / f"{client}.access"
        self.access.unlink(missing_ok=True)
        ports = {name: service.port for name, service in self.services.items()}
        more = () if has_copies else ("--set", "cache.bytes=0")
        self.server = world.Server(client, folder, issuer_port, ports, *more, access=self.access,
                                   workers=1, settings=SETTINGS)
        self.judge = Judge(plan, self.server, folder, bodies, has_copies)
        self.asked = 0
        self.counts = dict.fromkeys(("cases", "invalid", "late", "unhealed", "repeated"), 0)
        self.lines = []

    async def ask(self):
        self.asked += 1
        user = USERS[self.asked % len(USERS)]
        return await ask(self.server.port, user, self.tokens[user], f"{self.client}-{self.asked}")

    # ---- one case ----

    async def play(self, way, names, failing):
        """(the answer while these services fail, what is wrong with it, whether only by time)"""
        for name in names:
            await self.services[name].fail(way)
        answer = await self.ask()
        fault, is_delay = self.judge.fault(way, failing, answer)
        is_unmet = len(names) == 1 and way.then not in (Then.REFUSE, Then.IGNORE) \
            and not self.services[names[0]].asked \
            and any(answer.states.get(name) not in UNASKED for name in failing)
        for name in names:
            await self.services[name].heal()
        return answer, fault or is_unmet and "the service was never asked", is_delay

    async def make_whole(self, way, failing):
        """(what is wrong with an answer after the case, whether one is whole in time)"""
        after = way._replace(verdict=MAY, body=lambda good: good)
        until, fault = time.monotonic() + HEALS_S, ""
        while time.monotonic() < until:
            answer = await self.ask()
            if self.judge.is_whole(answer):
                return fault, True
            found, is_delay = self.judge.fault(after, failing, answer)
            fault = fault or (not is_delay and found)
            await asyncio.sleep(0.02)
        return fault, False

    async def server_ms(self, answer):
        """How long the server itself took; lines are written out a moment later."""
        member = f'"request_id":"{answer.fields.get("x-request-id")}"'
        until = time.monotonic() + LOGGED_S
        while time.monotonic() < until:
            for line in self.access.read_text().splitlines():
                if member in line:
                    return json.loads(line)["duration_ms"]
            await asyncio.sleep(0.02)
        return answer.took_ms

    async def is_late(self, answer):
        return answer.took_ms > self.limit_ms and await self.server_ms(answer) > self.limit_ms

    async def case(self, way, names):
        """One cell of the matrix, again when time alone made it wrong. What is wrong, or ""."""
        failing = {name for name, call in self.judge.calls.items() if call.service in names}
        for attempt in range(TRIES):
            answer, fault, is_delay = await self.play(way, names, failing)
            is_late = await self.is_late(answer)
            fault_after, is_healed = await self.make_whole(way, failing)
            if not is_late and not (fault and is_delay):
                break
            self.counts["repeated"] += attempt + 1 < TRIES
        faults = [fault, fault_after and f"afterwards: {fault_after}",
                  is_late and f"late: {answer.took_ms:.0f} ms", not is_healed and "not whole again"]
        self.counts["cases"] += 1
        self.counts["invalid"] += bool(fault or fault_after)
        self.counts["late"] += is_late
        self.counts["unhealed"] += not is_healed
        return "; ".join(filter(None, faults))

    # ---- all of them ----

    def check(self, name, faults):
        self.lines += [f"# {fault}" for fault in faults]
        self.lines.append(f"{'not ok' if faults else 'ok'} - {self.name}: {name}")

    async def row(self, way):
        """One way, with each service and with all at once."""
        faults = []
        for names in (*([name] for name in self.services), list(self.services)):
            fault = await self.case(way, names)
            if fault:
                faults.append(f"{way.name}, {' '.join(names)}: {fault}")
        self.check(way.name, faults)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.server.process.pid}/fd"))

    def in_flight(self):
        """Every gauge of what is under way that is not 0."""
        text = world.ask(self.server.admin_port, "GET", "/metrics")[2].decode()
        names = [name for name in re.findall(r"(?m)^# TYPE (\w+) gauge", text)
                 if IN_FLIGHT.search(name)]
        samples = re.findall(rf"(?m)^((?:{'|'.join(names)})(?:{{.*}})?) (\S+)$", text)
        return [f"{name} is {value}" for name, value in samples if float(value)] \
            if samples else ["no gauge tells what is in flight"]

    async def leaks(self, base):
        """Asks until no more descriptors are open than in the beginning, and nothing is left."""
        until, leaks = time.monotonic() + SETTLES_S, ["nothing was looked at"]
        while leaks and time.monotonic() < until:
            await self.ask()
            await asyncio.sleep(0.05)
            count = self.descriptors()
            leaks = await asyncio.to_thread(self.in_flight)
            leaks += [f"{count} descriptors, {base} before"] if count > base else []
        return leaks

    async def run(self):
        for service in self.services.values():
            await service.start()
        for _ in USERS:
            _, is_whole = await self.make_whole(hostile.WAYS[0], set(self.judge.calls))
            self.check("whole to begin with", [] if is_whole else ["it is not"])
        base = self.descriptors()
        for way in self.ways:
            await self.row(way)
        self.check("nothing leaks", await self.leaks(base))
        code = self.server.process.poll()
        self.check("the same process", [] if code is None else [f"it ended with {code}"])
        for service in self.services.values():
            await service.stop()

    def end(self):
        code = self.server.end()
        self.check("ends well", [self.server.log.read_text()[-4000:]] if code else [])


def run_matrix(task):
    matrix = Matrix(*task)
    try:
        asyncio.run(matrix.run())
    finally:
        matrix.end()
    return matrix.lines, matrix.counts


def run_client(task):
    return [run_matrix((*task, has_copies)) for has_copies in (False, True)]


def healthy_bodies(ports, user):
    """What the mocks say to each call of a feed, as a server asks."""
    def get(service, target):
        return world.ask(ports[service], "GET", target)[2]
    profile = get("profiles", f"/v1/users/{user}")
    posts = get("posts", f"/v1/users/{user}/timeline")
    segment = urllib.parse.quote(json.loads(profile)["segment"])
    ids = ",".join(str(post["id"]) for post in json.loads(posts)["items"])
    return {"profile": profile, "posts": posts,
            "recs": get("recommendations", f"/v1/users/{user}/recommendations"),
            "unread": get("notifications", f"/v1/users/{user}/counts"),
            "ads": get("ads", f"/v1/slots?segment={segment}"),
            "stats": get("analytics", f"/v1/posts/stats?ids={ids}")}


def main():
    with tempfile.TemporaryDirectory() as folder:
        mocks, ports = world.start_mocks()
        bodies = {user: healthy_bodies(ports, user) for user in USERS}
        tokens = {user: world.mint(ports["issuer"], user) for user in USERS}
        tasks = [(client, folder, bodies, ports["issuer"], tokens) for client in world.CLIENTS]
        with multiprocessing.get_context("fork").Pool(len(tasks)) as pool:
            results = [result for both in pool.map(run_client, tasks) for result in both]
        mocks.terminate()
        mocks.wait(world.PATIENCE_S)
    lines = [line for part, _ in results for line in part]
    total = {name: sum(counts[name] for _, counts in results) for name in results[0][1]}
    print("\n".join(lines))
    print(f"# {total.pop('repeated')} cases were tried again, because of time alone")
    print("faults: " + " ".join(f"{name}={count}" for name, count in total.items()))
    return 1 if any(line.startswith("not ok") for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
