"""One reading of a network namespace's counts, and what has happened there since the first one.

A connect is traced when its socket enters SYN_SENT; the kernel counts it when it sends the SYN. In between it
is pending: for some microseconds, or until the first data with TCP Fast Open. Those that are pending at the
first reading are then in one count and not in the other. They are no connects that nobody traced: so an upper
bound of their number is kept, and each further reading may lower it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tcpconntop.kernel.netns_table import NamespaceCounts
from tcpconntop.kernel.session import Counters


class Tables(NamedTuple):
    """The kernel side's counts of one namespace and its totals, around the reading of the kernel's count."""

    totals_before: Counters
    before: NamespaceCounts
    after: NamespaceCounts
    totals_after: Counters

    @property
    def in_flight(self) -> int:
        """How many attempts had not ended at some time of the reading, at most."""
        return self.totals_after.attempts - sum(self.totals_before.outcomes)


class Growth(NamedTuple):
    """What has happened since the first reading; as in `completeness.Comparison`."""

    opens: int = 0
    unseen: int = 0
    lost: int = 0
    excess: int = 0


NOTHING = Growth()


@dataclass
class Base:
    """The first reading: nothing before it is compared.

    Attributes:
        opens: the kernel's count.
        tables: the counts of the kernel side.
        pending: attempts that were traced, and that the kernel had not counted; at most.
    """

    opens: int
    tables: Tables
    pending: int

    @classmethod
    def begin(cls, opens: int, tables: Tables) -> Base:
        """Return the base of a reading; `opens` is the kernel's count."""
        return cls(opens, tables, min(tables.in_flight, tables.before.sent))

    def growth(self, opens: int, tables: Tables) -> Growth:
        """Return what has happened until another reading."""
        opens -= self.opens
        low, high = (counts.sent - self.tables.before.sent for counts in (tables.before, tables.after))
        # Each one pending then has been counted by now, has ended, or is still in flight.
        self.pending = max(0, min(self.pending, opens - low + tables.in_flight))
        return Growth(
            opens,
            max(0, opens - high - self.pending),
            tables.after.lost - self.tables.after.lost,
            max(0, tables.before.sent - self.tables.after.sent - opens),
        )
