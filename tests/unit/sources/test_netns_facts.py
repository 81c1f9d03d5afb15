"""Facts of several network namespaces, and of the accept queues in them."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from proc_tables import OTHER, OWN, SECOND, Proc, destination, line
from records import connect

from tcpconntop.core.window.host import ListenQueue, NetnsFacts, QueueCount
from tcpconntop.core.wire import Outcome, address_bytes
from tcpconntop.sources.host import MAX_READ, READ_INTERVAL_NS
from tcpconntop.sources.listeners import listeners_of, own_listeners
from tcpconntop.sources.netns_facts import NetnsReader


@pytest.fixture
def proc(tmp_path):
    return Proc(tmp_path)


def test_the_accept_queue_of_a_real_listener():
    """GIVEN a listener nobody accepts at WHEN its queue is read THEN it is full, and the table agrees."""
    with socket.socket() as server, ExitStack() as clients:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        place = destination("127.0.0.1", server.getsockname()[1])
        assert own_listeners(5)[place] == ListenQueue(5, 0, 1)
        for _ in range(2):
            clients.enter_context(socket.create_connection(server.getsockname()))
        poll_until(lambda: own_listeners(5)[place].is_full)
        assert own_listeners(5)[place] == ListenQueue(5, 2, 1)
        assert listeners_of(Path("/proc/thread-self/net"), 5)[place] == ListenQueue(5, 2, None)


def poll_until(true):
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def failing(netns: int, times: int = 1):
    events = connect(outcome=Outcome.REFUSED, error=111, times=times)
    events["netns"] = netns
    return events


def test_another_namespace_is_read_through_a_process_in_it(proc, tmp_path):
    """GIVEN a process of another namespace THEN its tables are read, and no settings."""
    other = Proc(tmp_path / "9")
    other.sockets([line(0, "10.7.0.1", 8080, "0.0.0.0", 0, 10), line(1, "10.7.0.1", 1, "10.0.0.1", 2)])
    (other.net / "fib_trie").write_text(
        "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.7.0.1\n        /32 host LOCAL\n"
        "     |-- 10.7.0.255\n        /32 link BROADCAST\n"
    )
    watch = proc.watch()
    watch.known[OTHER] = other.reference()
    assert set(watch.read(0)) == {OWN}
    watch.note(failing(OTHER))
    other.queues(8, 12)
    facts = watch.read(READ_INTERVAL_NS)[OTHER]
    assert (facts.own, facts.ports, facts.port_count) == (False, None, 0)
    assert facts.is_local(*address_bytes("10.7.0.1"))
    assert not facts.is_local(*address_bytes("10.7.0.255"))
    assert facts.queue_growth(0).overflows == 1  # compared with the reading before the first failure
    listeners = {destination("10.7.0.1", 8080): ListenQueue(READ_INTERVAL_NS, 0, None)}
    assert facts.listeners == listeners


def test_ports_in_use_elsewhere_are_counted_without_the_range(proc, tmp_path):
    other = Proc(tmp_path / "9")
    other.sockets([line(i, "10.7.0.1", 1_000 + i, "10.0.0.1", 443) for i in range(120)])
    watch = proc.watch()
    watch.known[OTHER] = other.reference()
    watch.note(failing(OTHER))
    assert watch.read(0)[OTHER].port_use == {destination("10.0.0.1", 443): 120}


def test_a_process_that_is_in_another_namespace_now_tells_nothing(proc, tmp_path):
    """GIVEN the file of a reference process is not the known one THEN what was read is thrown away."""
    other = Proc(tmp_path / "9")
    watch = proc.watch()
    watch.known[OTHER] = other.process, 1
    watch.note(failing(OTHER))
    assert watch.read(0)[OTHER] == NetnsFacts(own=False)


def test_facts_of_a_namespace_that_is_gone_are_kept_and_those_of_its_successor_are_new(proc, tmp_path):
    watch = proc.watch()
    first, second = Proc(tmp_path / "9"), Proc(tmp_path / "10")
    watch.note(failing(OTHER))
    watch.known[OTHER] = first.reference()
    assert watch.read(0)[OTHER].queues == (QueueCount(0, 7, 9),)
    del watch.known[OTHER]
    assert watch.read(2 * SECOND)[OTHER].queues == (QueueCount(0, 7, 9),)
    second.queues(1, 1)
    watch.known[OTHER] = second.reference()
    assert watch.read(4 * SECOND)[OTHER].queues == (QueueCount(4 * SECOND, 1, 1),)


def test_few_namespaces_are_read_those_with_the_latest_trouble(proc):
    watch = proc.watch()
    watch.known |= {netns: proc.reference() for netns in range(100, 140)}
    for netns in range(100, 140):
        watch.note(failing(netns, times=3))
    assert set(watch.read(0)) == set(range(140 - MAX_READ, 140))


def test_a_listener_that_was_full_is_remembered(proc):
    """GIVEN a queue was full and is not any more THEN it is told how it was, and when."""
    reader = NetnsReader(proc.net, None)
    full = {destination("10.7.0.1", 8080): ListenQueue(1, 129, 128)}
    reader.facts = NetnsFacts(listeners=full, own=False)
    proc.sockets([line(0, "10.7.0.1", 8080, "0.0.0.0", 0, 10)])
    reader.read(2 * SECOND)
    assert reader.facts.listeners == full
    reader.read(2_000 * SECOND)
    assert reader.facts.listeners == {destination("10.7.0.1", 8080): ListenQueue(2_000 * SECOND, 0, None)}
