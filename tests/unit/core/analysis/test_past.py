"""The overview of the kept past, under a filter, and the destination that most of a spike went to."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from records import random_records, snapshot_of

from tcpconntop.core.analysis.overview import Overview
from tcpconntop.core.analysis.past import Destination, main_destination, past_overview
from tcpconntop.core.analysis.spikes import Spike
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.view.filter import parse_filter
from tcpconntop.core.window.rolling import RollingWindow

FIRST = 1_000
FILTERS = ("", "dport=2", "!dport=2", "dest:10.0.0.0/31", "dport=2 p99>5s", "dport=9")


@pytest.mark.parametrize("seconds", [1, 45, 400])
@pytest.mark.parametrize("text", FILTERS)
def test_given_a_filter_then_each_step_has_the_connects_that_it_leaves(seconds, text):
    """GIVEN some time WHEN looked at under a filter THEN each step has those that match."""
    where, window, kept = parse_filter(text), RollingWindow(10), []
    for second in range(FIRST, FIRST + seconds, 1 + seconds // 50):
        records = random_records(12, 4, second, second * SECOND_NS)
        window.ingest(records, second * SECOND_NS + 1)
        kept.append(records[where.match_connects(records)])
    shown = past_overview(snapshot_of(window, (FIRST + seconds) * SECOND_NS - 1), where)
    matching = np.concatenate(kept)
    assert shown.complete
    assert shown.first <= FIRST
    assert shown.end_ns(len(shown) - 1) >= (FIRST + seconds) * SECOND_NS
    assert shown.attempts.sum() == pytest.approx(len(matching))
    assert shown.failed.sum() == pytest.approx(np.count_nonzero(matching["outcome"]))
    assert not np.isnan(shown.p99_us[shown.attempts > shown.failed]).any()
    if seconds == 45:
        ok = kept[-1][kept[-1]["outcome"] == 0]
        took_us = np.sort((ok["end_ns"] - ok["begin_ns"]) / 1e3)
        p99_us = took_us[math.ceil(0.99 * len(took_us)) - 1] if len(ok) else np.nan
        assert shown.p99_us[44] == pytest.approx(p99_us, rel=0.008, nan_ok=True)


def test_given_no_past_then_there_is_an_empty_step():
    shown = past_overview(snapshot_of(RollingWindow(10), 5 * SECOND_NS))
    assert (len(shown), shown.attempts.sum()) == (1, 0)


def a_minute(bad):
    """Return a snapshot of 30 seconds, and its overview: `bad` changes the records of seconds 10 to 14."""
    window = RollingWindow(60)
    for second in range(FIRST, FIRST + 30):
        records = random_records(40, 3, second, second * SECOND_NS)
        records["outcome"] = 0
        records["begin_ns"] = records["end_ns"] - 500_000
        if 10 <= second - FIRST < 15:
            bad(records)
        window.ingest(records, second * SECOND_NS + 1)
    shown = replace(snapshot_of(window, (FIRST + 30) * SECOND_NS - 1), began_ns=FIRST * SECOND_NS)
    return shown, past_overview(shown)


def slowed(*ports):
    def change(records):
        records["begin_ns"] -= np.where(np.isin(records["dport"], ports), 100_000_000, 0).astype(np.uint64)

    return change


def failing(port):
    def change(records):
        records["outcome"] = records["dport"] == port

    return change


SLOW = Spike(10, 14, 1e5, 500.0, 0.0, 0.0, True)
FAILING = Spike(10, 14, 500.0, 500.0, 0.3, 0.0, False)


@pytest.mark.parametrize(
    ("bad", "spike", "where", "expected"),
    [
        (slowed(2), SLOW, "", Destination("10.0.0.1:2", 1.0)),
        (slowed(2), SLOW, "dport=2", Destination("10.0.0.1:2", 1.0)),
        (slowed(2), SLOW, "dport=1", None),  # none of these was slow
        (slowed(1, 2, 3), SLOW, "", None),  # a third each: none has most of them
        (failing(3), FAILING, "", Destination("10.0.0.2:3", 1.0)),
        (failing(3), SLOW, "", None),
    ],
)
def test_given_a_spike_then_the_destination_of_most_of_it_is_named(bad, spike, where, expected):
    shown, overview = a_minute(bad)
    assert main_destination(shown, overview, spike, parse_filter(where)) == expected


def test_given_a_spike_that_is_not_kept_any_more_then_no_destination_is_named():
    shown, overview = a_minute(slowed(2))
    earlier = replace(SLOW, first=-5, last=3)
    assert main_destination(shown, overview, earlier) is None
    before = Overview(FIRST, 1, *[np.zeros(60)] * 4, 60)
    assert main_destination(shown, before, replace(SLOW, first=50, last=55)) is None
