"""The records that the window has kept one by one, ready to be explained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tcpconntop.core.anatomy import Anatomy, anatomy
from tcpconntop.core.keys import Rows
from tcpconntop.core.wire import Events


@dataclass(frozen=True, eq=False)
class Recent:
    """Some of the last records, as far as they are in the window, oldest first.

    Attributes:
        events: the records, shape (n,).
        at: for each the place of its key among those of the case; empty before `Case.mine` has found them.
    """

    events: Events
    at: Rows

    def where(self, mask: npt.NDArray[np.bool_]) -> Recent:
        """Give some of them."""
        return Recent(self.events[mask], self.at[mask] if len(self.at) else self.at)

    @cached_property
    def parts(self) -> Anatomy:
        """Where their time went."""
        return anatomy(self.events)

    @cached_property
    def outcome(self) -> npt.NDArray[np.uint8]:
        """How each ended."""
        return np.ascontiguousarray(self.events["outcome"])
