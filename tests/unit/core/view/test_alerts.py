"""Alerts: what they are about, when they fire, when they clear, and what never fires."""

from __future__ import annotations

from dataclasses import replace

import pytest
from records import connect, snapshot_of

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view import alerts
from tcpconntop.core.view.alerts import CLEAR_S, AlertWatch, parse_alert
from tcpconntop.core.view.filter import FilterError, parse_filter
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.wire import Outcome

START_S = 1_000


class Story:
    """Seconds of connects: each call of `second` adds one, and judges the alerts at its end."""

    def __init__(self, *texts: str, window_s: float | None = 60) -> None:
        self.watch = AlertWatch([parse_alert(text) for text in texts])
        self.window = RollingWindow(window_s)
        self.window_s, self.now_s, self.lines = window_s, START_S, []

    def second(self, ok: int = 0, slow: int = 0, refused: int = 0, times: int = 1, daddr: str = "10.0.0.1"):
        for _ in range(times):
            end_ns = self.now_s * SECOND_NS + 500_000_000
            for n, latency_ns, outcome in (
                (ok, 1_000_000, Outcome.OK),
                (slow, 80_000_000, Outcome.OK),
                (refused, 1_000_000, Outcome.REFUSED),
            ):
                if n:
                    records = connect(daddr, latency_ns=latency_ns, outcome=outcome, end_ns=end_ns, times=n)
                    self.window.ingest(records, end_ns)
            self.now_s += 1
            self.judge()
        return self

    def judge(self) -> None:
        now_ns = self.now_s * SECOND_NS - 1
        self.window.advance(now_ns)
        span_s = self.window.span_s(START_S * SECOND_NS, now_ns)
        shown = replace(snapshot_of(self.window, now_ns, span_s), began_ns=START_S * SECOND_NS)
        for firing in self.watch.judge(shown):
            word = "fired" if firing.cleared_s is None else "cleared"
            self.lines.append((self.now_s - START_S, word, firing.figure))


def test_it_fires_once_says_what_and_clears_after_the_minute_and_ten_seconds():
    """GIVEN a fault of 5 s WHEN it left the minute THEN the alert clears 10 s later, and is listed."""
    story = Story("p99>50ms").second(ok=100, times=2).second(ok=20, slow=20, times=5).second(ok=20)
    story.now_s += 60
    story.second(ok=200, times=20)
    (fired, cleared) = story.lines
    assert fired == (3, "fired", "p99 80.0ms of 240 connects")
    assert cleared[:2] == (69 + CLEAR_S, "cleared")
    (listed,) = story.watch.log.firings
    assert (round(listed.since_s), round(listed.cleared_s)) == (START_S + 3, START_S + cleared[0])
    assert story.watch.log.ringing == ()


@pytest.mark.parametrize(("text", "needed"), [("p99>50ms", 100), ("p50>50ms", 20), ("p90>50ms", 30)])
def test_too_few_connects_never_fire(text, needed):
    """GIVEN a connect too few, all slow WHEN judged THEN nothing fires; with one more, it does."""
    assert Story(text).second(slow=needed - 1).lines == []
    assert len(Story(text).second(slow=needed).lines) == 1
    assert len(Story(text).second(slow=needed - 1).watch.log.lacking) == 1


def test_few_failures_are_no_share():
    """GIVEN 19 connects of which all failed WHEN a share is watched THEN nothing fires, a count does."""
    story = Story("fail>5%", "refused>=19", "mean>1s").second(refused=19)
    assert [line[2] for line in story.lines] == ["refused 19 of 19 connects"]


def test_a_figure_that_wavers_around_its_bound_fires_once():
    """GIVEN 5 to 6 % of failures in turns WHEN it is above 4 % all the time THEN there is one alert."""
    story = Story("refused>10").second(ok=10, refused=11)
    story.now_s += 60  # the 11 leave the minute
    for _ in range(5):
        story.second(refused=10).second(times=3)
    assert [line[:2] for line in story.lines] == [(1, "fired")]
    story.now_s += 60
    story.second(times=12)
    assert [line[1] for line in story.lines] == ["fired", "cleared"]


def test_it_goes_on_while_it_is_not_better_by_a_fifth():
    """GIVEN a fired alert WHEN the figure is just below the bound THEN it fires on; well below, it clears."""
    story = Story("refused>10").second(refused=11)
    for n in (9, 9):
        story.now_s += 55
        story.second(refused=n, times=1).second(times=12)
    assert [line[1] for line in story.lines] == ["fired"]
    story.now_s += 55
    story.second(refused=7).second(times=20)
    assert [line[1] for line in story.lines] == ["fired", "cleared"]


