"""Alerts on the dashboard: the bell, the title, the line, the list, and the way to the moment."""

from __future__ import annotations

from dataclasses import replace

import pytest
from states import END_NS, live, recorded, snapshot_after
from support import BEGAN_NS, Running, flow, snapshot, text_of

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.alerts import AlertLog, AlertWatch, Firing, Reading, parse_alert
from tcpconntop.tui.alerting import NO_ALERT, moved_to, title_text
from tcpconntop.tui.screens.alerts import alert_lines, firing_line
from tcpconntop.tui.terminal_title import MAX_TITLE, TerminalTitle, has_title

P99 = parse_alert("p99>50ms dest:10.0.0.0/8")
FLOWS = (flow("curl", 7),)


def fired(seconds, alert=P99, **more):
    """Return an alert that fired some seconds after the beginning."""
    at_ns = BEGAN_NS + seconds * SECOND_NS
    return Firing(alert, at_ns, at_ns / SECOND_NS, Reading(72_100.0, 812), **more)


# The title


def test_the_title_is_ours_while_an_alert_fires_and_then_the_one_before():
    """GIVEN a title WHEN it is shown, changed and empty THEN the one before was saved and comes back."""
    title = TerminalTitle()
    assert title.restore() == ""
    title.text = "one"
    assert title.show() == "\x1b[22;2t\x1b]2;one\x1b\\"
    title.text = "two"
    assert title.show() == "\x1b]2;two\x1b\\"
    title.text = ""
    assert title.show() == "\x1b]2;\x1b\\\x1b[23;2t"
    assert title.show() == title.restore() == ""


def test_no_text_of_an_alert_reaches_the_terminal_as_a_command():
    """GIVEN an alert with control characters WHEN it is the title THEN none of them is in it."""
    title = TerminalTitle()
    title.text = title_text(AlertLog((P99,), (), (fired(1, parse_alert("p99>5ms 'a\x1b]0;x\x07\x9c\n'")),)))
    shown = title.show().removeprefix("\x1b[22;2t\x1b]2;").removesuffix("\x1b\\")
    assert shown.isprintable()
    assert "p99>5ms" in shown
    title.text = "x" * 500
    assert len(title.show()) <= MAX_TITLE + 6


def test_terminals_without_a_title_get_none():
    assert has_title({"TERM": "xterm-256color"})
    assert not any(map(has_title, ({"TERM": "linux"}, {"TERM": "dumb"}, {})))


def test_the_title_names_what_fires():
    """GIVEN two alerts that fire WHEN the title is made THEN it names one, and that there is another."""
    assert title_text(AlertLog((P99,))) == ""
    log = AlertLog((P99,), (), (fired(1), fired(2, parse_alert("fail>5%"))))
    assert title_text(log) == "▲ fail>5% and 1 more - tcpconntop"


# The way to the moment


def test_live_the_view_stands_still_on_the_moment():
    """GIVEN a live view WHEN the alert of 10 s ago is gone to THEN that moment is shown."""
    change = moved_to(live(30), fired(20))
    assert change.state.pause.shown.now_ns == BEGAN_NS + 20 * SECOND_NS
    assert change.note == ""


def test_a_view_that_was_paused_before_the_alert_goes_there_too():
    """GIVEN a view that is paused at 20 s WHEN the alert of 28 s is gone to THEN it is shown."""
    early = live(20)
    paused = early.paused_at(early.latest, early.latest.second)
    change = moved_to(replace(paused, latest=snapshot_after(30)), fired(28))
    assert change.state.pause.shown.now_ns == BEGAN_NS + 28 * SECOND_NS


def test_an_alert_of_right_now_pauses_here():
    """GIVEN an alert of this second WHEN it is gone to THEN the view stands still here."""
    change = moved_to(live(30), fired(30))
    assert change.state.pause is not None
    assert change.note == ""


def test_a_moment_that_is_not_kept_any_more_is_said():
    """GIVEN an alert from before what is kept WHEN it is gone to THEN a note says so."""
    change = moved_to(live(30), fired(-100))
    assert change.note == "09:58:20 is no longer kept: this is 1m41s later"


def test_a_recording_stops_at_the_moment():
    """GIVEN a recording that plays WHEN an alert is gone to THEN it is paused, and seeks."""
    change = moved_to(recorded(60), fired(40))
    assert change.state.playback.paused
    assert change.state.seeking.to_ns == BEGAN_NS + 40 * SECOND_NS < END_NS


# The list


def test_the_list_says_what_fires_and_what_cannot_be_judged():
    """GIVEN alerts in each state WHEN listed THEN each line says its own."""
    rate, refused = parse_alert("rate<1"), parse_alert("refused>3")
    log = AlertLog((P99, rate, refused), (fired(3),), (fired(3),), (rate, refused))
    assert alert_lines(log) == [
        "▲ firing    p99>50ms dest:10.0.0.0/8",
        "○ watching  rate<1 · too little to judge: it needs a whole minute",
        "○ watching  refused>3 · too little to judge: it needs a connect in the last minute",
    ]
    line = firing_line(fired(3, cleared_s=BEGAN_NS / SECOND_NS + 90, or_before=True), ringing=False)
    assert line.split("  ")[0] == "1970-01-01 10:00:03 or before"
    assert line.endswith("10:01:30         p99>50ms dest:10.0.0.0/8: p99 72.1ms of 812 connects")


# The app


@pytest.fixture
def watched(monkeypatch):
    """A dashboard with an alert that the scenario fires, and the number of times that the bell rang."""

    def make(*texts):
        run, bells = Running(5, flows=FLOWS), []
        run.app.watch_alerts(AlertWatch([parse_alert(text) for text in texts]))
        monkeypatch.setattr(run.app, "bell", lambda: bells.append("bell"))
        return run, bells

    return make


async def observe(run, *seconds):
    for second in seconds:
        run.app._engine.observe(snapshot(second, FLOWS))
        await run.pilot.pause()


async def test_it_rings_once_and_the_keys_lead_there(watched):
    """GIVEN an alert WHEN it fires and goes on THEN bell and line say it once, A goes there, a lists it."""
    run, bells = watched("count>10", "p99>100s")
    async with run:
        line = run.screen.alert_line
        assert text_of(line)[0].startswith(" ○ watching 2 alerts: none has fired")
        await observe(run, 3, 4, 5)
        assert bells == ["bell"]
        shown = text_of(line)[0]
        assert shown.startswith(" ▲ count>10  since 10:00:03  count ")
        assert shown.rstrip().endswith("A goes there  a lists 1 fired")
        await run.press("A")
        assert run.app._store.state.pause.second == BEGAN_NS // SECOND_NS + 2
        await run.press("space", "a")
        (options,) = run.screen.query("OptionList")
        assert options.border_title == "2 alerts, 1 fired"
        await run.press("enter")
        assert run.app._store.state.pause.second == BEGAN_NS // SECOND_NS + 2
        assert bells == ["bell"]
        await run.pilot.resize_terminal(120, 7)
        await run.pilot.pause()
        assert not line.display


async def test_without_alerts_there_is_no_line_and_the_keys_say_how(watched):
    """GIVEN no alert WHEN its keys are pressed THEN a note says how to set one."""
    async with Running() as run:
        assert not run.screen.alert_line.display
        await run.press("a")
        assert [note.message for note in run.app._notifications] == [NO_ALERT]
