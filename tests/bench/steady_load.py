"""What the benchmarks have in common that run for a while under a steady load, in a network namespace."""

from __future__ import annotations

import argparse
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping

from tests.bench.loopback import OWN_PORTS

INSIDE = "--inside-a-network-namespace"
PORTS, CLOSED_PORT, ADDRESSES = OWN_PORTS[:2], OWN_PORTS[2], 64

Load = Callable[[int, float, float, int], None]
"""Connects to a port so often a second until a time, and writes the number of connects to a descriptor."""


def start(load: Load, per_s: float, until_s: float) -> list[int]:
    """Start a process for each port; return where each writes the number of its connects."""
    reports = []
    for port in PORTS:
        reader, writer = os.pipe()
        if not os.fork():
            load(port, per_s / len(PORTS), until_s, writer)
            os._exit(0)
        os.close(writer)
        reports.append(reader)
    return reports


def connects_of(reports: list[int]) -> int:
    """Wait for the processes; return how many connects they made."""
    connects = sum(struct.unpack("q", os.read(report, 8))[0] for report in reports)
    for _ in PORTS:
        os.wait()
    return connects


def exit_code_of(held: Mapping[str, bool]) -> int:
    """Print what does not hold; return 0 if all does."""
    for what in (what for what, holds in held.items() if not holds):
        print(f"does not hold: {what}")
    return int(not all(held.values()))


def run(
    module: str, text: str | None, main: Callable[[float, float], int], seconds: float, per_s: float
) -> int:
    """Run a benchmark in a network namespace of its own; return its exit code.

    Args:
        module: its name, to start it again inside.
        text: what it does, for `--help`.
        main: the benchmark, called with `--seconds` and `--rate`.
        seconds: the default of `--seconds`.
        per_s: the default of `--rate`.
    """
    if INSIDE not in sys.argv:
        command = ["unshare", "--net", sys.executable, "-m", module, INSIDE, *sys.argv[1:]]
        return subprocess.run(command, check=False).returncode
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument(INSIDE, action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=seconds)
    parser.add_argument("--rate", type=float, default=per_s, help="connects per second")
    arguments = parser.parse_args()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    return main(arguments.seconds, arguments.rate)
