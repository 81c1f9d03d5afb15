"""The times that findings say: the same whatever the window, and never its begin."""

from __future__ import annotations

import re

import pytest
from explaining import NOW_S, clock, ending_at, findings_of, snapshot_by_second
from hypothesis import given, settings
from hypothesis import strategies as st
from records import connect

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.history import snapshot_at
from tcpconntop.core.window.lengths import WINDOWS
from tcpconntop.core.window.recent import MAX_NOTABLE
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.wire import Outcome

PLACE = {"daddr": "10.2.3.4", "dport": 8080}
REFUSED = {**PLACE, "outcome": Outcome.REFUSED, "error": 111}


def said(shown) -> tuple[str, str]:
    (found,) = (finding for finding in findings_of(shown) if finding.kind == "refused")
    return found.title, found.evidence


def outage(ok_until_s: float, refused_from_s: float, now_s: float = NOW_S, each: int = 2):
    """A port that accepts twice a second, refuses from a moment on, and is looked at in the window `all`."""
    parts = [ending_at(ok_until_s - n / 2, connect(**PLACE)) for n in range(20)]
    seconds = range(int(refused_from_s) + 1, int(now_s))
    parts += [ending_at(refused_from_s, connect(**REFUSED))]
    parts += [ending_at(second + 0.5, connect(**REFUSED, times=each)) for second in seconds]
    return snapshot_by_second(*parts, window=RollingWindow(None))


@pytest.mark.parametrize("window_s", WINDOWS.values(), ids=list(WINDOWS))
def test_a_window_that_begins_in_the_outage_does_not_move_its_begin(window_s):
    """GIVEN refusals for 95 s WHEN they are seen in windows of any length THEN since when is the same."""
    shown = snapshot_at(outage(NOW_S - 97, NOW_S - 95.5), NOW_S - 1, window_s)
    title, evidence = said(shown)
    assert title == "10.2.3.4:8080 refuses every connect since 12:01:35"
    assert "refused in " in evidence if window_s in (10, 60) else "refused, last ok" in evidence
    assert "last ok 12:01:34" in evidence


def test_where_the_records_do_not_reach_back_the_last_success_tells():
    """GIVEN more refusals than are kept one by one THEN no first one is told."""
    shown = outage(NOW_S - 97, NOW_S - 95, each=MAX_NOTABLE // 80)
    for window_s in WINDOWS.values():
        title, _ = said(snapshot_at(shown, NOW_S - 1, window_s))
        assert title == "10.2.3.4:8080 refuses every connect since its last success at 12:01:34"


def test_a_moment_before_the_port_was_open_again_does_not_know_that():
    """GIVEN an outage is over WHEN one goes back to a moment in it THEN its last success is one before it."""
    parts = [ending_at(NOW_S - 400 + n, connect(**PLACE, times=5)) for n in range(60)]
    parts += [ending_at(NOW_S - 340 + n, connect(**REFUSED, times=5)) for n in range(60)]
    parts += [ending_at(NOW_S - 200 + n, connect(**PLACE, times=5)) for n in range(60)]
    shown = snapshot_at(snapshot_by_second(*parts, window=RollingWindow(None)), NOW_S - 282, 60)
    title, evidence = said(shown)
    lead, begin, end = re.split(r"between | and ", title)
    assert lead == "10.2.3.4:8080 refuses every connect since its last success, "
    assert begin <= clock(NOW_S - 341) <= end
    assert "last ok" not in evidence


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.sampled_from([(), (Outcome.OK,), (Outcome.REFUSED,) * 2]), min_size=1, max_size=6),
    st.integers(1, 70),
    st.integers(0, 80),
)
def test_windows_never_contradict_each_other(phases, length_s, back_s):
    """GIVEN phases of success and refusal WHEN windows are compared THEN they say the same truth."""
    parts, ends = [], {Outcome.OK: [], Outcome.REFUSED: []}
    for n, outcomes in enumerate([(Outcome.OK,), *phases, (Outcome.REFUSED,)]):
        for second in range(
            NOW_S - (len(phases) + 2 - n) * length_s, NOW_S - (len(phases) + 1 - n) * length_s
        ):
            for outcome in outcomes:
                parts.append(ending_at(second + 0.25, connect(**(REFUSED if outcome else PLACE))))
                ends[outcome].append(second)
    base = snapshot_by_second(*parts, window=RollingWindow(None))
    shown = base if not back_s else snapshot_at(base, NOW_S - 1 - back_s // 30 * 30, None)
    at_s = shown.now_ns / SECOND_NS
    told = set()
    for window_s in WINDOWS.values():
        found = findings_of(snapshot_at(base, shown.second - (0 if shown is base else 1), window_s))
        told.update(finding.title for finding in found if finding.kind == "refused")
    ok = max((second for second in ends[Outcome.OK] if second < at_s), default=0)
    first = min((second for second in ends[Outcome.REFUSED] if ok < second < at_s), default=0)
    for title in told:
        if match := re.search(r"connect since (\d\d:\d\d:\d\d)$", title):
            assert match[1] == clock(first)
        elif match := re.search(r"success at (.*)", title):
            assert match[1] == clock(ok)
        elif match := re.search(r"between (.*) and (.*)", title):
            assert match[1] <= clock(ok) <= match[2]
        else:
            assert not ok, title
    assert len(told) <= 1, told
