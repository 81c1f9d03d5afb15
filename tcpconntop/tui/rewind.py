"""The pause: holds on to one snapshot and looks back from it, slice by slice."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

from tcpconntop.core.types import SECOND_NS
from tcpconntop.core.window.history import second_after, second_before, snapshot_at
from tcpconntop.core.window.ledger import Ledger
from tcpconntop.core.window.rolling import WINDOWS
from tcpconntop.core.window.slices import MAX_WINDOW_S
from tcpconntop.core.window.snapshot import Snapshot


class Rewind:
    """Remembers the totals of the last quarter of an hour, second by second; slices remember the rest.

    A pause keeps the slices of its time from being dropped. That is all it costs: at most what the history
    of the window takes itself.

    Attributes:
        base: the snapshot that the pause holds on to; None while the view is live.
    """

    def __init__(self) -> None:
        self.base: Snapshot | None = None
        self._near: Snapshot | None = None  # the last moment that was looked at
        self._second = 0
        self._totals: deque[tuple[int, Ledger]] = deque(maxlen=MAX_WINDOW_S + 60)

    def note(self, snapshot: Snapshot) -> None:
        """Remember the totals of a new snapshot: one for each second is enough."""
        if self._totals and self._totals[-1][0] // SECOND_NS == snapshot.second:
            self._totals.pop()
        self._totals.append((snapshot.now_ns, snapshot.ledger))

    def hold(self, snapshot: Snapshot) -> None:
        """Begin a pause."""
        self.base, self._near, self._second = snapshot, None, snapshot.second

    def release(self) -> None:
        """End the pause."""
        self.base = self._near = None

    def step(self, by: int) -> bool:
        """Go to an older moment (-1) or to a newer one (1); whether there is one."""
        if self.base is None:
            return False
        found = (second_before if by < 0 else second_after)(self.base, self._second)
        if found is None:
            return False
        self._second = found
        return True

    def go(self, second: int) -> bool:
        """Go to the moment at a second, or to the next one in that direction; whether it is another one."""
        before = self._second
        while self._second > second and self.step(-1):
            pass
        while before < second > self._second and self.step(1):
            pass
        return self._second != before

    def shown(self, window: str) -> Snapshot | None:
        """Give what is looked at, through a window; None while the view is live."""
        base = self.base
        if base is None:
            return None
        if self._second == base.second and base.window_s == WINDOWS[window]:
            return base
        self._near = snapshot_at(base, self._second, WINDOWS[window], self._total(), self._near)
        return self._near

    def _total(self) -> Ledger | None:
        """Give the totals at the end of the second that is looked at."""
        if self.base is None or self._second == self.base.second:
            return None
        at = bisect_right(self._totals, (self._second + 1) * SECOND_NS, key=lambda total: total[0])
        return self._totals[at - 1][1] if at else None
