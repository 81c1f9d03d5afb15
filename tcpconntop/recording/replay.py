"""A recording as a source: its records come when its own clock says so, as fast as that clock goes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.playback import Playback
from tcpconntop.core.window.snapshot import RECORDING, SourceInfo
from tcpconntop.core.wire import EVENT, N_OUTCOMES, Events
from tcpconntop.recording.blocks import FileHeader
from tcpconntop.recording.pacing import PlaybackClock
from tcpconntop.recording.reader import RecordedRead


class Playable(Protocol):
    """What can be played: a `RecordingReader`."""

    @property
    def header(self) -> FileHeader:
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

    @property
    def end_ns(self) -> int | None:
        """Its last moment; None where one cannot go back in it."""
        ...

    def recorded_reads(self) -> Iterator[RecordedRead]:
        """Give everything, once."""
        ...

    def rewind(self) -> None:
        """Go back to the beginning, where one can: another `recorded_reads` gives everything again."""
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
        recording: Playable,
        speed: float | None = 1.0,
        notes: tuple[str, ...] = (),
        clock_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        header = recording.header
        filters = (f"recorded with {header.filters}",) if header.filters else ()
        self._recording = recording
        self._pace = PlaybackClock(float("inf") if speed is None else speed, clock_s, sleep)
        self._recorded = replace(header.info, label=RECORDING, notes=(*notes, *filters, *header.info.notes))
        self._going_ns: int | None = None  # where a seek goes to
        self._sought_ns: int | None = None  # where the last one went to
        self._begin()

    def _begin(self) -> None:
        header = self._recording.header
        self._now_ns, self._wall_offset_ns = header.began_ns, header.wall_offset_ns
        self._units: dict[int, str | None] = {}
        self._totals = Ledger()  # as they were last written down
        self._since = np.zeros(N_OUTCOMES, np.int64)  # of the records played since then
        self._since_rtx = 0
        self._steps = self._recording.recorded_reads()
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
        if self._going_ns is not None and timeout_s > 0:
            return self._go(self._going_ns)
        if step is None or self._pace.halted:
            self._pace.idle(timeout_s)
            return np.empty(0, EVENT)
        due_ns = max(step.now_ns, self._now_ns)
        goal_ns = min(self._now_ns + math.ceil(timeout_s * SECOND_NS), due_ns)
        self._now_ns = self._pace.advance_to(self._now_ns, goal_ns)
        return np.empty(0, EVENT) if self._now_ns < due_ns else self._take(step)

    def _go(self, to_ns: int) -> Events:
        """Give the records of the next second on the way to a moment; arrive where there are none."""
        taken: list[Events] = []
        while (step := self._next) is not None and step.now_ns <= to_ns:
            now_ns = max(step.now_ns, self._now_ns)
            if taken and now_ns // SECOND_NS != self._now_ns // SECOND_NS:
                break  # what sums up by seconds has to know each of them
            self._now_ns = now_ns
            taken.append(self._take(step))
        if taken:
            return np.concatenate(taken)
        if self._next is not None:
            self._now_ns = max(to_ns, self._now_ns)
        self._going_ns, self._sought_ns = None, to_ns
        self._pace.reset()
        return np.empty(0, EVENT)

    def _take(self, step: RecordedRead) -> Events:
        self._next = next(self._steps, None)
        self._units.update(step.units)
        self._wall_offset_ns = step.wall_offset_ns
        if step.ledger is not None:
            self._totals, self._since_rtx = step.ledger, 0
            self._since[:] = 0
        else:
            self._since += np.bincount(step.events["outcome"], minlength=N_OUTCOMES)
            self._since_rtx += int(step.events["syn_retransmits"].sum())
        return step.events

    # Steering

    @property
    def player(self) -> Replay | None:
        """This one, where one can go back in what it plays."""
        return self if self._recording.end_ns is not None else None

    @property
    def seek_done(self) -> bool:
        """Whether the last seek is done."""
        return self._going_ns is None

    def playback(self) -> Playback:
        """Say how it is played."""
        began_ns, pace = self._recording.header.began_ns, self._pace
        last_ns = self._now_ns if self.ended else self._recording.end_ns or 0
        end_ns = max(last_ns, self._now_ns)
        return Playback(began_ns, end_ns, pace.speed, pace.halted, self.ended, self._sought_ns)

    def seek(self, to_ns: int) -> None:
        """Go to a moment; to an earlier one from the beginning of the recording."""
        if to_ns < self._now_ns:
            self._recording.rewind()
            self._begin()
        self._going_ns = to_ns

    def set_pace(self, speed: float, *, halted: bool) -> None:
        """Play faster or slower, or stand still."""
        self._pace.speed, self._pace.halted = speed, halted

    # What it tells

    def ledger(self) -> Ledger:
        """Give the totals as they were recorded, and what was played since; what is missing is lost."""
        totals = self._totals.plus_ended(self._since.tolist(), self._since_rtx)
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
