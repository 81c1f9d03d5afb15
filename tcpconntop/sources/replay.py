"""A recording as a source: its records come when its own clock says so, as fast as that clock goes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np

from tcpconntop.core.ledger import Ledger
from tcpconntop.core.snapshot import RECORDING, SourceInfo
from tcpconntop.core.wire import EVENT, N_OUTCOMES, Events
from tcpconntop.sources.recorded import Step
from tcpconntop.sources.recording import Header

WAIT_S = 0.1
"""The longest that a read sleeps, however slowly the clock goes."""


class Played(Protocol):
    """What can be played: a `Recording`."""

    @property
    def header(self) -> Header:
        """Where it comes from."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What is missing, as far as it was read."""
        ...

    @property
    def missing(self) -> int:
        """How many records are missing, as far as it was read."""
        ...

    def steps(self) -> Iterator[Step]:
        """Give everything, once."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class Replay:
    """A `Source` of recorded connects.

    A read gives what one read gave when it was recorded, at the same time of the recording's clock: windows
    and percentiles are those that were seen then.

    Args:
        recording: what to play; closed with the source.
        speed: how much faster than it was recorded; None plays as fast as it is read, and then a read's
            `timeout_s` is time that the recording's clock goes on without waiting.
        notes: more to say of it.
        clock_s: paces it.
        sleep: waits.
    """

    def __init__(
        self,
        recording: Played,
        speed: float | None = 1.0,
        notes: tuple[str, ...] = (),
        clock_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        header = recording.header
        filters = (f"recorded with {header.filters}",) if header.filters else ()
        self._recording, self._speed = recording, speed
        self._clock_s, self._sleep = clock_s, sleep
        self._recorded = replace(header.info, label=RECORDING, notes=(*notes, *filters, *header.info.notes))
        self._now_ns, self._wall_offset_ns = header.began_ns, header.wall_offset_ns
        self._start_s: float | None = None
        self._start_ns = header.began_ns
        self._units: dict[int, str | None] = {}
        self._totals = Ledger()  # as they were last written down
        self._since = np.zeros(N_OUTCOMES, np.int64)  # of the records played since then
        self._since_rtx = 0
        self._steps = recording.steps()
        self._next = next(self._steps, None)

    @property
    def info(self) -> SourceInfo:
        """Where the records come from, and what is missing as far as it was played."""
        return replace(self._recorded, notes=(*self._recorded.notes, *self._recording.notes))

    @property
    def ended(self) -> bool:
        """Whether everything was played."""
        return self._next is None

    def read(self, timeout_s: float) -> Events:
        """Give the records of the next read that was recorded, if its time comes within `timeout_s`."""
        step = self._next
        if step is None:
            return np.empty(0, EVENT)
        due_ns = max(step.now_ns, self._now_ns)
        goal_ns = min(self._now_ns + math.ceil(timeout_s * 1e9), due_ns)
        self._now_ns = goal_ns if self._speed is None else self._wait(goal_ns, self._speed)
        if self._now_ns < due_ns:
            return np.empty(0, EVENT)
        self._take(step)
        self._next = next(self._steps, None)
        return step.events

    def _wait(self, goal_ns: int, speed: float) -> int:
        """Wait for a moment of the recording, but never for long; give the moment that has come."""
        now_s = self._clock_s()
        if self._start_s is None:
            self._start_s = now_s
        due_s = self._start_s + (goal_ns - self._start_ns) / 1e9 / speed
        if due_s > now_s:
            self._sleep(min(due_s - now_s, WAIT_S))
            now_s = self._clock_s()
        if due_s <= now_s:
            return goal_ns
        reached_ns = self._start_ns + int((now_s - self._start_s) * 1e9 * speed)
        return min(max(reached_ns, self._now_ns), goal_ns)

    def _take(self, step: Step) -> None:
        self._units.update(step.units)
        self._wall_offset_ns = step.wall_offset_ns
        if step.ledger is not None:
            self._totals, self._since_rtx = step.ledger, 0
            self._since[:] = 0
            return
        self._since += np.bincount(step.events["outcome"], minlength=N_OUTCOMES)
        self._since_rtx += int(step.events["syn_retransmits"].sum())

    def ledger(self) -> Ledger:
        """Give the totals as they were recorded, and what was played since; what is missing is lost."""
        totals = self._totals.ended_too(self._since.tolist(), self._since_rtx)
        return replace(totals, lost_records=totals.lost_records + self._recording.missing)

    def units(self) -> Mapping[int, str | None]:
        """Give the names of the control groups of the records so far, by `cgroup_id`."""
        return dict(self._units)

    def host(self) -> None:
        """Say that nothing is known of the host as it was then."""

    def now_ns(self) -> int:
        """Give the time on the clock of the records that the playing has come to."""
        return self._now_ns

    def wall_offset_ns(self) -> int:
        """Give what to add to that clock for Unix time."""
        return self._wall_offset_ns

    def close(self) -> None:
        """Stop. Idempotent."""
        self._next = None
        self._recording.close()
