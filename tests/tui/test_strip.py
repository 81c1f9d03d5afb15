"""The strip, spikes, and clicks that go to a moment."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from states import BEGAN_NS, END_NS, live, recorded, seconds_shown
from support import Running, flow, notes, snapshot, until

from tcpconntop.core.analysis.overview import Overview
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.playback import Playback
from tcpconntop.tui.messages import OverviewReady, SnapshotReady
from tcpconntop.tui.overviews import overview_of, spikes_in
from tcpconntop.tui.spike_travel import Wish, to_spike, waiting
from tcpconntop.tui.state import NOTHING_YET, DashboardState

RECORDED = replace(snapshot(1).info, label="recording")


def whole(*spikes, n_counted=300):
    """Return an overview of the five minutes of `recorded`, slow at some seconds."""
    p99_us = np.full(300, 500.0)
    for second in spikes:
        p99_us[second : second + 3] = 1.2e6
    failed = np.zeros(300)
    failed[100:103] = 50 if spikes else 0
    return Overview(BEGAN_NS // SECOND_NS, 1, np.full(300, 200.0), failed, p99_us, p99_us * 0.9, n_counted)


def replayed(seconds=60, overview=None, **playback):
    return replace(recorded(seconds, **playback), overview=overview, info=RECORDED)


def target_s(change):
    return (change.state.seeking.to_ns - BEGAN_NS) / SECOND_NS


def test_n_and_b_stop_a_recording_at_one_spike_after_the_other():
    """GIVEN spikes at 40 s (slow), 100 s (failing) and 200 s WHEN gone on and back THEN each is met once."""
    state = replayed(60, whole(40, 200))
    change = to_spike(state, 1)
    assert (target_s(change), change.state.playback.paused) == (103, True)
    assert change.note == "spike 2 of 3, 10:01:40–10:01:43: 25.0% failed (before 0%)"
    change = to_spike(change.state, 1)
    assert (target_s(change), change.note) == (
        203,
        "spike 3 of 3, 10:03:20–10:03:23: p99 1.20s (before 500µs)",
    )
    assert to_spike(change.state, 1).note == "no later spike: this moment is in one"
    back = to_spike(to_spike(change.state, -1).state, -1)
    assert target_s(back) == 43
    assert to_spike(back.state, -1).note == "no earlier spike: this moment is in one"
    assert to_spike(replayed(20, whole(40)), -1).note == "no earlier spike"


def test_without_a_spike_one_line_says_what_there_is_none_of():
    change = to_spike(replayed(60, whole()), 1)
    assert change.note.startswith("no spike: p99 was nowhere 3 times")
    assert change.state.seeking is None


def test_what_is_not_read_yet_is_waited_for():
    """GIVEN a part of a recording WHEN a spike is wanted THEN it is one that cannot become another one."""
    assert to_spike(replayed(60, None), 1) == Wish(1, BEGAN_NS + 60 * SECOND_NS)
    assert to_spike(replayed(60, whole(200, n_counted=90)), 1) == Wish(1, BEGAN_NS + 60 * SECOND_NS)
    assert to_spike(replayed(200, whole(40, n_counted=90)), -1) == Wish(-1, BEGAN_NS + 200 * SECOND_NS)
    change = to_spike(replayed(60, whole(200, n_counted=150)), 1)
    assert change.note == "spike 1 of 1 so far, 10:01:40–10:01:43: 25.0% failed (before 0%)"
    assert waiting(replayed(60, whole(n_counted=90))).startswith("30% of the recording is read")
    assert to_spike(DashboardState("1m", 1.0), 1) == Wish(1, None)
    assert waiting(DashboardState("1m", 1.0)) == NOTHING_YET
    assert to_spike(DashboardState("1m", 1.0, info=snapshot(1).info), 1).note == NOTHING_YET


@cache
def with_a_slow_time():
    """Return the state after 50 seconds of which the seconds 30 to 34 were slow."""
    calm, slow = [flow("curl", 7, rate_hz=50)], [flow("curl", 7, rate_hz=50, median_us=30_000)]
    first, whole_time = snapshot(30, calm), snapshot(50, calm)
    shift = first.second
    parts = [
        replace(part, second=part.second + shift - whole_time.window.history[0].second)
        for part in snapshot(5, slow).window.history
    ]
    merged = sorted(
        [part for part in whole_time.window.history if not shift <= part.second < shift + 5] + parts,
        key=lambda part: part.second,
    )
    window = replace(whole_time.window, history=tuple(merged), slices=tuple(merged))
    return DashboardState("1m", 1.0).with_snapshot(replace(whole_time, window=window))


def test_live_the_kept_past_is_searched():
    """GIVEN a live source with a slow time WHEN gone back to it THEN the view stands at its end."""
    state = with_a_slow_time()
    assert [(spike.first, spike.slow) for spike in spikes_in(overview_of(state))] == [(30, True)]
    change = to_spike(state, -1)
    assert seconds_shown(change.state) == 35
    assert change.state.pause is not None
    assert change.note.startswith("spike 1 of 1, 10:00:30–10:00:35: p99 ")
    assert change.note.endswith(" all of the slow ones to 10.0.0.1:80")
    assert to_spike(change.state, -1).note.startswith("no earlier spike")
    assert overview_of(change.state) is overview_of(state)  # it was computed once
    assert to_spike(live(), 1).note.startswith("no spike")


def strip(run):
    lines = [run.screen.strip.render_line(y).text for y in range(run.screen.strip.size.height)]
    return lines if run.screen.strip.display else []


async def test_live_it_takes_no_line_until_one_looks_back():
    async with Running(30, size=(80, 24)) as run:
        assert strip(run) == []
        rows, panes = run.screen.table.size.height, run.screen.panes.region
        await run.press("space")
        assert len(strip(run)) == 2
        assert strip(run)[0].startswith("all p99 ")
        assert strip(run)[1].split() == ["10:00:00", "of", "all", "connects", "10:00:30"]
        assert (run.screen.table.size.height, run.screen.panes.region) == (rows - 2, panes)
        await run.press("space")
        assert strip(run) == []
        assert run.screen.table.size.height == rows


async def test_a_recording_has_one_and_a_click_on_it_goes_there():
    """GIVEN a recording that is read in part WHEN shown THEN the rest is dotted; a click is a seek."""
    async with Running(60, size=(120, 36), info=RECORDED) as run:
        shown = replace(run.shown, playback=Playback(BEGAN_NS, END_NS))
        run.app.post_message(SnapshotReady(shown))
        run.app.post_message(OverviewReady(whole(40, n_counted=150)))
        await until(run.pilot, lambda: strip(run))
        p99, failed, axis = strip(run)
        assert axis.split() == ["10:00:00", "of", "all", "connects", "10:05:00"]
        assert p99.count("·") == failed.count("·") > 40
        assert "█" in p99
        assert "▓" in failed or "█" in failed
        assert "50% read" in failed
        await run.pilot.click(run.screen.strip, offset=(8 + 96, 0))
        await run.pilot.pause()
        state = run.app._store.state
        assert state.playback.paused
        assert state.seeking.to_ns == overview_of(state).end_of_cell_ns(96, 120 - 8 - 15)
        run.app.post_message(OverviewReady(whole(40)))
        await until(run.pilot, lambda: "spikes" in strip(run)[1])
        await run.press("B")
        assert strip(run)[2].startswith(
            "10:00:00 spike 2 of 2, 10:01:40–10:01:43: 25.0% failed (before 0%)  "
        )
        assert notes(run.app) == []  # the strip says it, where it covers nothing


@pytest.mark.parametrize("key", ["2", pytest.param("3", marks=pytest.mark.long)])
async def test_a_click_on_a_pane_of_time_goes_there(key):
    """GIVEN a minute on Timeline or Heatmap WHEN its middle is clicked THEN the table shows that moment."""
    async with Running(60, size=(100, 30)) as run:
        await run.press(key)
        pane = next(pane for pane in run.screen.panes._panes.values() if pane.display)
        await run.pilot.click(pane, offset=(8 + (100 - 8 - 15) // 2, 2))
        await run.pilot.pause()
        state = run.app._store.state
        assert state.pause is not None
        assert seconds_shown(state) == pytest.approx(31, abs=1)
        await run.pilot.click(pane, offset=(2, 2))  # a label
        assert run.app._store.state.pause is state.pause


@pytest.mark.long
async def test_a_spike_that_was_asked_for_early_is_gone_to_when_it_is_read():
    async with Running(60, info=RECORDED) as run:
        run.app.post_message(SnapshotReady(replace(run.shown, playback=Playback(BEGAN_NS, END_NS))))
        run.app.post_message(OverviewReady(whole(n_counted=90)))
        await until(run.pilot, lambda: strip(run))
        await run.press("N")
        assert "30% of the recording is read" in notes(run.app)[0]
        run.app.post_message(OverviewReady(whole(200)))
        await until(run.pilot, lambda: run.app._store.state.seeking is not None)
        assert (run.app._store.state.seeking.to_ns - BEGAN_NS) // SECOND_NS == 103


@pytest.mark.long
async def test_the_cursor_and_the_window_need_no_colour():
    async with Running(180, size=(100, 36)) as run:
        await run.press("space")
        segments = [*run.screen.strip.render_line(0)]
        cursor = next(segment for segment in segments if "┃" in segment.text)
        assert cursor.style.bold
        grounds = {segment.style.bgcolor for segment in segments if "▁" in segment.text}
        assert cursor.style.bgcolor in grounds
        assert len(grounds) > 1 or all(segment.style.underline for segment in segments if "▁" in segment.text)
