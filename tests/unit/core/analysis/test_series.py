"""Figures over time."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from records import connect, join, random_records, snapshot_of

from tcpconntop.core.analysis.series import all_in_one_group, series
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Outcome

START_S = 12_000


pytestmark = pytest.mark.xdist_group("series")


@cache
def filled(seconds: int, per_second) -> RollingWindow:
    """Return a window after some traffic; ingesting takes much longer than switching."""
    window = RollingWindow(900)
    for second in range(START_S, START_S + seconds):
        window.ingest(per_second(second), second * SECOND_NS)
    return window


def told(window_s: float | None, seconds: int, per_second=lambda second: connect()) -> Snapshot:
    window = filled(seconds, per_second)
    window.set_window(window_s)
    return snapshot_of(window, now_ns=(START_S + seconds - 1) * SECOND_NS)


def test_given_seconds_then_each_step_has_its_own_attempts_failures_and_quantiles():
    def per_second(second):
        n = second % 7
        return join(
            connect(latency_ns=(1 + n) * 1_000_000, times=n),
            connect(outcome=Outcome.REFUSED, times=second % 3),
        )

    picture = told(60, 60, per_second)
    line = series(picture, all_in_one_group(picture), 1, 60, (0.5, 0.99))
    assert line.step_s == 1
    for step in range(60):
        n, failed = (START_S + step) % 7, (START_S + step) % 3
        assert line.attempts[0, step] == n + failed
        assert line.failed[0, step] == failed
        if n:
            assert line.quantiles_us[0, step] == pytest.approx([(1 + n) * 1_000] * 2, rel=0.01)
        else:
            assert np.isnan(line.quantiles_us[0, step]).all()


def test_given_less_room_then_steps_hold_several_seconds_and_lose_nothing():
    picture = told(60, 60)
    line = series(picture, all_in_one_group(picture), 1, 25)
    assert line.step_s == 3
    assert line.attempts.shape == (1, 20)
    assert (line.attempts[0] == 3).all()


def test_given_groups_then_each_key_counts_in_its_own_and_minus_one_in_none():
    picture = told(
        10, 10, lambda second: join(connect(pid=1), connect(pid=2, times=2), connect(pid=3, times=4))
    )
    group_of = np.array([-1, 1, 0, -1])
    line = series(picture, group_of, 3, 10)
    assert line.attempts.sum(axis=1).tolist() == [20, 10, 0]
    assert np.isnan(line.quantiles_us[2]).all()


def twice(second: int):
    return connect(times=2)


@pytest.mark.parametrize(
    ("window_s", "steps"),
    [
        *[pytest.param(*case, marks=pytest.mark.long) for case in ((300, 300), (900, 900))],
        (300, 60),
        (300, 45),
        (900, 120),
        (900, 7),
    ],
)
def test_given_slices_longer_than_a_step_then_a_steady_rate_stays_level(window_s, steps):
    picture = told(window_s, 960, twice)
    line = series(picture, all_in_one_group(picture), 1, steps)
    assert line.attempts.shape[1] <= steps
    inner = line.attempts[0, 1:-1]  # the first and the last step may stick out of the window
    np.testing.assert_allclose(inner, 2 * line.step_s)
    assert not np.isnan(line.quantiles_us[0, 1:-1]).any()


def test_given_an_old_burst_then_its_attempts_are_spread_over_its_slice_and_none_is_lost():
    burst = START_S + 5
    picture = told(
        900, 400, lambda second: connect(times=30 if second == burst else 0) if second <= burst else connect()
    )
    line = series(picture, all_in_one_group(picture), 1, 900)
    assert line.attempts.sum() == pytest.approx(30 + 394)
    assert line.attempts.max() < 30


def test_given_several_slices_in_the_running_second_then_they_share_a_step():
    window = RollingWindow(10)
    for _ in range(3):
        window.ingest(connect(times=2), START_S * SECOND_NS)
        window.state()
    picture = snapshot_of(window, now_ns=START_S * SECOND_NS)
    line = series(picture, all_in_one_group(picture), 1, 10)
    assert line.attempts[0].tolist() == [0] * 9 + [6]


def test_given_no_end_then_the_axis_spans_what_there_is():
    picture = told(None, 40)
    line = series(picture, all_in_one_group(picture), 1, 100)
    assert line.attempts.tolist() == [[1.0] * 40]
    empty = snapshot_of(RollingWindow(None))
    assert series(empty, all_in_one_group(empty), 1, 50).attempts.tolist() == [[0.0]]


def test_given_a_step_then_it_keeps_its_figures_while_it_moves_to_the_left():
    window, seen = RollingWindow(60), {}
    for second in range(START_S, START_S + 95):
        window.ingest(random_records(9, 5, second), second * SECOND_NS)
        picture = snapshot_of(window, now_ns=second * SECOND_NS)
        line = series(picture, all_in_one_group(picture), 1, 30)
        newest = second // 2
        for age in range(1, 29):  # finished steps that are still whole
            step = newest - age
            figures = (line.attempts[0, -1 - age], line.failed[0, -1 - age])
            assert seen.setdefault(step, figures) == figures
