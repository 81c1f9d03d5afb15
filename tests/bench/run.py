"""What the core costs, as a Markdown table: `make bench`, or `python -m tests.bench.run [--quick]`.

Every figure is the median of repetitions in this process's CPU time; the obvious alternatives, a Python
callback a record and a sketch a key, are measured in the same run, since machines differ.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from itertools import permutations
from pathlib import Path

import numpy as np

from tcpconntop.core.analysis.explain import explain
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.analysis.series import series
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.filter import parse_filter
from tcpconntop.core.view.view import ViewSpec, make_view, summarize
from tcpconntop.core.window.keys import keys_from_events
from tcpconntop.core.window.rolling import WINDOWS, RollingWindow
from tcpconntop.core.window.slices import MAX_WINDOW_S
from tcpconntop.core.wire import Events
from tests.bench.callback import DictOfLists
from tests.bench.sketches import Sketches
from tests.bench.workload import BATCH, batches, fill, records, snapshot_of

Row = tuple[str, ...]
"""What was measured, our figure, and the figures of the alternatives where there are any."""

WARM_S = 61  # the window is full, so that each second adds a slice and takes one away


def median_ms(call: Callable[[], object], times: int = 9) -> float:
    """Give the median CPU time of a call in ms, after one that warms up."""
    call()
    spent = []
    for _ in range(times):
        began = time.process_time()
        call()
        spent.append(time.process_time() - began)
    return statistics.median(spent) * 1e3


def ns_a_record(
    ingest: Callable[[Events, int], None], told: Iterable[tuple[Events, int]], skip_s: int
) -> float:
    """Feed batches and give the median second's CPU time in ns a record."""
    seconds, spent = [], 0.0
    for at, (events, now_ns) in enumerate(told, 1):
        began = time.process_time()
        ingest(events, now_ns)
        spent += time.process_time() - began
        if at % 20 == 0:
            seconds.append(spent)
            spent = 0.0
    return statistics.median(seconds[skip_s:]) / (20 * BATCH) * SECOND_NS


def ingest_rows(n_keys: int, measured_s: int) -> list[Row]:
    """Measure records to updated window, against the callback."""
    ours = ns_a_record(RollingWindow(60).ingest, batches(n_keys, WARM_S + measured_s), WARM_S)
    bounded = " (20,000 told apart)" if n_keys > 20_000 else ""
    row = [f"ingest, {n_keys:,} keys{bounded}", f"{ours:,.0f} ns a record"]
    for other in (DictOfLists(), Sketches()):
        theirs = ns_a_record(other.ingest, batches(n_keys, 3), 1)
        row.append(f"{theirs:,.0f} ns ({theirs / ours:.0f}×)")
    return [tuple(row)]


def view_rows(n_keys: int, seconds: float) -> list[Row]:
    """Measure what happens between a window and the screen."""
    window, others = fill(n_keys, seconds), (DictOfLists(), Sketches())
    picture = snapshot_of(window)
    for events, now_ns in batches(n_keys, min(seconds, 4)):
        for other in others:
            other.ingest(events, now_ns)
    view = make_view(picture, ViewSpec())
    top = view.number_rows(np.arange(min(60, len(view))))
    beside = [f"{median_ms(other.view, 3):.0f} ms ({min(seconds, 4):.0f} s of records)" for other in others]
    size = f"{n_keys:,} keys"
    rows: list[Row] = [(f"state, {size}", f"{median_ms(window.state):.1f} ms")]
    for group_by in ("dest", "process+dest", "process", "subnet"):
        ours = median_ms(lambda group_by=group_by: make_view(picture, ViewSpec(group_by)))
        theirs = beside if group_by == "dest" else []
        rows.append((f"view by {group_by}, {size}, sorted by p99", f"{ours:.1f} ms", *theirs))
    rows.append((f"summary, {size}", f"{median_ms(lambda: summarize(picture)):.1f} ms"))
    trend = median_ms(lambda: series(picture, top, 60, 10))
    rows.append((f"p99 trend of 60 rows, {size}", f"{trend:.1f} ms"))
    findings = median_ms(lambda: explain(Selection(view), str))
    rows.append((f"findings, {size}", f"{findings:.1f} ms"))
    return rows


