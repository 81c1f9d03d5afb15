"""IPv6 that fails where IPv4 works."""

from __future__ import annotations

import pytest
from explaining import findings
from records import connect, join

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
