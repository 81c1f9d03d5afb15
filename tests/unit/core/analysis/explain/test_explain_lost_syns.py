"""Lost SYNs, and accept queues that lose them."""

from __future__ import annotations

import pytest
from explaining import MS, NOW_S, ending_at, findings, findings_of, snapshot_by_second, with_lost_syns
from records import connect, join

from tcpconntop.core.analysis.explain import Severity
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.host import HostFacts, QueueCount
from tcpconntop.core.wire import Outcome

BUSY = "127.20.0.5"


def queues(*overflows: int) -> HostFacts:
    """A host whose accept queues had overflowed this often, a second after the other, up to now."""
    first = NOW_S - len(overflows) + 1
    counts = [QueueCount((first + i) * SECOND_NS, n, n) for i, n in enumerate(overflows)]
    return HostFacts(queues=tuple(counts))


def test_p99_is_taken_apart():
    """GIVEN 18 of 1,204 connects lost a SYN THEN their p99 is the wait and the network."""
    (found,) = findings(connect(times=1186), with_lost_syns(times=18))["lost-syns"]
    assert found.title == "18 of 1,204 connects to 10.0.0.1:443 lost a SYN"
    assert found.evidence == "p99 1.03s = 1s waiting to resend + 31.0ms network; by curl"
    assert (found.severity, found.affected) == (Severity.BAD, 18)


def test_local_work_is_no_part_of_the_wait_where_it_is_known():
    (found,) = findings(with_lost_syns(times=5, local_ns=200 * MS))["lost-syns"]
    assert "p99 1.23s = 1s waiting to resend + 31.0ms network" in found.evidence


def test_one_in_a_thousand_is_worth_less_and_the_p99_is_left_out():
    (found,) = findings(connect(times=1500), with_lost_syns(times=2))["lost-syns"]
    assert found.severity is Severity.WARN
    assert "one of them: 1.03s =" in found.evidence


def test_those_that_waited_for_several_syns_are_told_apart():
    (found,) = findings(with_lost_syns(times=3), with_lost_syns(rto_ns=3_000 * MS, rtx=2, times=2))[
        "lost-syns"
    ]
    assert "3 lost one SYN, 2 lost two" in found.evidence


def test_it_holds_without_single_records_as_well():
    """GIVEN no record of them is kept one by one THEN they are counted all the same."""
    refused = connect(daddr="10.0.0.2", outcome=Outcome.REFUSED, error=111, times=5_000)
    (found,) = findings(with_lost_syns(times=5), refused)["lost-syns"]
    assert found.title.startswith("5 of 5 connects")
    assert "retransmitted after 1s" in found.evidence


def test_many_destinations_share_one_finding():
    parts = [with_lost_syns(daddr=f"10.0.1.{i}", times=1 + (i == 3)) for i in range(1, 8)]
    (found,) = findings(*parts)["lost-syns"]
    assert found.title == "8 of 8 connects lost a SYN, to 7 destinations"
    assert "most: 10.0.1.3:443 (2)" in found.evidence


@pytest.mark.parametrize(
    "events",
    [
        connect(times=100),
        connect(times=100, latency_ns=2_000 * MS),  # slow, but no SYN was sent again
        with_lost_syns(times=5, outcome=Outcome.TIMEOUT, error=110),  # waited for nothing
    ],
)
def test_nothing_is_said_where_none_succeeded_after_a_lost_syn(events):
    assert "lost-syns" not in findings(events)


def test_an_accept_queue_of_this_host():
    """GIVEN overflows grow WHEN connects to an own address lose SYNs THEN that address has the full queue."""
    host = queues(7, 7, 19)
    (found,) = findings(with_lost_syns(daddr=BUSY, dport=8080, times=3), connect(times=50), host=host)[
        "accept-queue"
    ]
    assert found.title == f"an accept queue of this host is full: {BUSY}:8080"
    assert "overflowed 12 times" in found.evidence
    assert "while 3 SYNs to this address were retransmitted" in found.evidence


def test_an_own_address_need_not_be_of_the_loopback():
    address = bytes([192, 0, 2, 7]).ljust(16, b"\0")
    host = HostFacts(queues=queues(1, 2).queues, addresses=frozenset([address]))
    events = join(with_lost_syns(daddr="192.0.2.7", times=3), with_lost_syns(daddr="192.0.2.8", times=30))
    (found,) = findings(events, host=host)["accept-queue"]
    assert "192.0.2.7:443" in found.title


@pytest.mark.parametrize(
    ("events", "host"),
    [
        (with_lost_syns(daddr=BUSY, times=3), None),  # a recording
        (with_lost_syns(daddr=BUSY, times=3), HostFacts()),  # the counters could not be read
        (with_lost_syns(daddr=BUSY, times=3), queues(7, 7)),  # no growth
        (with_lost_syns(daddr="10.0.0.1", times=3), queues(7, 9)),  # another host's
        (connect(daddr=BUSY, times=30), queues(7, 9)),  # nobody who is looked at had to wait
    ],
)
def test_no_accept_queue_is_blamed_without_proof(events, host):
    assert "accept-queue" not in findings(events, host=host)


def test_overflows_before_the_window_do_not_count():
    before = (NOW_S - 100) * SECOND_NS
    host = HostFacts(queues=(QueueCount(before, 1, 1), QueueCount(before + 1, 90, 90)))
    assert "accept-queue" not in findings(with_lost_syns(daddr=BUSY, times=3), host=host)


def test_records_that_ended_before_the_window_are_no_evidence():
    """GIVEN an old record of the worst wait WHEN younger ones are in the window THEN one of those is told."""
    old, young = (
        ending_at(NOW_S - 100, with_lost_syns(rto_ns=7_000 * MS, times=5)),
        ending_at(NOW_S - 1, with_lost_syns(times=5)),
    )
    (found,) = findings_of(snapshot_by_second(old, young))
    assert found.title.startswith("5 of 5 connects")
    assert "p99 1.03s = 1s waiting" in found.evidence
