"""What is known from the recorded reads that were played so far: totals, names and the time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tcpconntop.core.places import NO_PLACES, Places
from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import N_OUTCOMES, Events
from tcpconntop.recording.blocks import FileHeader
from tcpconntop.recording.decoder import RecordedRead
from tcpconntop.recording.untrusted import MAX_PLACES

SILENCE_NS = 960 * SECOND_NS
"""After so long without a connect (a minute more than the longest window), nothing changes any more."""

MAX_UNITS, MAX_UNIT_TEXT = 1 << 17, 1 << 24
"""How many names of units are kept, and how many characters of them."""

TOO_MANY_UNITS = "the recording names more units than are kept: those of later connects are not known"


class PlayedTotals:
    """The totals of the reads that were taken."""

    def __init__(self) -> None:
        self._recorded_ledger = Ledger()  # the last one that was recorded
        self._since: list[Events] = []  # the records played since that ledger: at most those of a block

    def take(self, read: RecordedRead) -> None:
        """Add a read."""
        if read.ledger is not None:
            self._recorded_ledger = read.ledger
            self._since.clear()
        elif len(read.events):
            self._since.append(read.events)

    def ledger(self) -> Ledger:
        """Return the totals: the recorded ones plus what was taken since."""
        outcomes, retransmits = np.zeros(N_OUTCOMES, np.int64), 0
        for events in self._since:  # added up only here: a long seek passes by far more than are asked for
            outcomes += np.bincount(events["outcome"], minlength=N_OUTCOMES)
            retransmits += int(events["syn_retransmits"].sum())
        return self._recorded_ledger.plus_ended(outcomes.tolist(), retransmits)


class PlayedNames:
    """The names of units and places of the reads that were taken.

    Attributes:
        places: names of the interfaces and network namespaces.
    """

    def __init__(self) -> None:
        self.places = NO_PLACES
        self._units: dict[int, str | None] = {}
        self._unit_text = 0

    def take(self, read: RecordedRead) -> None:
        """Add a read."""
        self._take_units(read.units)
        if len(self.places.interfaces) + len(self.places.namespaces) <= MAX_PLACES:
            self.places = self.places.updated(read.places)

    @property
    def notes(self) -> tuple[str, ...]:
        """A note if not all names of units are kept."""
        return (TOO_MANY_UNITS,) if self._units_full else ()

    def units(self) -> Mapping[int, str | None]:
        """Return the names of the control groups, by `cgroup_id`."""
        return dict(self._units)

    def _take_units(self, units: Mapping[int, str | None]) -> None:
        text = sum(len(name or "") for name in units.values())
        if self._units_full or self._unit_text + text > MAX_UNIT_TEXT:
            self._unit_text = MAX_UNIT_TEXT + 1
            return
        self._unit_text += text
        self._units.update(units)

    @property
    def _units_full(self) -> bool:
        """True if no further names of units are kept."""
        return self._unit_text > MAX_UNIT_TEXT or len(self._units) > MAX_UNITS


class Played(PlayedNames):
    """The totals and the names of the reads that were taken.

    Args:
        wall_offset_ns: Unix time minus the clock of the records, when the recording begins.

    Attributes:
        wall_offset_ns: Unix time minus the clock of the records.
    """

    def __init__(self, wall_offset_ns: int) -> None:
        super().__init__()
        self._totals = PlayedTotals()
        self.wall_offset_ns = wall_offset_ns

    def take(self, read: RecordedRead) -> None:
        """Add a read."""
        super().take(read)
        self._totals.take(read)
        self.wall_offset_ns = read.wall_offset_ns

    def ledger(self) -> Ledger:
        """Return the totals: the recorded ones plus what was taken since."""
        return self._totals.ledger()


class PlayedSource:
    """The part of a `Source` that is the same for a recording in files and for one in a pipe."""

    _played: Played
    _now_ns: int
    _last_record_ns: int

    def _begin(self, header: FileHeader) -> None:
        """Stand at the beginning of a recording; nothing of it was played."""
        self._played = Played(header.wall_offset_ns)
        self._now_ns = self._last_record_ns = header.began_ns

    def _due(self, upcoming: RecordedRead, timeout_s: float, *, skips_silence: bool) -> tuple[int, int]:
        """Return how far the clock may go within `timeout_s`, and when the upcoming read is due."""
        due_ns = max(upcoming.now_ns, self._now_ns)
        goal_ns = min(self._now_ns + math.ceil(timeout_s * SECOND_NS), due_ns)
        if skips_silence and self._now_ns >= self._last_record_ns + SILENCE_NS:
            goal_ns = max(goal_ns, due_ns - 1)  # one step, however many years the silence has
        return goal_ns, due_ns

    def _count(self, read: RecordedRead) -> None:
        """Add a read that is played now."""
        if len(read.events):
            self._last_record_ns = self._now_ns
        self._played.take(read)

    def units(self) -> Mapping[int, str | None]:
        """Return the names of the control groups of the records so far, by `cgroup_id`."""
        return self._played.units()

    def places(self) -> Places:
        """Return the names of the interfaces and network namespaces of the records so far."""
        return self._played.places

    def host(self) -> None:
        """Return None: facts of the host are not recorded."""

    def now_ns(self) -> int:
        """Return how far it was played, on the clock of its records."""
        return self._now_ns

    def wall_offset_ns(self) -> int:
        """Return Unix time minus the clock of the records, in nanoseconds."""
        return self._played.wall_offset_ns


def recorded_info(header: FileHeader, label: str, notes: tuple[str, ...] = ()) -> SourceInfo:
    """Return the source that was recorded, labelled as what it is now; `notes` come first."""
    filters = (f"recorded with {header.filters}",) if header.filters else ()
    notes = (*notes, *filters, *header.info.notes)
    return replace(header.info, label=label, notes=notes, filters=header.filters)
