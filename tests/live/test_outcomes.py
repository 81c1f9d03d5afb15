"""Every outcome of a connect, produced on purpose, and its record checked field by field."""

from __future__ import annotations

import errno
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import way
import workload
from tracer import Tracer, one_lost_syn

from tcpconntop.core.wire import Events, Outcome, address_text, comm_text

Trace = Callable[..., Tracer]
IP_LOCAL_PORT_RANGE = 51


def addresses(events: Events, field: str) -> set[tuple[str, int]]:
    return {(address_text(bytes(e[field]), int(e["family"])), int(e["family"])) for e in events}


def outcomes(events: Events) -> list[tuple[Outcome, int]]:
    return [(Outcome(int(e["outcome"])), int(e["error"])) for e in events]


@pytest.mark.parametrize(
    ("listen_on", "connect_to", "family", "count"),
    [("127.0.0.1", "127.0.0.1", 4, 23), ("::1", "::1", 6, 13), ("::", "::ffff:127.0.0.1", 4, 11)],
    ids=["v4", "v6", "v4-mapped"],
)
def test_every_field_of_a_connect(
    trace: Trace, listen_on: str, connect_to: str, family: int, count: int
) -> None:
    """GIVEN a listener WHEN connecting THEN the record has the process, both addresses and the times."""
    tracer = trace()
    lports = []
    begin_ns = time.monotonic_ns()
    with workload.listener(listen_on) as server:
        for _ in range(count):
            with socket.socket(server.family) as client:
                client.connect((connect_to, workload.port_of(server)))
                lports.append(workload.port_of(client))
        dport = workload.port_of(server)
    events = tracer.ended(count)
    end_ns = time.monotonic_ns()

    text = connect_to.removeprefix("::ffff:")
    assert addresses(events, "daddr") == addresses(events, "saddr") == {(text, family)}
    assert events["lport"].tolist() == lports
    assert set(events["dport"]) == {dport}
    assert set(events["tgid"]) == {os.getpid()}
    assert set(events["uid"]) == {os.getuid()}
    assert {comm_text(c) for c in events["comm"]} == {Path("/proc/self/comm").read_text().strip()}
    assert set(events["netns"]) == {Path("/proc/self/ns/net").stat().st_ino}
    assert (events["cgroup_id"] > 0).all()
    assert outcomes(events) == [(Outcome.OK, 0)] * count
    assert not events["syn_retransmits"].any()
    assert not events["last_rtx_ns"].any()
    assert (events["begin_ns"] > begin_ns).all()
    assert (events["end_ns"] > events["begin_ns"]).all()
    assert (events["end_ns"] < end_ns).all()


def test_non_blocking_connects(trace: Trace) -> None:
    tracer = trace()
    with workload.listener() as server:
        clients = [workload.start_connect(server.getsockname()) for _ in range(7)]
        assert [workload.wait_connect(client, way.DEADLINE_S) for client in clients] == [0] * 7
        for client in clients:
            client.close()
    assert outcomes(tracer.ended(7)) == [(Outcome.OK, 0)] * 7


def test_refused(trace: Trace) -> None:
    tracer = trace()
    with workload.closed_port() as port:
        for _ in range(5):
            with socket.socket() as client:
                assert client.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
    events = tracer.ended(5)
    assert outcomes(events) == [(Outcome.REFUSED, errno.ECONNREFUSED)] * 5
    assert set(events["dport"]) == {port}
    assert tracer.counters().unsent == 0


def test_timed_out(trace: Trace) -> None:
    """GIVEN no answer WHEN the kernel gives up THEN every SYN but the first was a retransmission."""
    with workload.silent_listener() as server, workload.sniffer() as sniffer:
        tracer = trace()
        with workload.start_connect(server.getsockname(), TCP_SYNCNT=1) as client:
            lport = workload.port_of(client)
            assert workload.wait_connect(client, way.DEADLINE_S) == errno.ETIMEDOUT
        syns = workload.syns(sniffer, lport, workload.port_of(server))
    events = tracer.ended(1)
    assert outcomes(events) == [(Outcome.TIMEOUT, errno.ETIMEDOUT)]
    assert len(syns) > 1
    assert events["syn_retransmits"].tolist() == [len(syns) - 1]
    assert tracer.counters().syn_retransmits == len(syns) - 1


def test_a_lost_syn_costs_one_second(trace: Trace) -> None:
    """GIVEN a dropped SYN WHEN the next one is answered THEN the record has the wait for it."""
    _, events = one_lost_syn(trace)
    assert outcomes(events) == [(Outcome.OK, 0)]
    assert events["syn_retransmits"].tolist() == [1]
    waited_s = (events["last_rtx_ns"] - events["begin_ns"])[0] / 1e9
    assert waited_s == pytest.approx(1.03, abs=0.5)
    assert events["end_ns"][0] - events["last_rtx_ns"][0] < 500e6


def test_closed_while_connecting(trace: Trace) -> None:
    with workload.silent_listener() as server:
        tracer = trace()
        for _ in range(3):
            workload.start_connect(server.getsockname()).close()
        events = tracer.ended(3)
        assert outcomes(events) == [(Outcome.CANCELLED, 0)] * 3
        assert set(events["dport"]) == {workload.port_of(server)}
    assert tracer.counters().unsent == 0


