"""The ledger: every attempt that the kernel side saw, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from tcpconntop.core.wire import N_OUTCOMES, Outcome


@dataclass(frozen=True)
class Ledger:
    """Totals since tracing began. They balance: attempts = sum of outcomes + in flight.

    Attributes:
        attempts: connects that passed the filters and were followed.
        outcomes: ended attempts, indexed by `Outcome`.
        syn_retransmits: SYNs that had to be sent again.
        lost_records: ended attempts whose record found the buffer full: in the totals, in no row.
        lost_starts: attempts that found the kernel's table of running attempts full: in no total.
        below_minimum: ended attempts left out of the rows by the minimum latency.
        completeness: share (0 … 1) of the kernel's own count of connects that was seen, summed over the
            network namespaces where it can be read; None when it cannot be known.
    """

    attempts: int = 0
    outcomes: tuple[int, ...] = (0,) * N_OUTCOMES
    syn_retransmits: int = 0
    lost_records: int = 0
    lost_starts: int = 0
    below_minimum: int = 0
    completeness: float | None = None

    @property
    def ended(self) -> int:
        """Attempts with an outcome."""
        return sum(self.outcomes)

    @property
    def in_flight(self) -> int:
        """Attempts without an outcome yet."""
        return self.attempts - self.ended

    @property
    def failed(self) -> int:
        """Ended attempts that did not connect."""
        return self.ended - self.outcomes[Outcome.OK]

    @property
    def lost(self) -> int:
        """Everything that is missing from the rows because a buffer or a table was full."""
        return self.lost_records + self.lost_starts
