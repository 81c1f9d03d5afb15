"""Lost SYNs, and accept queues that lose them."""

from __future__ import annotations

import pytest
from explaining import (
    MS,
    NOW_S,
    ending_at,
    findings,
    findings_of,
    given_up,
    snapshot_by_second,
    with_lost_syns,
)
from records import connect, join

from tcpconntop.core.analysis.explain import Severity
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.host import ListenQueue, NetnsFacts, QueueCount
from tcpconntop.core.wire import Outcome, address_bytes

BUSY = "127.20.0.5"


def listening(daddr: str, dport: int, waiting: int, backlog: int | None = 128, ago_s: int = 1):
    """A listener with this many connections in its accept queue, as seen `ago_s` before now."""
    queue = ListenQueue((NOW_S - ago_s) * SECOND_NS, waiting, backlog)
    return {(*address_bytes(daddr), dport): queue}


def queues(*overflows: int, listeners=(), **more) -> NetnsFacts:
    """A namespace whose accept queues had overflowed this often, a second after the other, up to now."""
    first = NOW_S - len(overflows) + 1
    counts = [QueueCount((first + i) * SECOND_NS, n, n) for i, n in enumerate(overflows)]
    return NetnsFacts(queues=tuple(counts), listeners=dict(listeners), **more)


def test_p99_is_taken_apart():
    """GIVEN 18 of 1,204 connects lost a SYN THEN their p99 is the wait and the network."""
    (found,) = findings(connect(times=1186), with_lost_syns(times=18))["lost-syns"]
    assert found.title == "18 of 1,204 connects to 10.0.0.1:443 lost a SYN"
    assert found.evidence == (
        "all 18 ended at 12:03:10; p99 1.03s = 1.00s waiting to resend + 31.0ms network; an answer there took"
        " 250µs,"
        " so lost on the way, or by a full accept queue there; by curl"
    )
    assert (found.severity, found.affected) == (Severity.BAD, 18)


def test_local_work_is_no_part_of_the_wait_where_it_is_known():
    (found,) = findings(with_lost_syns(times=5, local_ns=200 * MS), connect(times=9))["lost-syns"]
    assert "p99 1.23s = 1.00s waiting to resend + 31.0ms network" in found.evidence


def test_one_in_a_thousand_is_worth_less_and_the_p99_is_left_out():
    (found,) = findings(connect(times=1500), with_lost_syns(times=2))["lost-syns"]
    assert found.severity is Severity.WARN
    assert "one of them: 1.03s =" in found.evidence


def test_those_that_waited_for_several_syns_are_told_apart():
    (found,) = findings(
        with_lost_syns(times=3), with_lost_syns(rto_ns=3_000 * MS, rtx=2, times=2), connect(times=9)
    )["lost-syns"]
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


def test_giving_up_at_a_full_accept_queue_is_the_same_thing_once():
    """GIVEN a queue that is full, after some that succeeded WHEN programs give up THEN it is found once."""
    host = queues(7, 7, 19, listeners=listening("0.0.0.0", 8080, 129))
    there = {"daddr": BUSY, "dport": 8080}
    left = [given_up(*[3_000] * 5, rtx=2, pid=pid, comm=f"api{pid}", **there) for pid in (1, 2)]
    found = findings(connect(times=6, **there), *left, host=host)
    assert set(found) == {"accept-queue"}
    assert found["accept-queue"][0].evidence.endswith("; given up after 3.00s; by curl and 2 more")


def test_an_accept_queue_of_this_host():
    """GIVEN overflows grow, and a listener's queue was full THEN that listener is named."""
    host = queues(7, 7, 19, listeners=listening("0.0.0.0", 8080, 129))
    (found,) = findings(with_lost_syns(daddr=BUSY, dport=8080, times=3), connect(times=50), host=host)[
        "accept-queue"
    ]
    assert found.title == f"the accept queue of {BUSY}:8080 is full"
    assert "129 connections waited for accept() with a backlog of 128" in found.evidence
    assert "accept queues of this host overflowed 12 times" in found.evidence
    assert "while 3 SYNs to this address were retransmitted" in found.evidence


def test_a_full_accept_queue_is_the_only_reason_that_is_named():
    """GIVEN connects that time out at a full queue THEN no other finding calls their destination silent."""
    host = queues(7, 7, 19, listeners=listening("0.0.0.0", 8080, 129))
    failed = with_lost_syns(daddr=BUSY, dport=8080, times=9, outcome=Outcome.TIMEOUT, error=110)
    assert set(findings(failed, connect(times=50), host=host)) == {"accept-queue"}
    cleared = queues(7, 7, 19, listeners=listening("0.0.0.0", 8080, 3))
    assert "unanswered" in findings(failed, connect(times=50), host=cleared)


