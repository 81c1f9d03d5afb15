"""What the core costs, as a Markdown table: `python -m tests.bench.run [--quick]`.

Every figure is the median of repetitions in this process's CPU time; the obvious alternative, a Python
callback a record, is measured in the same run, since machines differ.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from tcpconntop.core.explain import explain
from tcpconntop.core.filter import parse_filter
from tcpconntop.core.keys import keys_of
from tcpconntop.core.series import series
from tcpconntop.core.subject import Subject
from tcpconntop.core.view import ViewSpec, make_view, summarize
from tcpconntop.core.window import Window
from tcpconntop.core.wire import Events
from tests.bench.callback import DictOfLists
from tests.bench.workload import BATCH, batches, fill, records, snapshot_of

Row = tuple[str, str, str]
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
    return statistics.median(seconds[skip_s:]) / (20 * BATCH) * 1e9


def ingest_rows(n_keys: int, measured_s: int) -> list[Row]:
    """Measure records to updated window, against the callback."""
    ours = ns_a_record(Window(60).ingest, batches(n_keys, WARM_S + measured_s), WARM_S)
    bounded = " (20,000 told apart)" if n_keys > 20_000 else ""
    theirs = ns_a_record(DictOfLists().ingest, batches(n_keys, 2), 0)
    return [
        (
            f"ingest, {n_keys:,} keys{bounded}",
            f"{ours:,.0f} ns a record",
            f"{theirs:,.0f} ns ({theirs / ours:.0f}×)",
        )
    ]


def view_rows(n_keys: int, seconds: float) -> list[Row]:
    """Measure what happens between a window and the screen."""
    window, other = fill(n_keys, seconds), DictOfLists()
    picture = snapshot_of(window)
    for events, now_ns in batches(n_keys, min(seconds, 4)):
        other.ingest(events, now_ns)
    view = make_view(picture, ViewSpec())
    top = view.group_of(np.arange(min(60, len(view))))
    theirs = median_ms(other.view, 3)
    size = f"{n_keys:,} keys"
    rows = [(f"state, {size}", f"{median_ms(window.state):.1f} ms", "")]
    for group_by in ("dest", "process+dest", "process", "subnet"):
        ours = median_ms(lambda group_by=group_by: make_view(picture, ViewSpec(group_by)))
        beside = f"{theirs:.0f} ms ({min(seconds, 4):.0f} s of records)" if group_by == "dest" else ""
        rows.append((f"view by {group_by}, {size}, sorted by p99", f"{ours:.1f} ms", beside))
    rows.append((f"summary, {size}", f"{median_ms(lambda: summarize(picture)):.1f} ms", ""))
    trend = median_ms(lambda: series(picture, top, 60, 10))
    rows.append((f"p99 trend of 60 rows, {size}", f"{trend:.1f} ms", ""))
    findings = median_ms(lambda: explain(Subject(view), str))
    rows.append((f"findings, {size}", f"{findings:.1f} ms", ""))
    return rows


def filter_rows() -> list[Row]:
    """Measure filters over keys that all differ in their address."""
    keys = keys_of(records(20_000, 1 << 24))
    return [
        (
            f"filter `{text}`, 20,000 keys",
            f"{median_ms(lambda text=text: parse_filter(text).match_keys(keys)):.1f} ms",
            "",
        )
        for text in ("10.1", "comm~work", "dest:10.0.0.0/8")
    ]


def memory_rows(minutes: float) -> list[Row]:
    """Weigh the slices of 10,000 destinations, each of which connects once a second."""
    window = Window(900)
    for events, now_ns in batches(10_000, minutes * 60, per_s=10_000):
        window.ingest(events, now_ns)
    began = time.process_time()
    window.look_at(60)
    short_ms = (time.process_time() - began) * 1e3
    began = time.process_time()
    window.look_at(900)
    long_ms = (time.process_time() - began) * 1e3
    state = window.state()
    slices = sum(part.nbytes for part in state.slices)
    sums = state.stats.nbytes + state.latency.codes.nbytes + state.latency.counts.nbytes
    what = f"{minutes:g} minutes of 10,000 destinations, 10,000 records a second"
    return [
        (f"history: {what}", f"{slices / 1e6:.0f} MB", ""),
        ("the sums of it", f"{sums / 1e6:.0f} MB", ""),
        ("a destination", f"{(slices + sums) / 10_000:,.0f} bytes", ""),
        ("switch to 1m, to 15m", f"{short_ms:.0f} ms, {long_ms:.0f} ms", ""),
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
    rows += memory_rows(3 if quick else 15)
    print(
        f"{machine()}, Python {platform.python_version()}, numpy {np.__version__}, {datetime.date.today()}\n"
    )
    print("| what | here | a callback a record |\n|---|---:|---:|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
