"""Everything that is lost because a buffer or a map is full is counted."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Callable

import numpy as np
import pytest
import way
import workload
from command import tcpconntop
from compared import comparison
from tracer import Tracer

from tcpconntop.core.limits import EVENT_BYTES
from tcpconntop.kernel import job

pytestmark = pytest.mark.compiles

Trace = Callable[..., Tracer]
SMALL = 1 << 18


def test_records_lost_to_a_full_buffer_are_counted(own_trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIVEN a small buffer without a reader WHEN it is full THEN records held and lost add up to all."""
    monkeypatch.setattr(job, "BUFFER_BYTES", SMALL)
    total = 2 * os.cpu_count() * SMALL // EVENT_BYTES if way.TRANSPORT == "perf" else 2503
    tracer = own_trace()
    with workload.listener(backlog=4096) as server:
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(before)})
        try:
            workload.connect(server, total)
        finally:
            os.sched_setaffinity(0, before)
        counters = tracer.until(lambda now: now.in_flight == 0)
        held = tracer.session.read(0)
        assert counters.attempts == total
        assert counters.ring_drops > 0
        assert len(held) + counters.ring_drops == total
        assert (np.diff(held["end_ns"].astype(np.int64)) > 0).all()

        workload.connect(server, 7)  # there is space again
        assert len(tracer.session.read(0)) == 7
    assert tracer.counters().ring_drops == counters.ring_drops
    assert workload.nothing_left(tracer.session)


def test_attempts_missed_by_a_full_start_map_are_counted(own_trace: Trace) -> None:
    """GIVEN space for five WHEN more are in flight THEN they are counted, by outcome once they have ended."""
    with workload.silent_listener() as server, workload.closed_port() as closed:
        tracer = own_trace(pids=(os.getpid(),), max_in_flight=5)
        clients = [workload.start_connect(server.getsockname()) for _ in range(8)]
        counters = tracer.counters()
        assert (counters.attempts, counters.in_flight, counters.start_failures) == (5, 5, 3)
        for _ in range(7):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", closed))
        counters = tracer.counters()
        assert (counters.attempts, counters.in_flight, counters.start_failures) == (5, 5, 10)
        assert counters.missed_outcomes == (0, 7, 0, 0, 0, 0)
        for client in clients:
            client.close()
        counters = tracer.until(lambda now: now.in_flight == 0)
        assert (counters.attempts, counters.outcomes) == (5, (0, 0, 0, 0, 5, 0))
        assert counters.missed_outcomes == (0, 7, 0, 0, 3, 0)
        assert len(tracer.session.read(0)) == 5
        assert workload.nothing_left(tracer.session)


def test_attempts_that_a_filter_excludes_are_not_missed(own_trace: Trace) -> None:
    """GIVEN a full map WHEN attempts end that nobody asked for, or that began before THEN none is counted."""
    with workload.silent_listener() as server, workload.closed_port() as closed:
        before = workload.start_connect(server.getsockname())
        tracer = own_trace(ports=(workload.port_of(server),), max_in_flight=5)
        clients = [workload.start_connect(server.getsockname()) for _ in range(8)]
        before.close()
        for _ in range(7):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", closed))
        for client in clients:
            client.close()
        counters = tracer.until(lambda now: now.in_flight == 0)
        assert (counters.attempts, counters.start_failures) == (5, 3)
        assert counters.missed_outcomes == (0, 0, 0, 0, 3, 0)


def test_a_full_start_map_is_said_with_its_time_and_outcomes() -> None:
    """GIVEN a small --max-in-flight WHEN more are in flight THEN it is said why, and since when."""
    options = ("-b", "-n", "1000", "-d", "0.2", "-w", "all", "--max-in-flight", "5")
    note = r"since \d\d:\d\d:\d\d \S+, 10 connects are in no row, because 5 others were in flight"
    with workload.silent_listener() as server, workload.closed_port() as closed:
        ports = f"{workload.port_of(server)},{closed}"
        for json_option in ([], ["--json"]):
            with tcpconntop(*options, *json_option, "-P", ports) as command:
                clients = [workload.start_connect(server.getsockname()) for _ in range(8)]
                for _ in range(7):
                    with pytest.raises(ConnectionRefusedError):
                        socket.create_connection(("127.0.0.1", closed))
                assert command.process.stdout is not None
                for line in command.process.stdout:
                    if json_option and (document := json.loads(line))["lost_starts"] == 10:
                        assert document["lost"] == 10
                        assert document["lost_outcomes"]["refused"] == 7
                        assert (document["attempts"], document["in_flight"]) == (5, 5)
                        assert re.match(note + ".* refused 7", document["notes"][-1])
                        break
                    if not json_option and " lost 10" in line:
                        assert " in flight 5+ " in line
                        break
                _, err = command.interrupt()
                assert re.search(note, err)
                for client in clients:
                    client.close()


def test_lost_records_are_not_seen(own_trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIVEN records that were lost WHEN compared with the kernel's count THEN only the rest was seen."""
    monkeypatch.setattr(job, "BUFFER_BYTES", SMALL)
    tracer = own_trace()
    completeness = comparison(tracer.session)
    with workload.listener(backlog=4096) as server:
        until_lost(tracer, server)
        counters = tracer.until(lambda now: now.in_flight == 0)
        compared = completeness.compare()
    assert compared.opens == counters.attempts
    assert compared.lost == counters.ring_drops > 0
    assert compared.share(0) == (counters.attempts - counters.ring_drops) / counters.attempts


def until_lost(tracer: Tracer, server: socket.socket) -> None:
    """Connect on one CPU until a record is lost."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        while not tracer.counters().ring_drops:
            workload.connect(server, 101)
    finally:
        os.sched_setaffinity(0, before)
