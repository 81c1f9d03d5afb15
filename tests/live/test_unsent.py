"""Attempts that send no SYN: the kernel does not count them as connects, and nobody was connected to."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator

import pytest
import workload
from compared import comparison, seen_of
from tracer import Tracer

from tcpconntop.core.wire import Outcome

Trace = Callable[..., Tracer]
TCP_REPAIR = 19


@pytest.fixture
def fast_open_server() -> Iterator[socket.socket]:
    with workload.fast_open_listener() as server:
        yield server


def test_a_fast_open_that_is_closed_unsent_is_cancelled(
    trace: Trace, fast_open_server: socket.socket
) -> None:
    """GIVEN connects that wait for data WHEN they are closed without any THEN they are no connects."""
    tracer = trace()
    completeness = comparison(tracer.session)
    clients = [workload.fast_open(fast_open_server) for _ in range(7)]
    assert tracer.counters().in_flight == 7
    assert completeness.compare().excess == 7
    for client in clients[:5]:
        client.close()
    for client in clients[5:]:
        client.send(b"?")
        fast_open_server.accept()[0].close()
        client.close()
    events = tracer.ended(7)
    assert events["outcome"].tolist() == [Outcome.CANCELLED] * 5 + [Outcome.OK] * 2
    assert tracer.counters().unsent == 5
    assert seen_of(completeness) == (2, 2)


def test_a_repaired_connection_is_no_attempt(trace: Trace) -> None:
    """GIVEN sockets in repair mode, as CRIU restores them WHEN they connect THEN it is no attempt."""
    with workload.listener() as server:
        tracer = trace()
        completeness = comparison(tracer.session)
        for _ in range(5):
            with socket.socket() as client:
                client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
                client.connect(server.getsockname())
        with socket.socket() as lost:
            lost.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
            assert lost.connect_ex(("255.255.255.255", 47)) == errno.ENETUNREACH
        workload.connect(server, 3)
        events = tracer.ended(3)
        assert events["outcome"].tolist() == [Outcome.OK] * 3
        assert seen_of(completeness) == (3, 3)
    assert tracer.counters().start_failures == 0
    assert workload.nothing_left(tracer.session)
