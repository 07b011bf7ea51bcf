#!/usr/bin/python3
"""Good answers of bff-mobile when more is asked than it can do: overload [BUILD]

Clients that do not wait for each other (flood.c) ask one worker for the feed, at rates that rise
until it cannot keep up, and then at three times the most that it could. An answer is good when it
is whole and comes within the plan's budget, counted from the moment the request was due. Then plans
of three priorities are asked at once, three times too much in all. README.md says more.
"""

import os
import statistics
import sys
from typing import NamedTuple

sys.dont_write_bytecode = True  # what is built belongs under build/

from entrance import begin
from growth import folder_of, start_growth, write_bodies
from measure import say

BUDGET_MS = 800  # of the plans that are asked
DELAY_MS = 5
FEED = "/v1/feed"
RANKS = {"high": ("/v1/high", 0.5), "normal": ("/v1/calls-6", 1), "low": ("/v1/low", 1.5)}
MS = 2000
FIRST_RATE, STEP, KEEPS_UP = 200, 1.3, 0.8
TIMES = 3
ROUNDS = 5
TURN_MS = 5  # how often the bare loop looks: about what a turn of ours takes then
TARGET_MS = 20  # as is the default of shed.target_ms; tests/bench/bff.conf has another


class Flood(NamedTuple):
    """One run, a second."""
    asked: float
    good: float
    refused: float
    late: float  # the client had given up, or should have
    failed: float
    p50_us: float  # of the good ones
    p99_us: float
    busy: float  # the server
    load: float  # flood and the services, which have the other core


def flood(bench, port, server, rates, services=None):
    """{path: Flood}"""
    cpu_s, services_s = server.cpu_s(), services.cpu_s() if services else 0
    said, load = bench.flood(port, BUDGET_MS, MS, rates)
    busy = (server.cpu_s() - cpu_s) * 1000 / MS
    load += (services.cpu_s() - services_s) * 1000 / MS if services else 0
    runs = {}
    for path, counts in said.items():
        late = counts["late"] + counts["given_up"] + counts["unsent"]
        asked = counts["good"] + counts["refused"] + counts["failed"] + late
        runs[path] = Flood(*(count * 1000 / MS for count in (
            asked, counts["good"], counts["refused"], late, counts["failed"])),
            counts["p50_us"], counts["p99_us"], busy, load)
    return runs


def median(runs):
    return Flood(*map(statistics.median, zip(*runs)))


def print_head():
    say("      asked      good    refused     late   failed   p50 ms   p99 ms   busy   load")


def print_flood(flooded, label=""):
    say(f"  {flooded.asked:9.0f} {flooded.good:9.0f} {flooded.refused:10.0f} {flooded.late:8.0f}"
        f" {flooded.failed:8.0f} {flooded.p50_us / 1000:8.1f} {flooded.p99_us / 1000:8.1f}"
        f" {flooded.busy:6.0%} {flooded.load:6.0%}  {label}".rstrip())


def peak_of(ask):
    """The lowest rate at which as many answers are good as at any. `ask(rate)` is a Flood. Rates
    rise until the server has not kept up twice: once may have been this machine."""
    rate, runs, behind = FIRST_RATE, {}, 0
    while behind < 2:
        runs[rate] = ask(rate)
        print_flood(runs[rate])
        keeps_up = runs[rate].good >= KEEPS_UP * runs[rate].asked
        behind = 0 if keeps_up else behind + 1
        rate *= STEP
    best = max(run.good for run in runs.values())
    return min(rate for rate, run in runs.items() if run.good > 0.97 * best)


def refusing_us(bench, per_s):
    """What a refusal costs a program that does nothing else, at that rate."""
    port = bench.ports.floor
    with bench.start_refusing(TURN_MS) as refuse:
        runs = [flood(bench, port, refuse, {FEED: per_s})[FEED] for _ in range(ROUNDS)]
    run = median(runs)
    return run.busy * 1e6 / run.refused


def tell_costs(at_peak, beyond, floor_us):
    """Of a good answer and of a refusal, from what the server did in two runs; and what is left for
    good answers when as many are refused at the least that it costs."""
    both = at_peak.good * beyond.refused - beyond.good * at_peak.refused
    if not both:
        return {}
    refusal_us = (beyond.busy * at_peak.good - at_peak.busy * beyond.good) / both * 1e6
    good_us = (at_peak.busy * beyond.refused - beyond.busy * at_peak.refused) / both * 1e6
    share = floor_us / good_us
    possible = (1 - TIMES * share) / (1 - share)
    say(f"\na good answer takes {good_us:.0f} us of the server, a refusal {refusal_us:.1f}; a bare "
        f"loop that only refuses takes {floor_us:.1f}, and with that the ratio would be "
        f"{possible:.2f}")
    return {"refusal_us": f"{refusal_us:.1f}", "refusal_floor_us": f"{floor_us:.1f}",
            "ratio_possible": f"{possible:.2f}"}


def run_feed(bench, services):
    """What the last line says of it."""
    port = bench.ports.ours
    with bench.start_ours(shed__target_ms=TARGET_MS) as server:
        def ask(rate):
            return flood(bench, port, server, {FEED: rate}, services)[FEED]

        say(f"\nthe feed, services that answer in {DELAY_MS} ms, {MS / 1000:g} s each, a second:")
        print_head()
        rate = peak_of(ask)
        at_peak, beyond = [], []
        for _ in range(ROUNDS):
            at_peak.append(ask(rate))
            beyond.append(ask(TIMES * statistics.median(run.good for run in at_peak)))
        at_peak, beyond = median(at_peak), median(beyond)
        print_flood(at_peak, f"the peak, median of {ROUNDS}")
        print_flood(beyond, f"{TIMES} times as many, median of {ROUNDS}")
    costs = tell_costs(at_peak, beyond, refusing_us(bench, beyond.refused))
    return {"peak_rps": f"{at_peak.good:.0f}", f"goodput_{TIMES}x": f"{beyond.good:.0f}",
            "ratio": f"{beyond.good / at_peak.good:.2f}",
            f"p99_{TIMES}x_ms": f"{beyond.p99_us / 1000:.0f}"} | costs


def run_ranks(bench):
    """What the last line says of it: the share of each priority that was served."""
    port = bench.ports.spare
    with start_growth(bench, port, shed__target_ms=TARGET_MS) as server:
        normal, _ = RANKS["normal"]
        say("\nsix calls at a time, then plans of three priorities, three times too much in all:")
        print_head()

        def ask(rate):
            return flood(bench, port, server, {normal: rate})[normal]

        most = ask(peak_of(ask)).good
        rates = {path: share * most for path, share in RANKS.values()}
        runs = [flood(bench, port, server, rates) for _ in range(ROUNDS)]
        served = {}
        for name, (path, _) in RANKS.items():
            flooded = median([run[path] for run in runs])
            print_flood(flooded, f"{name}, median of {ROUNDS}")
            served[name] = f"{flooded.good / flooded.asked:.2f}"
    return served


def run(bench):
    os.sched_setaffinity(0, {bench.load_core})
    write_bodies(bench)
    with bench.start_issuer(), bench.start_services(folder_of(1), DELAY_MS) as services:
        return run_feed(bench, services) | run_ranks(bench)


if __name__ == "__main__":
    sys.exit(begin("overload", __doc__.splitlines()[0], run))
