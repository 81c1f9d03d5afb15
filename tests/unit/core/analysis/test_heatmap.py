"""When connects succeeded and how long they took."""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from records import connect, random_records, snapshot_of

from tcpconntop.core.analysis.heatmap import (
    HOLD_S,
    STEPS_S,
    HeatmapScale,
    band_edges,
    band_of,
    even_decades,
    heatmap,
)
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.analysis.series import all_in_one_group
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Outcome

START_S = 12_000
SCRIPT_S = 940

pytestmark = pytest.mark.xdist_group("heatmap")


@cache
def batch(second: int):
    """Records of one second: some of several keys, and none in every seventh."""
    return random_records(second % 7 * 3, 9, second)


@cache
def filled(seconds: int) -> RollingWindow:
    """Return a window after the same traffic; ingesting takes much longer than switching."""
    window = RollingWindow(900)
    for second in range(START_S, START_S + seconds):
        window.ingest(batch(second), second * SECOND_NS)
    return window


def told(window_s: float | None, seconds: int) -> Snapshot:
    window = filled(seconds)
    window.set_window(window_s)
    now_ns = (START_S + seconds - 1) * SECOND_NS
    return snapshot_of(window, now_ns, window.span_s(START_S * SECOND_NS, now_ns))


def map_of(picture: Snapshot, max_steps: int = 100):
    return heatmap(picture, all_in_one_group(picture), max_steps)


def test_given_a_minute_then_each_count_is_that_of_a_reckoning_record_by_record():
    rows, window = 12, RollingWindow(60)
    expected, failed = np.zeros((rows, 60)), np.zeros(60)
    for second in range(START_S, START_S + 90):
        records = batch(second)
        heights = np.log10((records["end_ns"] - records["begin_ns"]) / 1000) * rows / 6
        records = records[abs(heights - heights.round()) > 0.02]  # a bucket's middle may lie in the next row
        window.ingest(records, second * SECOND_NS)
        for record in records if second >= START_S + 30 else ():
            at = second - START_S - 30
            us = (int(record["end_ns"]) - int(record["begin_ns"])) / 1000
            if record["outcome"] == Outcome.OK:
                expected[int(math.log10(us) * rows / 6), at] += 1
            else:
                failed[at] += 1
    heat = map_of(snapshot_of(window, (START_S + 89) * SECOND_NS, 60))
    assert (heat.step_s, heat.first, heat.steps, heat.reach_s) == (1, START_S + 30, 60, 60)
    assert expected.sum() > 200
    assert np.array_equal(heat.matrix(1.0, 1e6, rows), expected)
    assert np.array_equal(heat.failed, failed)


def test_given_latencies_in_the_middle_of_rows_then_each_row_has_exactly_its_own():
    window = RollingWindow(60)
    for row in range(6):
        latency_ns = round(1000 * 10 ** (row + 0.5))
        window.ingest(connect(latency_ns=latency_ns, times=row + 1), (START_S + row) * SECOND_NS)
    heat = map_of(snapshot_of(window, (START_S + 5) * SECOND_NS))
    assert np.array_equal(heat.matrix(1.0, 1e6, 6)[:, -6:], np.diag(np.arange(1.0, 7.0)))
    assert heat.matrix(100.0, 1000.0, 2)[:, -6:].sum(axis=0).tolist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "window_s", [10, 300, None, *(pytest.param(s, marks=pytest.mark.long) for s in (60, 900))]
)
@pytest.mark.parametrize("seconds", [1, 33, pytest.param(400, marks=pytest.mark.long), SCRIPT_S])
def test_given_any_window_and_width_then_everything_that_is_kept_is_there_once(window_s, seconds):
    picture = told(window_s, seconds)
    outcomes = sum(part.outcomes().sum(axis=0) for part in picture.pictured) + np.zeros(6)
    if window_s is not None:
        assert outcomes.sum() == picture.window.stats["outcomes"].sum()
    for max_steps in (15, 47, 100, 400):
        heat = map_of(picture, max_steps)
        assert heat.steps <= max_steps
        assert heat.step_s in STEPS_S
        assert heat.matrix(10.0, 1e5, 9).sum() == pytest.approx(outcomes[Outcome.OK])
        assert heat.failed.sum() == pytest.approx(outcomes[Outcome.OK + 1 :].sum())
        assert (heat.first + heat.steps - 1) == picture.second // heat.step_s


