"""A source of a recording that comes through a pipe, perhaps while it is written on another machine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tcpconntop.core.errors import FatalError
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import STREAM, SourceInfo
from tcpconntop.core.wire import EVENT, Events
from tcpconntop.recording.blocks import FileHeader
from tcpconntop.recording.decoder import Decoder, RecordedRead, check_prefix, parse_header
from tcpconntop.recording.frames import PREFIX_BYTES, Damage, Frame, FrameScanner
from tcpconntop.recording.pipe import Pipe
from tcpconntop.recording.played import PlayedSource, recorded_info

NO_END = "the stream ended without an end: its sender was killed, or the connection broke"

MIN_BEHIND_S = 3
"""A live stream brings news every second: from so many seconds without any, it is said to be behind."""

MAX_DRIFT = 1e-4
"""How much faster than another machine's clock ours may go, as a share: clocks without NTP are better."""


class Stream(PlayedSource):
    """A `Source` of a recording in a pipe. What has come is returned at once, not at the recording's speed.

    The constructor waits for the header. Nothing is read ahead: while a block is played, what follows waits
    in the pipe.

    Args:
        path: the name of the pipe, for errors.
        file: the pipe, from its beginning; closed together with the source.
        wait_s: how long a read waits for data. None: for `timeout_s`. A number is for headless modes: then
            `timeout_s` is time by which the recording's clock advances without waiting, as in `Replay`.
        clock_s: our own clock, in seconds.

    Raises:
        FatalError: it is no recording, or has a newer format; also from `read`, if the pipe cannot be read.
    """

    def __init__(
        self,
        path: Path,
        file: BinaryIO,
        wait_s: float | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._wait_s, self._clock_s = path, wait_s, clock_s
        self._pipe, self._scanner = Pipe(file), FrameScanner()
        self._items: Iterator[Frame | Damage] = iter(())
        try:
            self._header, records_before = self._read_header()
        except BaseException:
            self._pipe.close()
            raise
        self._decoder = Decoder(self._header.initial_ledger, records_before)
        self._begin(self._header)
        self._info = recorded_info(self._header, STREAM)
        self._reads: Iterator[RecordedRead] = iter(())
        self._next_read: RecordedRead | None = None
        self._delay = Delay(self._now_ns, clock_s)
        self._at_end = self._closed = False

    @property
    def header(self) -> FileHeader:
        """Header of the recording."""
        return self._header

    @property
    def missing(self) -> int:
        """Number of records that were recorded and cannot be read, so far."""
        return self._decoder.missing

    def recorded_read(self, timeout_s: float) -> RecordedRead | None:
        """Return the next recorded read at once, for a caller who counts it; None if it does not come."""
        read = self._upcoming(timeout_s)
        if read is not None:
            self._now_ns = max(self._now_ns, read.now_ns)
            self._go_on()
        return read

    def _read_header(self) -> tuple[FileHeader, int]:
        """Return the header, and the number of records before this stream."""
        data = b""
        while len(data) < PREFIX_BYTES and (more := self._receive()):
            data += more
        if not data:
            raise FatalError(f"{self._path} ended before a recording came")
        check_prefix(self._path, data[:PREFIX_BYTES])
        data = data[PREFIX_BYTES:]
        while True:
            self._items = self._scanner.feed(data)
            first = next(self._items, None)
            if first is not None or self._scanner.searching:
                header = parse_header(self._path, first)
                return header, first.records_before if isinstance(first, Frame) else 0
            if not (data := self._receive()):
                raise FatalError(f"{self._path} ended before the header of the recording came")

    def _receive(self) -> bytes:
        """Return the next data, however late it comes; empty at the end."""
        while (data := self._poll_pipe(None)) is None:
            pass
        return data

    def _poll_pipe(self, timeout_s: float | None) -> bytes | None:
        try:
            return self._pipe.read(timeout_s)
        except OSError as error:
            raise FatalError(f"cannot read {self._path}: {error.strerror}") from None

    @property
    def info(self) -> SourceInfo:
        """Where the records come from, what is missing so far, and how many seconds there was no news."""
        notes = (*self._info.notes, *self._decoder.notes(NO_END), *self._played.notes)
        behind_s = 0 if self._at_end else int(self._delay.seconds(self._now_ns))
        return replace(self._info, notes=notes, behind_s=behind_s if behind_s >= MIN_BEHIND_S else 0)

    @property
    def ended(self) -> bool:
        """True if the stream has ended, and all of it was played."""
        return self._closed or (self._at_end and self._next_read is None)

    def read(self, timeout_s: float) -> Events:
        """Return the records of the next recorded read; none if it does not come in time."""
        upcoming = self._upcoming(timeout_s)
        if upcoming is None:
            return np.empty(0, EVENT)
        self._now_ns, due_ns = self._due(upcoming, timeout_s, skips_silence=True)
        return np.empty(0, EVENT) if self._now_ns < due_ns else self._take(upcoming)

    def _take(self, read: RecordedRead) -> Events:
        self._count(read)
        self._go_on()
        return read.events

    def _go_on(self) -> None:
        """Go on to the read after this one; `ended` has to know whether this was the last one."""
        self._next_read = self._decoded() if self._at_end else None

    def _upcoming(self, timeout_s: float) -> RecordedRead | None:
        """Return the next recorded read; None if it does not come in time, or the stream has ended."""
        wait_s = timeout_s if self._wait_s is None else min(self._wait_s, timeout_s)
        until_s = self._clock_s() + wait_s
        while self._next_read is None and not self._closed:
            self._next_read = self._decoded()
            if self._next_read is not None or self._at_end:
                break
            data = self._poll_pipe(max(0.0, until_s - self._clock_s()))
            if data is None:
                break
            if data:
                self._items = self._scanner.feed(data)
            else:
                self._items, self._at_end = self._finish(), True
            if self._clock_s() > until_s and not self._at_end:  # data comes, but no record
                break
        return self._next_read

    def _decoded(self) -> RecordedRead | None:
        """Return the next read of what has come; None if there is none."""
        while (read := next(self._reads, None)) is None:
            item = next(self._items, None)
            if item is None:
                return None
            self._reads = self._decoder.decode(item, self._header)
        self._delay.came(read.now_ns)
        return read

    def _finish(self) -> Iterator[Frame | Damage]:
        yield from self._scanner.finish()
        self._decoder.finish_file()

    player = None
    """None: a stream can only be played forward."""

    def wake(self) -> None:
        """Make a waiting `read` return now."""
        self._pipe.wake()

    def ledger(self) -> Ledger:
        """Return the totals: the recorded ones plus what was played since. Missing records count as lost."""
        return self._played.ledger().plus_missing(self._decoder.missing)

    def close(self) -> None:
        """Stop. Idempotent."""
        self._closed, self._next_read = True, None
        self._pipe.close()


class Delay:
    """How far a stream is behind, measured from the moment at which it was the least behind.

    Two machines have two clocks, so the time that the fastest block took is not known; it is counted as none.

    Args:
        began_ns: clock of the records at the beginning.
        clock_s: our own clock, in seconds.
    """

    def __init__(self, began_ns: int, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._least_s, self._least_at_s = math.inf, clock_s()
        self.came(began_ns)

    def came(self, now_ns: int) -> None:
        """Note that what was written at `now_ns` has come."""
        now_s = self._clock_s()
        self._least_s += (now_s - self._least_at_s) * MAX_DRIFT
        self._least_s, self._least_at_s = min(self._least_s, now_s - now_ns / SECOND_NS), now_s

    def seconds(self, shown_ns: int) -> float:
        """Return how many seconds ago `shown_ns` was, at least."""
        return max(0.0, self._clock_s() - shown_ns / SECOND_NS - self._least_s)