def filter_rows() -> list[Row]:
    """Measure filters over keys that all differ in their address."""
    keys = keys_from_events(records(20_000, 1 << 24))
    return [
        (
            f"filter `{text}`, 20,000 keys",
            f"{median_ms(lambda text=text: parse_filter(text).match_keys(keys)):.1f} ms",
        )
        for text in ("10.1", "comm~work", "dest:10.0.0.0/8")
    ]


def switch_ms(window: RollingWindow, before: str, after: str, times: int = 3) -> float:
    """Give the longest that a switch of windows took, with the state that follows it, in ms."""
    spent = []
    for _ in range(times):
        window.set_window(WINDOWS[before])
        window.state()
        began = time.process_time()
        window.set_window(WINDOWS[after])
        window.state()
        spent.append(time.process_time() - began)
    return max(spent) * 1e3


def history_rows(minutes: float, n_keys: int) -> list[Row]:
    """Weigh and switch the windows of keys that connect once a second each, then fold a quarter of them."""
    window = RollingWindow(60, n_keys)
    for events, now_ns in batches(n_keys, minutes * 60, per_s=n_keys):
        window.ingest(events, now_ns)
    switches = {pair: switch_ms(window, *pair) for pair in permutations(WINDOWS, 2)}
    worst = max(switches, key=lambda pair: switches[pair])
    usual = statistics.median(switches.values())
    window.set_window(MAX_WINDOW_S)
    state = window.state()
    slices, sums = sum(part.nbytes for part in state.slices), state.latency_pages.nbytes
    window.set_window(60)
    fresh = records(n_keys, 1 << 24, seed=9)
    window.ingest(fresh, now_ns)
    began = time.process_time()
    window.advance(now_ns + SECOND_NS)
    fold_ms = (time.process_time() - began) * 1e3
    what = f"{minutes:g} minutes of {n_keys:,} keys, a connect a second each"
    return [
        (f"memory of {what}", f"{slices / 1e6:.0f} MB, their sums {sums / 1e6:.0f} MB"),
        (
            f"… worst switch of windows, {' to '.join(worst)}; median",
            f"{switches[worst]:.0f} ms; {usual:.0f} ms",
        ),
        ("… second in which a quarter of the keys is folded", f"{fold_ms:.0f} ms"),
    ]


def scan_rows() -> list[Row]:
    """Have a million destinations scanned in a minute, in a fresh process."""
    command = [sys.executable, "-m", "tests.bench.scan"]
    seen = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return [
        ("a million destinations in 60 s (20,000 told apart)", f"{seen['share']:.1%} of a core"),
        ("… longest block, highest memory", f"{seen['longest_ms']:.0f} ms, {seen['peak_mb']:.0f} MB"),
    ]


def machine() -> str:
    """Name the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.machine())


def main() -> None:
    """Measure all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, a shorter history")
    quick = parser.parse_args().quick
    rows: list[Row] = []
    for n_keys in (10, 10_000, 200_000):
        rows += ingest_rows(n_keys, 5 if quick else 25)
    rows += view_rows(10_000, 12) + view_rows(100_000, 10) + filter_rows()
    for n_keys in (10_000, 20_000):
        rows += history_rows(3 if quick else 15, n_keys)
    rows += scan_rows()
    print(
        f"{machine()}, Python {platform.python_version()}, numpy {np.__version__}, {datetime.date.today()}\n"
    )
    print("| what | here | BCC's callback, a dict of lists | a KLL sketch a key |\n|---|---:|---:|---:|")
    for row in rows:
        print(f"| {' | '.join([*row, '', ''][:4])} |")


if __name__ == "__main__":
    main()
