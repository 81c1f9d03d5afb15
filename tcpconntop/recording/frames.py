"""The framing of recordings: what is written is found again, and what is damaged is known to be.

    MAGIC version │ frame │ frame │ …        frame = head (60 bytes) │ payload

A head has a checksum of its own, so that a damaged payload is skipped by its true length; after a damaged
head the next whole frame is looked for. Every frame says how many records came before it: what is missing
between two of them is therefore counted exactly, however much was damaged.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

MAGIC = b"TCPCONN\n"
VERSION = 1
PREFIX_BYTES = 12
MARKER = b"\xf5TCT"
PAYLOAD_MAX = 1 << 28
"""Longer payloads, packed or not, are taken for damage: nobody writes them."""

_PREFIX = struct.Struct("<8sI")
_HEAD = struct.Struct("<4sBBHIIIQQQQI")  # its own checksum follows
_CHECKSUM = struct.Struct("<I")
HEAD_BYTES = _HEAD.size + _CHECKSUM.size


class FrameKind(IntEnum):
    """What a frame is."""

    HEADER = 0
    BLOCK = 1
    END = 2


@dataclass(frozen=True)
class Frame:
    """A frame.

    Attributes:
        kind: what it is.
        codec: how the payload is packed; for the caller.
        raw_bytes: length of the payload once it is unpacked.
        count: records in it.
        records_before: records in all frames before it.
        first_ns: when the first record ended.
        last_ns: when the last one did.
        lost: records that were lost before they could be recorded, since the start.
        payload: as it is stored; empty while only the head is known.
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
        """Spell it as it is stored."""
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
    """Something between two whole frames, or behind the last one.

    Attributes:
        head: the frame without its payload, where at least the head is whole.
        truncated: the data ends within it.
    """

    head: Frame | None
    truncated: bool = False


def file_prefix() -> bytes:
    """Give what a recording begins with."""
    return _PREFIX.pack(MAGIC, VERSION)


def format_version(data: bytes) -> int | None:
    """Give the version in the first `PREFIX_BYTES` of a recording; None: it is no recording."""
    if len(data) < PREFIX_BYTES:
        return None
    magic, version = _PREFIX.unpack_from(data)
    return int(version) if magic == MAGIC else None


class FrameScanner:
    """Finds frames in data that comes piece by piece."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[Frame | Damage]:
        """Take in the next piece and give what it completes."""
        self._data += data
        yield from self._found(at_end=False)

    def finish(self) -> Iterator[Frame | Damage]:
        """Give what is still to be told when no more data comes."""
        yield from self._found(at_end=True)
        if self._data or self._skipping:
            yield Damage(None, truncated=True)
        self._data.clear()

    def _found(self, at_end: bool) -> Iterator[Frame | Damage]:
        while len(self._data) >= HEAD_BYTES:
            head, stored, crc = _head(bytes(self._data[:HEAD_BYTES]))
            if head is None:
                self._skip_to_marker()
                continue
            if len(self._data) < HEAD_BYTES + stored:
                if at_end:
                    # Nothing behind a whole head can be trusted to be another frame: it is its payload.
                    self._data.clear()
                    self._skipping = False
                    yield Damage(head, truncated=True)
                return
            if self._skipping:
                self._skipping = False
                yield Damage(None)
            payload = bytes(self._data[HEAD_BYTES : HEAD_BYTES + stored])
            del self._data[: HEAD_BYTES + stored]
            whole = zlib.crc32(payload) == crc
            yield replace(head, payload=payload) if whole else Damage(head)

    def _skip_to_marker(self) -> None:
        """Drop data up to where a frame may begin; at least one byte."""
        self._skipping = True
        at = self._data.find(MARKER, 1)
        del self._data[: at if at >= 0 else len(self._data) - len(MARKER) + 1]


def find_last_head(data: bytes) -> Frame | None:
    """Give the last frame of which the head is whole, without its payload."""
    at = len(data)
    while (at := data.rfind(MARKER, 0, at)) >= 0:
        found = _head(data[at : at + HEAD_BYTES])[0] if at + HEAD_BYTES <= len(data) else None
        if found is not None:
            return found
    return None


def _head(data: bytes) -> tuple[Frame | None, int, int]:
    """Read a head: the frame without its payload (None for a damaged one), its length and checksum."""
    marker, kind, codec, _, stored, raw, count, before, first, last, lost, crc = _HEAD.unpack_from(data)
    (own,) = _CHECKSUM.unpack_from(data, _HEAD.size)
    if marker != MARKER or own != zlib.crc32(data[: _HEAD.size]):
        return None, 0, 0
    if kind not in set(FrameKind) or max(stored, raw) > PAYLOAD_MAX:
        return None, 0, 0
    return Frame(FrameKind(kind), codec, raw, count, before, first, last, lost), stored, crc
