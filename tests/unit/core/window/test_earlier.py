"""The window before: when it ended, that it shares nothing with the shown one, and what it counts."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from records import connect, snapshot_of

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window import stats as st
from tcpconntop.core.window.earlier import earlier_window
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.snapshot import Snapshot

BEGAN = 1_007


@cache
def after(seconds: int, window_s: float | None) -> Snapshot:
    """Return a snapshot after some seconds, each with one to three connects."""
    window = RollingWindow(window_s)
    for second in range(BEGAN, BEGAN + seconds):
        window.ingest(connect(times=second % 3 + 1, end_ns=second * SECOND_NS + 5), second * SECOND_NS + 9)
    now_ns = (BEGAN + seconds - 1) * SECOND_NS + 9
    span_s = window.span_s(BEGAN * SECOND_NS, now_ns)
    return replace(snapshot_of(window, now_ns, span_s), began_ns=BEGAN * SECOND_NS)


@pytest.mark.parametrize(
    ("seconds", "lag_s", "window_s"),
    [
        (80, 60, 10), (80, 900, 60), (400, 60, 60), (400, 300, 60), (400, 300, 300), (400, 60, 300),
        pytest.param(1_000, 900, 60, marks=pytest.mark.long),
        pytest.param(1_000, 300, 300, marks=pytest.mark.long),
    ],
)  # fmt: skip
def test_given_a_past_then_the_window_before_is_as_long_and_ended_when_it_is_said(seconds, lag_s, window_s):
    shown = after(seconds, window_s)
    before = earlier_window(shown, shown.second, window_s, lag_s)
    first, last = (
        (before.now_ns - round(before.span_s * SECOND_NS)) // SECOND_NS,
        before.now_ns // SECOND_NS - 1,
    )
    counted = int(st.attempt_counts(before.window.stats).sum())
    assert counted == sum(second % 3 + 1 for second in range(first, last + 1))
    assert last < (shown.now_ns - round(shown.span_s * SECOND_NS)) // SECOND_NS + 1
    wanted = shown.second - max(lag_s, window_s)
    if first > max(BEGAN, shown.second - 870):  # all of it is kept
        assert wanted - 30 <= last <= wanted
        assert window_s - 1 <= before.span_s <= window_s + 30


def test_given_a_past_that_is_too_short_then_it_is_the_oldest_or_none():
    shown = after(80, 60)
    assert earlier_window(shown, shown.second, 60, 300).now_ns == (BEGAN + 20) * SECOND_NS
    early = after(60, 60)
    assert earlier_window(early, early.second, 60, 60) is None
    assert earlier_window(after(400, None), after(400, None).second, None, 60) is None


@pytest.mark.long
def test_given_a_window_of_all_that_is_kept_then_nothing_is_before_it():
    shown = after(1_000, 900)
    assert earlier_window(shown, shown.second, 900, 900) is None


def test_given_the_next_second_then_it_is_the_same_until_a_slice_ends():
    before, ends = None, []
    for seconds in range(100, 112):
        shown = after(seconds, 30)
        found = earlier_window(shown, shown.second, 30, 70, before)
        ends.append(found is not before)
        before = found
    assert 2 <= sum(ends) <= 3


def test_given_a_moment_of_the_past_then_the_window_before_is_before_that():
    shown = after(400, 60)
    before = earlier_window(shown, shown.second - 100, 60, 60)
    assert shown.second - 200 < before.now_ns // SECOND_NS - 1 <= shown.second - 160
