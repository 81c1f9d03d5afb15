"""Plays the files of a recording as a source: records come when the recording's own clock reaches them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Protocol

import numpy as np

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.playback import Playback
from tcpconntop.core.window.snapshot import RECORDING, SourceInfo
from tcpconntop.core.wire import EVENT, Events
from tcpconntop.recording.blocks import FileHeader
from tcpconntop.recording.decoder import RecordedRead
from tcpconntop.recording.pacing import PlaybackClock
from tcpconntop.recording.played import PlayedSource, recorded_info


class Playable(Protocol):
    """What `Replay` plays: a `RecordingReader`, or something that behaves like one."""

    @property
    def header(self) -> FileHeader:
        """Header of the first file."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each kind of loss in what was read so far."""
        ...

    @property
    def missing(self) -> int:
        """Number of records missing from what was read so far."""
        ...

    @property
    def end_ns(self) -> int | None:
        """End of the recording; None if seeking is impossible."""
        ...

    def recorded_reads(self) -> Iterator[RecordedRead]:
        """Yield every recorded read, in order. Only once, unless `rewind` was called."""
        ...

    def rewind(self) -> None:
        """Go back to the beginning. Only allowed if `end_ns` is known."""
        ...

    def close(self) -> None:
        """Release all resources."""
        ...


class Replay(PlayedSource):
    """A `Source` of recorded connects, and the `Player` that controls it.

    Each read of the recorded source is returned by one read of the replay, at the same time on the
    recording's clock. Windows and percentiles are therefore the same as when it was recorded.

    Args:
        recording: what to play; closed together with the source.
        speed: speed of playback; 1 is real time. None plays as fast as possible: `timeout_s` of a read is
            then time by which the recording's clock advances without waiting.
        notes: additional notes for `info`.
        clock_s: our own clock, in seconds.
        sleep: sleeps for a number of seconds.
    """

    def __init__(
        self,
        recording: Playable,
        speed: float | None = 1.0,
        notes: tuple[str, ...] = (),
        clock_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._recording = recording
        self._clock = PlaybackClock(float("inf") if speed is None else speed, clock_s, sleep)
        self._recorded_info = recorded_info(recording.header, RECORDING, notes)
        self._seek_to_ns: int | None = None  # of the seek that is running
        self._last_seek_ns: int | None = None  # of the last seek that is done
        self._start()

    def _start(self) -> None:
        self._begin(self._recording.header)
        self._reads = self._recording.recorded_reads()
        self._next_read = next(self._reads, None)

    @property
    def info(self) -> SourceInfo:
        """Where the records come from, with notes on what is missing from the part played so far."""
        notes = (*self._recorded_info.notes, *self._recording.notes, *self._played.notes)
        return replace(self._recorded_info, notes=notes)

    @property
    def ended(self) -> bool:
        """True if everything was played."""
        return self._next_read is None

    def read(self, timeout_s: float) -> Events:
        """Return the records of the next recorded read if its time comes within `timeout_s`; else none.

        While a seek is running, return the records on the way to it, without waiting.
        """
        upcoming = self._next_read
        if self._seek_to_ns is not None and timeout_s > 0:
            return self._read_towards(self._seek_to_ns)
        if upcoming is None or self._clock.paused:
            self._clock.idle(timeout_s)
            return np.empty(0, EVENT)
        goal_ns, due_ns = self._due(upcoming, timeout_s, skips_silence=self._clock.speed == math.inf)
        self._now_ns = self._clock.advance_to(self._now_ns, goal_ns)
        return np.empty(0, EVENT) if self._now_ns < due_ns else self._take(upcoming)

    def _read_towards(self, to_ns: int) -> Events:
        """Return the records of the next second before `to_ns`; if there are none, the seek is done."""
        taken: list[Events] = []
        while (upcoming := self._next_read) is not None and upcoming.now_ns <= to_ns:
            now_ns = max(upcoming.now_ns, self._now_ns)
            if taken and now_ns // SECOND_NS != self._now_ns // SECOND_NS:
                break  # the window makes a slice of every second, so it must see each one
            self._now_ns = now_ns
            taken.append(self._take(upcoming))
        if taken:
            return np.concatenate(taken)
        if self._next_read is not None:
            self._now_ns = max(to_ns, self._now_ns)
        self._seek_to_ns, self._last_seek_ns = None, to_ns
        self._clock.reset()
        return np.empty(0, EVENT)

    def _take(self, read: RecordedRead) -> Events:
        """Return the records of a read, update the totals and go on to the next read."""
        self._next_read = next(self._reads, None)
        self._count(read)
        return read.events

    @property
    def player(self) -> Replay | None:
        """The playback controls; None if the recording cannot be rewound."""
        return self if self._recording.end_ns is not None else None

    wake = None
    """None: `read` cannot be woken."""

    @property
    def seek_done(self) -> bool:
        """True if no seek is running."""
        return self._seek_to_ns is None

    def playback(self) -> Playback:
        """Return the state of the playback."""
        began_ns, clock = self._recording.header.began_ns, self._clock
        last_ns = self._now_ns if self.ended else self._recording.end_ns or 0
        end_ns = max(last_ns, self._now_ns)
        return Playback(began_ns, end_ns, clock.speed, clock.paused, self.ended, self._last_seek_ns)

    def seek(self, to_ns: int) -> None:
        """Start to seek; an earlier time is reached from the beginning of the recording."""
        if to_ns < self._now_ns:
            self._recording.rewind()
            self._start()
        self._seek_to_ns = to_ns

    def set_speed(self, speed: float, *, paused: bool) -> None:
        """Change the speed (1 is real time), pause or resume. May be called from any thread."""
        self._clock.speed, self._clock.paused = speed, paused

    def ledger(self) -> Ledger:
        """Return the totals: the recorded ones plus what was played since. Missing records count as lost."""
        return self._played.ledger().plus_missing(self._recording.missing)

    def close(self) -> None:
        """Stop. Idempotent."""
        self._next_read = None
        self._recording.close()
