"""Reads the files of a recording, and counts everything that is missing from them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import SEEK_END
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tcpconntop.core.errors import FatalError
from tcpconntop.core.format import count
from tcpconntop.core.places import NO_PLACES, Places
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.wire import EVENT, Events
from tcpconntop.recording.blocks import MAX_CLOCK_NS, Block, DamagedFrameError, FileHeader, check_growth
from tcpconntop.recording.frames import (
    HEAD_BYTES,
    PAYLOAD_MAX,
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
    """What one read of the recorded source returned.

    Attributes:
        now_ns: the clock of the records after the read.
        events: the records.
        ledger: the totals at `now_ns`; None where they were not recorded.
        wall_offset_ns: Unix time minus the clock of the records.
        units: names of control groups that no earlier read had, by `cgroup_id`.
        places: names of interfaces and network namespaces that no earlier read had.
    """

    now_ns: int
    events: Events
    ledger: Ledger | None
    wall_offset_ns: int
    units: Mapping[int, str | None] = field(default_factory=dict)
    places: Places = NO_PLACES


class RecordingReader:
    """Reads the files of one recording.

    Args:
        files: opened files with their names, in any order.

    Raises:
        FatalError: a file is not a recording or has a newer format, or the files do not belong together.

    Attributes:
        header: header of the first file.
        missing: number of records that were recorded and cannot be read, in what was read so far.
        damaged: number of damaged places in what was read so far.
        truncated: True if a file without its end was read; the number of records missing there is unknown.
        end_ns: end of the recording, from the heads of frames; None in a pipe, where seeking is impossible.
    """

    def __init__(self, files: Sequence[tuple[Path, BinaryIO]]) -> None:
        opened = [_RecordingFile(path, file) for path, file in files]
        self._files = sorted(opened, key=lambda file: file.header.file_number)
        self.header = self._files[0].header
        self._reset()
        for file, following in pairwise(self._files):
            if file.header.session != following.header.session:
                raise FatalError(f"{file.path} and {following.path} are not files of one recording")
            if file.header.file_number == following.header.file_number:
                raise FatalError(f"{file.path} and {following.path} are the same file of a recording")

    def _reset(self) -> None:
        self.missing = self.damaged = 0
        self.truncated = False
        self._expected = self._files[0].records_before  # `records_before` of the next frame
        ends = [file.last_ns for file in self._files]
        self.end_ns = max(end or 0 for end in ends) if all(ends) else None

    def rewind(self) -> None:
        """Go back to the beginning: `recorded_reads` can be called again, and yields what was appended too.

        Only allowed if `end_ns` is known.
        """
        for file in self._files:
            file.rewind()
        self._reset()

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each kind of loss in what was read so far."""
        notes, some = [], f"{self.missing} connect{' is' if self.missing == 1 else 's are'} missing"
        if self.damaged:
            places = "in one place" if self.damaged == 1 else f"in {count(self.damaged)} places"
            notes.append(f"the recording is damaged {places}: {some}")
        if self.truncated:
            last = some if self.missing and not self.damaged else "the last second may be missing"
            notes.append(f"the recording has no end: it is still being written, or was cut off; {last}")
        return tuple(notes)

    def recorded_reads(self) -> Iterator[RecordedRead]:
        """Yield every read that can be recovered, in order. Only once, unless `rewind` was called."""
        for file in self._files:
            ended = False
            for item in file.frames:
                if isinstance(item, Damage):
                    self._count_damage(item)
                    continue
                try:
                    block = Block.from_frame(item, file.header.record_dtype)
                    check_growth(block.ledger.since(file.header.initial_ledger))
                except DamagedFrameError:
                    self._count_damage(Damage(item))
                    continue
                if not self._is_next(item):
                    continue
                self._expected += item.count
                ended = item.kind is FrameKind.END
                yield from _split_into_reads(block, self.header.initial_ledger)
            self.truncated |= not ended

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()

    def _count_damage(self, damage: Damage) -> None:
        head = damage.head
        self.damaged += not damage.truncated
        if head is not None and head.records_before >= self._expected:
            self.missing += head.records_before + head.count - self._expected
            self._expected = head.records_before + head.count

    def _is_next(self, frame: Frame) -> bool:
        """Count the records missing before a frame; return False if its records were already read."""
        if frame.records_before < self._expected:
            self.damaged += 1
            return False
        if frame.records_before > self._expected:
            self.missing += frame.records_before - self._expected
            self.damaged = max(self.damaged, 1)
            self._expected = frame.records_before
        return True


