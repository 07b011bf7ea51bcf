"""How a script of the bench begins and ends: its options, this machine, and what ends it early."""

import argparse
import os
import platform
import resource
import signal
import sys
import time

from measure import say
from sides import Bench, BenchError, Ports

DESCRIPTORS = 11000  # for ten thousand clients, on either side


def raise_descriptors():
    """As many as the system gives: a connection needs one on either side."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < DESCRIPTORS:
        raise BenchError(f"A process may have {most} descriptors; {DESCRIPTORS} are needed "
                         f"(ulimit -Hn).")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def print_machine(cores):
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        model = next((line.split(":")[1].strip() for line in lines if "model name" in line),
                     platform.machine())
    say(f"{model}, Linux {platform.release()}; the server on core {cores[0]}, load and services "
        f"on core {cores[1]}; load average {os.getloadavg()[0]:.2f} at the start")


def open_bench(options):
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise BenchError("The server needs a core for itself, and the load another.")
    raise_descriptors()
    bench = Bench(options.build, Ports(options.port), cores[:2])
    bench.ports.require_free()
    print_machine(cores)
    return bench


def begin(name, about, run):
    """Calls run(bench), which returns the last line as {name: value}; the exit code."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("build", nargs="?", default="build", help="where the programs are")
    parser.add_argument("--port", type=int, default=21700,
                        help=f"the first of {Ports.COUNT} ports (21700)")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    started = time.monotonic()
    try:
        line = run(open_bench(options))
    except KeyboardInterrupt:
        print(f"{name}: stopped.", file=sys.stderr)
        return 130
    except BenchError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    say(f"\nAll of it took {time.monotonic() - started:.0f} s.")
    say(f"\n{name}: " + " ".join(f"{key}={value}" for key, value in line.items()))
    return 0
