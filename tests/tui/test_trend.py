"""What rows did over time: steps that are over are kept, and give what computing all of them gives."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pytest
from records import connect, snapshot_of
from support import BEGAN_NS, INFO, Clock, Steady, flow

from tcpconntop.core.analysis.series import TimeAxis
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.view.view import View
from tcpconntop.core.window.history import snapshot_at
from tcpconntop.core.window.keys import KEY
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.tui.table.trend import QUIET, Trend, TrendCache

FLOWS = [flow("a", 1 + at % 3, f"10.0.0.{at + 1}", rate_hz=40) for at in range(9)]


@cache
def some_snapshots(seconds: int, window_s: float | None) -> tuple[Snapshot, ...]:
    """Return those of the usual traffic, which several tests go through."""
    return tuple(snapshots(seconds, window_s))


def snapshots(seconds: int, window_s: float | None = 60, max_keys: int = 20_000, flows=FLOWS):
    """Yield a snapshot after each second."""
    clock = Clock()
    source, window = Steady(clock, flows), RollingWindow(window_s, max_keys)
    for _ in range(seconds):
        clock.now_ns += 999_000_000
        window.ingest(source.read(0), clock.now_ns)
        clock.now_ns += 1_000_000
        span_s = window.span_s(BEGAN_NS, clock.now_ns)
        yield Snapshot(INFO, Ledger(), window.state(), window_s, span_s, clock.now_ns, 0, began_ns=BEGAN_NS)


def by_row(view: View, trends: TrendCache, rows: range | None = None, steps: int = 20) -> dict[bytes, Trend]:
    rows = range(len(view)) if rows is None else rows
    return dict(zip(map(view.identity, rows), trends.get(view, rows, steps), strict=True))


CASES = list(product([(60, 20), (60, 60), (300, 20), (10, 20), (None, 20)], ["dest", "process", "port"]))
# Without --long: every grouping in one window, and a window of longer slices.
SHORT = [case for case in CASES if case[0] == (60, 20) or case == ((300, 20), "dest")]


@pytest.mark.xdist_group("trend")
@pytest.mark.parametrize(
    ("window_s", "steps", "group_by"),
    [pytest.param(*case[0], case[1], marks=[pytest.mark.long] * (case not in SHORT)) for case in CASES],
)
def test_given_a_second_after_the_other_then_a_trend_is_that_of_all_steps_computed_at_once(
    window_s, steps, group_by
):
    kept, compared = TrendCache(), 0
    for snapshot in some_snapshots(40, window_s):
        axis = TimeAxis.covering(snapshot, steps)
        if window_s == 60 and snapshot.second % 3:
            continue  # now and then a second is not looked at
        view = make_view(snapshot, ViewSpec(group_by))
        found, fresh = by_row(view, kept, steps=steps), by_row(view, TrendCache(), steps=steps)
        if snapshot.second % axis.step_s == 0:  # a step has just begun: trends are drawn anew
            assert found == fresh
            compared += 1
    assert compared > (1 if window_s == 300 else 10)


def test_given_rows_that_come_and_go_then_each_has_its_whole_past():
    kept, chance = TrendCache(), np.random.default_rng(1)
    for snapshot in snapshots(50):
        view = make_view(snapshot, ViewSpec())
        first = int(chance.integers(0, 7))
        rows = range(first, min(first + 3, len(view)))
        fresh = by_row(view, TrendCache(), rows, 60)
        assert by_row(view, kept, rows, 60) == fresh


def test_given_an_older_moment_when_looked_back_and_on_again_then_nothing_of_the_other_is_left():
    *_, last = snapshots(50)
    kept = TrendCache()
    for second in (last.second, last.second - 20, last.second - 21, last.second - 5, last.second):
        view = make_view(snapshot_at(last, second, 60), ViewSpec())
        assert by_row(view, kept, steps=60) == by_row(view, TrendCache(), steps=60)


def test_given_keys_that_are_folded_then_the_row_that_takes_them_has_their_past():
    kept, folds, before = TrendCache(), 0, np.empty(0, KEY)
    flows = [flow("a", 1, f"10.0.0.{at + 1}", rate_hz=2 + at) for at in range(30)]
    for snapshot in snapshots(20, max_keys=12, flows=flows):
        view, keys = make_view(snapshot, ViewSpec()), snapshot.window.keys
        folds, before = folds + (keys[: len(before)].tobytes() != before.tobytes()), keys
        assert by_row(view, kept, steps=60) == by_row(view, TrendCache(), steps=60)
    assert folds > 1


def test_given_another_filter_grouping_or_window_then_trends_are_computed_anew():
    *_, first, last = snapshots(40)
    kept = TrendCache()
    for spec in (ViewSpec(), ViewSpec("process"), ViewSpec("port"), ViewSpec()):
        for snapshot in (first, last):
            view = make_view(snapshot, spec)
            assert by_row(view, kept, steps=60) == by_row(view, TrendCache(), steps=60)


def runs_of(latency_us, seconds=60, cells=60, window_s=60):
    """Return the trend of one row whose connects took `latency_us` of the second they ended in."""
    window = RollingWindow(window_s)
    for second in range(seconds):
        us = latency_us(second)
        now_ns = BEGAN_NS + second * 1_000_000_000
        if us is not None:
            window.ingest(connect(latency_ns=round(us * 1000), times=3, end_ns=now_ns), now_ns)
        else:
            window.ingest(connect(times=0), now_ns)
    shown = snapshot_of(window, now_ns, window_s)
    (trend,) = TrendCache().get(make_view(shown, ViewSpec()), range(1), min(cells, 60), cells)
    assert len(trend.line) == cells
    return trend.runs


def test_given_latencies_then_their_colours_are_those_of_figures_on_a_quiet_ground():
    assert [paint for _, paint in runs_of(lambda second: 900)] == [QUIET]
    steps = runs_of(lambda second: (900, 150_000, 1_030_000)[second // 20])
    assert [paint for _, paint in steps] == [QUIET, "warn", "bad"]
    assert {len(text) for text, _ in steps} == {20}


def test_given_one_step_with_connects_then_it_is_one_dot_however_wide_the_step():
    for cells in (20, 60, 88, 120):
        ((text, paint),) = runs_of(lambda second: 900 if second == 31 else None, cells=cells)
        assert (text.strip(), paint) == ("·", QUIET)


def test_given_more_cells_than_steps_then_each_step_has_its_share_of_them():
    steps = runs_of(lambda second: 1_030_000 if second in (30, 31) else 900, cells=90)
    assert [(len(text), paint) for text, paint in steps][1] == (3, "bad")
    assert len(steps) == 3
