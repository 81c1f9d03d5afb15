"""Measure how the cost grows, and draw it: `python -m tests.bench.scaling [--quick]`, as root.

With connects a second, with destinations, and with CPUs that connect at once. Prints Markdown tables, and
writes `screenshots/scaling.json` and `scaling.svg`. Takes about eight minutes, with --quick three; nothing
else should run meanwhile, and how much did is in the picture. CPU time is measured, not elapsed time; each
figure is a median with the middle half of its samples. Everything runs in a separate network namespace.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tcpconntop.core.limits import DEFAULT_MAX_KEYS
from tests.bench import scrape, steady_load
from tests.bench.dashboard import HEIGHT, WIDTH, child_command, warm_up_s
from tests.bench.folders import new_folder
from tests.bench.ingest import ingest_ns
from tests.bench.machine import machine
from tests.bench.peers import quartiles
from tests.bench.programs import measured
from tests.bench.soak import exported
from tests.bench.storm import Storm, hammer, run_storm
from tests.bench.terminal import Terminal
from tests.bench.workload import BATCH
from tests.live.network import enter

PICTURES = Path(__file__).parents[2] / "screenshots"
RATES = (100, 1_000, 5_000, 20_000, 50_000, math.inf)
DESTINATIONS = (10, 100, 1_000, 10_000, 20_000, 200_000)
MADE_RATE, HISTORY_S = 20_000, 61
WARM_UP_S, SAMPLE_S, SETTLE_S = 4.0, 2.0, 3.0
"""A sample has two refreshes: some things are drawn in every other one."""


@dataclass(frozen=True)
class Length:
    """How much is measured: each n-th rate and number of destinations; samples and seconds of each."""

    each: int
    samples: int
    ingest_s: int
    storms: int
    storm_s: float


FULL, QUICK = Length(1, 10, 25, 7, 3.0), Length(2, 3, 5, 3, 1.0)


def samples_of(terminal: Terminal, samples: int) -> list[tuple[float, float, float]]:
    """Return CPU time of the drawing thread and of all threads, in ms a second, and the memory in MB."""
    found = []
    for _ in range(samples):
        began_s, before_ms = time.monotonic(), terminal.cpu_ms()
        while (left_s := began_s + SAMPLE_S - time.monotonic()) > 0:
            terminal.watch(left_s)
        elapsed_s, after_ms = time.monotonic() - began_s, terminal.cpu_ms()
        drawing, everything = (
            (after - before) / elapsed_s for before, after in zip(before_ms, after_ms, strict=True)
        )
        found.append((drawing, everything, terminal.resident_mb()))
    return found


def point(x: float, figures: Sequence[float]) -> tuple[float, ...]:
    """Return a point of a plot, x and the quartiles of y, with the digits that mean something."""
    return tuple(float(f"{value:.4g}") for value in (x, *quartiles(figures)))


def rate(per_s: float, samples: int) -> tuple[tuple[float, ...], int, int]:
    """Trace real connects.

    Returns:
        the point (connects a second, percent of a core); the connects; how many of them have no record.
    """
    with new_folder() as folder:
        ports = ",".join(map(str, (*steady_load.PORTS, steady_load.CLOSED_PORT)))
        with Terminal([sys.executable, "-m", "tcpconntop", "-P", ports], WIDTH, HEIGHT) as terminal:
            terminal.watch_for("● live".encode(), 60)
            began_s = time.monotonic()
            until_s = began_s + WARM_UP_S + samples * SAMPLE_S
            reports = steady_load.start(scrape.load, per_s, until_s)
            terminal.watch(WARM_UP_S)
            shares = [everything / 10 for _, everything, _ in samples_of(terminal, samples)]
            connects = steady_load.connects_of(reports)
            reached = connects / (time.monotonic() - began_s)
            terminal.watch(SETTLE_S)
            document: dict[str, Any] = exported(terminal, folder)
    return point(reached, shares), connects, connects - document["attempts"] + document["lost"]


def rates(length: Length) -> dict[str, Any]:
    """Measure the dashboard at each rate of connects."""
    results = sorted(rate(per_s, length.samples) for per_s in RATES[length.each - 1 :: length.each])
    connects, lost = (sum(result[index] for result in results) for index in (1, 2))
    return {
        "title": "More connects",
        "x": "connects a second",
        "plots": [{"y": "CPU of the dashboard, % of a core", "points": [result[0] for result in results]}],
        "notes": [
            "Real connects on the loopback, 4 of 5",
            "refused; the last: as fast as it goes.",
            f"Lost: {lost:,} of {connects:,}.",
        ],
    }


def destinations(length: Length) -> dict[str, Any]:
    """Measure ingest and dashboard with each number of destinations."""
    ingest, refresh, memory = [], [], []
    for number in DESTINATIONS[length.each - 1 :: length.each]:
        ingest.append(point(number, ingest_ns(number, length.ingest_s)))
        with Terminal(child_command("here", number, MADE_RATE, HISTORY_S), WIDTH, HEIGHT) as terminal:
            terminal.watch(warm_up_s(MADE_RATE, HISTORY_S))
            drawing_ms, _, memory_mb = zip(*samples_of(terminal, length.samples), strict=True)
        refresh.append(point(number, drawing_ms))
        memory.append(point(number, memory_mb))
    return {
        "title": "More destinations",
        "x": "destinations",
        "plots": [
            {"y": f"CPU ns a record, {20 * BATCH:,} a second", "points": ingest},
            {"y": f"CPU ms a refresh, {MADE_RATE:,} a second", "points": refresh},
            {"y": "memory, MB", "points": memory},
        ],
        "notes": [
            f"Made records. From {DEFAULT_MAX_KEYS:,} destinations",
            "on, the rest is counted as one row.",
        ],
    }


def cpus(length: Length) -> dict[str, Any]:
    """Measure storms from one CPU, from two, from four …, and from all of them; in turns."""
    available = sorted(os.sched_getaffinity(0))
    counts = sorted({*(1 << n for n in range(len(available).bit_length())), len(available)})
    storms = [
        (count, run_storm(length.storm_s, [partial(hammer, cpus={cpu}) for cpu in available[:count]]))
        for _ in range(length.storms)
        for count in counts
    ]
    connects = sum(storm.opens for _, storm in storms)
    lost = sum(storm.document["lost"] for _, storm in storms)

    def points(figure: Callable[[Storm], float]) -> list[tuple[float, ...]]:
        return [point(count, [figure(storm) for own, storm in storms if own == count]) for count in counts]

    return {
        "title": "More CPUs that connect at once",
        "x": "CPUs",
        "plots": [
            {"y": "BPF ns a connect", "points": points(lambda storm: storm.bpf_ns / storm.opens)},
            {"y": "connects a second", "points": points(lambda storm: storm.opens / storm.seconds)},
        ],
        "notes": [
            "Real connects; the time of both ends.",
            f"{len(available)} CPUs here: {len(counts)} points.",
            f"Lost: {lost:,} of {connects:,}.",
        ],
    }


def busy_s() -> tuple[float, float]:
    """Return the CPU time of all processes of this machine so far, and that of this one and its children."""
    user, nice, system = Path("/proc/stat").read_text().split()[1:4]
    own = os.times()
    total_s = (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")
    return total_s, own.user + own.system + own.children_user + own.children_system


def print_tables(columns: Sequence[dict[str, Any]]) -> None:
    for column in columns:
        names = [column["x"], *(plot["y"] for plot in column["plots"])]
        print(f"\n| {' | '.join(names)} |\n|{'---:|' * len(names)}")
        for points in zip(*(plot["points"] for plot in column["plots"]), strict=True):
            cells = [f"{median:,.1f} ({low:,.1f} to {high:,.1f})" for _, low, median, high in points]
            print(f"| {points[0][0]:,.0f} | {' | '.join(cells)} |")
        print("\n" + " ".join(column["notes"]))


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer samples")
    length = QUICK if parser.parse_args().quick else FULL
    enter()
    began_s, before_s = time.monotonic(), busy_s()
    columns = [rates(length), destinations(length)]
    with measured():
        columns.append(cpus(length))
    elapsed_s = (time.monotonic() - began_s) * (os.cpu_count() or 1)
    total_s, own_s = (after - before for before, after in zip(before_s, busy_s(), strict=True))
    kernel = re.match(r"\d+\.\d+", platform.release())
    footer = [
        "Dot: median. Bar: middle half of the samples. A refresh is once a second.",
        f"{machine()}, {os.cpu_count()} CPUs, Linux {kernel[0] if kernel else ''}, {datetime.date.today()}. "
        f"Other work took {max(0.0, total_s - own_s) / elapsed_s:.0%} of the CPUs meanwhile.",
    ]
    print_tables(columns)
    print("\n".join(footer))
    text = json.dumps({"columns": columns, "footer": footer}, indent=1, ensure_ascii=False)
    (PICTURES / "scaling.json").write_text(text + "\n", "utf-8")
    subprocess.run([sys.executable, PICTURES / "plots.py"], check=True)


if __name__ == "__main__":
    main()
