"""Looking back: `,` and `.` step through the last quarter of an hour, the clock on screen says where."""

from __future__ import annotations

from dataclasses import replace

from support import BEGAN_NS, feed, flow, notes, snapshot, still

from tcpconntop.core.types import SECOND_NS
from tcpconntop.tui.state import DashboardState
from tcpconntop.tui.time_travel import time_travel


def header(app):
    return str(app.screen.header.render())


def attempts(app):
    return app.screen.view.snapshot.window.stats["outcomes"].sum()


async def test_older_pauses_on_the_moment_before_and_newer_leads_back():
    app = still()
    async with app.run_test(size=(140, 36), notifications=True) as pilot:
        await pilot.press("comma", "full_stop")  # before there is anything to see: no harm
        await feed(pilot, snapshot(30))
        live = attempts(app)
        await pilot.press("full_stop")
        assert "live" in header(app)  # there is nothing newer than now
        await pilot.press("comma", "comma")
        await pilot.pause()
        assert "paused 0s · 10:00:29 UTC, 1s ago" in header(app)
        assert 0 < attempts(app) < live
        await feed(pilot, snapshot(42))
        assert "paused 12s · 10:00:29 UTC, 13s ago" in header(app)  # it stays, and says how old it is
        await pilot.press("full_stop", "full_stop")
        await pilot.pause()
        assert "paused 12s" in header(app)
        assert "ago" not in header(app)
        assert attempts(app) == live
        await pilot.press("space")
        await pilot.pause()
        assert "live" in header(app)
        assert app.screen.view.snapshot.span_s == 42


async def test_the_oldest_moment_is_the_end_of_the_way():
    app = still()
    async with app.run_test(size=(140, 36), notifications=True) as pilot:
        await feed(pilot, snapshot(5, flows=[flow("curl", 7, rate_hz=50)]))
        await pilot.press(*["comma"] * 9)
        await pilot.pause()
        assert app.screen.view.snapshot.now_ns == BEGAN_NS + 1_000_000_000
        assert "4s ago" in header(app)
        assert any("oldest" in note for note in notes(app))


async def test_a_row_stays_selected_and_the_panes_follow_into_the_past():
    app = still()
    async with app.run_test(size=(140, 36), notifications=True) as pilot:
        await feed(pilot, snapshot(20))
        await pilot.press("down", "down", "down")
        selected, before = app.screen.table.selected, app.screen.panes.selection
        await pilot.press("comma", "comma", "comma")
        await pilot.pause()
        assert app.screen.table.selected == selected
        after = app.screen.panes.selection
        assert 0 < after.attempts < before.attempts
        assert after.snapshot is app.screen.view.snapshot


async def test_an_old_moment_is_kept_when_the_window_changes_and_a_coarse_one_says_what_it_covers():
    app = still()
    async with app.run_test(size=(140, 36), notifications=True) as pilot:
        await feed(pilot, snapshot(200, flows=[flow("curl", 7, rate_hz=5)]))
        await pilot.press(*["left"] * 6, *["comma"] * 3, "W")  # 63 s
        await pilot.pause()
        shown = app.screen.view.snapshot
        assert shown.window_s == 10
        assert shown.span_s == 10
        await pilot.press("W")
        await pilot.pause()
        assert app.screen.view.snapshot.window_s is None
        assert app.screen.view.snapshot.now_ns == shown.now_ns


def test_totals_are_those_of_the_moment():
    state = DashboardState("1m", 1.0)
    ledgers = {}
    for seconds in (3, 4, 5, 9):
        picture = snapshot(seconds)
        ledgers[seconds] = picture.ledger
        state = state.with_snapshot(replace(picture, now_ns=picture.now_ns - 1))
    seen = {}
    while not (change := time_travel(state).step(-1)).note:
        state = change.state
        shown = state.snapshot
        seen[(shown.now_ns - BEGAN_NS) // SECOND_NS] = shown.ledger
    assert seen[5] is ledgers[5]
    assert seen[7] is ledgers[5]  # the last ones that were known by then
    assert seen[4] is ledgers[4]
    assert sorted(seen) == [1, 2, 3, 4, 5, 6, 7, 8]
