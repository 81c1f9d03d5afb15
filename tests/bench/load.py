"""A seeded source with many destinations: the history at once, then records in real time."""

from __future__ import annotations

import time

import numpy as np

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.wire import Events
from tests.bench.made_source import MadeSource, begin_before_now
from tests.bench.workload import records

MIN_STEPS, STEP_NS = 40, SECOND_NS // 20


class Load(MadeSource):
    """A `Source` that delivers `warm_s` seconds of records without waiting, and then continues in real time.

    Args:
        n_keys: number of destinations; each has occurred once when the drawn records begin again.
        per_s: records per second.
        warm_s: seconds of history at the start.
        begin_ns: when it begins instead, on the monotonic clock.
    """

    def __init__(self, n_keys: int, per_s: int, warm_s: int = 61, begin_ns: int | None = None) -> None:
        super().__init__(begin_ns or begin_before_now(warm_s), STEP_NS)
        self._step = per_s // 20
        drawn = records(max(MIN_STEPS * self._step, -(-n_keys // self._step) * self._step), n_keys)
        self._pool = [drawn[start : start + self._step] for start in range(0, len(drawn), self._step)]
        self._random = np.random.default_rng(2)

    def read(self, timeout_s: float) -> Events:
        """Return the records of the next step; after the history, wait until its time has come."""
        ahead_ns = self.now_ns() + STEP_NS - time.monotonic_ns()
        if ahead_ns > timeout_s * SECOND_NS:
            time.sleep(timeout_s)
            return self._pool[0][:0]
        time.sleep(max(0, ahead_ns) / SECOND_NS)
        events = self._pool[self._steps % len(self._pool)].copy()
        latency = self._random.lognormal(np.log(3e5), 0.5, len(events)).astype(np.uint64)
        events["end_ns"] = self.now_ns() + np.arange(len(events))
        events["begin_ns"] = events["end_ns"] - latency
        return self.deliver(events)
