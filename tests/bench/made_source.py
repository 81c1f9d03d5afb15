"""The base class of sources of made records: what every one of them answers."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from tcpconntop.core.places import NO_PLACES, Places
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import N_OUTCOMES, Events


class MadeSource:
    """A `Source` but for `read`; a subclass passes each step that it reads through `deliver`.

    Args:
        begin_ns: when it begins, on the monotonic clock.
        step_ns: the time between two steps.
    """

    player = wake = None

    def __init__(self, begin_ns: int, step_ns: int) -> None:
        self._begin_ns, self._step_ns, self._steps = begin_ns, step_ns, 0
        self._outcomes = np.zeros(N_OUTCOMES, np.int64)
        self.info = SourceInfo("bench", "6.12.0", "", "", "synthetic")
        self.ended = False

    def deliver(self, events: Events) -> Events:
        """Count a step and its records; return these."""
        self._steps += 1
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

    def now_ns(self) -> int:
        """Return the time at the end of the last step, in ns."""
        return self._begin_ns + self._steps * self._step_ns

    def wall_offset_ns(self) -> int:
        """Return the offset from this clock to Unix time, in ns."""
        return time.time_ns() - time.monotonic_ns()

    def close(self) -> None:
        """End the source: no more records."""
        self.ended = True


def begin_before_now(seconds: int) -> int:
    """Return when a source begins that has so many seconds of history, in ns on the monotonic clock."""
    return time.monotonic_ns() - seconds * SECOND_NS
