"""Applications that give up at the same age."""

from __future__ import annotations

import numpy as np
import pytest
from explaining import MS, NOW_S, ending_at, findings, findings_of, given_up, snapshot_by_second
from records import connect, join

from tcpconntop.core.analysis.explain import Severity
from tcpconntop.core.wire import Outcome


def test_a_time_out_of_the_application():
    (found,) = findings(given_up(4_950, 5_000, 5_010, 5_100), connect(times=50))["gives-up"]
    assert found.title == "curl gives up after 5.00s: its own timeout"
    assert "4 of the last 4 connects that it gave up lasted 5.00s ± 1.5%, to 10.0.0.1:443" in found.evidence
    assert found.group_by == "process"


def test_it_says_whether_a_lost_syn_had_a_chance():
    early = findings(given_up(*[300] * 5))["gives-up"][0]
    assert "a lost SYN is retransmitted only after 1s" in early.evidence
    late = findings(given_up(*[5_000] * 5, rtx=3))["gives-up"][0]
    assert "15 SYNs had been retransmitted by then, none was answered" in late.evidence


def test_other_ages_beside_it_do_not_hide_it():
    (found,) = findings(given_up(120, 700, *[5_000] * 7, 9_000))["gives-up"]
    assert "7 of the last 10 connects that it gave up" in found.evidence


def test_a_program_that_starts_a_process_for_each_connect():
    parts = [
        ending_at(NOW_S - pid, given_up(5_000 + pid, pid=pid, daddr=f"10.0.0.{pid}")) for pid in range(1, 7)
    ]
    (found,) = findings_of(snapshot_by_second(*parts))
    assert "curl gives up after 5.00s" in found.title
    assert "and 5 more destinations" in found.evidence


def test_programs_are_told_apart():
    found = findings(given_up(*[5_000] * 5, comm="curl"), given_up(*[800] * 5, comm="impatient", pid=7))
    titles = {finding.title.split(":")[0] for finding in found["gives-up"]}
    assert titles == {"curl gives up after 5.00s", "impatient gives up after 800ms"}


def test_a_program_that_gives_up_all_the_time():
    (found,) = findings(given_up(*[60] * 500, apart_ms=1))["gives-up"]
    assert "500 of the last 500 connects that it gave up lasted 60.0ms" in found.evidence


def test_one_process_that_was_killed_proves_no_time_out():
    """GIVEN processes that were killed with many connects of one age WHEN there are four THEN it is one."""
    killed = [ending_at(NOW_S - pid, given_up(*[5_000] * 50, pid=pid, apart_ms=0.1)) for pid in range(1, 5)]
    assert not findings_of(snapshot_by_second(*killed[:3]))
    (found,) = findings_of(snapshot_by_second(*killed))
    assert "200 of the last 200 connects that it gave up" in found.evidence


SPREAD = np.geomspace(100, 20_000, 40)


@pytest.mark.parametrize(
    "events",
    [
        given_up(5_000, 5_000, 5_000),  # too few
        given_up(*SPREAD),  # somebody who presses Ctrl-C
        given_up(*[5_000] * 5, *SPREAD),  # most are of other ages
        given_up(*[2] * 50),  # closed at once: not for taking long
        given_up(*[5_000] * 50, apart_ms=0.1),  # one process was killed
        join(*(given_up(*[5_000] * 9, apart_ms=n + 1) for n in range(3))),  # three at once
        connect(outcome=Outcome.TIMEOUT, error=110, latency_ns=5_000 * MS, times=9, dport=1),
        connect(latency_ns=5_000 * MS, times=9),
    ],
)
def test_no_time_out_of_the_application(events):
    assert "gives-up" not in findings(events)


def test_a_destination_that_never_answers_is_named_first():
    """GIVEN nothing but silence until an own timeout WHEN explained THEN it is as bad as no answer is."""
    found = findings(given_up(*[5_000] * 5, rtx=3), given_up(3_000, rtx=2, pid=7))
    assert "unanswered" not in found
    assert found["gives-up"][0].title == "10.0.0.1:443 answers nothing: curl gives up after 5.00s"
    assert found["gives-up"][0].severity is Severity.BAD
    assert findings(given_up(*[5_000] * 5, rtx=3), connect())["gives-up"][0].severity is Severity.WARN


def test_giving_up_where_a_firewall_here_drops_the_syns_is_the_same_thing_once():
    """GIVEN a program gives up what never left this machine THEN that is found once."""
    events = given_up(*[5_000] * 5, rtx=3)
    events["syn_unsent"] = 3
    found = findings(events)
    assert set(found) == {"local-firewall"}
    assert "none of them succeeded; given up after 5.00s; by curl" in found["local-firewall"][0].evidence
