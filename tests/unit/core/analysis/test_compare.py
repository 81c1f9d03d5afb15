"""Two recordings compared: the same traffic has no difference, a real one is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from records import connect, join, snapshot_of

from tcpconntop.core.analysis.compare import GONE, NEW, WORSE, compare
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.filter import parse_filter
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.window.snapshot import Snapshot
from tcpconntop.core.wire import Events

ALL = parse_filter("")


def whole(*parts: Events, missing: int = 0, span_s: float = 60.0) -> Snapshot:
    window = RollingWindow(None)
    window.ingest(join(*parts), 1_000 * SECOND_NS)
    shown = snapshot_of(window, span_s=span_s)
    return replace(shown, ledger=Ledger(lost_records=missing)) if missing else shown


def spread(n: int, median_ns: int, seed: int = 0, **more) -> Events:
    """Return connects whose latency is spread around a median."""
    events = connect(times=n, latency_ns=1, **more)
    latencies = np.random.default_rng(seed).lognormal(np.log(median_ns), 0.7, n)
    events["begin_ns"] = events["end_ns"] - latencies.astype(np.uint64)
    return events


@pytest.mark.parametrize("group_by", ["dest", pytest.param("process", marks=pytest.mark.long)])
def test_the_same_traffic_has_no_difference(group_by, long):
    """GIVEN 200 pairs of the same traffic (without --long 50) THEN at most 2 differ in anything."""
    alarms = 0
    for pair in range(200 if long else 50):
        random = np.random.default_rng(pair)
        sides = []
        for side in range(2):
            sizes = random.poisson([1_500, 400, 60, 9, 2, 1, 1])
            parts = [
                spread(int(n), 300_000, seed=1_000 * pair + 10 * side + i, daddr=f"10.0.0.{i}", comm=f"p{i}")
                for i, n in enumerate(sizes)
            ]
            for part in parts:
                part["outcome"] = random.random(len(part)) < 0.03
                part["error"] = np.where(part["outcome"] > 0, 111, 0)
            sides.append(whole(*parts))
        alarms += bool(compare(*sides, group_by, ALL).differences)
    assert alarms <= 2


def test_twice_the_latency_is_found_and_comes_first():
    before = whole(spread(500, 300_000), spread(800, 300_000, 1, daddr="10.0.0.2"))
    after = whole(spread(500, 600_000, 2), spread(800, 300_000, 3, daddr="10.0.0.2"))
    (found,) = compare(before, after, "dest", ALL).differences
    assert (found.name, found.verdict) == ("10.0.0.1:443", WORSE)
    assert found.reasons[0].startswith("p50 ")
    assert "(×2." in found.reasons[0] or "(×1.9" in found.reasons[0]
    assert not compare(after, before, "dest", ALL).differences  # better is no difference


def test_failures_are_found_by_their_share_and_are_worse_than_a_slow_one():
    refused = {"outcome": 1, "error": 111}
    before = whole(connect(times=300), connect(times=3, **refused), spread(500, 300_000, 4, daddr="10.0.0.2"))
    after = whole(connect(times=300), connect(times=60, **refused), spread(500, 900_000, 5, daddr="10.0.0.2"))
    first, second = compare(before, after, "dest", ALL).differences
    assert (first.name, first.reasons) == ("10.0.0.1:443", ("fails 1.0% → 16.7%",))
    assert second.name == "10.0.0.2:443"


@pytest.mark.parametrize(("n", "is_found"), [(4, False), (200, True)])
def test_few_connects_never_cry_wolf(n, is_found):
    before, after = whole(spread(n, 300_000)), whole(spread(n, 1_200_000, 1))
    assert bool(compare(before, after, "dest", ALL).differences) is is_found
    other = whole(spread(n, 300_000), spread(n, 300_000, daddr="10.0.0.9"))
    verdicts = [one.verdict for one in compare(before, other, "dest", ALL).differences]
    assert verdicts == [NEW] * is_found
    verdicts = [one.verdict for one in compare(other, before, "dest", ALL).differences]
    assert verdicts == [GONE] * is_found


def test_a_shorter_recording_need_not_have_every_destination():
    """GIVEN 10 connects a minute WHEN the other recording has only six seconds THEN nothing is gone."""
    before = whole(connect(times=500), connect(times=20, daddr="10.0.0.2"))
    after = whole(connect(times=50), span_s=6)
    assert not compare(before, after, "dest", ALL).differences


def test_connects_that_are_missing_may_have_been_anything():
    before, after = whole(spread(300, 300_000)), whole(spread(300, 900_000, 1))
    assert compare(before, after, "dest", ALL).differences
    assert not compare(whole(spread(300, 300_000), missing=400), after, "dest", ALL).differences
    new = whole(spread(300, 300_000), connect(times=100, daddr="10.0.0.2"))
    assert compare(before, new, "dest", ALL).differences
    assert not compare(whole(spread(300, 300_000), missing=400), new, "dest", ALL).differences


@pytest.mark.parametrize(
    ("group_by", "name"),
    [("port", "port 443"), ("subnet", "10.0.0.0/24"), ("process", "curl"), ("dest", "10.0.0.1:443")],
)
def test_a_row_is_known_by_what_it_is_in_both(group_by, name):
    """GIVEN another process of the same name THEN it is the same row by name."""
    before, after = whole(spread(300, 300_000, pid=1)), whole(spread(300, 900_000, 1, pid=2))
    (found,) = compare(before, after, group_by, ALL).differences
    assert (found.name, found.verdict) == (name, WORSE)


def test_only_what_matches_the_filter_is_compared():
    before, after = whole(spread(300, 300_000)), whole(spread(300, 900_000, 1))
    assert compare(before, after, "dest", parse_filter("dport=80")).rows == 0