def test_disconnected_while_connecting(trace: Trace) -> None:
    with workload.silent_listener() as server:
        tracer = trace()
        with workload.start_connect(server.getsockname()) as client:
            workload.disconnect(client)
        assert outcomes(tracer.ended(1)) == [(Outcome.CANCELLED, 0)]


def test_killed_while_connecting(trace: Trace) -> None:
    with workload.silent_listener() as server:
        port = workload.port_of(server)
        tracer = trace(ports=(port,))
        code = f"import socket; socket.create_connection(('127.0.0.1', {port}))"
        with subprocess.Popen([sys.executable, "-c", code]) as process:
            tracer.until(lambda now: now.attempts == 1)
            process.send_signal(signal.SIGKILL)
            process.wait()
            events = tracer.ended(1)
        assert outcomes(events) == [(Outcome.CANCELLED, 0)]
        assert events["tgid"].tolist() == [process.pid]


def test_simultaneous_open(trace: Trace) -> None:
    """A socket that connects to itself passes through SYN_RECV."""
    tracer = trace()
    for _ in range(3):
        with socket.socket() as client:
            client.bind(("127.0.0.1", 0))
            client.connect(client.getsockname())
    events = tracer.ended(3)
    assert outcomes(events) == [(Outcome.OK, 0)] * 3
    assert events["lport"].tolist() == events["dport"].tolist()


def test_one_socket_connects_twice(trace: Trace) -> None:
    tracer = trace()
    with workload.closed_port() as port, workload.listener() as server, socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED
        client.connect(server.getsockname())
        workload.disconnect(client)
        client.connect(server.getsockname())
    expected = [(Outcome.REFUSED, errno.ECONNREFUSED), (Outcome.OK, 0), (Outcome.OK, 0)]
    assert outcomes(tracer.ended(3)) == expected


def test_no_free_port(trace: Trace) -> None:
    """GIVEN one port to choose from, in use WHEN we connect THEN connect() fails before a SYN is sent."""
    tracer = trace()
    with workload.listener() as server, workload.closed_port() as port, socket.socket() as client:
        try:
            client.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, struct.pack("=HH", port, port))
        except OSError:
            pytest.skip("a socket has no port range of its own before Linux 6.3")
        assert client.connect_ex(server.getsockname()) == errno.EADDRNOTAVAIL
        dport = workload.port_of(server)
    events = tracer.ended(1)
    assert outcomes(events) == [(Outcome.ERROR, errno.EADDRNOTAVAIL)]
    assert events[["lport", "dport"]].tolist() == [(0, dport)]
    assert tracer.counters().unsent == 1


def test_the_bound_address_pair_is_in_use(trace: Trace) -> None:
    """The same failure with a port of our own choice: the socket does not say why, the call does."""
    tracer = trace()
    with workload.listener() as server, socket.socket() as first, socket.socket() as second:
        for client in (first, second):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        first.bind(("127.0.0.1", 0))
        second.bind(first.getsockname())
        first.connect(server.getsockname())
        assert second.connect_ex(server.getsockname()) == errno.EADDRNOTAVAIL
    expected = errno.EADDRNOTAVAIL if tracer.sees_calls else 0
    assert outcomes(tracer.ended(2)) == [(Outcome.OK, 0), (Outcome.ERROR, expected)]
    assert tracer.counters().unsent == 1


@pytest.mark.parametrize(
    ("code", "outcome", "error"),
    [
        (0, Outcome.UNREACHABLE, errno.ENETUNREACH),
        (1, Outcome.UNREACHABLE, errno.EHOSTUNREACH),
        (2, Outcome.UNREACHABLE, errno.ENOPROTOOPT),
        (3, Outcome.REFUSED, errno.ECONNREFUSED),
        (8, Outcome.UNREACHABLE, errno.ENONET),
        (13, Outcome.UNREACHABLE, errno.EHOSTUNREACH),
    ],
)
def test_icmp_errors(trace: Trace, code: int, outcome: Outcome, error: int) -> None:
    with workload.silent_listener() as server, workload.sniffer() as sniffer:
        tracer = trace()
        with workload.start_connect(server.getsockname()) as client:
            # On loopback the SYN was received before connect() returned.
            syn, *_ = workload.syns(sniffer, workload.port_of(client), workload.port_of(server))
            workload.unreachable(client, syn, code)
            assert workload.wait_connect(client, way.DEADLINE_S) == error
    assert outcomes(tracer.ended(1)) == [(outcome, error)]


@pytest.mark.parametrize(
    ("code", "outcome", "error"),
    [
        (0, Outcome.UNREACHABLE, errno.ENETUNREACH),
        (1, Outcome.UNREACHABLE, errno.EACCES),
        (3, Outcome.UNREACHABLE, errno.EHOSTUNREACH),
        (4, Outcome.REFUSED, errno.ECONNREFUSED),
    ],
)
def test_icmp_errors_over_v6(trace: Trace, code: int, outcome: Outcome, error: int) -> None:
    with workload.silent_listener("::1") as server, workload.sniffer_v6() as sniffer:
        tracer = trace()
        with workload.start_connect(server.getsockname()) as client:
            syn = workload.syn_v6(sniffer, workload.port_of(client), workload.port_of(server))
            workload.unreachable_v6(syn, code)
            assert workload.wait_connect(client, way.DEADLINE_S) == error
    assert outcomes(tracer.ended(1)) == [(outcome, error)]
