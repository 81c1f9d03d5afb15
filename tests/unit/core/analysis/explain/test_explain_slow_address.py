"""One address that is slow among its siblings."""

from __future__ import annotations

import pytest
from explaining import MS, findings
from records import connect, join

from tcpconntop.core.wire import Outcome


def pool(slow_ns: int, fast_ns: int = MS, times: int = 30, siblings: int = 3, **more):
    """Addresses of one subnet, of which the last is as slow as asked."""
    fast = [connect(daddr=f"10.7.0.{i}", latency_ns=fast_ns, times=times) for i in range(1, siblings + 1)]
    return join(*fast, connect(daddr="10.7.0.200", latency_ns=slow_ns, times=times, **more))


@pytest.mark.parametrize("group_by", ["dest", "process", "subnet"])
def test_a_slow_address_of_a_subnet(group_by):
    """GIVEN one address takes ten times as long THEN it is found, whatever the table is grouped by."""
    (found,) = findings(pool(10 * MS), group_by=group_by)["slow-address"]
    assert found.title == "10.7.0.200:443 is 10× slower than 3 comparable addresses"
    assert "p50 10.0ms against 1" in found.evidence
    assert "of the 3 other addresses of 10.7.0.0/24 with port 443" in found.evidence


def test_a_single_sibling_is_enough():
    (found,) = findings(pool(10 * MS, siblings=1))["slow-address"]
    assert found.title == "10.7.0.200:443 is 10× slower than 10.7.0.1:443"
    assert found.evidence.startswith(
        "p50 10.0ms against 1.00ms, the only other address of 10.7.0.0/24 with port"
    )


def test_addresses_that_are_not_compared_are_not_left_unsaid():
    """GIVEN two siblings WHEN one has too few connects THEN it is not 'the other', and the first is named."""
    few = connect(daddr="10.7.0.2", latency_ns=MS, times=19)
    (found,) = findings(pool(10 * MS, siblings=1), few)["slow-address"]
    assert found.title == "10.7.0.200:443 is 10× slower than 10.7.0.1:443"
    assert (
        "1 of the 2 other addresses of 10.7.0.0/24 with port 443; the rest have fewer than 20"
        in found.evidence
    )


def test_a_slow_address_of_ipv6():
    events = [
        connect(daddr=f"fd00:7::{i}", latency_ns=(40 if i == 2 else 1) * MS, times=30) for i in (1, 2, 3)
    ]
    (found,) = findings(*events)["slow-address"]
    assert found.title.startswith("[fd00:7::2]:443 is 40× slower")
    assert "fd00:7::/64" in found.evidence


def test_a_slow_address_of_those_that_a_process_connects_to():
    """GIVEN one process connects to several subnets at one port THEN those addresses are siblings."""
    events = [
        connect(daddr=f"10.{i}.0.1", latency_ns=(9 if i == 4 else 1) * MS, times=30) for i in range(1, 5)
    ]
    (found,) = findings(*events)["slow-address"]
    assert "10.4.0.1:443 is 9× slower" in found.title
    assert "of the 3 other addresses that curl connects to at port 443" in found.evidence


def test_a_p99_that_stands_out():
    tail = connect(daddr="10.7.0.200", latency_ns=90 * MS, times=20)
    (found,) = findings(pool(MS, times=300), tail)["slow-address"]
    assert "p99 89.7ms against 1.00ms" in found.evidence


@pytest.mark.parametrize(
    "events",
    [
        pool(4 * MS),  # four times is not five
        pool(500_000, fast_ns=50_000),  # ten times next to nothing
        pool(10 * MS, times=19),  # too few
        pool(10 * MS, siblings=0),
        pool(10 * MS, outcome=Outcome.REFUSED, error=111),
        join(pool(MS, siblings=3), connect(daddr="10.7.0.200", dport=22, pid=9, latency_ns=9 * MS, times=30)),
        # Of two processes, each to an address of its own:
        join(
            connect(daddr="10.1.0.1", times=30, pid=1, latency_ns=MS),
            connect(daddr="10.2.0.1", times=30, pid=2, latency_ns=9 * MS),
        ),
    ],
)
def test_no_address_stands_out(events):
    assert "slow-address" not in findings(events)


def test_a_tail_among_few_siblings_is_chance():
    tail = connect(daddr="10.7.0.200", latency_ns=90 * MS, times=20)
    assert "slow-address" not in findings(pool(MS, times=300, siblings=2), tail)


def test_half_of_the_addresses_are_no_outlier():
    slow = [connect(daddr=f"10.7.0.{i}", latency_ns=10 * MS, times=30) for i in range(100, 104)]
    assert "slow-address" not in findings(pool(10 * MS), *slow)
