"""The records that the window has kept one by one, ready to be explained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tcpconntop.core.analysis.anatomy import Anatomy, anatomy
from tcpconntop.core.types import Rows
from tcpconntop.core.wire import Events


@dataclass(frozen=True, eq=False)
class RecentRecords:
    """Some of the last records, as far as they are in the window, oldest first.

    Attributes:
        events: the records, shape (n,).
        key_index: for each the place of its key among those of the evidence; empty before `Evidence.match_keys` has found them.
    """

    events: Events
    key_index: Rows

    def where(self, mask: npt.NDArray[np.bool_]) -> RecentRecords:
        """Give some of them."""
        return RecentRecords(
            self.events[mask], self.key_index[mask] if len(self.key_index) else self.key_index
        )

    @cached_property
    def anatomy(self) -> Anatomy:
        """Where their time went."""
        return anatomy(self.events)

    @cached_property
    def outcome(self) -> npt.NDArray[np.uint8]:
        """How each ended."""
        return np.ascontiguousarray(self.events["outcome"])
