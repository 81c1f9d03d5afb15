"""From the source to the screen and back: opening, failing, leaving, ending. Real threads, a real engine."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace

from support import INFO, Clock, Steady, feed, flow, snapshot, still, until

from tcpconntop.core.window.snapshot import RECORDING
from tcpconntop.tui.app import Dashboard
from tcpconntop.tui.messages import SnapshotReady, SourceOpened


class RefusedError(Exception):
    """What a tracer raises that cannot be had."""

    exit_code = 3


def header(app):
    return str(app.screen.header.render())


async def test_records_reach_the_table():
    clock = Clock()
    source = Steady(clock, [flow("curl", 7)])
    app = Dashboard(lambda: source, interval_s=0.01)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: "● live" in header(app))
        clock.now_ns += 2_000_000_000
        await until(pilot, lambda: app.screen.view is not None and len(app.screen.view) == 1)
        await pilot.press("w")
        await until(pilot, lambda: app.screen.view.snapshot.window_s == 300)
        await pilot.press("q")
    assert source.closed.wait(5)
    assert (app.return_code, app.return_value) == (0, None)


async def test_it_says_once_that_the_source_is_open():
    clock, told = Clock(), []
    source = Steady(clock, [flow("curl", 7)])
    app = Dashboard(lambda: source, interval_s=0.01, loaded=lambda: told.append("numpy" in sys.modules))
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: bool(told))
        clock.now_ns += 2_000_000_000
        await until(pilot, lambda: app.screen.view is not None and len(app.screen.view) == 1)
    assert told == [True]


async def test_no_more_keys_are_told_apart_than_was_asked_for():
    clock = Clock()
    source = Steady(clock, [flow("curl", pid) for pid in range(1, 9)])
    app = Dashboard(lambda: source, interval_s=0.01, max_keys=3)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: "● live" in header(app))
        clock.now_ns += 2_000_000_000
        await until(pilot, lambda: app.screen.view is not None and len(app.screen.view))
        assert len(app.screen.view.snapshot.window.keys) == 4  # and `other`
        assert app.screen.view.stats["outcomes"].sum() == source.ledger().ended


async def test_the_first_frame_does_not_wait_for_the_source():
    may_open, opened, cancelled = threading.Event(), threading.Event(), threading.Event()
    source = Steady(Clock())

    def open_source():
        may_open.wait(10)
        opened.set()
        return source

    app = Dashboard(open_source, cancel=cancelled.set)
    async with app.run_test(size=(80, 24)) as pilot:
        assert "starting" in header(app)
        await pilot.press("down", "space", "g", "w", "2", "enter", "P")  # nothing to act on, and no harm
        await pilot.press("q")
    assert cancelled.is_set()
    assert not opened.is_set()  # leaving did not wait
    may_open.set()
    assert source.closed.wait(5)  # and what came late was closed


async def test_a_source_that_cannot_be_had_ends_with_its_message_and_code():
    def open_source():
        raise RefusedError("not privileged: run with sudo")

    app = Dashboard(open_source)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.return_code is not None and app.return_value is not None)
    assert (app.return_code, app.return_value) == (3, "not privileged: run with sudo")


async def test_a_source_that_breaks_later_ends_with_a_traceback():
    class Broken(Steady):
        def read(self, timeout_s):
            raise LookupError("a defect")

    app = Dashboard(lambda: Broken(Clock()))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.return_value is not None)
    assert app.return_code == 1
    assert app.return_value.splitlines()[-1] == "LookupError: a defect"


async def test_a_recording_that_is_over_says_so():
    source = Steady(Clock())
    app = Dashboard(lambda: source, interval_s=0.01)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.screen.view is not None)
        source.ended = True
        await until(pilot, lambda: "ended" in header(app))


async def test_what_is_replayed_is_never_taken_for_live():
    """GIVEN a recording that is played WHEN shown THEN the header has its time, and says so."""
    info = replace(INFO, label=RECORDING)
    async with still().run_test(size=(160, 36)) as pilot:
        await feed(pilot, snapshot(info=info))
        shown = header(pilot.app)
    assert "1970-01-01  10:01:00" in shown
    assert "recording: not live data" in shown
    assert "● live" not in shown


async def test_a_process_can_be_opened_at_once():
    clock = Clock()
    source = Steady(clock, [flow("curl", 2_147_483_000)])
    app = Dashboard(lambda: source, interval_s=0.01, pid=2_147_483_000)
    async with app.run_test(size=(120, 36)) as pilot:
        clock.now_ns += 2_000_000_000
        await until(pilot, lambda: "curl · pid 2147483000" in header(app))


async def test_snapshots_that_wait_are_replaced():
    """GIVEN snapshots that arrive while the app is busy WHEN it goes on THEN it takes the newest alone."""
    first, second, third = (snapshot(seconds) for seconds in (3, 4, 5))
    app = still()
    async with app.run_test(size=(120, 36)) as pilot:
        for waiting in (first, second, third):
            app.post_message(SnapshotReady(waiting))
        await pilot.pause()
        await pilot.pause()
        assert app.screen.state.latest is third
        assert taken(app) == [third.now_ns]


async def test_snapshots_that_do_not_wait_are_all_taken():
    """GIVEN an app that keeps up, or another message between snapshots WHEN they come THEN each is taken."""
    first, second, third = (snapshot(seconds) for seconds in (3, 4, 5))
    app = still()
    async with app.run_test(size=(120, 36)) as pilot:
        await feed(pilot, first)
        app.post_message(SnapshotReady(second))
        app.post_message(SourceOpened(INFO))
        app.post_message(SnapshotReady(third))
        await pilot.pause()
        await pilot.pause()
        assert taken(app) == [first.now_ns, second.now_ns, third.now_ns]


def taken(app):
    """Return the times of the snapshots that the state has received, one for each second."""
    return [end_ns for end_ns, _ in app.screen.state.totals]
