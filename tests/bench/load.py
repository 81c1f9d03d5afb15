"""A seeded source with many destinations: the history at once, then records in real time."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from tcpconntop.core.places import NO_PLACES, Places
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import N_OUTCOMES, Events
from tests.bench.workload import records

MIN_STEPS, STEP_NS = 40, SECOND_NS // 20


class Load:
    """A `Source` that delivers `warm_s` seconds of records without waiting, and then continues in real time.

    Args:
        n_keys: number of destinations; each has occurred once when the drawn records begin again.
        per_s: records per second.
        warm_s: seconds of history at the start.
        begin_ns: when it begins instead, on the monotonic clock.
    """

    def __init__(self, n_keys: int, per_s: int, warm_s: int = 61, begin_ns: int | None = None) -> None:
        self._step = per_s // 20
        drawn = records(max(MIN_STEPS * self._step, -(-n_keys // self._step) * self._step), n_keys)
        self._pool = [drawn[start : start + self._step] for start in range(0, len(drawn), self._step)]
        self._random = np.random.default_rng(2)
        self._steps = 0
        self._begin_ns = begin_ns or time.monotonic_ns() - warm_s * SECOND_NS
        self._outcomes = np.zeros(N_OUTCOMES, np.int64)
        self.info = SourceInfo("bench", "6.12.0", "", "", "synthetic")
        self.ended = False

    def read(self, timeout_s: float) -> Events:
        """Return the records of the next step; after the history, wait until its time has come."""
        ahead_ns = self.now_ns() + STEP_NS - time.monotonic_ns()
        if ahead_ns > timeout_s * SECOND_NS:
            time.sleep(timeout_s)
            return self._pool[0][:0]
        time.sleep(max(0, ahead_ns) / SECOND_NS)
        events = self._pool[self._steps % len(self._pool)].copy()
        self._steps += 1
        latency = self._random.lognormal(np.log(3e5), 0.5, len(events)).astype(np.uint64)
        events["end_ns"] = self.now_ns() - STEP_NS + np.arange(len(events))
        events["begin_ns"] = events["end_ns"] - latency
        self._outcomes += np.bincount(events["outcome"], minlength=N_OUTCOMES)
        return events

    def ledger(self) -> Ledger:
        """Return the totals of all records that were read."""
        return Ledger(int(self._outcomes.sum()), tuple(int(n) for n in self._outcomes))

    def places(self) -> Places:
        """Return no names."""
        return NO_PLACES

    def units(self) -> Mapping[int, str | None]:
        """Return no names."""
        return {}

    def host(self) -> None:
        """Return None: there is no host to read facts from."""

    player = wake = None

    def now_ns(self) -> int:
        """Return the time at the end of the last step, in ns."""
        return self._begin_ns + self._steps * STEP_NS

    def wall_offset_ns(self) -> int:
        """Return the offset from this clock to Unix time, in ns."""
        return time.time_ns() - time.monotonic_ns()

    def close(self) -> None:
        """End the source: no more records."""
        self.ended = True
