"""The records that the window keeps one by one, with what the checks need of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tcpconntop.core.analysis.anatomy import Anatomy, anatomy
from tcpconntop.core.types import Mask, Rows
from tcpconntop.core.wire import Events


@dataclass(frozen=True, eq=False)
class RecentRecords:
    """Some of the last records of the window, oldest first.

    Attributes:
        events: the records, shape (n,).
        key_index: for each the number of its key in the evidence, shape (n,); empty before
            `Evidence.match_keys` has looked them up.
    """

    events: Events
    key_index: Rows

    def where(self, mask: Mask) -> RecentRecords:
        """Return the records under a mask."""
        index = self.key_index[mask] if len(self.key_index) else self.key_index
        return RecentRecords(self.events[mask], index)

    @cached_property
    def anatomy(self) -> Anatomy:
        """Where the time of each went."""
        return anatomy(self.events)

    @cached_property
    def outcome(self) -> npt.NDArray[np.uint8]:
        """How each ended, shape (n,)."""
        return np.ascontiguousarray(self.events["outcome"])
