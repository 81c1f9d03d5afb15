"""The ledger: how many attempts the kernel side saw, and how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

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
        completeness: share (0 … 1) of the kernel's own count of connects that is in the rows, over the
            network namespaces where that count can be read; None if it is not known.
        unseen: connects that the kernel counted there, and that were not traced.
        namespaces: network namespaces in which an attempt was traced.
        namespaces_compared: those of them that `completeness` is about.
        lost_outcomes: how those of `lost_starts` ended of which that is known, indexed by `Outcome`.
        skipped: programs that the kernel skipped, and whose next copy did the work: nothing is missing.
    """

    attempts: int = 0
    outcomes: tuple[int, ...] = (0,) * N_OUTCOMES
    syn_retransmits: int = 0
    lost_records: int = 0
    lost_starts: int = 0
    below_minimum: int = 0
    completeness: float | None = None
    unseen: int = 0
    namespaces: int = 0
    namespaces_compared: int = 0
    lost_outcomes: tuple[int, ...] = (0,) * N_OUTCOMES
    skipped: int = 0

    @property
    def ended(self) -> int:
        """How many attempts have an outcome."""
        return sum(self.outcomes)

    @property
    def in_flight(self) -> int:
        """How many attempts have no outcome yet."""
        return self.attempts - self.ended

    @property
    def more_in_flight(self) -> int:
        """How many of `lost_starts` may be in flight: those without a known end."""
        return max(self.lost_starts - sum(self.lost_outcomes), 0)

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
            unseen=self.unseen - base.unseen,
            lost_outcomes=tuple(
                now - then for now, then in zip(self.lost_outcomes, base.lost_outcomes, strict=True)
            ),
            skipped=self.skipped - base.skipped,
        )

    def plus_missing(self, records: int) -> Ledger:
        """Return the totals with further lost records, which then are not in the rows."""
        if not records:
            return self
        share = max(1 - records / max(self.attempts - self.lost, 1), 0)
        completeness = None if self.completeness is None else self.completeness * share
        return replace(self, lost_records=self.lost_records + records, completeness=completeness)

    def plus_ended(self, outcomes: Sequence[int], syn_retransmits: int) -> Ledger:
        """Return the totals with further attempts that began and ended."""
        return replace(
            self,
            attempts=self.attempts + sum(outcomes),
            outcomes=tuple(now + more for now, more in zip(self.outcomes, outcomes, strict=True)),
            syn_retransmits=self.syn_retransmits + syn_retransmits,
        )


def sum_of_ledgers(ledgers: Sequence[Ledger]) -> Ledger:
    """Return the totals of several hosts, at least one.

    The completeness is the least one, and None if that of a host with attempts is not known.
    """
    total: dict[str, Any] = {}
    for field in fields(Ledger):
        values = [getattr(ledger, field.name) for ledger in ledgers]
        if isinstance(field.default, tuple):
            total[field.name] = tuple(map(sum, zip(*values, strict=True)))
        elif field.name != "completeness":
            total[field.name] = sum(values)
    shares = [ledger.completeness for ledger in ledgers if ledger.attempts]
    known = [share for share in shares if share is not None]
    return Ledger(**total, completeness=min(known) if known and len(known) == len(shares) else None)
