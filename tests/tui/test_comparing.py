"""`M`: every row compared with the window some minutes before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import Running, feed, flow, notes, snapshot, still, text_of

from tcpconntop.core.clock import clock
from tcpconntop.core.view.ordering import grouped_by, sorted_by, without_changes
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.tui.comparison import compared, comparison_text, next_comparison
from tcpconntop.tui.state import NOTHING_YET, Change, DashboardState
from tcpconntop.tui.time_travel import time_travel

FLOWS = (flow("curl", 7, "10.0.0.1", rate_hz=10), flow("nginx", 8, "10.0.0.2", rate_hz=10))


def live(seconds: int = 200, window_s: float | None = 60, window: str = "1m") -> DashboardState:
    return DashboardState(window, 1.0).with_snapshot(snapshot(seconds, flows=FLOWS, window_s=window_s))


def test_it_goes_round_and_says_what_is_compared_with_what():
    """GIVEN 200 s WHEN M is pressed THEN it is 1m, 5m, the oldest that is kept, and then nothing."""
    state, said, ends = live(), [], []
    while True:
        change = next_comparison(state)
        state = change.state
        if state.compare_s is None:
            break
        assert state.baseline.window.history == ()
        ends.append(state.baseline.now_ns)
        said.append((state.compare_s, comparison_text(state), change.note))
    assert [one[0] for one in said] == [60, 300]
    ago = round((state.latest.now_ns - ends[0]) / 1e9)
    assert 59 <= ago <= 69
    assert said[0][1] == "Δ last 1m vs about 1m earlier"
    assert said[0][2] == f"last 1m compared with about 1m earlier: it ended at {clock(ends[0] / 1e9)}"
    assert said[1][2].endswith(", the oldest that is kept: 5m earlier is not")
    assert (state.baseline, comparison_text(state)) == (None, "")


def test_where_the_past_is_short_it_is_the_oldest_that_is_kept():
    """GIVEN 100 s WHEN compared THEN it is with the 41 s before the window, once, and it says so."""
    change = next_comparison(live(100))
    assert comparison_text(change.state) == "Δ last 1m vs 41s that ended 59s earlier"
    assert next_comparison(change.state).state.compare_s is None


@pytest.mark.parametrize(
    ("seconds", "window_s", "window", "said"),
    [
        (30, 60, "1m", "yet"),
        (200, None, "all", "w chooses a shorter one"),
        pytest.param(990, 900, "15m", "w chooses", marks=pytest.mark.long),
    ],
)
def test_where_nothing_is_kept_from_before_one_line_says_so(seconds, window_s, window, said):
    state = live(seconds, window_s, window)
    change = next_comparison(state)
    assert change.state is state
    assert said in change.note


def test_before_the_first_snapshot_there_is_nothing():
    state = DashboardState("1m", 1.0)
    assert next_comparison(state) == Change(state, NOTHING_YET)


def test_a_window_that_is_longer_than_the_time_between_them_begins_with_five_minutes():
    """GIVEN a window of 5m WHEN compared THEN not with 1m earlier: four minutes would be in both."""
    change = next_comparison(live(340, 300, "5m"))
    assert change.state.compare_s == 300


def test_it_follows_every_moment_that_is_shown():
    state = next_comparison(live()).state
    later = compared(state.with_snapshot(snapshot(212, flows=FLOWS)))
    assert later.baseline.now_ns > state.baseline.now_ns
    past = compared(time_travel(later).seek(-30).state)
    assert past.baseline.now_ns < past.snapshot.now_ns - 58_000_000_000
    again = compared(past.next_window(-1))
    assert again.baseline.window_s == 10
    everything = compared(replace(past, pause=None).with_snapshot(snapshot(200, flows=FLOWS, window_s=None)))
    assert (everything.baseline, comparison_text(everything)) == (None, "Δ nothing kept")
    assert compared(everything.with_snapshot(snapshot(212, flows=FLOWS))).baseline is not None


def test_a_mark_takes_its_place_and_the_other_way_round():
    state = next_comparison(live()).state
    marked = state.toggle_baseline().state
    assert (marked.compare_s, marked.baseline.now_ns) == (None, state.latest.now_ns)
    assert next_comparison(marked).state.compare_s == 60


async def test_the_screen_is_sorted_by_what_got_worse_and_goes_back():
    app = still()
    async with app.run_test(size=(160, 36), notifications=True) as pilot:
        await feed(pilot, snapshot(200, flows=FLOWS))
        await pilot.press("P", "r", "M")
        await pilot.pause()
        said = comparison_text(app.screen.state)
        assert notes(app)[0].startswith(said.removeprefix("Δ ").replace(" vs ", " compared with "))
        assert said in str(app.screen.header.render())
        assert app.screen.spec.sort == "change"
        assert all(word in text_of(app.screen.table)[0] for word in ("CHANGE", "ΔCONN/S", "ΔP50", "ΔP99"))
        assert text_of(app.screen.table)[1].count(" ~") >= 4
        await pilot.press("g", "slash", *"p50>1us", "enter")
        await pilot.pause()
        assert app.screen.view.baseline is not None
        await pilot.press("M", "M")  # 200 s are kept: 5m earlier is the oldest
        await pilot.pause()
        assert (app.screen.spec.sort, app.screen.spec.descending) == ("p99", False)
        assert "Δ" not in text_of(app.screen.table)[0]


def test_the_order_before_a_change_comes_back_where_the_rows_have_it():
    """GIVEN rows by port, then by a change WHEN no longer compared THEN by port; processes by trouble."""
    by_port = sorted_by(ViewSpec(), "dport")
    by_change = sorted_by(sorted_by(by_port, "change"), "dp99")
    assert without_changes(by_change) == by_port
    assert without_changes(grouped_by(by_change, "process")).sort == "trouble"
    assert without_changes(by_port) is by_port


PAIRS_80 = "CHANGE▼ FAIL% ΔFAIL%    P50   ΔP50   ΔP90    P99   ΔP99"
PAIRS_120 = "CHANGE▼ COUNT ΔCONN/S FAIL% ΔFAIL%    P50   ΔP50    P90   ΔP90    P99   ΔP99"


@pytest.mark.parametrize(("size", "figures"), [((80, 24), PAIRS_80), ((120, 36), PAIRS_120)])
async def test_a_screen_has_each_figure_with_its_change_as_far_as_there_is_room(size, figures):
    async with Running(seconds=200, size=size, flows=FLOWS) as run:
        await run.press("M")
        assert figures in text_of(run.app.screen.table)[0]
        assert "Δ" in run.header()
