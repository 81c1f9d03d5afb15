"""The running sums of a window: slices are added as they are made, and subtracted when they leave the window.

What it buys: moving the sums of a minute by one second takes 10 ms at 20,000 connects a second to 10,000
destinations, where adding up the sixty slices takes 70 ms. A minimum or maximum cannot be subtracted: rows
whose extreme may have left are looked up in the slices that remain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tcpconntop.core.counts import PackedCounts, PagedCounts
from tcpconntop.core.types import Rows
from tcpconntop.core.window import stats as st
from tcpconntop.core.window.slices import AttemptCounts, Slice, sum_stats


@dataclass
class RunningSums:
    """The sum of some slices by row, changed in place.

    Attributes:
        stats: figures of each row (dtype `STATS`); may have more rows than keys were seen.
        latency: latency buckets of successful connects.
        errors: errno counts of failed attempts.
    """

    stats: st.Stats = field(default_factory=lambda: st.empty(0))
    latency: PagedCounts = field(default_factory=PagedCounts)
    errors: PagedCounts = field(default_factory=PagedCounts)

    @classmethod
    def from_slices(cls, slices: Sequence[Slice], n_rows: int) -> RunningSums:
        """Sum up slices of rows 0 … n_rows - 1."""
        return cls(
            sum_stats(slices, n_rows),
            PagedCounts.total([part.packed_latency for part in slices]),
            PagedCounts.total([part.packed_errors for part in slices]),
        )

    def copy(self) -> RunningSums:
        """Return a copy that changes on its own."""
        return RunningSums(self.stats.copy(), self.latency.copy(), self.errors.copy())

    def grow(self, n_rows: int) -> None:
        """Make room for rows 0 … n_rows - 1."""
        self.stats = st.extended(self.stats, n_rows)

    def add_counts(self, counts: AttemptCounts) -> None:
        """Add attempts that are not packed yet, in place."""
        self.grow(len(counts.stats))
        st.add(self.stats, counts.rows, counts.columns)
        self.latency.add(counts.latency)
        self.errors.add(counts.errors)

    def update(
        self, added: Sequence[Slice], gone: Sequence[Slice] = (), remaining: Sequence[Slice] = ()
    ) -> None:
        """Add slices and subtract others, in place.

        Sums are subtracted; a minimum or maximum that may have gone with them is looked up in `remaining`.
        """
        lost = np.zeros(len(self.stats), np.bool_)  # rows whose extremes may have gone
        for part in gone:
            rows = part.packed_rows
            st.subtract_sums(self.stats, rows, part.packed_stats)
            if st.OK_COLUMN in part.packed_stats:
                lost[rows] |= part.packed_stats["max_ns"] >= self.stats["max_ns"][rows]
                lost[rows] |= part.packed_stats["min_ns"] <= self.stats["min_ns"][rows]
        self.stats["min_ns"][lost], self.stats["max_ns"][lost] = st.NO_MINIMUM, 0
        for part in remaining if len(gone) else ():
            index = np.flatnonzero(lost[part.packed_rows])
            st.update_extremes(self.stats, part.packed_rows[index], part.packed_stats, index)
        for part in added:
            st.add(self.stats, part.packed_rows, part.packed_stats)
        self.latency.add(PackedCounts.total([part.packed_latency for part in added]))
        self.latency.subtract_all([part.packed_latency for part in gone])
        self.errors.add(PackedCounts.total([part.packed_errors for part in added]))
        self.errors.subtract_all([part.packed_errors for part in gone])

    def add(self, more: RunningSums) -> None:
        """Add other sums, in place."""
        self.grow(len(more.stats))
        st.add(self.stats, np.arange(len(more.stats)), st.to_columns(more.stats))
        self.latency.merge(more.latency)
        self.errors.merge(more.errors)

    def fold(self, new_row: Rows, n_rows: int) -> None:
        """Renumber rows, in place: `OTHER_ROW` sums up several, the others keep their order."""
        self.stats = st.regroup(st.extended(self.stats, len(new_row))[: len(new_row)], new_row, n_rows)
        self.latency, self.errors = self.latency.fold(new_row), self.errors.fold(new_row)
