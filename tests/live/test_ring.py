"""When the reader is woken."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import pytest
import way
import workload
from tracer import Tracer

from tcpconntop.core.wire import Events

Trace = Callable[..., Tracer]
WAIT_S = 0.3


def test_few_records_are_read_after_the_timeout(own_trace: Trace) -> None:
    tracer = own_trace(pids=(os.getpid(),), wakeup_bytes=(1 << 32) - 1)
    with workload.listener() as server:
        tracer.session.read(0)
        workload.connect(server, 3)
        started = time.monotonic()
        assert len(tracer.session.read(WAIT_S)) == 3
        assert time.monotonic() - started >= WAIT_S
        assert len(tracer.session.read(0)) == 0


def test_enough_data_wakes_the_reader(own_trace: Trace) -> None:
    """With a threshold of one byte, every record is enough."""
    tracer = own_trace(pids=(os.getpid(),), wakeup_bytes=1)
    with workload.listener() as server:
        tracer.session.read(0)
        workload.connect(server, 3)
        read: list[Events] = []
        reader = threading.Thread(target=lambda: read.append(tracer.session.read(3_600)), daemon=True)
        reader.start()
        reader.join(way.DEADLINE_S)
        assert not reader.is_alive()
        assert [len(events) for events in read] == [3]


def in_a_thread(read: Callable[[], Events]) -> Callable[[], Events]:
    """Start a read in a thread; return a function that waits for it and returns what it read."""
    done: list[Events] = []
    reader = threading.Thread(target=lambda: done.append(read()), daemon=True)
    reader.start()

    def result() -> Events:
        reader.join(way.DEADLINE_S)
        assert not reader.is_alive()
        return done[0]

    return result


needs_ring = pytest.mark.skipif(way.TRANSPORT == "perf", reason="perf buffers are read ten times a second")


@needs_ring
def test_on_an_idle_machine_the_first_record_is_read_at_once(own_trace: Trace) -> None:
    """GIVEN no records, so that the reader rests WHEN one comes THEN it wakes the reader."""
    tracer = own_trace(pids=(os.getpid(),), wakeup_bytes=(1 << 32) - 1)
    with workload.listener() as server:
        for _ in range(2):  # and again after the records of a rush
            assert len(tracer.session.read_soon(0.2)) == 0
            result = in_a_thread(lambda: tracer.session.read_soon(3_600))
            workload.connect(server, 1)
            assert len(result()) == 1
            workload.connect(server, 5)
            assert len(tracer.session.read_soon(3_600)) == 5  # collected for a moment


@needs_ring
def test_a_wish_wakes_the_reader(own_trace: Trace) -> None:
    tracer = own_trace(pids=(os.getpid(),))
    tracer.session.wake()  # before the wait: not forgotten
    assert len(tracer.session.read_soon(3_600)) == 0
    result = in_a_thread(lambda: tracer.session.read_soon(3_600))
    tracer.session.wake()
    assert len(result()) == 0
    tracer.session.close()
    tracer.session.wake()