def test_without_connects_it_clears():
    """GIVEN a fired alert WHEN no connect comes any more THEN it clears: nothing is slow any more."""
    story = Story("p99>50ms").second(slow=200).second(times=80)
    assert [line[1] for line in story.lines] == ["fired", "cleared"]


@pytest.mark.parametrize("text", ["count<5", "rate>1", pytest.param("!ok>=1", marks=pytest.mark.long)])
def test_what_needs_a_whole_minute_waits_for_it(text):
    """GIVEN the first minute WHEN a rate or too few connects are watched THEN nothing fires."""
    ok = 2 if text == "rate>1" else 0
    story = Story(text).second(ok, times=58)
    assert story.lines == []
    assert len(story.second(ok, times=2).lines) == 1


def test_it_is_about_the_connects_of_its_filter_and_of_the_command_line():
    """GIVEN slow connects elsewhere WHEN alert or command line have a filter THEN they do not count."""
    also = parse_filter("dport=443 p99>1s")
    alert = parse_alert("p50>50ms  dest:10.1.0.0/16", also=also)
    assert alert.text == "p50>50ms dest:10.1.0.0/16 dport=443"
    story = Story()
    story.watch = AlertWatch([alert])
    assert story.second(slow=50, daddr="10.2.0.1").lines == []
    assert len(story.second(slow=50, daddr="10.1.0.1").lines) == 1


@pytest.mark.parametrize(
    "window_s", [10, pytest.param(300, marks=pytest.mark.long), pytest.param(None, marks=pytest.mark.long)]
)
def test_it_is_about_the_last_minute_whatever_window_is_shown(window_s):
    """GIVEN another window WHEN judged THEN the alert is about a minute."""
    story = Story("refused>10", window_s=window_s).second(refused=6).second(times=30).second(refused=6)
    assert story.lines == [(32, "fired", "refused 12 of 12 connects")]
    story.second(times=80)
    assert story.lines[1:] == [(71, "cleared", "refused 12 of 12 connects")]


def test_a_recording_that_is_rewound_lists_nothing_twice():
    """GIVEN a fired alert WHEN the recording is played again from before it THEN it rings, and is no news."""
    story = Story("refused>10").second(ok=5, times=5).second(refused=11).second(times=3)
    again = Story("refused>10").second(ok=5, times=2)
    again.watch = story.watch
    again.judge()
    assert story.watch.log.ringing == ()
    again.second(ok=5, times=3).second(refused=11)
    assert again.lines == []
    assert len(story.watch.log.firings) == len(story.watch.log.ringing) == 1


def test_after_a_jump_it_may_have_begun_before():
    """GIVEN a jump in a recording WHEN the alert fires there THEN it may have begun before."""
    story = Story("refused>10").second(times=2)
    story.now_s += 100
    story.second(refused=11)
    (firing,) = story.watch.log.firings
    assert firing.or_before
    assert "or before" in firing.line()


def test_the_list_has_a_bound(monkeypatch):
    """GIVEN an alert that fires very often WHEN it has fired often enough THEN the oldest are not listed."""
    monkeypatch.setattr(alerts, "MAX_FIRINGS", 3)
    story = Story("max>50ms")
    for _ in range(5):
        story.now_s += 100
        story.second(slow=1).now_s += 100
        story.second().now_s += CLEAR_S
        story.second()
    assert [line[1] for line in story.lines] == ["fired", "cleared"] * 5
    assert len(story.watch.log.firings) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p99>50", None),
        ("p99>>5 x", "'p99>>5 x', column 1: 'p99>>5' needs a number"),
        ("nginx", "'nginx': no metric is compared: write"),
        ("p99>5ms fail>3%", "'p99>5ms fail>3%', column 9: only one metric can be compared"),
        ("p99>4ms dest:10.0.0.0/99", "column 9: '10.0.0.0/99' is not an address"),
        ("p99>1.2x", "column 1: 'p99>1.2x' needs a number"),
        ("p99>5ms 'x", "column 9: a quote is not closed"),
        ("", "'': no metric is compared"),
    ],
)
def test_a_bad_alert_is_one_line_with_the_place(text, message):
    """GIVEN a text that is no alert WHEN parsed THEN one line says what is wrong, and where."""
    if message is None:
        assert parse_alert(text).term.value == 50
        return
    with pytest.raises(FilterError) as error:
        parse_alert(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
