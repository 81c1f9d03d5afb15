"""Turns the frames of a recording into recorded reads, and counts everything that is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tcpconntop.core.errors import FatalError
from tcpconntop.core.format import count
from tcpconntop.core.places import NO_PLACES, Places
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.wire import EVENT, Events
from tcpconntop.recording.blocks import Block, DamagedFrameError, FileHeader, check_growth
from tcpconntop.recording.frames import VERSION, Damage, Frame, FrameKind, format_version

NO_END = "the recording has no end: it is still being written, or was cut off"


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


class Decoder:
    """Decodes the frames of one recording, which come in order.

    Args:
        initial_ledger: the ledger when the recording began.
        records_before: `records_before` of the first frame.

    Attributes:
        missing: number of records that were recorded and cannot be read, so far.
        damaged: number of damaged places so far.
        truncated: True if a file without its end was read; the number of records missing there is unknown.
        ended: True if the last frame was the end of a file.
    """

    def __init__(self, initial_ledger: Ledger, records_before: int) -> None:
        self._initial_ledger = initial_ledger
        self._expected = records_before  # `records_before` of the next frame
        self.missing = self.damaged = 0
        self.truncated = self.ended = False

    def begin_file(self) -> None:
        """Begin with the frames of another file."""
        self.ended = False

    def finish_file(self) -> None:
        """Note that no more frames of this file come."""
        self.truncated |= not self.ended

    def decode(self, item: Frame | Damage, header: FileHeader) -> Iterator[RecordedRead]:
        """Yield the reads in a frame, as its header describes them; of damage, count what is missing."""
        if isinstance(item, Damage):
            self._count_damage(item)
            return
        try:
            block = Block.from_frame(item, header.record_dtype)
            check_growth(block.ledger.since(header.initial_ledger))
        except DamagedFrameError:
            self._count_damage(Damage(item))
            return
        if self._is_next(item):
            self._expected += item.count
            self.ended = item.kind is FrameKind.END
            yield from _split_into_reads(block, self._initial_ledger)

    def notes(self, no_end: str = NO_END) -> tuple[str, ...]:
        """Return one line for each kind of loss so far; `no_end` says that the end is missing."""
        notes, some = [], f"{self.missing} connect{' is' if self.missing == 1 else 's are'} missing"
        if self.damaged:
            places = "in one place" if self.damaged == 1 else f"in {count(self.damaged)} places"
            notes.append(f"the recording is damaged {places}: {some}")
        if self.truncated:
            last = some if self.missing and not self.damaged else "the last second may be missing"
            notes.append(f"{no_end}; {last}")
        return tuple(notes)

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


def check_prefix(path: Path, prefix: bytes) -> None:
    """Raise FatalError if these first bytes of a file are not those of a recording that can be read."""
    version = format_version(prefix)
    if not version:
        raise FatalError(f"{path} is not a recording of tcpconntop")
    if version > VERSION:
        raise FatalError(f"{path} was recorded by a newer tcpconntop (format {version}): update this one")


def parse_header(path: Path, first: Frame | Damage | None) -> FileHeader:
    """Return the file header in the first frame of a file.

    Raises:
        FatalError: it has none, or the header is damaged.
    """
    try:
        if not isinstance(first, Frame) or first.kind is not FrameKind.HEADER:
            raise DamagedFrameError("it has none")
        return FileHeader.from_frame(first)
    except DamagedFrameError as error:
        raise FatalError(f"{path} cannot be read: its header is damaged ({error})") from None


def _split_into_reads(block: Block, initial_ledger: Ledger) -> Iterator[RecordedRead]:
    """Yield the reads that a block was made of, then one without records that has the block's ledger."""
    start, units, places = 0, block.units, block.places
    for n, now_ns in block.reads:
        yield RecordedRead(now_ns, block.events[start : start + n], None, block.wall_offset_ns, units, places)
        start, units, places = start + n, {}, NO_PLACES
    ledger = block.ledger.since(initial_ledger)
    yield RecordedRead(block.now_ns, np.empty(0, EVENT), ledger, block.wall_offset_ns, units, places)