@pytest.mark.parametrize(
    ("listeners", "waiting"),
    [
        ({}, ""),
        (listening(BUSY, 8080, 7, backlog=None), f"; 7 connections waited for accept() at {BUSY}:8080"),
    ],
    ids=["not seen", "another namespace"],
)
def test_which_accept_queue_was_full_may_not_be_known(listeners, waiting):
    """GIVEN overflows grow, and no listener was seen full THEN none is named."""
    host = queues(7, 19, listeners=listeners)
    (found,) = findings(with_lost_syns(daddr=BUSY, dport=8080, times=3), host=host)["accept-queue"]
    assert found.title == "an accept queue of this host overflowed"
    assert found.evidence.endswith(f"retransmitted; which listener was full is not known{waiting}")
    assert found.severity is Severity.WARN


@pytest.mark.parametrize(
    "listeners",
    [
        listening(BUSY, 8080, 3),
        listening(BUSY, 8080, 128) | listening(BUSY, 9090, 129),
        listening(BUSY, 9090, 129),
        listening(BUSY, 8080, 0) | listening("0.0.0.0", 8080, 129),
    ],
    ids=["not full", "the other port", "only the other port is seen", "the more specific listener"],
)
def test_an_accept_queue_that_was_not_full_is_not_blamed(listeners):
    events = with_lost_syns(daddr=BUSY, dport=8080, times=3)
    assert "accept-queue" not in findings(events, host=queues(7, 19, listeners=listeners))


def test_an_accept_queue_that_was_full_before_the_window_is_not_blamed():
    host = queues(7, 19, listeners=listening(BUSY, 443, 129, ago_s=100))
    (found,) = findings(with_lost_syns(daddr=BUSY, times=3), host=host)["accept-queue"]
    assert "which listener was full is not known" in found.evidence


def test_accept_queues_of_other_namespaces_are_not_told():
    """GIVEN the own queues overflow WHEN SYNs are lost in another namespace THEN nothing is said."""
    events = with_lost_syns(daddr=BUSY, times=3)
    events["netns"] = 7
    assert "accept-queue" not in findings(events, host=queues(7, 19, listeners=listening(BUSY, 443, 129)))


def test_an_own_address_need_not_be_of_the_loopback():
    address = bytes([192, 0, 2, 7]).ljust(16, b"\0")
    host = queues(1, 2, addresses=frozenset([address]), listeners=listening("::", 443, 129))
    events = join(with_lost_syns(daddr="192.0.2.7", times=3), with_lost_syns(daddr="192.0.2.8", times=30))
    (found,) = findings(events, host=host)["accept-queue"]
    assert "192.0.2.7:443" in found.title


@pytest.mark.parametrize(
    ("events", "host"),
    [
        (with_lost_syns(daddr=BUSY, times=3), None),  # a recording
        (with_lost_syns(daddr=BUSY, times=3), NetnsFacts()),  # the counters could not be read
        (with_lost_syns(daddr=BUSY, times=3), queues(7, 7)),  # no growth
        (with_lost_syns(daddr="10.0.0.1", times=3), queues(7, 9)),  # another host's
        (connect(daddr=BUSY, times=30), queues(7, 9)),  # nobody who is looked at had to wait
    ],
)
def test_no_accept_queue_is_blamed_without_proof(events, host):
    assert "accept-queue" not in findings(events, host=host)


def test_overflows_before_the_window_do_not_count():
    before = (NOW_S - 100) * SECOND_NS
    host = NetnsFacts(queues=(QueueCount(before, 1, 1), QueueCount(before + 1, 90, 90)))
    assert "accept-queue" not in findings(with_lost_syns(daddr=BUSY, times=3), host=host)


def test_records_that_ended_before_the_window_are_no_evidence():
    """GIVEN an old record of the worst wait WHEN younger ones are in the window THEN one of those is told."""
    old, young = (
        ending_at(NOW_S - 100, with_lost_syns(rto_ns=7_000 * MS, times=5)),
        ending_at(NOW_S - 1, with_lost_syns(times=5)),
    )
    (found,) = findings_of(snapshot_by_second(old, young))
    assert found.title.startswith("5 of 5 connects")
    assert "p99 1.03s = 1.00s waiting to resend + 31.0ms network" in found.evidence
