"""The payloads of frames: file headers (JSON), and blocks (state and ledger as JSON, raw records)."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from tcpconntop.core.format import printable
from tcpconntop.core.places import NO_PLACES, Places
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import EVENT, N_OUTCOMES, Events
from tcpconntop.recording.codecs import compress, decompress
from tcpconntop.recording.frames import (
    HEAD_BYTES,
    Frame,
    FrameKind,
)
from tcpconntop.recording.untrusted import (
    MAX_HEADER_BYTES,
    MAX_JSON_BYTES,
    MAX_JSON_RATIO,
    MAX_PLACES,
    MAX_RATIO,
    count,
    integer,
    parse_json,
    place_name,
    recorded_reads,
    share,
    unit_names,
)
from tcpconntop.recording.untrusted import record_dtype as parse_dtype

_LENGTH = struct.Struct("<I")
_RECORD: dict[str, Any] = {"bytes": EVENT.itemsize, "fields": [list(part) for part in EVENT.descr]}
_REQUIRED = {"begin_ns", "end_ns", "outcome", "family", "daddr", "dport", "tgid", "comm"}
_TEXTS = ("host", "kernel", "probe", "transport", "label")
MAX_CLOCK_NS = 1 << 62  # as Unix time: the year 2116
_COUNTS = ("attempts", "syn_retransmits", "lost_records", "lost_starts", "below_minimum")
_NEWER_COUNTS = ("unseen", "namespaces", "namespaces_compared", "skipped")
"""Totals that recordings of earlier versions lack."""


class DamagedFrameError(ValueError):
    """The payload of a frame cannot be decoded."""


@dataclass(frozen=True)
class FileHeader:
    """The header of one file: what holds for all blocks that follow.

    Attributes:
        session: identifies the recording; all its files have the same value.
        file_number: number of the file in the recording, from 1.
        info: the source that was recorded.
        filters: the filters of the command line; empty if there were none.
        began_ns: start of the file, on the clock of the records.
        wall_offset_ns: Unix time minus the clock of the records, at `began_ns`.
        initial_ledger: the ledger at `began_ns`.
        record_dtype: layout of the records; fields of `EVENT` that it lacks are read as zero.
        rotation: name of the rotation that the file belongs to, without folder; empty if there is none.
    """

    session: str
    file_number: int
    info: SourceInfo
    filters: str
    began_ns: int
    wall_offset_ns: int
    initial_ledger: Ledger
    record_dtype: np.dtype[np.void] = EVENT
    rotation: str = ""

    def to_frame(self, records_before: int) -> Frame:
        """Return the header as a frame; `records_before` is the number of records in all earlier files."""
        document = {
            "session": self.session,
            "part": self.file_number,
            "info": asdict(self.info),
            "filters": self.filters,
            "record": _RECORD,
            "clocks": {"began_ns": self.began_ns, "wall_offset_ns": self.wall_offset_ns},
            "base": asdict(self.initial_ledger),
            "rotation": self.rotation,
        }
        payload = json.dumps(document).encode()
        return Frame(
            FrameKind.HEADER,
            0,
            len(payload),
            0,
            records_before,
            self.began_ns,
            self.began_ns,
            self.initial_ledger.lost,
            payload,
        )

    @classmethod
    def from_frame(cls, frame: Frame) -> FileHeader:
        """Return the header in a frame.

        Raises:
            DamagedFrameError: the frame holds no header, or one of records with an incompatible layout.
        """
        try:
            document = parse_json(frame.payload, MAX_HEADER_BYTES)
            info = document["info"]
            began_ns, wall_offset_ns = (
                integer(document["clocks"][n]) for n in ("began_ns", "wall_offset_ns")
            )
            _check_clock(began_ns, wall_offset_ns)
            texts: dict[str, Any] = {name: printable(str(info[name])) for name in _TEXTS}
            return cls(
                str(document["session"]),
                count(document["part"]),
                SourceInfo(
                    **texts,
                    notes=tuple(printable(str(note)) for note in info["notes"]),
                    loader=printable(str(info.get("loader", ""))),
                ),
                printable(str(document["filters"])),
                began_ns,
                wall_offset_ns,
                _parse_ledger(document["base"]),
                _parse_dtype(document["record"]),
                str(document.get("rotation", "")),  # older files lack it
            )
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise DamagedFrameError(str(error)) from None


@dataclass(frozen=True, eq=False)
class Block:
    """The records of about a second, and the state of the source after them.

    Attributes:
        events: the records, in the order in which the attempts ended.
        reads: the reads that returned the records: (number of records, clock after the read in ns) each.
        now_ns: the clock of the records, after the last read.
        wall_offset_ns: Unix time minus that clock.
        ledger: the totals; every attempt that they count as ended has its record in this block or an earlier
            one.
        units: names of control groups by `cgroup_id`; only those that no earlier block of this file has.
        places: names of interfaces and network namespaces; only those that no earlier block of this file has.
    """

    events: Events
    reads: tuple[tuple[int, int], ...]
    now_ns: int
    wall_offset_ns: int
    ledger: Ledger
    units: Mapping[int, str | None] = field(default_factory=dict)
    places: Places = NO_PLACES

    def to_frame(self, kind: FrameKind, codec: int, records_before: int) -> Frame:
        """Return the block as a frame; `records_before` is the number of records in all earlier blocks."""
        state = {
            "now_ns": self.now_ns,
            "wall_offset_ns": self.wall_offset_ns,
            "ledger": asdict(self.ledger),
            "units": {str(group): name for group, name in self.units.items()},
            "interfaces": [[*place, name] for place, name in self.places.interfaces.items()],
            "namespaces": {str(netns): name for netns, name in self.places.namespaces.items()},
            # Ages are small numbers, which compress better than clock readings.
            "reads": [[count, self.now_ns - now_ns] for count, now_ns in self.reads],
        }
        text = json.dumps(state, separators=(",", ":")).encode()
        raw = _LENGTH.pack(len(text)) + text + self.events.tobytes()
        first, last = self.events["end_ns"][[0, -1]].tolist() if len(self.events) else [self.now_ns] * 2
        return Frame(
            kind,
            codec,
            len(raw),
            len(self.events),
            records_before,
            first,
            last,
            self.ledger.lost,
            compress(codec, raw),
        )

    @classmethod
    def from_frame(cls, frame: Frame, record_dtype: np.dtype[np.void] = EVENT) -> Block:
        """Return the block in a frame; `record_dtype` is the one of the file header.

        Raises:
            DamagedFrameError: the payload cannot be decoded, or contradicts itself.
            FatalError: the codec is not installed.
        """
        try:
            stored = HEAD_BYTES + len(frame.payload)
            if frame.raw_bytes > MAX_RATIO * stored:
                raise ValueError("it is packed more tightly than records can be")
            raw = decompress(frame.codec, frame.payload, frame.raw_bytes)
            (length,) = _LENGTH.unpack_from(raw)
            limit = min(MAX_JSON_RATIO * stored, MAX_JSON_BYTES)
            state = parse_json(raw[_LENGTH.size : _LENGTH.size + min(length, limit + 1)], limit)
            events = _as_events(np.frombuffer(raw, record_dtype, frame.count, _LENGTH.size + length))
            now_ns = integer(state["now_ns"])
            reads = recorded_reads(state["reads"], now_ns)
            block = cls(
                events,
                reads,
                now_ns,
                integer(state["wall_offset_ns"]),
                _parse_ledger(state["ledger"]),
                unit_names(state["units"]),
                _parse_places(state),
            )
            _check_clock(now_ns, block.wall_offset_ns)
        except (ValueError, LookupError, TypeError, AttributeError, struct.error) as error:
            raise DamagedFrameError(str(error)) from None
        if not block._is_consistent():
            raise DamagedFrameError("it contradicts itself")
        return block

    def _is_consistent(self) -> bool:
        family = self.events["family"]
        return (
            sum(n for n, _ in self.reads) == len(self.events)
            and all(0 <= now_ns <= self.now_ns for _, now_ns in self.reads)
            and bool((self.events["begin_ns"] <= self.events["end_ns"]).all())
            and bool((self.events["end_ns"] < self.now_ns + SECOND_NS).all())
            and bool((self.events["outcome"] < N_OUTCOMES).all())
            and bool(((family == 4) | (family == 6)).all())
        )


def check_growth(ledger: Ledger) -> None:
    """Raise DamagedFrameError if totals since an earlier moment cannot be: each only grows."""
    values = vars(ledger).values()
    numbers = [n for value in values for n in (value if isinstance(value, tuple) else (value or 0,))]
    if min(numbers) < 0 or ledger.in_flight < 0:
        raise DamagedFrameError("its totals are smaller than they were before")


def _check_clock(now_ns: int, wall_offset_ns: int) -> None:
    """Raise ValueError if a time is outside the years 1970 to 2116."""
    if not (0 <= now_ns < MAX_CLOCK_NS and 0 <= now_ns + wall_offset_ns < MAX_CLOCK_NS):
        raise ValueError("its clock is out of range")


def _parse_dtype(document: Mapping[str, Any]) -> np.dtype[np.void]:
    """Return the layout of records that may have more or fewer fields than `EVENT`."""
    dtype = parse_dtype(document)
    shared = set(dtype.names or ()) & set(EVENT.names or ())
    same = all(dtype[name] == EVENT[name] for name in shared)
    if dtype.itemsize != document["bytes"] or not same or not shared >= _REQUIRED:
        raise DamagedFrameError("its records have an incompatible layout")
    return dtype


def _as_events(records: Events) -> Events:
    """Return the records with the layout `EVENT`; missing fields are zero."""
    if records.dtype == EVENT:
        return records
    events = np.zeros(len(records), EVENT)
    for name in set(records.dtype.names or ()) & set(EVENT.names or ()):
        events[name] = records[name]
    return events


def _parse_places(state: Mapping[str, Any]) -> Places:
    """Return the names of interfaces and network namespaces; older recordings have none."""
    interfaces, namespaces = state.get("interfaces", []), state.get("namespaces", {})
    if len(interfaces) + len(namespaces) > MAX_PLACES:
        raise ValueError(f"it has more than {MAX_PLACES:,} names of interfaces and namespaces")
    return Places(
        {(count(netns), count(index)): place_name(name) for netns, index, name in interfaces},
        {int(netns): place_name(name) for netns, name in namespaces.items()},
    )


def _parse_ledger(document: Mapping[str, Any]) -> Ledger:
    outcomes = tuple(count(n) for n in document["outcomes"])
    if len(outcomes) != N_OUTCOMES:
        raise ValueError(f"it has {len(outcomes)} outcomes instead of {N_OUTCOMES}")
    lost_outcomes = tuple(count(n) for n in document.get("lost_outcomes", ())) or (0,) * N_OUTCOMES
    if len(lost_outcomes) != N_OUTCOMES:
        raise ValueError(f"it has {len(lost_outcomes)} lost outcomes instead of {N_OUTCOMES}")
    completeness = share(document["completeness"])
    ledger = Ledger(
        outcomes=outcomes,
        completeness=completeness,
        **{name: count(document[name]) for name in _COUNTS},
        **{name: count(document.get(name, 0)) for name in _NEWER_COUNTS},
        lost_outcomes=lost_outcomes,
    )
    if "namespaces" in document:
        return ledger
    # An older recording: its completeness counts lost records as seen.
    return replace(ledger, lost_records=0).plus_missing(ledger.lost_records)
