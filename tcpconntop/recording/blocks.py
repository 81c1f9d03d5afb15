"""What the frames of a recording hold: the header, and blocks of raw records with the ledger beside them."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from tcpconntop.core.format import printable
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import EVENT, N_OUTCOMES, Events
from tcpconntop.recording.codecs import compress, decompress
from tcpconntop.recording.frames import Frame, FrameKind

_LENGTH = struct.Struct("<I")
_RECORD: dict[str, Any] = {"bytes": EVENT.itemsize, "fields": [list(part) for part in EVENT.descr]}
_NEEDED = {"begin_ns", "end_ns", "outcome", "family", "daddr", "dport", "tgid", "comm"}
_TEXTS = ("host", "kernel", "probe", "transport", "label")
_CENTURIES_NS = 1 << 62  # until the year 2116
_COUNTS = ("attempts", "syn_retransmits", "lost_records", "lost_starts", "below_minimum")


class DamagedFrameError(ValueError):
    """A frame does not hold what it should."""


@dataclass(frozen=True)
class FileHeader:
    """What a file says of all that follows.

    Attributes:
        session: tells recordings apart; the files of one have the same.
        part: the place of the file among those, from 1.
        info: the source.
        filters: as the command line had them; empty for none.
        began_ns: the moment at which the file begins, on the clock of the records.
        wall_offset_ns: what to add to that clock for Unix time, at that moment.
        initial_ledger: the ledger at that moment.
        record: how its records are laid out; fields that `EVENT` has beyond those are zero when read.
    """

    session: str
    part: int
    info: SourceInfo
    filters: str
    began_ns: int
    wall_offset_ns: int
    initial_ledger: Ledger
    record: np.dtype[np.void] = EVENT

    def to_frame(self, before: int) -> Frame:
        """Spell it; `before` counts the records of the files before this one."""
        document = {
            "session": self.session,
            "part": self.part,
            "info": asdict(self.info),
            "filters": self.filters,
            "record": _RECORD,
            "clocks": {"began_ns": self.began_ns, "wall_offset_ns": self.wall_offset_ns},
            "base": _ledger_document(self.initial_ledger),
        }
        payload = json.dumps(document).encode()
        return Frame(
            FrameKind.HEADER,
            0,
            len(payload),
            0,
            before,
            self.began_ns,
            self.began_ns,
            self.initial_ledger.lost,
            payload,
        )

    @classmethod
    def from_frame(cls, frame: Frame) -> FileHeader:
        """Read it.

        Raises:
            DamagedError: it is none, or of records that are not ours.
        """
        try:
            document = json.loads(frame.payload)
            info = document["info"]
            _moment(document["clocks"]["began_ns"], document["clocks"]["wall_offset_ns"])
            return cls(
                str(document["session"]),
                int(document["part"]),
                SourceInfo(
                    **{name: printable(str(info[name])) for name in _TEXTS},
                    notes=tuple(printable(str(note)) for note in info["notes"]),
                ),
                printable(str(document["filters"])),
                int(document["clocks"]["began_ns"]),
                int(document["clocks"]["wall_offset_ns"]),
                _ledger_of(document["base"]),
                _layout_of(document["record"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedFrameError(str(error)) from None


@dataclass(frozen=True, eq=False)
class Block:
    """Records, and how things stood when they had been read.

    Attributes:
        events: the records, in the order in which the attempts ended.
        reads: how many records each read had, and the clock after it.
        now_ns: the clock of the records.
        wall_offset_ns: what to add to it for Unix time.
        ledger: the totals; every attempt that they count as ended has its record here or before.
        units: names of control groups that were not told before in this file.
    """

    events: Events
    reads: tuple[tuple[int, int], ...]
    now_ns: int
    wall_offset_ns: int
    ledger: Ledger
    units: Mapping[int, str | None] = field(default_factory=dict)

    def to_frame(self, kind: FrameKind, codec: int, before: int) -> Frame:
        """Spell it; `before` counts the records of all blocks before it."""
        state = {
            "now_ns": self.now_ns,
            "wall_offset_ns": self.wall_offset_ns,
            "ledger": _ledger_document(self.ledger),
            "units": {str(group): name for group, name in self.units.items()},
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
            before,
            first,
            last,
            self.ledger.lost,
            compress(codec, raw),
        )

    @classmethod
    def from_frame(cls, frame: Frame, layout: np.dtype[np.void] = EVENT) -> Block:
        """Read it; `layout` is the header's.

        Raises:
            DamagedError: it is none.
            FatalError: it is packed with what is not installed.
        """
        try:
            raw = decompress(frame.codec, frame.payload, frame.raw_bytes)
            (length,) = _LENGTH.unpack_from(raw)
            state = json.loads(raw[_LENGTH.size : _LENGTH.size + length])
            events = _as_events(np.frombuffer(raw, layout, frame.count, _LENGTH.size + length))
            now_ns = int(state["now_ns"])
            reads = tuple((int(count), now_ns - int(ago_ns)) for count, ago_ns in state["reads"])
            block = cls(
                events,
                reads,
                now_ns,
                int(state["wall_offset_ns"]),
                _ledger_of(state["ledger"]),
                {int(group): name and str(name) for group, name in state["units"].items()},
            )
            _moment(now_ns, block.wall_offset_ns)
        except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
            raise DamagedFrameError(str(error)) from None
        if not block._sane():
            raise DamagedFrameError("its figures do not fit together")
        return block

    def _sane(self) -> bool:
        counts = [count for count, _ in self.reads]
        return (
            sum(counts) == len(self.events)
            and all(count >= 0 for count in counts)
            and all(0 <= now_ns <= self.now_ns for _, now_ns in self.reads)
            and bool((self.events["end_ns"] < self.now_ns + SECOND_NS).all())
            and bool((self.events["outcome"] < N_OUTCOMES).all())
            and bool(np.isin(self.events["family"], (4, 6)).all())
        )


def _moment(now_ns: int, wall_offset_ns: int) -> None:
    """Refuse clocks that no calendar has."""
    if not (0 <= now_ns < _CENTURIES_NS and 0 <= now_ns + wall_offset_ns < _CENTURIES_NS):
        raise ValueError("its clock is out of range")


def _layout_of(document: Mapping[str, Any]) -> np.dtype[np.void]:
    """Give the layout of records that may have some fields more or fewer than ours."""
    layout = np.dtype([(str(name), str(kind)) for name, kind in document["fields"]])
    shared = set(layout.names or ()) & set(EVENT.names or ())
    same = all(layout[name] == EVENT[name] for name in shared)
    if layout.hasobject or layout.itemsize != document["bytes"] or not same or not shared >= _NEEDED:
        raise DamagedFrameError("its records are of another kind")
    return layout


def _as_events(records: Events) -> Events:
    if records.dtype == EVENT:
        return records
    events = np.zeros(len(records), EVENT)
    for name in set(records.dtype.names or ()) & set(EVENT.names or ()):
        events[name] = records[name]
    return events


def _ledger_document(ledger: Ledger) -> dict[str, Any]:
    return asdict(ledger)


def _ledger_of(document: Mapping[str, Any]) -> Ledger:
    outcomes = tuple(int(count) for count in document["outcomes"])
    if len(outcomes) != N_OUTCOMES:
        raise ValueError("it has other outcomes")
    share = document["completeness"]
    return Ledger(
        outcomes=outcomes,
        completeness=None if share is None else float(share),
        **{name: int(document[name]) for name in _COUNTS},
    )
