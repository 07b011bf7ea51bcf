"""One run of the load against one side, and what runs come to: medians, ratios, straight lines."""

import contextlib
import json
import statistics
import sys
from typing import NamedTuple

from sides import SERVICES, BenchError, LoadError, ask

WARM_MS = 300
REPEATS = 3


class Case(NamedTuple):
    name: str
    connections: int
    runs: int
    ms: int
    rate: int = 0


class Run(NamedTuple):
    cpu_us: float  # per request
    per_s: float
    busy: float  # the share of its core that the server used
    services_busy: float
    calls: float  # to services, per request
    p50_us: float
    p99_us: float
    resident_mb: float


class Asked(NamedTuple):
    """Whom a run asks, and what must come of each request."""
    name: str
    side: object  # the Program
    port: int
    services: object  # the Program that is all six
    services_port: int
    answer_bytes: int
    path: str = "/v1/feed"
    called: dict = dict.fromkeys((*SERVICES, "events"), 1)


def median(runs, field):
    return statistics.median(getattr(run, field) for run in runs)


def counts(port):
    return json.loads(ask(port, "/counts")[1])


def require_whole(asked, case, loaded, called):
    """Every answer was the whole one, and nobody saved calls."""
    wanted = loaded["requests"] * asked.answer_bytes
    if loaded["body_bytes"] < 0.99 * wanted:
        raise BenchError(f"{asked.name} left something out of its answers at {case.name}: they "
                         f"had {loaded['body_bytes']} bytes instead of {wanted}.")
    for service, times in asked.called.items():
        on_their_way = case.connections if service == "events" else 0  # nobody waits for them
        if called[service] < 0.99 * times * loaded["requests"] - on_their_way:
            raise BenchError(f"{asked.name} asked {service} {called[service]} times for "
                             f"{loaded['requests']} requests at {case.name}.")


def measure(bench, case, asked):
    before = counts(asked.services_port)
    cpu_s, services_s = asked.side.cpu_s(), asked.services.cpu_s()
    loaded = bench.load(asked.port, case.connections, case.ms, case.rate, asked.path)
    cpu_s, services_s = asked.side.cpu_s() - cpu_s, asked.services.cpu_s() - services_s
    after = counts(asked.services_port)
    called = {service: after[service] - before[service] for service in after}
    require_whole(asked, case, loaded, called)
    return Run(cpu_s * 1e6 / loaded["requests"], loaded["requests"] / loaded["seconds"],
               cpu_s / loaded["seconds"], services_s / loaded["seconds"],
               sum(called.values()) / loaded["requests"], loaded["p50_us"], loaded["p99_us"],
               asked.side.resident_kb() / 1024)


def measure_patiently(bench, case, asked):
    """A machine that does something else for a second makes answers late, whoever is asked; that
    run is repeated, but not for ever."""
    for _ in range(REPEATS):
        try:
            return measure(bench, case, asked)
        except LoadError as error:
            say(f"  a run is repeated: {error}")
    return measure(bench, case, asked)


def interleave(bench, case, all_asked):
    """{name: [Run]}: each is warmed up, then they take turns."""
    for asked in all_asked:
        with contextlib.suppress(LoadError):
            bench.load(asked.port, case.connections, WARM_MS, 0, asked.path)
    runs = {asked.name: [] for asked in all_asked}
    for _ in range(case.runs):
        for asked in all_asked:
            runs[asked.name].append(measure_patiently(bench, case, asked))
    return runs


class Line(NamedTuple):
    """The straight line nearest to some points, by least squares."""
    slope: float
    start: float
    off: float  # the largest deviation of a point from it, as a share of the point


def line_through(points):
    slope, start = statistics.linear_regression(*zip(*points))
    return Line(slope, start, max(abs(start + slope * x - y) / y for x, y in points))


def say(text=""):
    print(text)
    sys.stdout.flush()
