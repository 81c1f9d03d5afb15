"""One of several hosts that is slow, to one destination or to most."""

from __future__ import annotations

from dataclasses import replace

import pytest
from explaining import MS, ending_now, findings_of, snapshot_by_second, with_lost_syns
from records import connect

from tcpconntop.core.analysis.explain import Finding
from tcpconntop.core.hosts import NETNS_BITS
from tcpconntop.core.places import Places
from tcpconntop.core.wire import Events

HOSTS = ("db-07", "db-08", "db-09")
ADDRESSES = ("10.7.0.1", "10.8.0.1", "10.9.0.1")


def of_host(number: int, slow: tuple[str, ...] = (), slow_ns: int = 30 * MS, times: int = 25) -> list[Events]:
    """Return connects of a host to every address, those to some of them slow."""
    return [
        connect(
            daddr=address,
            latency_ns=slow_ns if address in slow else 2 * MS,
            times=times,
            netns=number << NETNS_BITS,
        )
        for address in ADDRESSES
    ]


def slow_hosts(*parts: Events, hosts: tuple[str, ...] = HOSTS) -> list[Finding]:
    shown = replace(snapshot_by_second(*ending_now(*parts)), places=Places(hosts=hosts))
    return [finding for finding in findings_of(shown) if finding.kind == "slow-host"]


def test_a_host_that_is_slow_to_everything_is_one_finding() -> None:
    (found,) = slow_hosts(*of_host(1), *of_host(2, ADDRESSES), *of_host(3))
    assert found.title == "db-08 is slower than the other hosts to 3 of 3 destinations compared"
    assert "p50 29" in found.evidence or "p50 30" in found.evidence
    assert (
        "ms, the median of 2 other hosts; if these are the same machines for every host; by curl"
        in found.evidence
    )
    assert found.affected == 75
    assert found.group_by == "host"


def test_one_pair_of_host_and_destination_is_named() -> None:
    (found,) = slow_hosts(*of_host(1), *of_host(2), *of_host(3, ("10.8.0.1",)))
    assert found.title == "10.8.0.1:443 is 15× slower from db-09 than from 2 other hosts"
    assert (
        "ms, the median of 2 other hosts; if it is the same machine for every host; by curl" in found.evidence
    )
    assert found.affected == 25
    assert found.group_by == "host+dest"


def test_of_two_hosts_the_slow_one_is_named() -> None:
    (found,) = slow_hosts(*of_host(1, ("10.9.0.1",)), *of_host(2), hosts=HOSTS[:2])
    assert found.title == "10.9.0.1:443 is 15× slower from db-07 than from db-08"


@pytest.mark.parametrize(
    "parts",
    [
        of_host(1, ADDRESSES),  # nobody to compare it with
        [*of_host(1, ADDRESSES), *of_host(2, ADDRESSES), *of_host(3, ADDRESSES)],  # slow from everywhere
        [*of_host(1), *of_host(2, ADDRESSES, slow_ns=9 * MS), *of_host(3)],  # four and a half times
        [*of_host(1), *of_host(2, ADDRESSES, times=19), *of_host(3)],  # too few to say
        [
            *of_host(1),
            *of_host(2),
            with_lost_syns(daddr="10.7.0.1", times=30, netns=3 << NETNS_BITS),  # another finding
        ],
    ],
    ids=["one host", "slow from everywhere", "not five times", "few connects", "lost SYNs"],
)
def test_nothing_is_said_where_nothing_is_shown(parts: list[Events]) -> None:
    assert slow_hosts(*parts) == []


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.1.1", "::1", "fe80::1"])
def test_an_address_that_is_another_machine_for_each_host_is_not_compared(address: str) -> None:
    def parts(address: str) -> list[Events]:
        return [
            connect(daddr=address, latency_ns=2 * MS, times=25, netns=1 << NETNS_BITS),
            connect(daddr=address, latency_ns=40 * MS, times=25, netns=2 << NETNS_BITS),
        ]

    assert slow_hosts(*parts(address)) == []
    assert len(slow_hosts(*parts("10.7.0.1"))) == 1


def test_without_several_hosts_nothing_is_compared() -> None:
    parts = [*of_host(1), *of_host(2, ADDRESSES)]
    assert slow_hosts(*parts, hosts=()) == []
