"""SYNs that this machine does not send."""

from __future__ import annotations

from explaining import MS, findings, with_lost_syns
from records import connect

from tcpconntop.core.wire import Outcome


def with_unsent(unsent: int, rtx: int = 3, times: int = 2, **more):
    events = with_lost_syns(rto_ns=7_000 * MS, rtx=rtx, times=times, **more)
    events["syn_unsent"] = unsent
    return events


def test_unsent_syns_are_not_blamed_on_the_network():
    """GIVEN the SYNs of connects that timed out never left THEN this machine's firewall is named, once."""
    by_kind = findings(with_unsent(3, outcome=Outcome.TIMEOUT, error=110))
    (found,) = by_kind["local-firewall"]
    assert list(by_kind) == ["local-firewall"]
    assert found.title == "a firewall of this machine drops SYNs to 10.0.0.1:443: 2 connects"
    assert "6 retransmitted SYNs did not leave" in found.evidence
    assert found.evidence.endswith("none of them succeeded; by curl")


def test_connects_that_succeed_once_the_rule_is_gone_lost_nothing_on_the_way():
    by_kind = findings(with_unsent(3), connect(times=9))
    assert list(by_kind) == ["local-firewall"]
    assert "2 of them succeeded later" in by_kind["local-firewall"][0].evidence


def test_syns_that_left_are_lost_on_the_way():
    assert "local-firewall" not in findings(with_unsent(0, outcome=Outcome.TIMEOUT, error=110))
    assert "local-firewall" not in findings(with_unsent(1, outcome=Outcome.TIMEOUT, error=110))


def test_other_silent_destinations_are_still_found():
    timeout = {"outcome": Outcome.TIMEOUT, "error": 110}
    by_kind = findings(with_unsent(3, **timeout), connect(daddr="10.0.0.2", times=4, **timeout))
    assert set(by_kind) == {"local-firewall", "unanswered"}
    assert by_kind["unanswered"][0].title.startswith("10.0.0.2:443 does not answer")
