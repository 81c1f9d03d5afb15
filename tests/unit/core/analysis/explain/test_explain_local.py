"""Local ports that run out, and slow local work."""

from __future__ import annotations

from errno import EADDRNOTAVAIL

import pytest
from explaining import MS, findings, with_local_work
from records import connect

from tcpconntop.core.analysis.explain import Severity
from tcpconntop.core.window.host import NetnsFacts
from tcpconntop.core.wire import Outcome, address_bytes

PORTS = (32768, 60999)
NO_PORT = connect(outcome=Outcome.ERROR, error=EADDRNOTAVAIL, times=3)


def using(n: int, daddr: str = "10.0.0.1", dport: int = 443) -> NetnsFacts:
    """A host with n local ports in use towards a destination."""
    return NetnsFacts(PORTS, {(*address_bytes(daddr), dport): n})


def test_ports_that_are_nearly_used_up():
    (found,) = findings(connect(times=30), host=using(27_900))["ports"]
    assert found.title == "27,900 of 28,232 local ports in use towards 10.0.0.1:443"
    assert "EADDRNOTAVAIL" in found.evidence
    assert found.severity is Severity.WARN


def test_ports_that_are_used_up():
    (found,) = findings(NO_PORT, connect(times=30), host=using(28_232))["ports"]
    assert found.title == "3 connects to 10.0.0.1:443 found no free local port (EADDRNOTAVAIL)"
    assert "28,232 of 28,232 local ports in use towards 10.0.0.1:443" in found.evidence
    assert found.severity is Severity.BAD


def test_the_error_tells_without_anything_known_of_the_host():
    (found,) = findings(NO_PORT)["ports"]
    assert found.title == "3 connects to 10.0.0.1:443 failed with EADDRNOTAVAIL"
    assert "no free local port, or no local address from which it may connect there" in found.evidence
    assert "the range of local ports is not known" in found.evidence


def test_the_same_error_with_plenty_of_ports_has_another_reason():
    (found,) = findings(NO_PORT, host=NetnsFacts(PORTS))["ports"]
    assert found.title == "3 connects to 10.0.0.1:443 failed with EADDRNOTAVAIL"
    assert "fewer than half of 28,232 local ports are in use towards it now" in found.evidence
    assert "the socket is bound to a port, to a range of its own (IP_LOCAL_PORT_RANGE)" in found.evidence


def test_ports_that_may_have_been_used_up_before():
    (found,) = findings(NO_PORT, host=using(20_000))["ports"]
    assert found.title == "3 connects to 10.0.0.1:443 failed with EADDRNOTAVAIL"
    assert "20,000 of 28,232 local ports in use towards 10.0.0.1:443 now; all may" in found.evidence


@pytest.mark.parametrize(
    "host",
    [
        None,
        NetnsFacts(),
        NetnsFacts(PORTS),
        using(20_000),
        using(28_000, daddr="10.0.0.2"),
        using(28_000, dport=80),
        NetnsFacts(None, using(28_000).port_use),  # how many there are is not known
    ],
)
def test_enough_ports_are_nothing(host):
    assert not findings(connect(times=30), host=host)


def test_local_work_that_is_most_of_the_time():
    (found,) = findings(with_local_work(3 * MS, 4 * MS, times=12))["local-work"]
    assert found.title == "connects to 10.0.0.1:443 spend 75.0% of their time before the first SYN"
    assert "half of the last 12 connects spent 3.00ms or more" in found.evidence


@pytest.mark.parametrize(
    "events",
    [
        with_local_work(3 * MS, 4 * MS, times=9),  # too few
        with_local_work(3 * MS, 9 * MS, times=30),  # the network takes longer
        with_local_work(30_000, 40_000, times=30),  # most of the time, and nothing at all
        connect(latency_ns=4 * MS, times=30),  # the first SYN was not seen
        with_local_work(3 * MS, 4 * MS, times=30, outcome=Outcome.REFUSED, error=111, dport=1),
    ],
)
def test_local_work_as_it_should_be(events):
    assert "local-work" not in findings(events)


def test_one_slow_connect_among_fast_ones_is_not_the_local_work():
    assert not findings(with_local_work(40 * MS, 41 * MS, times=4), with_local_work(20_000, 90_000, times=30))
