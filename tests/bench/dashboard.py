"""Measure the cost of the dashboard; print a Markdown table: `python -m tests.bench.dashboard [--seconds N]`.

The real program runs in a pseudo-terminal of 160 × 50 cells, and of 200 × 60 with all panes side by side,
with 10,000 destinations and 20,000 records per second, which another process makes. It is measured from
outside: CPU time of the drawing thread and of the whole process, the most memory, and the time from a key
press until the newly selected row is painted. The same table on Textual's DataTable, with the same views from
the same engine, is measured in the same run, because machines differ.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import platform
import random
import statistics
import sys
import time
from functools import partial

import textual

from tcpconntop.core.types import SECOND_NS
from tests.bench.load_process import LoadProcess
from tests.bench.machine import machine
from tests.bench.terminal import Terminal

WIDTH, HEIGHT = 160, 50
WARM_UP_S, WARM_UP_NS = 12, 2_000  # minimum time to start, and the extra time per record of the history
DOWN, HOME = b"\x1b[B", b"\x1b[H"

BIG = 200, 60

KINDS = {
    "here, panes hidden": ("here", "▌".encode(), b"v", (WIDTH, HEIGHT)),
    "here, with the histogram": ("here", "▌".encode(), b"", (WIDTH, HEIGHT)),
    "here, 200 × 60, panes hidden": ("here", "▌".encode(), b"v", BIG),
    "here, 200 × 60, five panes": ("here", "▌".encode(), b"", BIG),
    "DataTable, the first 47 rows": ("datatable:47", b"48;2;1;2;3m", b"", (WIDTH, HEIGHT)),
    "DataTable, every row": ("datatable:10000", b"48;2;1;2;3m", b"", (WIDTH, HEIGHT)),
}


def run_child(kind: str, keys: int, per_s: int, history_s: int) -> None:
    """Run the measured program in this process (`--child`)."""
    open_source = partial(LoadProcess, keys, per_s, history_s)
    if kind == "here":
        from tcpconntop.tui.app import Dashboard

        Dashboard(open_source, loaded=gc.freeze).run()
    else:
        from tests.bench.datatable import DataTableDashboard

        DataTableDashboard(open_source, int(kind.partition(":")[2])).run()


def child_command(kind: str, keys: int, rate: int, history_s: int) -> list[str]:
    """Return the command of a measured program."""
    options = {"keys": keys, "rate": rate, "history": history_s}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return [sys.executable, "-m", "tests.bench.dashboard", "--child", kind, *words]


def warm_up_s(rate: int, history_s: int) -> float:
    """Return after how many seconds a measured program has started and read its history."""
    return WARM_UP_S + history_s * rate * WARM_UP_NS / SECOND_NS


def measure(name: str, args: argparse.Namespace) -> list[str]:
    """Return one line of the table, as cells."""
    kind, needle, first_keys, size = KINDS[name]
    command = child_command(kind, args.keys, args.rate, args.history)
    with Terminal(command, *size, needle) as terminal:
        terminal.watch(warm_up_s(args.rate, args.history))
        terminal.press(first_keys)
        terminal.watch(2)
        began_s, cpu_before_ms = time.monotonic(), terminal.cpu_ms()
        resident_mb = []
        while time.monotonic() < began_s + args.seconds:
            terminal.watch(0.5)
            resident_mb.append(terminal.resident_mb())
        elapsed_s, cpu_after_ms = time.monotonic() - began_s, terminal.cpu_ms()
        cells = [
            f"{(after - before) / elapsed_s:.1f} ms"
            for before, after in zip(cpu_before_ms, cpu_after_ms, strict=True)
        ]
        delays = latencies_ms(terminal, args.seconds)
        memory = f"{max(resident_mb):.0f} MB"
    if len(delays) < 5:
        return [name, *cells, "no paint in time", "", memory]
    p95 = statistics.quantiles(delays, n=20)[-1]
    return [name, *cells, f"{statistics.median(delays):.0f} ms", f"{p95:.0f} ms", memory]


def latencies_ms(terminal: Terminal, seconds: float) -> list[float]:
    """Return the delays from key to paint, in ms.

    Rows are selected one after the other, at random times, so that every phase of a refresh is covered.
    """
    generator, delays = random.Random(1), []
    terminal.press(b"D")  # sorted by port, the order is stable: the selected row stays on its line
    terminal.watch(1)
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        terminal.press(HOME)
        terminal.watch(0.2 + generator.random())
        expected_line = terminal.line + 1
        began_s = time.monotonic()
        terminal.press(DOWN)
        if terminal.watch(5, expected_line):
            delays.append((time.monotonic() - began_s) * 1e3)
    return delays


def main() -> None:
    """Measure every kind and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each value is measured")
    parser.add_argument("--keys", type=int, default=10_000, help="destinations")
    parser.add_argument("--rate", type=int, default=20_000, help="records per second")
    parser.add_argument("--history", type=int, default=61, help="seconds of history at the start")
    parser.add_argument("--only", default="", help="measure only the lines whose name starts with this")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        run_child(args.child, args.keys, args.rate, args.history)
        return
    print(
        f"{machine()}, Python {platform.python_version()}, Textual {textual.__version__}, "
        f"{datetime.date.today()}; {args.keys:,} destinations, {args.rate:,} records per second\n"
    )
    print(
        "| what | CPU per refresh, drawing thread | CPU per second, process | key to paint | p95 | memory |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    for name in KINDS:
        if name.startswith(args.only):
            cells = measure(name, args)
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
