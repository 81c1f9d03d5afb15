"""What the screen says of the past: that there was a spike, what the strip is of, which moment is shown."""

from __future__ import annotations

from dataclasses import replace

from states import BEGAN_NS, END_NS
from support import Clock, Running, Steady, feed, flow, snapshot, text_of, until
from test_strip import RECORDED, strip, whole, with_a_slow_time

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.filter import parse_filter
from tcpconntop.core.window.playback import Playback
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.tui.messages import CountRequested, OverviewReady, SnapshotReady
from tcpconntop.tui.overviews import SpikeWatch, overview_of, spikes_in
from tcpconntop.tui.state import DashboardState, PendingSeek
from tcpconntop.tui.time_travel import time_travel

SPIKE_S = BEGAN_NS / SECOND_NS + 30


def after_a_spike(window_s=10.0):
    """Return the snapshot at 50 s of a spike from 30 to 35 s, and of calm connects to another destination."""
    return replace(with_a_slow_time().latest, window_s=window_s, span_s=window_s)


def state_of(shown):
    return DashboardState("10s", 1.0).with_snapshot(shown)


def test_a_spike_is_looked_for_where_it_is_over_and_no_longer_shown():
    """GIVEN a spike WHEN the window is after it THEN its begin is told; not while it is shown, or paused."""
    every, state = parse_filter(""), state_of(after_a_spike())
    assert SpikeWatch().newest_before_window(state, every) == SPIKE_S
    assert SpikeWatch().newest_before_window(state_of(after_a_spike(20.0)), every) is None
    assert SpikeWatch().newest_before_window(state_of(after_a_spike(60.0)), every) is None
    assert SpikeWatch().newest_before_window(time_travel(state).toggle_pause().state, every) is None


def test_a_new_filter_is_looked_at_with_the_next_snapshot():
    watch, state = SpikeWatch(), state_of(after_a_spike())
    for text, expected in (("dest:10.0.0.1", SPIKE_S), ("dest:10.0.0.9", None), ("p99>5s", SPIKE_S)):
        where = parse_filter(text)
        found = [watch.newest_before_window(state, where) for _ in range(2)]
        assert found == [None, expected]


def with_a_slow_destination():
    """Return the state after 40 seconds with two destinations, one of which was slow from 20 to 25 s."""
    calm, slow = (
        [flow("a", 1, "10.0.0.1", rate_hz=50), flow("b", 2, "10.0.0.2", rate_hz=50, median_us=median_us)]
        for median_us in (300, 90_000)
    )
    clock, window = Clock(), RollingWindow(60)
    sources = [Steady(clock, calm), Steady(clock, slow)]
    for second in range(40):
        clock.now_ns += 999_000_000
        reads = [source.read(0) for source in sources]
        window.ingest(reads[20 <= second < 25], clock.now_ns)
        clock.now_ns += 1_000_000
    return state_of(replace(snapshot(1), window=window.state(), now_ns=clock.now_ns, span_s=40.0))


def test_the_past_of_a_filter_has_its_own_spikes():
    """GIVEN two destinations, one slow for a while WHEN filtered THEN that one alone has a spike."""
    state = with_a_slow_destination()
    texts = ("", "dest:10.0.0.1", "dest:10.0.0.2", "comm=a", "p99>1ms")
    found = {text: len(spikes_in(overview_of(state, parse_filter(text)))) for text in texts}
    assert found == {"": 1, "dest:10.0.0.1": 0, "dest:10.0.0.2": 1, "comm=a": 0, "p99>1ms": 1}


async def test_the_second_line_says_that_there_was_a_spike_and_b_goes_there():
    """GIVEN a spike before the window WHEN `B` THEN its times are in the strip, and axes say which moment."""
    async with Running(5, size=(120, 36), flows=[flow("curl", 7)]) as run:
        await run.press("2")
        await feed(run.pilot, after_a_spike())
        assert (
            str(run.screen.health.render()).rstrip().endswith("a spike at 10:00:30: B goes there  x explain")
        )
        pane = run.screen.panes._panes["Timeline"]
        assert " now" in "\n".join(text_of(pane))
        await run.pilot.resize_terminal(80, 24)
        await run.pilot.pause()
        assert str(run.screen.health.render()).rstrip().endswith(" B spike 10:00:30  x explain")
        await run.pilot.resize_terminal(120, 36)
        await run.press("B")
        assert "spike" not in str(run.screen.health.render())
        assert "10:00:30–10:00:35" in strip(run)[2]
        labels = "\n".join(text_of(pane))
        assert " now" not in labels
        assert "10:00:35" in labels
        await run.press("slash", *"dest:10.0.0.9", "enter")
        assert strip(run)[0].startswith("    p99 ")
        assert " of dest:10.0.0.9 " in strip(run)[2]
        assert "no spikes" in strip(run)[1]


async def test_a_recording_is_counted_again_under_a_filter_and_a_long_seek_shows_no_old_table():
    async with Running(60, size=(120, 36), info=RECORDED) as run:
        shown = replace(run.shown, playback=Playback(BEGAN_NS, END_NS))
        run.app.post_message(SnapshotReady(shown))
        run.app.post_message(OverviewReady(whole(40)))
        await until(run.pilot, lambda: strip(run))
        asked = []
        run.app._ask_for_count = lambda where: asked.append(where.text)
        await run.press("slash", *"dport=443", "enter")
        await until(run.pilot, lambda: asked)
        assert asked[0] == "dport=443"
        p99, failed, axis = strip(run)
        assert "0% read" in failed
        assert not any(bar in p99 for bar in "▁█")
        assert " of dport=443 " in axis
        run.app.post_message(OverviewReady(whole(40, 200), "dport=443"))
        await until(run.pilot, lambda: "3 spikes" in strip(run)[1])
        only = replace(run.app._store.state, overview=None)  # counted under a filter from the start
        assert overview_of(only, parse_filter("comm=a")).n_counted == 0

        state, to_ns = run.app._store.state, BEGAN_NS + 103 * SECOND_NS
        run.app._store.set(replace(state, seeking=PendingSeek(to_ns)))
        assert len(text_of(run.screen.table)[1].split()) > 5  # a short way: the table stays
        assert "» seeking 1:43/5:00" in run.header()
        run.app._store.set(replace(state, seeking=PendingSeek(to_ns, 0.4)))
        lines = text_of(run.screen.table)
        assert any("seeking 10:01:43: 40% of the way is read" in line for line in lines)
        assert not any("443" in line for line in lines)
        assert str(run.screen.summary.render()).strip() == str(run.screen.health.render()).strip() == ""
        assert "10:01:43" in run.header()
        assert "10:01:40–10:01:43: 25.0% failed" in strip(run)[2]
        arrived = replace(shown, playback=Playback(BEGAN_NS, END_NS, last_seek_ns=to_ns), now_ns=to_ns)
        run.app.post_message(SnapshotReady(arrived))
        await until(run.pilot, lambda: run.screen.view is not None)
        assert len(text_of(run.screen.table)[1].split()) > 5


def test_a_message_of_another_filter_is_not_replaced():
    one, other = OverviewReady(whole(40)), OverviewReady(whole(40), "dport=1")
    assert OverviewReady(whole()).can_replace(one)
    assert not other.can_replace(one)
    assert CountRequested(parse_filter("dport=1")).where.text == "dport=1"
