"""What the dashboard costs, as a Markdown table: `python -m tests.bench.dashboard [--seconds N]`.

The real program runs in a pseudo-terminal of 160 × 50 cells over 10,000 destinations and 20,000 records a
second, and is measured from outside: CPU time of the thread that draws and of the whole process, and the
time from a key to the paint of the row that it selects. The same table on Textual's DataTable, fed with the
same views by the same engine, is measured in the same run, since machines differ.
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
from tests.bench.load import Load
from tests.bench.run import machine
from tests.bench.terminal import Terminal

WIDTH, HEIGHT = 160, 50
WARM_S, WARM_NS = 12, 2_000  # at least, and for each record of the history
DOWN, HOME = b"\x1b[B", b"\x1b[H"

KINDS = {
    "here, panes hidden": ("here", "▌".encode(), b"v"),
    "here, with the histogram": ("here", "▌".encode(), b""),
    "DataTable, the first 47 rows": ("datatable:47", b"48;2;1;2;3m", b""),
    "DataTable, every row": ("datatable:10000", b"48;2;1;2;3m", b""),
}


def run_child(kind: str, keys: int, per_s: int, history_s: int) -> None:
    """Be the program that is measured."""
    open_source = partial(Load, keys, per_s, history_s)
    if kind == "here":
        from tcpconntop.tui.app import Dashboard

        Dashboard(open_source, loaded=gc.freeze).run()
    else:
        from tests.bench.datatable import Peer

        Peer(open_source, int(kind.partition(":")[2])).run()


def measure(name: str, args: argparse.Namespace) -> list[str]:
    """Give a line of the table."""
    kind, needle, at_first = KINDS[name]
    words = ["tests.bench.dashboard", "--child", kind]
    for option in ("keys", "rate", "history"):
        words += [f"--{option}", str(getattr(args, option))]
    with Terminal(words, WIDTH, HEIGHT, needle) as terminal:
        terminal.watch(WARM_S + args.history * args.rate * WARM_NS / SECOND_NS)
        terminal.press(at_first)
        terminal.watch(2)
        began_s, (drawing, whole) = time.monotonic(), terminal.cpu_ms()
        terminal.watch(args.seconds)
        spent_s, (drawing_now, whole_now) = time.monotonic() - began_s, terminal.cpu_ms()
        cells = [f"{(now - before) / spent_s:.1f} ms"
                 for before, now in ((drawing, drawing_now), (whole, whole_now))]  # fmt: skip
        delays = latencies_ms(terminal, args.seconds)
        memory = f"{terminal.resident_mb():.0f} MB"
    if len(delays) < 5:
        return [name, *cells, "none was painted in time", "", memory]
    slow = statistics.quantiles(delays, n=20)[-1]
    return [name, *cells, f"{statistics.median(delays):.0f} ms", f"{slow:.0f} ms", memory]


def latencies_ms(terminal: Terminal, seconds: float) -> list[float]:
    """Select rows one after the other, at any moment of a refresh, and time the paint of each."""
    chance, delays = random.Random(1), []
    terminal.press(b"D")  # an order that a refresh leaves alone: the selected row stays where it is
    terminal.watch(1)
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        terminal.press(HOME)
        terminal.watch(0.2 + chance.random())
        wanted = terminal.line + 1
        began_s = time.monotonic()
        terminal.press(DOWN)
        if terminal.watch(5, wanted):
            delays.append((time.monotonic() - began_s) * 1e3)
    return delays


def main() -> None:
    """Measure all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each figure is measured")
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--history", type=int, default=61, help="how many seconds have passed already")
    parser.add_argument("--only", default="", help="what the name of a line begins with")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        run_child(args.child, args.keys, args.rate, args.history)
        return
    print(
        f"{machine()}, Python {platform.python_version()}, Textual {textual.__version__}, "
        f"{datetime.date.today()}; {args.keys:,} destinations, {args.rate:,} records a second\n"
    )
    print("| what | CPU a refresh, drawing thread | whole process, a second | key to paint | 95 % | memory |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in KINDS:
        if name.startswith(args.only):
            line = measure(name, args)
            print(f"| {' | '.join(line)} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
