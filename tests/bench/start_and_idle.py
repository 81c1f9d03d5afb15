"""Measure the start, the cost at rest and at work: `python -m tests.bench.start_and_idle [--beside FOLDER]`.

The dashboard runs in pseudo-terminals of 160 × 50 cells: of this tree, and of the one in FOLDER, in turns,
because machines differ and are not alone. Prints a Markdown table of medians and quartiles. Needs root.

A start ends with the first frame, and then with `live` in the header. CPU time is that of the dashboard and
of its loader. At rest no connect passes the filter; at work the load of `tests.bench.load` comes, and the
histogram is open.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.folders import new_folder
from tests.bench.machine import machine
from tests.bench.processes import cpu_of
from tests.bench.terminal import Terminal

WIDTH, HEIGHT = 160, 50
ROOT = Path(__file__).parents[2]
NOTHING = ["-P", "9"]
STARTING, LIVE = "◌".encode(), "● live".encode()
WARM_UP_S = 10.0
LOADS = {
    "1,000 connects/s": ["--keys", "100", "--rate", "1000"],
    "20,000 connects/s": ["--keys", "10000", "--rate", "20000"],
}


@contextmanager
def running(tree: Path, words: list[str]) -> Iterator[Terminal]:
    """Run a module of a tree in a terminal, with that tree's own Python; nothing is remembered."""
    python = sys.executable
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.executable = str(tree / ".venv" / "bin" / "python")
    try:
        with new_folder():
            os.chdir(tree)
            with Terminal([sys.executable, "-m", *words], WIDTH, HEIGHT) as terminal:
                yield terminal
    finally:
        sys.executable = python


def start(tree: Path) -> tuple[float, ...]:
    """Return seconds to the first frame and to `live`, and the CPU time until then."""
    began_s = time.monotonic()
    with running(tree, ["tcpconntop", *NOTHING]) as terminal:
        terminal.watch_for(STARTING, 60)
        frame_s = time.monotonic() - began_s
        terminal.watch_for(LIVE, 60)
        return frame_s, time.monotonic() - began_s, sum(cpu_of(terminal.pid))


def rest(words: list[str], seconds: float) -> Callable[[Path], tuple[float, ...]]:
    """Return a function that returns the share of a core in percent, and the memory in MB."""

    def measure(tree: Path) -> tuple[float, ...]:
        with running(tree, words) as terminal:
            terminal.watch(WARM_UP_S)
            began_s, before_ms = time.monotonic(), terminal.cpu_ms()[1]
            end_s = began_s + seconds
            while time.monotonic() < end_s:
                terminal.watch(end_s - time.monotonic())
            spent_ms = terminal.cpu_ms()[1] - before_ms
            return spent_ms / (time.monotonic() - began_s) / 10, terminal.resident_mb()

    return measure


def row(
    name: str, trees: list[Path], times: int, measure: Callable[[Path], tuple[float, ...]], units: list[str]
) -> None:
    """Measure the trees in turns, and print a line for each figure."""
    results: dict[Path, list[tuple[float, ...]]] = {tree: [] for tree in trees}
    for _ in range(times):
        for tree in trees:
            results[tree].append(measure(tree))
    for index, unit in enumerate(units):
        cells = []
        for tree in trees:
            figures = [result[index] for result in results[tree]]
            spread = statistics.quantiles(figures, n=4) if len(figures) > 1 else figures * 3
            cells.append(f"{statistics.median(figures):.2f} ({spread[0]:.2f} to {spread[2]:.2f})")
        print(f"| {name}: {unit} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--beside", type=Path, help="another tree with its .venv, such as one of an older commit"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each cost is measured")
    parser.add_argument("--starts", type=int, default=9, help="how many starts")
    parser.add_argument("--costs", type=int, default=3, help="how often each cost is measured")
    args = parser.parse_args()
    trees = [*([args.beside.resolve()] if args.beside else []), ROOT]
    print(f"{machine()}, {args.starts} starts\n\n| what |{' before |' * (len(trees) - 1)} here |")
    print(f"|---|{'---:|' * len(trees)}")
    row("start", trees, args.starts, start, ["first frame, s", "tracing, s", "CPU, s"])
    units = ["% of a core", "MB"]
    row("idle", trees, args.costs, rest(["tcpconntop", *NOTHING], args.seconds), units)
    for name, options in LOADS.items():
        words = ["tests.bench.dashboard", "--child", "here", *options]
        row(name, trees, args.costs, rest(words, args.seconds), units)


if __name__ == "__main__":
    main()
