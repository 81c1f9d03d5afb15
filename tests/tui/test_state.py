"""The dashboard's state and its changes, without a running app."""

from __future__ import annotations

from dataclasses import replace

import pytest
from states import live, recorded, seconds_shown, snapshot_after
from support import BEGAN_NS

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.lengths import WINDOWS
from tcpconntop.tui.state import (
    INTERVALS_S,
    MAX_TOTALS,
    NOTHING_YET,
    Change,
    DashboardState,
)
from tcpconntop.tui.time_travel import time_travel
from tcpconntop.tui.worker import send_changes


class FakeEngine:
    """Records what it is told."""

    def __init__(self):
        self.told = []

    def set_window(self, window_s):
        self.told.append(("window", window_s))

    def set_interval(self, interval_s):
        self.told.append(("interval", interval_s))

    def set_speed(self, speed, *, paused):
        self.told.append(("speed", speed, paused))

    def seek(self, to_ns):
        self.told.append(("seek", to_ns))


# Live


def test_a_pause_freezes_what_is_shown_and_not_what_is_collected():
    """GIVEN a live state WHEN it is paused and a snapshot comes THEN the old one is shown until the end."""
    before = live(30)
    paused = time_travel(before).toggle_pause().state
    later = paused.with_snapshot(snapshot_after(42))
    assert before.pause is None  # a state never changes
    assert later.snapshot is before.latest
    assert later.paused_s == 12
    assert seconds_shown(later) == 30
    on_again = time_travel(later).toggle_pause().state
    assert on_again.paused_s is None
    assert on_again.snapshot is later.latest
    assert seconds_shown(on_again) == 42


def test_a_step_back_pauses_and_steps_forward_lead_to_the_moment_of_the_pause():
    """GIVEN a live state WHEN stepped back twice and forward twice THEN the moments are a second apart."""
    state = live(30)
    seen = []
    for by in (-1, -1, 1, 1):
        change = time_travel(state).step(by)
        state = change.state
        seen.append((seconds_shown(state), state.ago_s))
        assert change.moved
    assert seen == [(30, None), (29, 1), (30, None), (30, None)]  # second 30 has just begun: it is empty
    assert state.snapshot is state.pause.base
    end = time_travel(state).step(1)
    assert end == Change(state, "this is the newest moment: space resumes")


def test_live_there_is_nothing_newer_than_now():
    """GIVEN a live state WHEN moved forward THEN it stays live, and the note says why."""
    state = live()
    for change in (
        time_travel(state).step(1),
        time_travel(state).seek(10),
        time_travel(state).seek_to_end(),
        time_travel(state).seek_to(state.latest.wall_s + 60),
    ):
        assert change == Change(state, "this is the newest moment")


@pytest.mark.parametrize(
    ("move", "second"),
    [
        (lambda travel: travel.seek(-10), 20),
        (lambda travel: travel.seek(-1000), 1),
        (lambda travel: travel.seek_to_start(), 1),
        (lambda travel: travel.seek_to(15.0), 15),
    ],
)
def test_a_live_seek_shows_the_moment_and_pauses(move, second):
    """GIVEN a live state WHEN moved back THEN it is paused, and shows that second with its own totals."""
    state = replace(live(30), latest=replace(live(30).latest, wall_offset_ns=-BEGAN_NS))
    change = move(time_travel(state))
    assert (change.note, change.moved) == ("", True)
    assert seconds_shown(change.state) == second
    assert change.state.paused_s == 0
    assert change.state.ago_s == 30 - second
    back = time_travel(change.state).seek_to_end().state
    assert back.snapshot is state.latest
    assert back.paused_s is None


def test_the_oldest_moment_is_the_last_one():
    """GIVEN the oldest moment WHEN moved further back THEN nothing changes, and a note says why."""
    state = time_travel(live()).seek_to_start().state
    for change in (
        time_travel(state).step(-1),
        time_travel(state).seek(-10),
        time_travel(state).seek_to_start(),
    ):
        assert change == Change(state, "this is the oldest moment")


def test_another_window_shows_the_same_moment_of_a_pause():
    """GIVEN a paused state WHEN the window changes THEN the moment stays, through the other window."""
    paused = time_travel(live(30)).seek(-10).state
    other = paused.next_window(-1)
    assert (other.window, other.snapshot.window_s) == ("10s", 10)
    assert other.snapshot.now_ns == paused.snapshot.now_ns
    assert (paused.window, paused.snapshot.window_s) == ("1m", 60)


def test_windows_go_round():
    """GIVEN a state WHEN the next window is taken again and again THEN each comes once, then the first."""
    state = live()
    names = []
    for _ in WINDOWS:
        names.append(state.window)
        state = state.next_window(1)
    assert sorted(names) == sorted(WINDOWS)
    assert state.window == names[0]
    assert state.next_window(1).next_window(-1).window == state.window


