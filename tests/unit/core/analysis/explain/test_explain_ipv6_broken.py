"""IPv6 that fails where IPv4 works."""

from __future__ import annotations

import numpy as np
import pytest
from explaining import MS, findings, findings_of, snapshot_by_second
from records import connect, join

from tcpconntop.core.window.recent import PER_PROCESS
from tcpconntop.core.wire import Outcome

BROKEN = {"daddr": "fd00::1", "outcome": Outcome.UNREACHABLE, "error": 101}


def test_ipv6_that_never_works():
    found = findings(connect(**BROKEN, times=14), connect(times=13))
    assert set(found) == {"family"}  # and the address is not blamed beside it
    (finding,) = found["family"]
    assert finding.title == "curl to port 443: IPv6 fails, IPv4 works"
    assert finding.evidence.startswith(
        "IPv6: 14 of 14 connects failed (14 unreachable, ENETUNREACH), all 14 ended at 12:03:10;"
        " IPv4: 13 of 13 ok"
    )


def test_a_program_that_starts_a_process_for_each_connect():
    parts = [connect(daddr="::1", outcome=Outcome.REFUSED, error=111, pid=pid) for pid in range(1, 6)]
    parts += [connect(daddr="127.0.0.1", pid=pid) for pid in range(1, 6)]
    found = findings(*parts)
    assert set(found) == {"family"}
    assert "5 of 5 connects failed (5 refused, ECONNREFUSED)" in found["family"][0].evidence


def test_attempts_that_are_dropped_because_ipv4_was_faster_are_no_time_out_of_the_application():
    broken = connect(daddr="fd00::1", outcome=Outcome.CANCELLED, latency_ns=250_000_000, times=9)
    assert set(findings(broken, connect(times=9))) == {"family"}


@pytest.mark.parametrize(
    "events",
    [
        join(connect(daddr="fd00::1", times=9), connect(times=9)),  # both work
        join(connect(**BROKEN, times=2), connect(times=9)),  # too few
        join(connect(**BROKEN, times=9, netns=1), connect(times=9, netns=2)),  # not of one namespace
        connect(**BROKEN, times=9),  # there is no IPv4
        join(
            connect(**BROKEN, times=9), connect(times=9, outcome=Outcome.TIMEOUT, error=110)
        ),  # nor does that
        join(connect(**BROKEN, times=9), connect(times=9, comm="other")),
        join(connect(**BROKEN, times=9), connect(times=9, dport=80)),
        join(connect(**BROKEN, times=5), connect(daddr="fd00::2", times=5), connect(times=9)),  # some
    ],
)
def test_ipv6_is_not_to_blame(events):
    assert "family" not in findings(events)


def after_ipv6(age_ms: float, *, begins_ms: float, times: int = 9, **more):
    """Return connects over IPv6 that are given up at an age, and for each one over IPv4 that begins then."""
    parts = []
    for n in range(times):
        ipv6 = connect("fd00::1", outcome=Outcome.CANCELLED, latency_ns=round(age_ms * MS), **more)
        ipv4 = connect(latency_ns=2 * MS, **more)
        begin_ns = ipv6["begin_ns"] + np.uint64(round(begins_ms * MS))
        ipv4["end_ns"], ipv4["begin_ns"] = begin_ns + np.uint64(2 * MS), begin_ns
        pair = join(ipv6, ipv4)
        for name in ("begin_ns", "end_ns"):
            pair[name] -= np.uint64((times - n) * 2_000 * MS)
        parts.append(pair)
    return join(*parts)


def delay_of(*parts) -> str:
    """Return the evidence about the delay; empty where there is none."""
    (finding,) = findings_of(snapshot_by_second(*parts, now_s=1_001))
    assert finding.kind == "family"
    return finding.evidence.partition("is delayed by it, ")[2]


@pytest.mark.parametrize(
    ("age_ms", "begins_ms", "said"),
    [
        (1_000, 1_000.1, "by 1.00s each time"),
        (1_000, 1_100, "by up to 1.00s each time"),  # what it did for 0.1 s is not known
        (252, 250, "by up to 252ms each time"),  # a head start: both at once
        (0.3, 0.4, ""),  # nobody feels it
    ],
)
def test_it_says_by_how_much_ipv6_delays_a_program(age_ms, begins_ms, said):
    assert delay_of(after_ipv6(age_ms, begins_ms=begins_ms)) == said


def test_ages_that_differ_are_a_range():
    events = join(
        *(after_ipv6(age, begins_ms=age + 0.1, times=3, pid=pid) for pid, age in ((1, 1_000), (2, 1_500)))
    )
    assert delay_of(events) == "by 1.00s to 1.50s each time"


def test_of_a_busy_process_only_a_limit_is_known():
    """GIVEN some connects are not kept THEN one over IPv4 may have begun before IPv6 had failed."""
    others = join(*(connect(end_ns=(1_000 * 1_000 + n) * MS, dport=443) for n in range(PER_PROCESS)))
    assert delay_of(after_ipv6(1_000, begins_ms=1_000.1), others) == "by up to 1.00s each time"