def test_given_a_row_then_only_its_keys_count():
    picture = told(60, 60)
    view = make_view(picture, ViewSpec("port"))
    rows = [Selection(view, row) for row in range(len(view))]
    maps = [heatmap(picture, row.group_of, 60) for row in rows]
    assert len(rows) == 3
    for row, heat in zip(rows, maps, strict=True):
        assert heat.counts.sum() == row.outcomes[Outcome.OK] > 0
        assert heat.failed.sum() == sum(row.outcomes[1:]) > 0
    whole = map_of(picture, 60).matrix(1.0, 1e6, 8)
    assert np.array_equal(sum(heat.matrix(1.0, 1e6, 8) for heat in maps), whole)


def test_given_a_slice_longer_than_a_step_then_it_counts_evenly_in_its_steps():
    window = RollingWindow(300)
    burst_s = START_S // 10 * 10
    window.ingest(connect(times=30), burst_s * SECOND_NS)
    window.ingest(connect(outcome=Outcome.TIMEOUT, error=110, times=10), (burst_s + 1) * SECOND_NS)
    window.advance((burst_s + 200) * SECOND_NS)
    heat = map_of(snapshot_of(window, (burst_s + 200) * SECOND_NS, 201), 80)
    at = burst_s // heat.step_s - heat.first
    assert heat.step_s == 5
    assert heat.counts.tolist() == [15, 15]
    assert heat.failed[at : at + 2].tolist() == [5, 5]


def test_given_time_goes_on_then_a_column_keeps_its_counts_and_its_cells():
    window, seen = RollingWindow(60), {}
    for second in range(START_S, START_S + 95):
        window.ingest(batch(second), second * SECOND_NS)
        heat = map_of(snapshot_of(window, second * SECOND_NS, 60), 40)
        matrix, cells = heat.matrix(1.0, 1e6, 8), np.bincount(heat.step_of_cell(57))
        assert cells.sum() == 57
        for at in range(1, heat.steps - 1):  # the first may be on its way out, the last is running
            look = (matrix[:, at].tolist(), heat.failed[at], cells[at])
            if second - START_S > 60:
                assert seen.setdefault(heat.first + at, look) == look


@pytest.mark.parametrize("cells", [60, 61, 77, 119, 120, 400])
def test_given_cells_then_each_step_has_one_at_least_and_none_is_out_of_order(cells):
    heat = map_of(told(60, 75), 60)
    steps = heat.step_of_cell(cells)
    assert len(steps) == cells
    assert set(np.diff(steps).tolist()) <= {0, 1}
    assert (steps[0], steps[-1]) == (0, heat.steps - 1)


def test_given_a_young_window_then_the_time_before_it_is_not_known():
    assert map_of(told(60, 20)).first_known_step == 40
    assert map_of(told(60, 80)).first_known_step == 0
    assert map_of(told(None, 20)).first_known_step == 40
    older = map_of(told(None, SCRIPT_S))
    assert older.reach_s == 1200
    assert older.first_known_step == pytest.approx((1200 - SCRIPT_S) / older.step_s, abs=2)


def test_given_nothing_then_the_map_is_empty():
    picture = snapshot_of(RollingWindow(None))
    heat = map_of(picture)
    assert heat.range_us == (1.0, 1.0)
    assert heat.matrix(1.0, 100.0, 4).sum() == heat.failed.sum() == 0


def scaled(latency_ns: int, times: int, second: int, before: HeatmapScale | None) -> HeatmapScale:
    window = RollingWindow(10)
    window.ingest(connect(latency_ns=latency_ns, times=times), second * SECOND_NS)
    return HeatmapScale.for_heatmap(map_of(snapshot_of(window, second * SECOND_NS)), 6, 6, before)