def test_a_live_source_has_no_speed():
    """GIVEN a live state WHEN the speed is changed THEN nothing changes, and a note says why."""
    state = live()
    assert time_travel(state).change_speed(1) == Change(
        state, "only a recording can be played faster or slower"
    )


def test_a_live_range_begins_with_the_counting():
    """GIVEN a look back WHEN the range is asked for THEN it reaches from the start to the newest moment."""
    state = time_travel(live(30)).seek(-10).state
    span = time_travel(state).time_range()
    assert (span.now_s - span.began_s, span.end_s - span.now_s) == (20, 10)


# Everything else


def test_a_baseline_is_set_and_removed():
    """GIVEN a state WHEN marked twice THEN it has a baseline without history, then none."""
    state = live()
    marked = state.toggle_baseline()
    assert marked.note == ""
    assert marked.state.baseline.now_ns == state.latest.now_ns
    assert marked.state.baseline.window.history == ()
    assert marked.state.toggle_baseline().state.baseline is None


def test_a_baseline_is_the_moment_that_is_shown():
    """GIVEN a look back WHEN marked THEN the older moment is the baseline, not the newest."""
    state = time_travel(live()).seek(-10).state
    assert state.toggle_baseline().state.baseline.now_ns == state.snapshot.now_ns < state.latest.now_ns


def test_in_the_past_the_mark_moves_to_the_moment_that_is_shown():
    """GIVEN a mark WHEN another moment that stands still is marked THEN it moves there; again, it goes."""
    marked = live().toggle_baseline().state
    past = time_travel(marked).seek(-10).state
    moved = past.toggle_baseline().state
    assert moved.baseline.now_ns == past.snapshot.now_ns < marked.baseline.now_ns
    assert moved.toggle_baseline().state.baseline is None


def test_without_a_snapshot_there_is_nothing_to_compare_with():
    """GIVEN no snapshot yet WHEN marked THEN a note says that there is nothing yet."""
    state = DashboardState("1m", 1.0)
    assert state.toggle_baseline() == Change(state, NOTHING_YET)


@pytest.mark.parametrize("by", [-1, 1])
def test_intervals_step_to_their_ends(by):
    """GIVEN an interval between two steps WHEN changed THEN the next step is taken, up to the last one."""
    state = DashboardState("1m", 0.7)
    seen = []
    while not (change := state.next_interval(by)).note:
        state = change.state
        seen.append(state.interval_s)
    expected = [step for step in INTERVALS_S if (step - 0.7) * by > 0]
    assert seen == sorted(expected, reverse=by < 0)
    assert change.state is state


def test_totals_are_kept_for_a_bounded_time_and_once_a_second():
    """GIVEN many snapshots WHEN they arrive THEN the last of each second is kept, of the newest seconds."""
    state, shown = DashboardState("1m", 1.0), snapshot_after(1)
    for half in range(2 * MAX_TOTALS + 20):
        state = state.with_snapshot(replace(shown, now_ns=half * SECOND_NS // 2))
    ends = [end_ns for end_ns, _ in state.totals]
    assert len(ends) == MAX_TOTALS
    assert ends == [second * SECOND_NS + SECOND_NS // 2 for second in range(10, MAX_TOTALS + 10)]


# The engine and the display follow the state


def test_the_engine_is_told_what_changed_and_nothing_else():
    """GIVEN states that follow each other WHEN the engine follows THEN it gets each change once."""
    engine = FakeEngine()
    state = recorded()
    states = [state, state.next_window(1), state.next_interval(1).state, state.with_end()]
    states += [time_travel(state).change_speed(1).state, time_travel(state).toggle_pause().state]
    states += [time_travel(state).seek(10).state, state.toggle_baseline().state]
    for after in states:
        send_changes(engine, state, after)
    target_ns = BEGAN_NS + 70 * SECOND_NS
    assert engine.told == [
        ("window", 300),
        ("interval", 2.0),
        ("speed", 2.0, False),
        ("speed", 1.0, True),
        ("seek", target_ns),
    ]
    seeking = time_travel(state).seek(10).state
    send_changes(engine, seeking, seeking.with_seek_progress(BEGAN_NS + 65 * SECOND_NS))
    send_changes(engine, DashboardState("1m", 1.0), recorded(speed=5.0))  # the source's own speed
    assert len(engine.told) == 5
    send_changes(engine, seeking, time_travel(seeking).seek(10).state)
    assert engine.told[5:] == [("seek", target_ns + 10 * SECOND_NS)]
