"""Failures that are seldom at each destination, and many together."""

from __future__ import annotations

import pytest
from explaining import clock, ending_now, findings, snapshot_by_second
from records import connect, join

from tcpconntop.core.analysis.explain import Severity, explain, nothing_found_text
from tcpconntop.core.analysis.selection import Selection
from tcpconntop.core.view.make_view import make_view
from tcpconntop.core.view.spec import ViewSpec
from tcpconntop.core.window.host import NetnsFacts
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.wire import Outcome

WAYS = {
    "were refused": {"outcome": Outcome.REFUSED, "error": 111},
    "timed out": {"outcome": Outcome.TIMEOUT, "error": 110},
    "failed as unreachable": {"outcome": Outcome.UNREACHABLE, "error": 113},
    "failed with an error": {"outcome": Outcome.ERROR, "error": 99 - 1},
}


def each_once(n, daddr="127.54.{}.{}", **more):
    return join(*[connect(daddr=daddr.format(i // 200, i % 200 + 1), **more) for i in range(n)])


@pytest.mark.parametrize("way", WAYS)
def test_every_connect_fails_each_at_another_address(way):
    """GIVEN each of 400 destinations failed once THEN the failures are found at their port."""
    by_kind = findings(each_once(400, dport=9, **WAYS[way]))
    (found,) = by_kind["many-failed"]
    assert found.title == f"400 of 400 connects to port 9 (100%) {way}"
    assert found.evidence == "at 400 destinations, by curl; all 400 ended at 12:03:10"
    assert (found.severity, found.affected, found.group_by) == (Severity.BAD, 400, "port")
    assert list(by_kind) == ["many-failed"]


@pytest.mark.parametrize(
    ("bad", "good", "title", "group_by"),
    [
        (
            {"daddr": "10.1.0.{1}", "dport": 9},
            {"daddr": "10.2.0.{1}", "dport": 9},
            " to 10.1.0.0/24",
            "subnet",
        ),
        ({"pid": 7, "comm": "bad"}, {"pid": 8, "comm": "good"}, " of bad (PID 7)", "process"),
        ({"dport": 9}, {"dport": 10}, " to port 9", "port"),
    ],
)
def test_what_failures_have_in_common_is_named(bad, good, title, group_by):
    (found,) = findings(each_once(90, **bad, **WAYS["were refused"]), each_once(90, **good))["many-failed"]
    assert found.title == f"90 of 90 connects{title} (100%) were refused"
    assert found.group_by == group_by


def test_failures_that_have_nothing_in_common_are_counted_together():
    parts = [connect(daddr=f"10.{i}.0.1", dport=1 + i, pid=1 + i, **WAYS["timed out"]) for i in range(60)]
    (found,) = findings(*parts)["many-failed"]
    assert found.title == "60 of 60 connects (100%) timed out"
    assert found.evidence == "at 60 destinations, by curl; all 60 ended at 12:03:10"


def test_more_silent_destinations_than_are_listed_one_by_one():
    by_kind = findings(*[connect(daddr=f"10.0.0.{i}", times=4, **WAYS["timed out"]) for i in range(1, 31)])
    assert len(by_kind["unanswered"]) == 3
    assert by_kind["many-failed"][0].title == "108 of 120 connects to port 443 (90.0%) timed out"


@pytest.mark.parametrize(
    "events",
    [
        (each_once(2, **WAYS["were refused"]),),
        (each_once(3, **WAYS["were refused"]), connect(daddr="127.54.0.250", times=500)),
        (connect(times=50, **WAYS["were refused"]), connect(times=50)),  # `some-refused`
        (connect(times=50, **WAYS["timed out"]),),  # `unanswered`
        (each_once(4, outcome=Outcome.CANCELLED), connect(daddr="127.54.0.250", times=200)),
    ],
)
def test_few_failures_or_those_with_a_finding_of_their_own(events):
    assert "many-failed" not in findings(*events)


def test_failures_of_folded_keys_count():
    """GIVEN more failing destinations than are counted apart THEN those without a row are not forgotten."""
    window = RollingWindow(60, max_keys=50)
    shown = snapshot_by_second(*ending_now(each_once(400, dport=9, **WAYS["were refused"])), window=window)
    found = explain(Selection(make_view(shown, ViewSpec())), clock)
    assert [finding.title for finding in found] == ["400 of 400 connects (100%) were refused"]
    assert found[0].evidence.endswith(" destinations or more, by curl")


def nothing_text(*parts, host=None, ignore=()):
    shown = snapshot_by_second(*ending_now(*parts), host=host)
    return nothing_found_text(Selection(make_view(shown, ViewSpec(ignore=ignore))))


def test_only_what_the_counts_deny_is_denied():
    """GIVEN a few failures of each kind THEN no sentence says that there are none, and they are counted."""
    parts = [connect(times=1, **way) for way in WAYS.values()]
    left = connect(outcome=Outcome.CANCELLED, times=2)
    text = nothing_text(*parts, left, connect(times=900, rtx=1), host=NetnsFacts((1, 9)))
    for denial in ("refused,", "timeout or", "retransmitted SYN", "given up", "accept queue"):
        assert f"no {denial}" not in text.partition(": ")[2]
    assert (
        "too few or too mixed for a finding: 1 refused, 1 timeout, 1 unreachable, 2 cancelled, 1 error"
        in text
    )
    assert "900 SYNs retransmitted" in text


def test_addresses_that_cannot_be_compared_are_not_said_to_be_alike():
    assert "slower than comparable" not in nothing_text(connect(times=100))
    assert "no address slower than comparable ones" in nothing_text(
        connect(times=20), connect(daddr="10.0.0.2", times=20)
    )
