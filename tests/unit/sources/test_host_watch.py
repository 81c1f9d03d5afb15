"""Facts of the own network namespace, from tables in the kernel's format."""

from __future__ import annotations

from pathlib import Path

import pytest
from proc_tables import PORTS, RANGE, SECOND, Proc, destination, line

from tcpconntop.core.window.host import NetnsFacts, QueueCount
from tcpconntop.core.wire import address_bytes
from tcpconntop.sources import host
from tcpconntop.sources.completeness import inode_number
from tcpconntop.sources.host import MAX_PAUSE_NS, READ_INTERVAL_NS, HostWatch, pause_ns
from tcpconntop.sources.netns_facts import NetnsReader
from tcpconntop.sources.sockets import count_ports_in_use


@pytest.fixture
def proc(tmp_path):
    return Proc(tmp_path)


def test_ports_in_use_are_counted_by_destination(proc):
    """GIVEN sockets of both families THEN those of client ports are counted, the mapped ones with IPv4."""
    own = [line(i, "10.0.0.9", port, "10.0.0.1", 443) for i, port in enumerate(RANGE[:7])]
    served = [line(10_000 + i, "10.0.0.9", 443, "10.0.0.1", port) for i, port in enumerate(RANGE)]
    mapped = [line(20, "10.0.0.9", 40_009, "10.0.0.1", 443, size=16)]
    six = [line(i, "fd00::9", port, "fd00::1", 443, size=16) for i, port in enumerate(RANGE[:3])]
    proc.sockets(own + served, mapped + six)
    assert count_ports_in_use(proc.net, PORTS, 1, 0) == {
        destination("10.0.0.1", 443): 8,
        destination("fd00::1", 443): 3,
    }
    assert count_ports_in_use(proc.net, PORTS, 4, 0) == {destination("10.0.0.1", 443): 8}
    assert proc.watch().of_own(0).port_use == {
        destination("10.0.0.1", 443): 8,
        destination("fd00::1", 443): 3,
    }


def test_ports_are_counted_per_source_address(proc):
    proc.sockets([line(i, f"10.0.0.{i % 2}", port, "10.0.0.1", 443) for i, port in enumerate(RANGE)])
    assert count_ports_in_use(proc.net, PORTS, 1, 0) == {destination("10.0.0.1", 443): 5}


@pytest.mark.parametrize(
    ("reuse", "use"), [(0, {"10.0.0.1": 4, "127.0.0.1": 4}), (1, {}), (2, {"10.0.0.1": 4})]
)
def test_ports_in_time_wait_count_unless_they_can_be_taken_again(proc, reuse, use):
    proc.sockets(
        [line(i, d, p, d, 443, 6) for d in ("10.0.0.1", "127.0.0.1") for i, p in enumerate(RANGE[:4])]
    )
    assert count_ports_in_use(proc.net, PORTS, 1, reuse) == {
        destination(address, 443): n for address, n in use.items()
    }


def test_a_listener_uses_no_port(proc):
    proc.sockets([line(i, "0.0.0.0", port, "0.0.0.0", 0, 10) for i, port in enumerate(RANGE)])
    assert count_ports_in_use(proc.net, PORTS, 1, 0) == {}


def test_a_table_longer_than_a_chunk(proc):
    lines = [line(i, f"10.0.{i >> 8}.{i & 255}", 40_001, "10.9.0.1", 443) for i in range(9_000)]
    proc.sockets(lines + [line(i, "10.0.0.9", port, "10.0.0.1", 443) for i, port in enumerate(RANGE)])
    assert count_ports_in_use(proc.net, PORTS, 2, 0) == {destination("10.0.0.1", 443): 10}


def test_the_socket_table_is_not_read_when_there_are_few_sockets(proc):
    """GIVEN less than half of the ports could be in use THEN the table is not read."""
    lines = [line(i, "10.0.0.9", port, "10.0.0.1", 443) for i, port in enumerate(RANGE[:4])]
    proc.sockets(lines)
    assert proc.watch().of_own(0).port_use == {}
    proc.sockets(lines, tw=1)
    assert proc.watch().of_own(0).port_use == {destination("10.0.0.1", 443): 4}


def test_counts_of_accept_queues_are_kept_when_they_change(proc):
    watch = proc.watch()
    watch.read(0)
    proc.queues(8, 12)
    assert watch.of_own(READ_INTERVAL_NS - 1).queues == (QueueCount(0, 7, 9),)  # not read again so soon
    for seconds in (2, 4, 6):
        facts = watch.of_own(seconds * SECOND)
    assert facts.queues == (QueueCount(0, 7, 9), QueueCount(2 * SECOND, 8, 12))
    assert facts.queue_growth(0) == QueueCount(2 * SECOND, 1, 3)
    assert facts.queue_growth(3 * SECOND) == QueueCount(2 * SECOND, 0, 0)


def test_old_counts_of_accept_queues_are_dropped_except_the_first(proc, monkeypatch):
    monkeypatch.setattr(host, "pause_ns", lambda took_ns: 0)  # a busy machine would be read less often
    watch = proc.watch()
    for step in range(1_200):
        proc.queues(step, step)
        facts = watch.of_own(step * READ_INTERVAL_NS)
    assert facts.queues[0] == QueueCount(0, 0, 0)
    assert len(facts.queues) < 500
    assert facts.queue_growth(-1).overflows == 1_199
    assert facts.queue_growth((1_199 * 2 - 60) * SECOND).overflows == 30


def test_missing_tables_are_left_out(tmp_path):
    facts = NetnsReader(tmp_path, tmp_path).facts
    assert (facts.ports, facts.port_count, dict(facts.port_use), facts.queues) == (None, 0, {}, ())
    assert facts.queue_growth(0).overflows == 0


def test_reserved_ports_are_not_for_connects(proc):
    (proc.settings / "ip_local_reserved_ports").write_text("80,39990-40001,40009\n")
    assert proc.watch().of_own(0).port_count == 10 - 3


def test_the_tables_of_this_host():
    """GIVEN the real tables THEN they can be parsed, and the loopback is an own address."""
    process = Path("/proc/thread-self")
    own = inode_number(process / "ns/net")
    watch = HostWatch(lambda: {own: (process, inode_number(process / "net/snmp"))})
    facts = watch.read(0)[own]
    assert facts.own
    assert facts.port_count > 0
    assert facts.queues
    assert all(facts.is_local(*address_bytes(text)) for text in ("127.0.0.1", "127.9.9.9", "::1"))
    assert not facts.is_local(*address_bytes("203.0.113.1"))


def test_own_addresses_are_local():
    facts = NetnsFacts(addresses=frozenset([address_bytes("fd00::9")[0]]))
    assert facts.is_local(*address_bytes("fd00::9"))
    assert not facts.is_local(*address_bytes("fd00::8"))


def test_however_slow_a_machine_is_its_facts_are_no_older_than_a_minute():
    assert pause_ns(20_000_000) == 50 * 20_000_000
    assert pause_ns(10**11) == MAX_PAUSE_NS == 60 * SECOND