class _RecordingFile:
    """One file, with its header already read.

    Attributes:
        header: the file header.
        records_before: number of records in all earlier files.
        frames: the frames after the header, and the damage between them; an iterator.
        last_ns: time of the last frame with an intact head; None in a pipe.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self._file = path, file
        self._read_header()

    def rewind(self) -> None:
        """Go back to the first frame after the header."""
        self._file.seek(0)
        self._read_header()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read_header(self) -> None:
        path = self.path
        version = format_version(self._read(PREFIX_BYTES))
        if not version:
            raise FatalError(f"{path} is not a recording of tcpconntop")
        if version > VERSION:
            raise FatalError(f"{path} was recorded by a newer tcpconntop (format {version}): update this one")
        self.frames = self._scan()
        first = next(self.frames, None)
        try:
            if not isinstance(first, Frame) or first.kind is not FrameKind.HEADER:
                raise DamagedFrameError("it has none")
            self.header, self.records_before = FileHeader.from_frame(first), first.records_before
        except DamagedFrameError as error:
            raise FatalError(f"{path} cannot be read: its header is damaged ({error})") from None
        self.last_ns = self._find_last_ns()

    def _scan(self) -> Iterator[Frame | Damage]:
        scanner = FrameScanner()
        while data := self._read(CHUNK_BYTES):
            yield from scanner.feed(data)
            if scanner.searching and data.count(0) == len(data):
                self._skip_hole()
        yield from scanner.finish()

    def _skip_hole(self) -> None:
        """Go on to the next data of a sparse file: a hole may be as large as a file can be."""
        try:
            descriptor, position = self._file.fileno(), self._file.tell()
            before = os.lseek(descriptor, 0, os.SEEK_CUR)
            try:
                data = os.lseek(descriptor, position, os.SEEK_DATA)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    return
                data = os.lseek(descriptor, 0, os.SEEK_END)  # only a hole follows
            finally:
                os.lseek(descriptor, before, os.SEEK_SET)  # where the buffer of the file expects it
            self._file.seek(data)
        except OSError:
            pass  # a pipe has no holes

    def _find_last_ns(self) -> int | None:
        """Return the time of the last intact head. Keeps the file position.

        None in a pipe, or if there is no head where the last one of an intact file can be.
        """
        file = self._file
        if not file.seekable():
            return None
        position = file.tell()
        start, head, following = file.seek(0, SEEK_END), None, b""
        earliest = start - PAYLOAD_MAX - CHUNK_BYTES
        while start > max(earliest, 0) and head is None:
            size = min(start, CHUNK_BYTES)
            start -= size
            file.seek(start)
            data = self._read(size) + following
            # The next chunk needs the first bytes of this one: a head may lie across the border.
            head, following = find_last_head(data), data[: HEAD_BYTES - 1]
        file.seek(position)
        return min(head.last_ns, MAX_CLOCK_NS) if head is not None else None

    def _read(self, n_bytes: int) -> bytes:
        try:
            return self._file.read(n_bytes)
        except OSError as error:
            raise FatalError(f"cannot read {self.path}: {error.strerror}") from None


def _split_into_reads(block: Block, initial_ledger: Ledger) -> Iterator[RecordedRead]:
    """Yield the reads that a block was made of, then one without records that has the block's ledger."""
    start, units, places = 0, block.units, block.places
    for n, now_ns in block.reads:
        yield RecordedRead(now_ns, block.events[start : start + n], None, block.wall_offset_ns, units, places)
        start, units, places = start + n, {}, NO_PLACES
    ledger = block.ledger.since(initial_ledger)
    yield RecordedRead(block.now_ns, np.empty(0, EVENT), ledger, block.wall_offset_ns, units, places)
