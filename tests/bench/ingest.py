"""The time from a record to the updated window."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.rolling import RollingWindow
from tcpconntop.core.wire import Events
from tests.bench.workload import BATCH, batches

WARM_UP_S = 61  # then the window is full: each second adds a slice and removes one


def ns_per_record(
    ingest: Callable[[Events, int], None], timed_batches: Iterable[tuple[Events, int]], skip_s: int
) -> list[float]:
    """Ingest batches; return the CPU time per record of each second, in ns.

    The first `skip_s` seconds do not count.
    """
    seconds, spent_s = [], 0.0
    for count, (events, now_ns) in enumerate(timed_batches, 1):
        began_s = time.process_time()
        ingest(events, now_ns)
        spent_s += time.process_time() - began_s
        if count % 20 == 0:
            seconds.append(spent_s)
            spent_s = 0.0
    return [second / (20 * BATCH) * SECOND_NS for second in seconds[skip_s:]]


def ingest_ns(n_keys: int, measured_s: int) -> list[float]:
    """Return the time from a record to the updated window, in ns, of each second; the window is full."""
    return ns_per_record(RollingWindow(60).ingest, batches(n_keys, WARM_UP_S + measured_s), WARM_UP_S)
