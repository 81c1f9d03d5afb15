"""Measure the core and print a Markdown table: `make bench`, or `python -m tests.bench.run [--quick]`.

Every figure is the median CPU time of several repetitions in this process. Two alternatives, a Python
callback per record and a sketch per key, are measured in the same run, because machines differ.
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
from collections.abc import Callable
from itertools import permutations

import numpy as np

from tcpconntop.core.analysis.explain import explain
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.analysis.series import series
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.filter import parse_filter
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.view.summary import summarize
from tcpconntop.core.window.keys import keys_from_events
from tcpconntop.core.window.lengths import MAX_WINDOW_S, WINDOWS
from tcpconntop.core.window.rolling import RollingWindow
from tests.bench.callback import DictOfLists
from tests.bench.ingest import ingest_ns, ns_per_record
from tests.bench.machine import machine
from tests.bench.sketches import Sketches
from tests.bench.workload import batches, fill, records, snapshot_of

Row = tuple[str, ...]
"""Cells: what was measured, our figure, then the figures of the alternatives, if any."""


def median_ms(call: Callable[[], object], times: int = 9) -> float:
    """Return the median CPU time of a call, in ms; one call before does not count."""
    call()
    spent = []
    for _ in range(times):
        began = time.process_time()
        call()
        spent.append(time.process_time() - began)
    return statistics.median(spent) * 1e3


def ingest_rows(n_keys: int, measured_s: int) -> list[Row]:
    """Measure the time from records to the updated window, and the same for both alternatives."""
    our_ns = statistics.median(ingest_ns(n_keys, measured_s))
    limit = " (20,000 kept apart)" if n_keys > 20_000 else ""
    row = [f"ingest, {n_keys:,} keys{limit}", f"{our_ns:,.0f} ns per record"]
    for alternative in (DictOfLists(), Sketches()):
        their_ns = statistics.median(ns_per_record(alternative.ingest, batches(n_keys, 3), 1))
        row.append(f"{their_ns:,.0f} ns ({their_ns / our_ns:.0f}×)")
    return [tuple(row)]


def view_rows(n_keys: int, seconds: float) -> list[Row]:
    """Measure the steps between a window and the screen: state, view, summary, trend, findings."""
    window, alternatives = fill(n_keys, seconds), (DictOfLists(), Sketches())
    snapshot = snapshot_of(window)
    for events, now_ns in batches(n_keys, min(seconds, 4)):
        for alternative in alternatives:
            alternative.ingest(events, now_ns)
    view = make_view(snapshot, ViewSpec())
    top = view.number_rows(np.arange(min(60, len(view))))
    comparison = [
        f"{median_ms(alternative.view, 3):.0f} ms ({min(seconds, 4):.0f} s of records)"
        for alternative in alternatives
    ]
    size = f"{n_keys:,} keys"
    rows: list[Row] = [(f"state, {size}", f"{median_ms(window.state):.1f} ms")]
    for group_by in ("dest", "process+dest", "process", "subnet"):
        view_ms = median_ms(lambda group_by=group_by: make_view(snapshot, ViewSpec(group_by)))
        rest = comparison if group_by == "dest" else []
        rows.append((f"view by {group_by}, {size}, sorted by p99", f"{view_ms:.1f} ms", *rest))
    rows.append((f"summary, {size}", f"{median_ms(lambda: summarize(snapshot)):.1f} ms"))
    trend_ms = median_ms(lambda: series(snapshot, top, 60, 10))
    rows.append((f"p99 trend of 60 rows, {size}", f"{trend_ms:.1f} ms"))
    findings_ms = median_ms(lambda: explain(Selection(view), str))
    rows.append((f"findings, {size}", f"{findings_ms:.1f} ms"))
    return rows


def filter_rows() -> list[Row]:
    """Measure filters on 20,000 keys with different addresses."""
    keys = keys_from_events(records(20_000, 1 << 24))
    return [
        (
            f"filter `{text}`, 20,000 keys",
            f"{median_ms(lambda text=text: parse_filter(text).match_keys(keys)):.1f} ms",
        )
        for text in ("10.1", "comm~work", "dest:10.0.0.0/8")
    ]


def switch_ms(window: RollingWindow, before: str, after: str, times: int = 3) -> float:
    """Return the longest time of a switch between two windows and the state after it, in ms."""
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
    """Measure a long history of keys that each connect once per second.

    Three rows: its memory, the switch between windows, and a second in which a quarter of the keys is new.
    """
    window = RollingWindow(60, n_keys)
    for events, now_ns in batches(n_keys, minutes * 60, per_s=n_keys):
        window.ingest(events, now_ns)
    switches = {pair: switch_ms(window, *pair) for pair in permutations(WINDOWS, 2)}
    slowest = max(switches, key=lambda pair: switches[pair])
    median = statistics.median(switches.values())
    window.set_window(MAX_WINDOW_S)
    state = window.state()
    slices_bytes, sums_bytes = sum(part.nbytes for part in state.slices), state.latency_pages.nbytes
    window.set_window(60)
    new_keys = records(n_keys, 1 << 24, seed=9)
    window.ingest(new_keys, now_ns)
    began = time.process_time()
    window.advance(now_ns + SECOND_NS)
    fold_ms = (time.process_time() - began) * 1e3
    history = f"{minutes:g} minutes of {n_keys:,} keys, one connect per second each"
    return [
        (
            f"memory of {history}",
            f"{slices_bytes / 1e6:.0f} MB, running sums {sums_bytes / 1e6:.0f} MB",
        ),
        (
            f"… slowest switch of windows, {' to '.join(slowest)}; median",
            f"{switches[slowest]:.0f} ms; {median:.0f} ms",
        ),
        ("… second in which a quarter of the keys is folded", f"{fold_ms:.0f} ms"),
    ]


def scan_rows() -> list[Row]:
    """Measure a scan of a million destinations in one minute, in a separate process."""
    command = [sys.executable, "-m", "tests.bench.scan"]
    result = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return [
        ("a million destinations in 60 s (20,000 kept apart)", f"{result['share']:.1%} of a core"),
        ("… longest step, peak memory", f"{result['longest_ms']:.0f} ms, {result['peak_mb']:.0f} MB"),
    ]


def main() -> None:
    """Measure everything and print the table."""
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
    print("| what | here | BCC's callback, a dict of lists | a KLL sketch per key |\n|---|---:|---:|---:|")
    for row in rows:
        print(f"| {' | '.join([*row, '', ''][:4])} |")


if __name__ == "__main__":
    main()
