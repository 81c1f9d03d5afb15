"""Everything that is lost because a buffer or a map is full is counted."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest
import way
import workload
from tracer import Tracer

from tcpconntop.kernel import session

pytestmark = pytest.mark.compiles

Trace = Callable[..., Tracer]
SMALL = 1 << 18


def test_records_lost_to_a_full_buffer_are_counted(own_trace: Trace, monkeypatch: pytest.MonkeyPatch) -> None:
    """GIVEN a small buffer without a reader WHEN it is full THEN records held and lost add up to all."""
    monkeypatch.setattr(session, "BUFFER_BYTES", SMALL)
    total = 2 * os.cpu_count() * SMALL // session.EVENT.itemsize if way.TRANSPORT == "perf" else 2503
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


def test_attempts_missed_by_a_full_start_map_are_counted(
    own_trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GIVEN space for five WHEN eight are in flight THEN three are counted as failed inserts."""
    monkeypatch.setattr(session, "START_MAP_SIZE", 5)
    with workload.silent_listener() as server:
        tracer = own_trace()
        clients = [workload.start_connect(server.getsockname()) for _ in range(8)]
        counters = tracer.counters()
        assert (counters.attempts, counters.in_flight, counters.start_failures) == (5, 5, 3)
        for client in clients:
            client.close()
        counters = tracer.until(lambda now: now.in_flight == 0)
        assert (counters.attempts, counters.outcomes) == (5, (0, 0, 0, 0, 5, 0))
        assert len(tracer.session.read(0)) == 5
        assert workload.nothing_left(tracer.session)
