"""When the reader is woken."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

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
