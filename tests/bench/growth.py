"""How the cost of a request grows: with the number of its calls, with the size of its bodies, and
what a client costs that asks nothing.

Ours alone. For each step of a growth there is a plan of its own or a server of its own, and all
take turns; a straight line is laid through the medians, and it is told how far off the worst is.
"""

import contextlib
import json
import subprocess

from measure import Asked, Case, interleave, line_through, median, say
from sides import HERE, SERVICES, BenchError, ask

CALLS = (1, 3, 6, 12)
PROMISE = HERE.parents[1] / "schemas/services/profiles.user.v1.json"
TIMES = (1, 2, 5, 10)
CASE = Case("32 connections", 32, 5, 500)
IDLE_CLIENTS = 10000
IDLE_MOST_MB = 120
PORTS_EACH = 10  # of one server with its services


# ---- bodies ----

def folder_of(times):
    return "bodies" if times == 1 else f"bodies-x{times}"


def write_bodies(bench):
    """The mocks' answers, and the same with every post several times as large: what it looked like
    before each of some edits, which no client wants."""
    plain = bench.folder / folder_of(1)
    subprocess.run([bench.build / "bff-mocks", "--dump", plain], check=True)
    timeline = json.loads((plain / "posts.json").read_text(encoding="utf-8"))
    for times in TIMES[1:]:
        large = bench.folder / folder_of(times)
        large.mkdir(exist_ok=True)
        for source in plain.iterdir():
            (large / source.name).write_bytes(source.read_bytes())
        items = [post | {"edits": [post] * (times - 1)} for post in timeline["items"]]
        (large / "posts.json").write_text(
            json.dumps(timeline | {"items": items}, ensure_ascii=False, separators=(",", ":")),
            encoding="utf-8")


def kilobytes(bench, times):
    folder = bench.folder / folder_of(times)
    return sum(path.stat().st_size for path in folder.iterdir()) / 1024


# ---- the shapes of growth.c ----

def write_shapes(bench):
    """One section for each call, all alike; returns where the shapes are."""
    folder = bench.folder / "schemas" / "growth"
    promises = folder.parent / "services"
    for made in folder, promises:
        made.mkdir(parents=True, exist_ok=True)
    (promises / PROMISE.name).write_bytes(PROMISE.read_bytes())
    for count in CALLS:
        sections = {name: {
            "type": "object", "x-from": name, "required": ["name"], "properties": {
                "name": {"type": "string", "x-from": "display_name", "maxLength": 60},
                "handle": {"type": "string", "x-from": "handle", "maxLength": 30},
            }} for name in "abcdefghijkl"[:count]}
        shape = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
                 "x-calls": {name: f"services/{PROMISE.name}" for name in sections},
                 "additionalProperties": False, "required": list(sections),
                 "properties": sections}
        (folder / f"calls-{count}.json").write_text(json.dumps(shape, indent=2), encoding="utf-8")
    return folder.parent


# ---- measuring ----

def start_growth(bench, port, **settings):
    return bench.start_ours("growth", "tests/bench/growth", HERE / "growth.conf", port=port,
                            admin=port + 1, known=("profiles",), schemas=write_shapes(bench),
                            **settings)


def whole_answer(bench, port, path):
    status, body = ask(port, path, bench.token())
    if status != 200:
        raise BenchError(f"{path} on port {port} answers {status}: {body[:300]!r}")
    return len(body)


def measure_calls(bench):
    """{count: [Run]}"""
    port, services_port = bench.ports.spare, bench.ports.services
    with contextlib.ExitStack() as started:
        services = started.enter_context(bench.start_services(folder_of(1)))
        ours = started.enter_context(start_growth(bench, port))
        paths = {count: f"/v1/calls-{count}" for count in CALLS}
        return interleave(bench, CASE, [
            Asked(count, ours, port, services, services_port, whole_answer(bench, port, path),
                  path, {"profiles": count}) for count, path in paths.items()])


def measure_sizes(bench):
    """{times: [Run]}"""
    sides = []
    with contextlib.ExitStack() as started:
        for nth, times in enumerate(TIMES):
            services_port = bench.ports.spare + PORTS_EACH * nth
            port = services_port + len(SERVICES)
            name = f"x{times}"
            services = started.enter_context(bench.start_services(
                folder_of(times), port=services_port, name=f"services-{name}"))
            ours = started.enter_context(bench.start_ours(
                f"ours-{name}", port=port, admin=port + 1, services=services_port))
            sides.append(Asked(times, ours, port, services, services_port,
                               whole_answer(bench, port, "/v1/feed")))
        return interleave(bench, CASE, sides)


def measure_idle(bench):
    """(MB before, MB with IDLE_CLIENTS connections)"""
    port = bench.ports.ours
    with bench.start_services(folder_of(1)), bench.start_ours() as ours:
        bench.load(port, CASE.connections, CASE.ms)
        before_mb = ours.resident_kb() / 1024
        argv = bench.asking("idle", port, IDLE_CLIENTS, "/v1/feed")
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as idle:
            said = idle.stdout.readline()
            if not said or json.loads(said)["failed"]:
                raise BenchError(f"{IDLE_CLIENTS} clients could not be served: {said}")
            return before_mb, ours.resident_kb() / 1024


# ---- showing ----

def print_growth(unit, points):
    """What each step costs and how far that is from the line. Returns the line."""
    line = line_through(points)
    for x, y in points:
        on_line = line.start + line.slope * x
        say(f"  {x:7.4g} {unit:6} {y:10.1f} us    {y / on_line - 1:+6.1%} off the line")
    say(f"  the line: {line.start:.1f} us and {line.slope:.2f} us for each "
        f"{unit.removesuffix('s')}; at most {line.off:.1%} off")
    return line


def run_growth(bench):
    """What the last line of the bench says of it."""
    say(f"\ncost by the number of calls (growth.c, {CASE.name}, medians of {CASE.runs}):")
    calls = print_growth("calls", [(count, median(runs, "cpu_us"))
                                   for count, runs in measure_calls(bench).items()])
    say(f"\ncost by the size of the bodies (the feed, {CASE.name}, medians of {CASE.runs}):")
    sizes = print_growth("KB", [(kilobytes(bench, times), median(runs, "cpu_us"))
                                for times, runs in measure_sizes(bench).items()])
    before_mb, idle_mb = measure_idle(bench)
    say(f"\n{IDLE_CLIENTS} kept connections that asked once and are silent: {idle_mb:.1f} MB "
        f"resident, {before_mb:.1f} MB without them, "
        f"{(idle_mb - before_mb) * 1024 / IDLE_CLIENTS:.2f} KB each (goal: below "
        f"{IDLE_MOST_MB} MB)")
    return {"call_us": f"{calls.slope:.1f}", "kb_us": f"{sizes.slope:.2f}",
            "idle_mb": f"{idle_mb:.0f}"}
