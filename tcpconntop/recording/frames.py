"""The framing of recordings: finds every frame that was written, and detects every damaged one.

    MAGIC version │ frame │ frame │ …        frame = head (60 bytes) │ payload

A head has its own checksum, so a damaged payload is skipped by its true length. After a damaged head, the
scanner searches for the next intact frame. Every head holds the number of records before it, so the number of
records missing between two frames is exact, however large the damage is.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

MAGIC = b"TCPCONN\n"
VERSION = 1
PREFIX_BYTES = 12
MARKER = b"\xf5TCT"
PAYLOAD_MAX = 1 << 26
"""Upper bound of a payload's length in bytes, compressed or not: a longer one is damage (500,000 records)."""
MAX_RECORDS = 1 << 62
"""Upper bound of the counts in a head."""

_PREFIX = struct.Struct("<8sI")
_HEAD = struct.Struct("<4sBBHIIIQQQQI")  # the head's own checksum follows
_CHECKSUM = struct.Struct("<I")
HEAD_BYTES = _HEAD.size + _CHECKSUM.size
_START_BYTES = 16
# What a head begins with: the marker, a kind, and two lengths of at most PAYLOAD_MAX. A regular expression,
# so that data full of markers takes no longer than any other.
_START = re.compile(re.escape(MARKER) + rb"[\0-\2].{6}[\0-\4].{3}[\0-\4]", re.DOTALL)


class FrameKind(IntEnum):
    """What a frame holds: a file header, a block of records, or the end of a file (an empty block)."""

    HEADER = 0
    BLOCK = 1
    END = 2


@dataclass(frozen=True)
class Frame:
    """One frame. Times are on the clock of the records.

    Attributes:
        kind: what the frame holds.
        codec: how the payload is compressed (`codecs.CODECS`).
        raw_bytes: length of the decompressed payload.
        count: number of records in the frame.
        records_before: number of records in all frames before it.
        first_ns: end of the first record.
        last_ns: end of the last record.
        lost: records lost before they could be recorded, since the start.
        payload: the stored bytes; empty when only the head was read.
    """

    kind: FrameKind
    codec: int = 0
    raw_bytes: int = 0
    count: int = 0
    records_before: int = 0
    first_ns: int = 0
    last_ns: int = 0
    lost: int = 0
    payload: bytes = b""

    def encode(self) -> bytes:
        """Return the bytes that are stored: head, checksum, payload."""
        head = _HEAD.pack(
            MARKER,
            self.kind,
            self.codec,
            0,
            len(self.payload),
            self.raw_bytes,
            self.count,
            self.records_before,
            self.first_ns,
            self.last_ns,
            self.lost,
            zlib.crc32(self.payload),
        )
        return head + _CHECKSUM.pack(zlib.crc32(head)) + self.payload


@dataclass(frozen=True)
class Damage:
    """Unreadable data between two intact frames, or after the last one.

    Attributes:
        head: the frame without its payload, if its head is intact; else None.
        truncated: True if the data ends inside the frame.
    """

    head: Frame | None
    truncated: bool = False


def file_prefix() -> bytes:
    """Return the first `PREFIX_BYTES` bytes of every file."""
    return _PREFIX.pack(MAGIC, VERSION)


def format_version(data: bytes) -> int | None:
    """Return the format version from the first `PREFIX_BYTES` of a file; None if it is not a recording."""
    if len(data) < PREFIX_BYTES:
        return None
    magic, version = _PREFIX.unpack_from(data)
    return int(version) if magic == MAGIC else None


class FrameScanner:
    """Finds frames in data that arrives in pieces of any size."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._skipping = False

    @property
    def searching(self) -> bool:
        """True if the next intact frame is searched for: zeros are not part of one."""
        return self._skipping

    def feed(self, data: bytes) -> Iterator[Frame | Damage]:
        """Add the next piece; yield every frame or damage that it completes."""
        self._data += data
        yield from self._scan(at_end=False)

    def finish(self) -> Iterator[Frame | Damage]:
        """Yield what is left when no more data comes."""
        yield from self._scan(at_end=True)
        if self._data or self._skipping:
            yield Damage(None, truncated=True)
        self._data.clear()

    def _scan(self, at_end: bool) -> Iterator[Frame | Damage]:
        while len(self._data) >= HEAD_BYTES:
            head, stored, crc = _read_head(bytes(self._data[:HEAD_BYTES]))
            if head is None:
                self._skip_to_marker()
                continue
            if len(self._data) < HEAD_BYTES + stored:
                if at_end:
                    # The bytes after an intact head are its payload: a frame found in them would be a false
                    # one.
                    self._data.clear()
                    self._skipping = False
                    yield Damage(head, truncated=True)
                return
            if self._skipping:
                self._skipping = False
                yield Damage(None)
            payload = bytes(self._data[HEAD_BYTES : HEAD_BYTES + stored])
            del self._data[: HEAD_BYTES + stored]
            intact = zlib.crc32(payload) == crc
            yield replace(head, payload=payload) if intact else Damage(head)

    def _skip_to_marker(self) -> None:
        """Drop data up to the next possible start of a frame; at least one byte."""
        self._skipping = True
        start = _START.search(self._data, 1)
        del self._data[: start.start() if start else len(self._data) - _START_BYTES + 1]


def find_last_head(data: bytes) -> Frame | None:
    """Return the last frame in `data` with an intact head, without its payload; None if there is none."""
    for start in reversed([match.start() for match in _START.finditer(data)]):
        if start + HEAD_BYTES <= len(data):
            head, _, _ = _read_head(data[start : start + HEAD_BYTES])
            if head is not None:
                return head
    return None


def _read_head(data: bytes) -> tuple[Frame | None, int, int]:
    """Return the frame without its payload (None if damaged), the payload's length and its checksum."""
    marker, kind, codec, _, stored, raw, count, before, first, last, lost, crc = _HEAD.unpack_from(data)
    (head_crc,) = _CHECKSUM.unpack_from(data, _HEAD.size)
    if marker != MARKER or head_crc != zlib.crc32(data[: _HEAD.size]):
        return None, 0, 0
    largest = max(before, lost)
    if kind > FrameKind.END or max(stored, raw) > PAYLOAD_MAX or largest >= MAX_RECORDS:
        return None, 0, 0
    return Frame(FrameKind(kind), codec, raw, count, before, first, last, lost), stored, crc
