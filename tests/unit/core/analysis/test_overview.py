"""The overview of a recording, and its place on a line."""

from __future__ import annotations

import math

import numpy as np
import pytest
from records import random_records

from tcpconntop.core.analysis.axes import round_step
from tcpconntop.core.analysis.overview import (
    MAX_PENDING,
    MAX_STEPS,
    Overview,
    OverviewBuilder,
    resampled,
)
from tcpconntop.core.types import SECOND_NS

BEGAN_NS = 1_007 * SECOND_NS + 5


def overview_from(attempts, failed=None, p99_us=None, known=None, first=1_000, step_s=10):
    n = len(attempts)
    return Overview(
        first,
        step_s,
        np.array(attempts, float),
        np.zeros(n) if failed is None else np.array(failed, float),
        np.full(n, 500.0) if p99_us is None else np.array(p99_us, float),
        np.full(n, 400.0),
        n if known is None else known,
    )


def test_given_records_then_each_step_has_their_figures():
    """GIVEN some minutes of records WHEN counted THEN each step has what numpy says of its records."""
    seconds = 3 * MAX_STEPS
    builder, by_step = OverviewBuilder(BEGAN_NS, BEGAN_NS + (seconds - 1) * SECOND_NS), {}
    for second in range(0, seconds, 40):
        records = random_records(30, 5, second, BEGAN_NS + second * SECOND_NS)
        builder.add(records, BEGAN_NS + second * SECOND_NS)
        by_step.setdefault(second // 5, []).append(records)
    half_way = builder.overview()
    assert (half_way.step_s, len(half_way), half_way.n_counted) == (5, 720, max(by_step))
    assert not half_way.complete
    builder.finish()
    shown = builder.overview()
    assert shown.complete
    assert set(np.flatnonzero(shown.attempts).tolist()) == set(by_step)
    for step, parts in by_step.items():
        records = np.concatenate(parts)
        ok = records["outcome"] == 0
        took_us = np.sort((records["end_ns"] - records["begin_ns"])[ok] / 1e3)
        assert (shown.attempts[step], shown.failed[step]) == (len(records), np.count_nonzero(~ok))
        assert shown.p99_us[step] == pytest.approx(took_us[math.ceil(0.99 * len(took_us)) - 1], rel=0.008)
        assert shown.p99_low_us[step] <= shown.p99_us[step]
    assert np.isnan(shown.p99_us[1])


def test_given_very_many_records_in_a_step_then_few_wait_and_all_are_counted():
    builder = OverviewBuilder(0, 10 * SECOND_NS)
    records = random_records(MAX_PENDING // 2, 3)
    for _ in range(5):
        builder.add(records, SECOND_NS)
        assert builder._n_pending <= MAX_PENDING
    builder.finish()
    assert builder.overview().attempts.sum() == 5 * len(records)


@pytest.mark.parametrize("now_ns", [0, 1 << 62])
def test_given_a_time_outside_of_the_recording_then_nothing_breaks(now_ns):
    builder = OverviewBuilder(BEGAN_NS, BEGAN_NS + 50 * SECOND_NS)
    builder.add(random_records(20, 3), BEGAN_NS + 20 * SECOND_NS)
    builder.add(random_records(20, 3), now_ns)
    builder.finish()
    assert builder.overview().attempts.sum() == 40


@pytest.mark.parametrize("seconds", [1, 119, 120, 121, 3_600, 10_800, 86_400, 86_400 * 365 * 146])
def test_given_any_length_then_the_steps_are_round_and_few(seconds):
    step_s = round_step(seconds, MAX_STEPS)
    assert -(-seconds // step_s) <= MAX_STEPS
    assert 60 % step_s == 0 or step_s % 60 == 0
    builder = OverviewBuilder(0, seconds * SECOND_NS)
    assert len(builder.overview()) <= MAX_STEPS + 1


@pytest.mark.parametrize("cells", [1, 7, 60, 100, 250])
def test_given_any_width_then_a_short_spike_is_seen(cells):
    """GIVEN one slow step and one of failures WHEN resampled THEN both are where they were."""
    p99_us, failed = np.full(100, 500.0), np.zeros(100)
    p99_us[37], failed[83] = 1e6, 30
    shown = overview_from([100] * 100, failed, p99_us)
    line = resampled(shown, cells)
    assert len(line.p99_us) == len(line.share) == len(line.counted) == cells
    assert line.counted.all()
    assert line.p99_us[shown.cell_of(shown.end_ns(37), cells)] == 1e6
    assert line.share[shown.cell_of(shown.end_ns(83), cells)] == 0.3
    assert np.count_nonzero(line.p99_us == 1e6) <= -(-cells // 100)


def test_given_one_failure_of_few_connects_then_a_cell_has_the_share_of_all_of_it():
    line = resampled(overview_from([1, 99, 0, 0], [1, 0, 0, 0], [np.nan, 3.0, np.nan, np.nan]), 2)
    assert line.share.tolist()[0] == 0.01
    assert np.isnan(line.share[1])
    assert line.p99_us[0] == 3.0
    assert np.isnan(line.p99_us[1])


def test_given_a_part_that_was_read_then_the_rest_is_not_known():
    assert resampled(overview_from([1] * 10, known=5), 5).counted.tolist() == [True] * 3 + [False] * 2
    assert not resampled(overview_from([0] * 10, known=0), 20).counted.any()


@pytest.mark.parametrize("cells", [1, 13, 57, 1_000])
def test_given_a_cell_that_is_clicked_then_the_cursor_is_there(cells):
    shown = overview_from([1] * 77)
    for cell in range(cells):
        assert shown.cell_of(shown.end_of_cell_ns(cell, cells), cells) == cell
    assert shown.end_of_cell_ns(cells - 1, cells) == shown.end_ns(76)
    assert (shown.cell_of(0, cells), shown.cell_of(1 << 62, cells)) == (0, cells - 1)
