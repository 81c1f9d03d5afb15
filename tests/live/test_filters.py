"""Filters work in the kernel, and excluded attempts leave nothing in its maps."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable

import pytest
import way
import workload
from tracer import Tracer

from tcpconntop.core.limits import FILTER_LIST_MAX
from tcpconntop.kernel.request import TraceRequest

Trace = Callable[..., Tracer]
NOBODY = 65534


def connect_elsewhere(port: int, times: int, uid: int) -> int:
    """Connect from another process as another user. Return its process ID."""
    code = f"import socket\nfor _ in range({times}): socket.create_connection(('127.0.0.1', {port})).close()"
    with subprocess.Popen(["/usr/bin/python3", "-Ic", code], user=uid, cwd="/") as process:
        assert process.wait(way.DEADLINE_S) == 0
    return process.pid


def nothing_left(tracer: Tracer) -> bool:
    return workload.nothing_left(tracer.session)


def test_the_start_map_holds_attempts_in_flight(trace: Trace) -> None:
    """Without this, the empty map of the other tests would prove nothing."""
    with workload.silent_listener() as server:
        tracer = trace()
        with workload.start_connect(server.getsockname()):
            assert tracer.counters().in_flight == 1
            assert not nothing_left(tracer)
        tracer.ended(1)
        assert nothing_left(tracer)


def test_filter_by_process(trace: Trace) -> None:
    with workload.listener() as server:
        tracer = trace(pids=(1, os.getpid()))
        connect_elsewhere(workload.port_of(server), 5, os.getuid())
        workload.connect(server, 3)
        assert set(tracer.ended(3)["tgid"]) == {os.getpid()}
        assert nothing_left(tracer)


def test_filter_by_user(trace: Trace) -> None:
    with workload.listener() as server:
        tracer = trace(uids=(NOBODY,), ports=(workload.port_of(server),))
        workload.connect(server, 3)
        pid = connect_elsewhere(workload.port_of(server), 5, NOBODY)
        events = tracer.ended(5)
        assert set(events["uid"]) == {NOBODY}
        assert set(events["tgid"]) == {pid}
        assert nothing_left(tracer)


def test_filter_by_port(trace: Trace) -> None:
    """The sixteenth entry of the list works like the first."""
    with workload.listener() as wanted, workload.listener() as other:
        port = workload.port_of(wanted)
        tracer = trace(pids=(os.getpid(),), ports=(*range(1, FILTER_LIST_MAX), port))
        workload.connect(other, 5)
        workload.connect(wanted, 3)
        assert set(tracer.ended(3)["dport"]) == {port}
        assert nothing_left(tracer)


@pytest.mark.parametrize(("family", "count"), [(4, 5), (6, 3)])
def test_filter_by_family(trace: Trace, family: int, count: int) -> None:
    """A v4-mapped IPv6 address counts as IPv4."""
    tracer = trace(pids=(os.getpid(),), family=family)
    with workload.listener() as v4, workload.listener("::1") as v6, workload.listener("::") as both:
        workload.connect(v4, 3)
        workload.connect(v6, 3)
        with socket.socket(both.family) as mapped:
            for _ in range(2):
                mapped.connect(("::ffff:127.0.0.1", workload.port_of(both)))
                workload.disconnect(mapped)
    assert set(tracer.ended(count)["family"]) == {family}
    assert nothing_left(tracer)


def test_filter_by_minimum_latency(trace: Trace) -> None:
    """GIVEN a minimum WHEN fast and slow attempts end THEN all count, and only the slow ones have records."""
    with workload.listener() as server, workload.silent_listener() as silent:
        tracer = trace(pids=(os.getpid(),), min_latency_ms=500)
        with workload.start_connect(silent.getsockname()) as slow:
            workload.connect(server, 7)
            workload.start_connect(silent.getsockname()).close()
            assert workload.still_connecting(slow, 0.6)
        events = tracer.ended(9)
    assert len(events) == 1
    counters = tracer.counters()
    assert counters.below_minimum == 8
    assert counters.outcomes == (7, 0, 0, 0, 2, 0)
    assert nothing_left(tracer)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"pids": tuple(range(1, 18))}, "at most 16 process IDs can be traced at once"),
        ({"ports": (0,)}, "ports must be 1 to 65535"),
        ({"uids": (-1,)}, "user IDs must be 0 to 4294967295"),
        ({"family": 5}, "the address family must be 4 or 6"),
        ({"min_latency_ms": -1.0}, "the minimum latency must be between 0 and 1e9 ms"),
    ],
)
def test_values_out_of_range_are_errors(request_: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        TraceRequest(**request_)  # type: ignore[arg-type]
