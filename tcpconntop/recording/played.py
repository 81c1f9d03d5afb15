"""What is known from the recorded reads that were played so far: totals and names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tcpconntop.core.places import NO_PLACES
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.snapshot import SourceInfo
from tcpconntop.core.wire import N_OUTCOMES
from tcpconntop.recording.blocks import FileHeader
from tcpconntop.recording.decoder import RecordedRead
from tcpconntop.recording.untrusted import MAX_PLACES

MAX_UNITS, MAX_UNIT_TEXT = 1 << 17, 1 << 24
"""How many names of units are kept, and how many characters of them."""

TOO_MANY_UNITS = "the recording names more units than are kept: those of later connects are not known"


class Played:
    """The totals, and the names of units and places, of the reads that were taken.

    Args:
        header: header of the recording.

    Attributes:
        places: names of the interfaces and network namespaces.
        wall_offset_ns: Unix time minus the clock of the records.
    """

    def __init__(self, header: FileHeader) -> None:
        self.places = NO_PLACES
        self.wall_offset_ns = header.wall_offset_ns
        self._units: dict[int, str | None] = {}
        self._unit_text = 0
        self._recorded_ledger = Ledger()  # the last one that was recorded
        self._outcomes_since = np.zeros(N_OUTCOMES, np.int64)  # of the records played since that ledger
        self._retransmits_since = 0

    def take(self, read: RecordedRead) -> None:
        """Add a read."""
        self._take_units(read.units)
        if len(self.places.interfaces) + len(self.places.namespaces) <= MAX_PLACES:
            self.places = self.places.updated(read.places)
        self.wall_offset_ns = read.wall_offset_ns
        if read.ledger is not None:
            self._recorded_ledger, self._retransmits_since = read.ledger, 0
            self._outcomes_since[:] = 0
        else:
            self._outcomes_since += np.bincount(read.events["outcome"], minlength=N_OUTCOMES)
            self._retransmits_since += int(read.events["syn_retransmits"].sum())

    @property
    def notes(self) -> tuple[str, ...]:
        """A note if not all names of units are kept."""
        return (TOO_MANY_UNITS,) if self._units_full else ()

    def units(self) -> Mapping[int, str | None]:
        """Return the names of the control groups, by `cgroup_id`."""
        return dict(self._units)

    def ledger(self) -> Ledger:
        """Return the totals: the recorded ones plus what was taken since."""
        return self._recorded_ledger.plus_ended(self._outcomes_since.tolist(), self._retransmits_since)

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


def recorded_info(header: FileHeader, label: str, notes: tuple[str, ...] = ()) -> SourceInfo:
    """Return the source that was recorded, labelled as what it is now; `notes` come first."""
    filters = (f"recorded with {header.filters}",) if header.filters else ()
    notes = (*notes, *filters, *header.info.notes)
    return replace(header.info, label=label, notes=notes, filters=header.filters)
