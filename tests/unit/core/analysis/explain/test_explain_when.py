"""When the connects ended that a finding counts: never wrong, and said only where it says something."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from explaining import MS, NOW_S, clock, ending_at, findings_of, given_up, snapshot_by_second, with_lost_syns
from hypothesis import given, settings
from hypothesis import strategies as st
from records import connect, join

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.history import snapshot_at
from tcpconntop.core.window.lengths import WINDOWS
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Events, Outcome

TIMEOUT = {"outcome": Outcome.TIMEOUT, "error": 110}
MOST_S, STRAY = 400, (5, 290)
TROUBLE = {
    "unanswered": lambda: connect(**TIMEOUT),
    "lost-syns": with_lost_syns,
    "slow": lambda: connect(latency_ns=150 * MS),
    "some-refused": lambda: connect(outcome=Outcome.REFUSED, error=111),
}
WHEN = re.compile(
    r"(?:all (?P<n>\d+)|(?P<most>\d+) of (?P<of>\d+)|it) ended (?:"
    r"between (?P<about>about )?(?P<first>[\d:]+) and (?P<last>[\d:]+)"
    r"|since (?P<about_>about )?(?P<first_>[\d:]+), the last (?P<last_is>at|about) (?P<last_>[\d:]+)"
    r"|(?P<once_is>at|about) (?P<once>[\d:]+))"
    r"|the last ended (?P<end_is>at|about) (?P<end>[\d:]+)"
)


def story(kind: str, troubles_s: list[float], oks: int = 40) -> list[Events]:
    """Return records of one destination: trouble so many seconds ago, and successes all the time."""
    parts = [ending_at(NOW_S - ago, TROUBLE[kind]()) for ago in troubles_s]
    return parts + [ending_at(NOW_S - MOST_S + MOST_S * n / oks, connect()) for n in range(oks)]


def shown_of(
    parts: list[Events], window_s: float | None, kept: int | None = None, offset_ns: int = 0
) -> Snapshot:
    """Return a snapshot at `NOW_S`; of the single records only the last `kept` are there."""
    base = snapshot_by_second(*parts, window=RollingWindow(None))
    records = base.window.recent.records
    if kept is not None and kept < len(records):
        end_ns = int(records["end_ns"][-kept - 1])
        recent = replace(base.window.recent, records=records[-kept:], complete_since_ns=end_ns)
        base = replace(base, window=replace(base.window, recent=recent))
    began_ns = (NOW_S - MOST_S) * SECOND_NS
    return snapshot_at(replace(base, wall_offset_ns=offset_ns, began_ns=began_ns), NOW_S - 1, window_s)


def said(shown: Snapshot, kind: str) -> re.Match[str] | None:
    """Return what the finding of a kind says about when."""
    found = [finding for finding in findings_of(shown) if finding.kind == kind]
    return WHEN.search(found[0].evidence) if found else None


def seconds_of(text: str) -> int:
    hours, minutes, seconds = map(int, text.split(":"))
    return 3600 * hours + 60 * minutes + seconds


def check_time(shown: Snapshot, text: str, end_ns: int, *, exact: bool) -> None:
    """Fail if a time that is said is not that of `end_ns`: exactly, or to the length of its slice."""
    wall_s = (end_ns + shown.wall_offset_ns) / SECOND_NS
    if exact:
        assert text == clock(wall_s)
        return
    (part,) = (
        part for part in shown.pictured if part.second <= end_ns // SECOND_NS < part.second + part.seconds
    )
    assert abs(seconds_of(text) - wall_s) <= part.seconds, (text, clock(wall_s), part.seconds)


def check_most(shown: Snapshot, ends_ns: np.ndarray, part: dict[str, str]) -> None:
    """Fail if not so many ended in the time that is said, or if there is a shorter one with as many."""
    n, exact = int(part["most"]), not (part["about"] or part["once_is"] == "about")
    begin, end = seconds_of(part["first"] or part["once"]), seconds_of(part["last"] or part["once"])
    margin_s = 0 if exact else max(slice_.seconds for slice_ in shown.pictured)
    wall_s = (ends_ns.astype(np.int64) + shown.wall_offset_ns) / SECOND_NS
    assert np.count_nonzero((wall_s >= begin - margin_s) & (wall_s < end + 1 + margin_s)) >= n
    least = -(-8 * len(ends_ns) // 10)
    assert n >= least
    assert end - begin <= (wall_s[least - 1 :] - wall_s[: len(wall_s) - least + 1]).min() + 1 + 2 * margin_s


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(sorted(TROUBLE)),
    st.lists(
        st.tuples(st.floats(0.01, MOST_S - 1), st.floats(0, 20), st.integers(1, 6)), min_size=1, max_size=3
    ),
    st.sampled_from(list(WINDOWS.values())),
    st.none() | st.integers(1, 30),
    st.integers(0, SECOND_NS),
)
def test_the_times_are_never_wrong(kind, bursts, window_s, kept, offset_ns):
    """GIVEN bursts of trouble, some records of which are kept THEN the times said are those of the truth."""
    troubles_s = [
        min(ago + span * n / times, MOST_S - 1.0) for ago, span, times in bursts for n in range(times)
    ]
    parts = story(kind, troubles_s)
    shown = shown_of(parts, window_s, kept, offset_ns)
    found = said(shown, kind)
    if found is None:
        return
    events = join(*parts[: len(troubles_s)])
    ends_ns = events["end_ns"][events["end_ns"] >= shown.now_ns - round(shown.span_s * SECOND_NS)]
    first, last, part = int(ends_ns.min()), int(ends_ns.max()), found.groupdict()
    assert {part["n"], part["of"]} <= {None, str(len(ends_ns))}
    if part["most"]:
        check_most(shown, np.sort(ends_ns), part)
    elif part["first"]:
        for text, end_ns in ((part["first"], first), (part["last"], last)):
            check_time(shown, text, end_ns, exact=not part["about"])
    elif part["first_"]:
        check_time(shown, part["first_"], first, exact=not part["about_"])
        check_time(shown, part["last_"], last, exact=part["last_is"] == "at")
    elif part["once"]:
        for end_ns in (first, last):
            check_time(shown, part["once"], end_ns, exact=part["once_is"] == "at")
    else:
        check_time(shown, part["end"], last, exact=part["end_is"] == "at")


@pytest.mark.parametrize(
    ("kind", "troubles_s", "window_s", "kept", "text"),
    [
        # It is over, and one looks back over more than it.
        ("unanswered", np.linspace(200, 230, 25), None, None, "all 25 ended between 11:59:21 and 11:59:51"),
        ("unanswered", np.linspace(200, 230, 25), 300, 9, "all 25 ended between about 11:59:20 and 11:59:51"),
        ("lost-syns", np.linspace(20, 25, 9), 60, None, "all 9 ended between 12:02:46 and 12:02:51"),
        ("lost-syns", np.linspace(20, 25, 9), 60, 4, "all 9 ended between 12:02:46 and 12:02:51"),
        ("slow", np.linspace(20.5, 25.5, 9), 60, 4, "all 9 ended between 12:02:45 and 12:02:50"),
        ("unanswered", [30.2] * 9, 60, None, "all 9 ended at 12:02:40"),
        # It began within the window, and goes on.
        ("unanswered", np.linspace(1, 31, 25), 60, None, "all 25 ended since 12:02:40, the last at 12:03:10"),
        # It began before the window, and is over.
        ("unanswered", np.linspace(30, 90, 60), 60, None, "the last ended at 12:02:41"),
        ("lost-syns", [20.5], 60, None, "it ended at 12:02:50"),
        # Most of it is in a short time, and single ones are at other times.
        (
            "lost-syns",
            [*STRAY, *np.linspace(100, 130, 20)],
            300,
            None,
            "18 of 22 ended between 12:01:01 and 12:01:27",
        ),
        ("unanswered", [*STRAY, *[100.5] * 20], 300, 5, "20 of 22 ended about 12:01:30"),
        ("unanswered", [*STRAY, *[100.5] * 3], 300, None, None),
        # It is spread over the window and goes on: no time says anything.
        ("unanswered", np.linspace(1, 59, 25), 60, None, None),
        ("unanswered", np.linspace(1, 390, 300), 300, 100, None),
        ("slow", np.linspace(1, 59, 25), 60, None, None),
        # Few, at times that may be chance.
        ("unanswered", [13, 27, 41], 60, None, None),
    ],
)
def test_they_are_said_where_trouble_began_or_ended_within_the_window(kind, troubles_s, window_s, kept, text):
    found = said(shown_of(story(kind, list(troubles_s)), window_s, kept), kind)
    assert (found[0] if found else None) == text


def test_of_many_destinations_each_says_when():
    """GIVEN SYNs lost to many destinations at different times WHEN added up THEN those with most say when."""
    parts = [
        ending_at(NOW_S - first - n / 4, with_lost_syns(daddr=f"10.0.0.{host}"))
        for host, first in enumerate((56, 38, 20, 1))
        for n in range(12 - host)
    ]
    (found,) = findings_of(shown_of([*parts, *(ending_at(NOW_S - n, connect()) for n in range(1, 60))], 60))
    assert (
        "most: 10.0.0.0:443 (12, the last ended at 12:02:15), 10.0.0.1:443 (11, all ended between"
        in found.evidence
    )


def test_a_port_that_refuses_since_a_time_says_only_when_it_was_tried_last():
    """GIVEN the title says since when, and nobody tries now THEN the evidence says when the last one was."""
    parts = [ending_at(NOW_S - 55 + n / 10, connect()) for n in range(20)]
    parts += [ending_at(NOW_S - 50 + n / 2, connect(outcome=Outcome.REFUSED, error=111)) for n in range(20)]
    (found,) = findings_of(shown_of(parts, 60))
    assert found.title == "10.0.0.1:443 refuses every connect since 12:02:21"
    assert "; the last ended at 12:02:30; by curl" in found.evidence


def test_the_last_of_more_connects_do_not_say_when_it_began():
    """GIVEN more failures than records WHEN a program gives up at one age THEN no first time is said."""
    parts = [given_up(*[800] * 40, apart_ms=200)]
    for kept, text in (
        (None, "all 40 ended between 12:02:43 and 12:02:51"),
        (20, "the last ended at 12:02:51"),
    ):
        shown = shown_of([ending_at(NOW_S - 20, parts[0])], 60, kept)
        found = said(shown, "gives-up")
        assert found is not None
        assert found[0] == text


def test_a_slow_answer_and_a_failed_connect_lost_no_syn_of_a_connect_that_succeeded():
    """GIVEN five that lost a SYN, and one of others sent again THEN five are counted, and it is said when."""
    parts = [ending_at(NOW_S - 40, connect(latency_ns=1_200 * MS, times=2))]  # an answer that came late
    parts += [
        ending_at(NOW_S - 40.5, connect(**TIMEOUT, rtx=6)),
        ending_at(NOW_S - 20, with_lost_syns(times=5)),
    ]
    known, unknown = (shown_of([*parts, *story("slow", [])], 60, kept) for kept in (None, 3))
    for shown in (known, unknown):
        found = said(shown, "lost-syns")
        assert found is not None
        assert found[0].startswith("all 5 ended at ")
