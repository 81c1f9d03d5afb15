"""The dashboard's state while a recording is played: stop, step, seek and speed, without a running app."""

from __future__ import annotations

from dataclasses import replace

import pytest
from states import END_NS, live, recorded, snapshot_after
from support import BEGAN_NS

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.playback import SPEEDS, Playback
from tcpconntop.tui.state import (
    Change,
    DashboardState,
    PendingSeek,
)
from tcpconntop.tui.time_travel import AT_END, LiveHistory, RecordingPlayback, time_travel

# Recordings


def test_a_recording_is_stopped_and_let_go_on():
    """GIVEN a recording WHEN paused twice THEN it stands still, then plays on; the view is never frozen."""
    state = recorded()
    stopped = time_travel(state).toggle_pause().state
    assert stopped.playback.paused
    assert stopped.pause is None
    assert not time_travel(stopped).toggle_pause().state.playback.paused


@pytest.mark.parametrize(
    ("move", "to_s"),
    [
        (lambda travel: travel.seek(10), 70),
        (lambda travel: travel.seek(-10), 50),
        (lambda travel: travel.seek(-1000), 0),
        (lambda travel: travel.seek(1000), 300),
        (lambda travel: travel.seek_to_start(), 0),
        (lambda travel: travel.seek_to_end(), 300),
        (lambda travel: travel.seek_to(BEGAN_NS / SECOND_NS + 200), 200),
        (lambda travel: travel.seek_to(0), 0),
    ],
)
def test_a_seek_is_pending_until_its_snapshot_arrives(move, to_s):
    """GIVEN a recording WHEN moved THEN the seek is pending, older snapshots are dropped, its own ends it."""
    state = recorded(60)
    change = move(time_travel(state))
    to_ns = BEGAN_NS + to_s * SECOND_NS
    assert (change.note, change.moved) == ("", True)
    assert change.state.seeking == PendingSeek(to_ns)
    late = replace(snapshot_after(61), playback=Playback(BEGAN_NS, END_NS))
    assert change.state.with_snapshot(late) is change.state
    there = replace(late, playback=replace(late.playback, last_seek_ns=to_ns))
    arrived = change.state.with_snapshot(there)
    assert arrived.seeking is None
    assert arrived.latest is there


def test_seeks_add_up_while_one_is_pending():
    """GIVEN a pending seek WHEN moved again THEN it goes on from the target, not from what is shown."""
    state = recorded(60)
    for _ in range(3):
        state = time_travel(state).seek(10).state
    assert state.seeking == PendingSeek(BEGAN_NS + 90 * SECOND_NS)


def test_the_ends_of_a_recording_are_ends():
    """GIVEN an end of a recording WHEN moved beyond it THEN nothing changes, and a note says why."""
    start = recorded(0)
    assert time_travel(start).seek(-10) == Change(start, "this is the beginning")
    assert time_travel(start).seek_to_start() == Change(start, "this is the beginning")
    end = recorded(300, ended=True)
    assert time_travel(end).seek(10) == Change(end, "this is the end")
    assert time_travel(end).seek_to_end() == Change(end, "this is the end")
    for change in (time_travel(end).toggle_pause(), time_travel(end).change_speed(1)):
        assert change == Change(end, AT_END)


@pytest.mark.parametrize("by", [-1, 1])
def test_a_step_stops_the_recording(by):
    """GIVEN a recording that plays WHEN stepped THEN it stands still, a second away."""
    state = time_travel(recorded(60)).step(by).state
    assert state.playback.paused
    assert state.seeking == PendingSeek(BEGAN_NS + (60 + by) * SECOND_NS)


def test_a_step_stops_the_recording_at_its_beginning_too():
    """GIVEN the beginning WHEN stepped back THEN the recording stops although there is nothing before."""
    change = time_travel(recorded(0)).step(-1)
    assert change.note == "this is the beginning"
    assert change.state.playback.paused
    assert change.state.seeking is None


def test_speeds_step_up_and_down_to_their_ends():
    """GIVEN a recording WHEN made faster and slower THEN every speed comes, and notes tell the ends."""
    state = recorded()
    seen = {state.playback.speed}
    for by, word in ((1, "highest"), (-1, "lowest")):
        while not (change := time_travel(state).change_speed(by)).note:
            state = change.state
            seen.add(state.playback.speed)
        assert change == Change(state, f"this is the {word} speed")
    assert seen == set(SPEEDS)


def test_a_snapshot_does_not_undo_a_speed_that_the_engine_does_not_know_yet():
    """GIVEN another speed and a pause WHEN an older snapshot comes THEN both stay."""
    state = time_travel(time_travel(recorded()).change_speed(1).state).toggle_pause().state
    after = state.with_snapshot(replace(snapshot_after(61), playback=Playback(BEGAN_NS, END_NS)))
    assert (after.playback.speed, after.playback.paused) == (2.0, True)


@pytest.mark.parametrize(
    ("by_s", "reached_s", "share"), [(100, 110, 0.5), (100, 500, 1.0), (-40, 5, 0.25), (-40, -5, 0.0)]
)
def test_the_progress_of_a_seek_is_a_share_of_its_way(by_s, reached_s, share):
    """GIVEN a pending seek WHEN the source has come so far THEN the share is right; back starts at 0."""
    state = time_travel(recorded(60)).seek(by_s).state
    assert state.with_seek_progress(BEGAN_NS + reached_s * SECOND_NS).seeking.share == share


def test_without_a_seek_there_is_no_progress():
    """GIVEN no pending seek WHEN progress is reported THEN the state stays the same one."""
    for state in (live(), recorded(), DashboardState("1m", 1.0)):
        assert state.with_seek_progress(BEGAN_NS) is state


def test_the_way_to_move_is_that_of_the_source():
    """GIVEN a source WHEN asked how to move THEN it is its history or its recording; nothing before it."""
    assert time_travel(DashboardState("1m", 1.0)) is None
    assert isinstance(time_travel(live()), LiveHistory)
    assert isinstance(time_travel(recorded()), RecordingPlayback)
