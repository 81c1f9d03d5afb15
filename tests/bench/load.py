"""A source of very many destinations: seeded, and in real time once its window is full."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import N_OUTCOMES, Events
from tests.bench.workload import records

POOL, STEP_NS = 40, SECOND_NS // 20


class Load:
    """A `Source` that lives through `warm_s` seconds at once and then goes on in real time.

    Args:
        n_keys: destinations.
        per_s: records a second.
        warm_s: how much has happened already.
    """

    def __init__(self, n_keys: int, per_s: int, warm_s: int = 61) -> None:
        self._step = per_s // 20
        drawn = records(POOL * self._step, n_keys)
        self._pool = [drawn[at : at + self._step] for at in range(0, len(drawn), self._step)]
        self._random = np.random.default_rng(2)
        self._steps = 0
        self._begin_ns = time.monotonic_ns() - warm_s * SECOND_NS
        self._outcomes = np.zeros(N_OUTCOMES, np.int64)
        self.info = SourceInfo("bench", "6.12.0", "", "", "synthetic")
        self.ended = False

    def read(self, timeout_s: float) -> Events:
        """Give the records of the next step; wait for it once the past is caught up with."""
        ahead_ns = self.now_ns() + STEP_NS - time.monotonic_ns()
        if ahead_ns > timeout_s * SECOND_NS:
            time.sleep(timeout_s)
            return self._pool[0][:0]
        time.sleep(max(0, ahead_ns) / SECOND_NS)
        events = self._pool[self._steps % POOL].copy()
        self._steps += 1
        latency = self._random.lognormal(np.log(3e5), 0.5, len(events)).astype(np.uint64)
        events["end_ns"] = self.now_ns() - STEP_NS + np.arange(len(events))
        events["begin_ns"] = events["end_ns"] - latency
        self._outcomes += np.bincount(events["outcome"], minlength=N_OUTCOMES)
        return events

    def ledger(self) -> Ledger:
        """Give the totals of what was read."""
        return Ledger(int(self._outcomes.sum()), tuple(int(n) for n in self._outcomes))

    def units(self) -> Mapping[int, str | None]:
        """Give no names."""
        return {}

    def host(self) -> None:
        """Say that there is no host."""

    player = None

    def now_ns(self) -> int:
        """Give the time that the last step reached."""
        return self._begin_ns + self._steps * STEP_NS

    def wall_offset_ns(self) -> int:
        """Give what to add to the clock for Unix time."""
        return time.time_ns() - time.monotonic_ns()

    def close(self) -> None:
        """Have no more records."""
        self.ended = True
