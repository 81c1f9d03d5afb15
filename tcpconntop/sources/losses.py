"""Notes on connects that were not followed: why, how many and since when."""

from __future__ import annotations

from tcpconntop.core.clock import clock_with_zone
from tcpconntop.core.wire import Outcome
from tcpconntop.kernel.session import Counters


class LossNotes:
    """Remembers since when connects are missing, and says why.

    Args:
        max_in_flight: how many connects in flight are followed.
    """

    def __init__(self, max_in_flight: int) -> None:
        self._max_in_flight = max_in_flight
        self._full_since_s: float | None = None
        self._counters: Counters | None = None

    def update(self, counters: Counters, wall_s: float) -> None:
        """Take the newest counters; `wall_s` is the Unix time."""
        self._counters = counters
        if counters.start_failures and self._full_since_s is None:
            self._full_since_s = wall_s

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each reason; empty if nothing is missing for one of them."""
        counters = self._counters
        if counters is None:
            return ()
        notes = []
        if self._full_since_s is not None:
            since = clock_with_zone(self._full_since_s)
            missed = counters.missed_outcomes
            ends = ", ".join(f"{outcome.label} {missed[outcome]:,}" for outcome in Outcome if missed[outcome])
            notes.append(
                f"since {since}, {counters.start_failures:,} connects are in no row, because "
                f"{self._max_in_flight:,} others were in flight (see --max-in-flight)"
                f"{'; of them ended: ' + ends if ends else ''}"
            )
        if counters.netns_unplaced:
            notes.append(
                f"{counters.netns_unplaced:,} connects are not compared with the kernel's count: too many "
                "network namespaces at once"
            )
        return tuple(notes)