def test_given_a_scale_then_it_grows_at_once_and_shrinks_late():
    first = scaled(250_000, 5, START_S, None)
    assert (first.low_us, first.high_us, first.max_count) == (10.0, 1000.0, 5)
    slow = scaled(1_500_000_000, 1, START_S + 1, first)
    assert (slow.low_us, slow.high_us, slow.max_count) == (10.0, 1e7, 5)
    held = slow
    for second in range(START_S + 2, START_S + HOLD_S):
        held = scaled(250_000, 3, second, held)
        assert (held.low_us, held.high_us, held.max_count) == (10.0, 1e7, 5)
    later = scaled(250_000, 3, START_S + HOLD_S + 2, held)
    assert (later.low_us, later.high_us, later.max_count) == (10.0, 1000.0, 3)


def test_given_a_scale_that_is_still_needed_then_it_is_held_from_then_on():
    first = scaled(250_000, 5, START_S, None)
    again = scaled(250_000, 5, START_S + HOLD_S - 1, first)
    assert again.last_needed == START_S + HOLD_S
    assert scaled(250_000, 2, START_S + 2 * HOLD_S - 3, again).max_count == 5


def test_given_a_clock_that_was_set_back_then_a_scale_begins_anew():
    later = scaled(250_000, 500, START_S + 50, None)
    assert scaled(250_000, 5, START_S, later).max_count == 5


@pytest.mark.parametrize("lines", [1, 2, 3, 5, 8, 10, 13, 17, 24, 40])
@pytest.mark.parametrize("low_us", [1.0, 10**0.5, 10.0, 1e4])
@pytest.mark.parametrize("high_us", [1e5, 10**5.5, 1e6, 10**7.5, 1e8])
def test_given_a_range_then_the_axis_holds_it_and_its_labels_are_equally_far_apart(lines, low_us, high_us):
    axis = even_decades(low_us, high_us, lines)
    assert axis.low_us <= low_us * 1.001
    assert axis.high_us >= high_us * 0.999
    labels = [(line, axis.label_us(line)) for line in range(lines) if axis.label_us(line) is not None]
    assert {later - line for (line, _), (later, _) in pairwise(labels)} <= {axis.lines_apart}
    assert {round(math.log10(later / us)) for (_, us), (_, later) in pairwise(labels)} <= {axis.decades_apart}
    for line, us in labels:  # each where it belongs
        share = math.log(us / axis.low_us) / math.log(axis.high_us / axis.low_us)
        assert share * lines == pytest.approx(line, abs=1e-6)
    assert axis.decades_apart == 1 or lines < 2 * math.log10(high_us / low_us) + 2


@pytest.mark.parametrize(
    ("low_us", "high_us", "lines", "expected"),
    [
        (10.0, 10**6.5, 17, (3, 1)),
        (10.0, 10**6.5, 10, (3, 2)),
        (10.0, 1e4, 12, (4, 1)),
        (10**1.5, 10**6.5, 5, (2, 3)),
        (1.0, 1e8, 3, (1, 3)),
    ],
)
def test_given_a_range_then_a_power_of_ten_has_as_many_lines_as_there_are(low_us, high_us, lines, expected):
    axis = even_decades(low_us, high_us, lines)
    assert (axis.lines_apart, axis.decades_apart) == expected


@pytest.mark.parametrize(
    ("most", "n", "expected"),
    [
        (0, 7, (1, 2, 5, 10)),
        (3, 7, (1, 2, 5, 10)),
        (100, 7, (1, 2, 5, 10, 20, 50, 100)),
        (199.5, 7, (1, 2, 5, 10, 20, 50, 100)),
        (200, 7, (1, 3, 10, 30, 100)),
        (1000, 7, (1, 3, 10, 30, 100, 300, 1000)),
        (99_999, 7, (1, 10, 100, 1000, 10_000)),
        (412, 4, (1, 5, 20, 100)),
        (3000, 7, (1, 5, 20, 100, 500, 2000)),
        (5e6, 4, (1, 100, 10_000, 1_000_000)),
    ],
)
def test_given_the_greatest_count_then_the_bands_begin_at_round_ones(most, n, expected):
    assert band_edges(most, n) == expected


def test_given_counts_then_what_is_there_at_all_has_a_band_and_nothing_has_none():
    counts = np.array([0, 0.1, 1, 2.9, 3, 10, 1e9])
    assert band_of(counts, (1, 3, 10)).tolist() == [0, 1, 1, 1, 2, 3, 3]
