"""Reading recordings: files in, steps out, and a note of everything that is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import SEEK_END
from itertools import chain, pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tcpconntop.core.errors import FatalError
from tcpconntop.core.format import count
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.wire import EVENT, Events
from tcpconntop.recording.blocks import Block, DamagedFrameError, FileHeader
from tcpconntop.recording.frames import (
    HEAD_BYTES,
    PREFIX_BYTES,
    VERSION,
    Damage,
    Frame,
    FrameKind,
    FrameScanner,
    find_last_head,
    format_version,
)

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, eq=False)
class RecordedRead:
    """What one read of the recorded source gave.

    Attributes:
        now_ns: the clock after it.
        events: the records.
        ledger: the totals at that moment; None where they were not written down.
        wall_offset_ns: what to add to the clock for Unix time.
        units: names of control groups that are new.
    """

    now_ns: int
    events: Events
    ledger: Ledger | None
    wall_offset_ns: int
    units: Mapping[int, str | None] = field(default_factory=dict)


class RecordingReader:
    """The files of one recording, read as far as `recorded_reads` is.

    Args:
        files: opened files with their names, in any order.

    Raises:
        FatalError: not a recording, one of a newer version, or files that do not belong together.

    Attributes:
        header: of the first file.
        missing: records that were recorded and cannot be read.
        damaged: how many times something could not be read.
        truncated: whether the end is missing; then nobody knows how much more there was.
        end_ns: the last moment, as far as heads of frames tell; None where one cannot go back: in a pipe.
    """

    def __init__(self, files: Sequence[tuple[Path, BinaryIO]]) -> None:
        parts = sorted((_Part(path, file) for path, file in files), key=lambda part: part.header.part)
        self.header = parts[0].header
        self._parts = parts
        self._begin()
        for part, following in pairwise(parts):
            if part.header.session != following.header.session:
                raise FatalError(f"{part.path} and {following.path} are not parts of one recording")
            if part.header.part == following.header.part:
                raise FatalError(f"{part.path} and {following.path} are the same part of a recording")

    def _begin(self) -> None:
        self.missing = self.damaged = 0
        self.truncated = False
        self._expected = self._parts[0].records_before
        ends = [part.last_ns for part in self._parts]
        self.end_ns = max(end or 0 for end in ends) if all(ends) else None

    def rewind(self) -> None:
        """Go back to the beginning: another `recorded_reads` gives everything again, and what was written since.

        Only where `end_ns` is known.
        """
        for part in self._parts:
            part.rewind()
        self._begin()

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each thing that is missing, as far as it was read."""
        notes, some = [], f"{self.missing} connect{' is' if self.missing == 1 else 's are'} missing"
        if self.damaged:
            places = "in one place" if self.damaged == 1 else f"in {count(self.damaged)} places"
            notes.append(f"the recording is damaged {places}: {some}")
        if self.truncated:
            last = some if self.missing and not self.damaged else "the last second may be missing"
            notes.append(f"the recording has no end: it still goes on, or was cut off; {last}")
        return tuple(notes)

    def recorded_reads(self) -> Iterator[RecordedRead]:
        """Give everything that can be read, once."""
        for part in self._parts:
            ended = False
            for found in part.found():
                if isinstance(found, Damage):
                    self._skip(found)
                    continue
                try:
                    block = Block.from_frame(found, part.header.record)
                except DamagedFrameError:
                    self._skip(Damage(found))
                    continue
                if not self._follows(found):
                    continue
                self._expected += found.count
                ended = found.kind is FrameKind.END
                yield from _steps(block, self.header.initial_ledger)
            self.truncated |= not ended

    def close(self) -> None:
        """Close the files."""
        for part in self._parts:
            part.file.close()

    def _skip(self, damage: Damage) -> None:
        head = damage.head
        self.damaged += not damage.truncated
        if head is not None and head.records_before >= self._expected:
            self.missing += head.records_before + head.count - self._expected
            self._expected = head.records_before + head.count

    def _follows(self, frame: Frame) -> bool:
        """Count what is missing before a frame; say no to one that was there already."""
        if frame.records_before < self._expected:
            self.damaged += 1
            return False
        if frame.records_before > self._expected:
            self.missing += frame.records_before - self._expected
            self.damaged = max(self.damaged, 1)
            self._expected = frame.records_before
        return True


class _Part:
    """A file, with its header read."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self.file = path, file
        self._begin()

    def rewind(self) -> None:
        """Go back to the beginning."""
        self.file.seek(0)
        self._begin()

    def _begin(self) -> None:
        path = self.path
        version = format_version(self._read(PREFIX_BYTES))
        if not version:
            raise FatalError(f"{path} is not a recording of tcpconntop")
        if version > VERSION:
            raise FatalError(f"{path} was recorded by a newer tcpconntop (format {version}): update this one")
        self._frames = self._scan()
        first = next(self._frames, None)
        try:
            if not isinstance(first, Frame) or first.kind is not FrameKind.HEADER:
                raise DamagedFrameError("it has none")
            self.header, self.records_before = FileHeader.from_frame(first), first.records_before
        except DamagedFrameError as error:
            raise FatalError(f"{path} cannot be read: its header is damaged ({error})") from None
        self.last_ns = self._last_moment()

    def found(self) -> Iterator[Frame | Damage]:
        """Give what stands behind the header."""
        return self._frames

    def _scan(self) -> Iterator[Frame | Damage]:
        scanner = FrameScanner()
        pieces = iter(lambda: self._read(CHUNK_BYTES), b"")
        yield from chain.from_iterable(map(scanner.feed, pieces))
        yield from scanner.finish()

    def _last_moment(self) -> int | None:
        """Give the last moment that the head of a frame speaks of; None for a pipe."""
        file = self.file
        if not file.seekable():
            return None
        here = file.tell()
        place, head, behind = file.seek(0, SEEK_END), None, b""
        while place > 0 and head is None:
            size = min(place, CHUNK_BYTES)
            place -= size
            file.seek(place)
            data = self._read(size) + behind
            head, behind = find_last_head(data), data[: HEAD_BYTES - 1]
        file.seek(here)
        return head.last_ns if head is not None else None

    def _read(self, n_bytes: int) -> bytes:
        try:
            return self.file.read(n_bytes)
        except OSError as error:
            raise FatalError(f"cannot read {self.path}: {error.strerror}") from None


def _steps(block: Block, base: Ledger) -> Iterator[RecordedRead]:
    """Cut a block into the reads that it was made of; the last step has the ledger."""
    at, units = 0, block.units
    for n, now_ns in block.reads:
        yield RecordedRead(now_ns, block.events[at : at + n], None, block.wall_offset_ns, units)
        at, units = at + n, {}
    yield RecordedRead(
        block.now_ns, np.empty(0, EVENT), block.ledger.since(base), block.wall_offset_ns, units
    )
