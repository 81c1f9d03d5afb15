"""Plays the files of a recording as a source: records come when the recording's own clock reaches them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Protocol

import numpy as np

from tcpconntop.core.analysis.overview import OverviewBuilder
from tcpconntop.core.places import NO_PLACES, Names
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.playback import Playback
from tcpconntop.core.window.slices import merged_span, slice_span
from tcpconntop.core.window.snapshot import RECORDING, SourceInfo
from tcpconntop.core.window.stats import joined
from tcpconntop.core.wire import EVENT, Events
from tcpconntop.recording.blocks import FileHeader
from tcpconntop.recording.decoder import RecordedRead
from tcpconntop.recording.pacing import PlaybackClock
from tcpconntop.recording.played import PlayedNames, PlayedSource, recorded_info
from tcpconntop.sources.player import Keep


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

    def again(self) -> Playable | None:
        """Return what reads the same a second time, for another thread; None if that is impossible."""
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
        self._blocks_for_ns = self._blocks_from = (
            0  # target of the blocks that were read, and where there may be more
        )
        self._batch_span: tuple[int, int] | None = None
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
        if self._now_ns < due_ns:
            return np.empty(0, EVENT)
        self._blocks_from = self._now_ns // SECOND_NS + 1
        return self._take(upcoming)

    def _read_towards(self, to_ns: int) -> Events:
        """Return the records of the next second before `to_ns`; if there are none, the seek is done.

        Long before `to_ns` it is not a second, but a block of seconds that will be one slice by then.
        """
        taken: list[Events] = []
        span: tuple[int, int] | None = None
        seconds: set[int] = set()  # those with records
        while (upcoming := self._next_read) is not None and upcoming.now_ns <= to_ns:
            now_ns = max(upcoming.now_ns, self._now_ns)
            slice_of = slice_span(now_ns // SECOND_NS, to_ns // SECOND_NS)
            if slice_of[0] < self._blocks_from:  # a part of it has slices already
                slice_of = (now_ns // SECOND_NS, 1)
            if slice_of != (span := span or slice_of):
                break  # the window has to see each slice by itself
            self._now_ns = now_ns
            if len(upcoming.events):
                seconds.add(now_ns // SECOND_NS)
            taken.append(self._take(upcoming))
        self._batch_span = merged_span(seconds, span[1]) if span is not None and seconds else None
        if span is not None and span[1] > 1:
            self._blocks_for_ns = to_ns
        if taken:
            return joined(taken)
        if self._next_read is not None:
            self._now_ns = max(to_ns, self._now_ns)
        self._seek_to_ns, self._last_seek_ns = None, to_ns
        self._blocks_from = self._now_ns // SECOND_NS + 1
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

    @property
    def batch_span(self) -> tuple[int, int] | None:
        """First second and length of the slice that the records of the last read are to be counted in."""
        return self._batch_span if self._seek_to_ns is not None else None

    def restarts(self, to_ns: int) -> bool:
        """True if a seek begins again with the first record.

        So it does to an earlier moment, and to one whose seconds were read as blocks on a longer way.
        """
        return to_ns < max(self._now_ns, self._blocks_for_ns)

    def seek(self, to_ns: int) -> None:
        """Start to seek; an earlier time is reached from the beginning of the recording."""
        if self.restarts(to_ns):
            self._recording.rewind()
            self._start()
        self._seek_to_ns = to_ns

    def count_all(self, keep: Keep | None = None) -> Iterator[OverviewBuilder]:
        """Read all of it a second time, for another thread; see `Player.count_all`.

        Args:
            keep: returns those records of a read that count; all count without it.
        """
        return _count_all(self._recording.again(), keep)

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


def _count_all(recording: Playable | None, keep: Keep | None) -> Iterator[OverviewBuilder]:
    """Yield, after each read of a recording, what was counted so far; nothing if there is no recording."""
    if recording is None or recording.end_ns is None:
        return
    with closing(recording):
        builder = OverviewBuilder(recording.header.began_ns, recording.end_ns)
        known, names = PlayedNames(), Names(host=recording.header.info.host)
        for read in recording.recorded_reads():
            events = read.events
            if keep is not None:
                if read.units or read.places is not NO_PLACES:
                    known.take(read)
                    names = Names(known.units(), known.places, names.host)
                events = keep(events, names)
            builder.add(events, read.now_ns)
            yield builder
        builder.finish()
        yield builder
