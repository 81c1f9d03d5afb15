"""Answers that are slower than a second, beside SYNs that were lost."""

from __future__ import annotations

import pytest
from explaining import MS, findings, with_lost_syns
from records import connect

from tcpconntop.core.analysis.explain import Severity


def with_round_trip(round_trip_ms: int, times: int = 4, **more):
    events = with_lost_syns(wire_ns=504 * MS, rto_ns=1_010 * MS, times=times, **more)
    events["srtt_us"] = round_trip_ms * 1000
    return events


def test_an_answer_to_the_first_syn_is_slow_and_not_lost():
    """GIVEN a measured round trip of 1.5 s WHEN the SYN was sent again after 1 s THEN nothing was lost."""
    by_kind = findings(with_round_trip(1_514))
    (found,) = by_kind["slow-path"]
    assert list(by_kind) == ["slow-path"]
    assert found.title == "10.0.0.1:443 answers later than 1s: 4 of 4 connects took so long"
    assert "the kernel measured a round trip of 1.51s (median of 4 connects)" in found.evidence
    assert (found.severity, found.affected) == (Severity.BAD, 4)


def test_an_answer_to_the_last_syn_means_that_one_was_lost():
    by_kind = findings(with_round_trip(504))
    (found,) = by_kind["lost-syns"]
    assert list(by_kind) == ["lost-syns"]
    assert found.title == "4 of 4 connects to 10.0.0.1:443 lost a SYN"
    assert "an answer there took 504ms, so lost on the way" in found.evidence


def test_lost_and_slow_ones_at_one_destination_are_told_apart():
    by_kind = findings(with_round_trip(504), with_round_trip(1_514, times=3), connect(times=3))
    assert by_kind["lost-syns"][0].title == "4 of 10 connects to 10.0.0.1:443 lost a SYN"
    assert "3 of 10 connects took so long" in by_kind["slow-path"][0].title


def test_a_round_trip_that_is_not_known_leaves_both_possible():
    """GIVEN no measure, and no faster connect there THEN both are said to be possible."""
    (found,) = findings(with_round_trip(0))["lost-syns"]
    assert found.title == "4 of 4 connects to 10.0.0.1:443 lost a SYN or were answered later than 1s"
    assert "which of the two is not known" in found.evidence
    assert "network" not in found.evidence


def test_a_faster_connect_there_tells_instead_of_the_measure():
    (found,) = findings(with_round_trip(0), connect(times=1, latency_ns=40 * MS))["lost-syns"]
    assert found.title == "4 of 5 connects to 10.0.0.1:443 lost a SYN"
    assert "an answer there took 40.0ms" in found.evidence


@pytest.mark.parametrize("measured", [True, False])
def test_an_address_that_waits_for_syns_is_not_reported_as_slow_too(measured):
    """GIVEN one of two addresses lost SYNs in most connects THEN it is found once."""
    waiting = with_round_trip(504 * measured, daddr="10.0.0.2", times=30)
    by_kind = findings(connect(times=30), waiting, connect(daddr="10.0.0.2", times=5))
    assert list(by_kind) == ["lost-syns"]
