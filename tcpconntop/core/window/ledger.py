"""The ledger: how many attempts the kernel side saw, and how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tcpconntop.core.wire import N_OUTCOMES, Outcome


@dataclass(frozen=True)
class Ledger:
    """Totals since tracing began. They balance: attempts = sum of outcomes + in flight.

    Attributes:
        attempts: connects that passed the filters.
        outcomes: ended attempts, indexed by `Outcome`.
        syn_retransmits: SYNs that were sent again.
        lost_records: ended attempts whose record did not fit the full buffer: in the totals, but in no row.
        lost_starts: attempts that did not fit the kernel's full table of running attempts: in no total.
        below_minimum: ended attempts that are not in the rows because of the minimum latency.
        completeness: share (0 … 1) of the kernel's own count of connects that was seen, over the network
            namespaces where that count can be read; None if it is not known.
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
        """How many attempts have an outcome."""
        return sum(self.outcomes)

    @property
    def in_flight(self) -> int:
        """How many attempts have no outcome yet."""
        return self.attempts - self.ended

    @property
    def failed(self) -> int:
        """How many ended attempts did not connect."""
        return self.ended - self.outcomes[Outcome.OK]

    @property
    def lost(self) -> int:
        """How many attempts are missing from the rows because a buffer or a table was full."""
        return self.lost_records + self.lost_starts

    def since(self, base: Ledger) -> Ledger:
        """Return the totals since an earlier moment; attempts then in flight count as begun since."""
        return replace(
            self,
            attempts=self.attempts - base.ended,
            outcomes=tuple(now - then for now, then in zip(self.outcomes, base.outcomes, strict=True)),
            syn_retransmits=self.syn_retransmits - base.syn_retransmits,
            lost_records=self.lost_records - base.lost_records,
            lost_starts=self.lost_starts - base.lost_starts,
            below_minimum=self.below_minimum - base.below_minimum,
        )

    def plus_ended(self, outcomes: Sequence[int], syn_retransmits: int) -> Ledger:
        """Return the totals with further attempts that began and ended."""
        return replace(
            self,
            attempts=self.attempts + sum(outcomes),
            outcomes=tuple(now + more for now, more in zip(self.outcomes, outcomes, strict=True)),
            syn_retransmits=self.syn_retransmits + syn_retransmits,
        )
